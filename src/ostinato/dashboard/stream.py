"""Stream committed predictions to the user's own program.

The ledger itself is the queue: each subscriber has the key that it has come to, and reads on from there. Nothing is
skipped, nothing is kept for a slow one, and one that was away goes on where it was with ``?after=KEY``.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.websockets import WebSocket

from ..errors import StoreError
from ..store import Reader
from .live import POLICY, Clients, close, run_while_connected, send_text
from .serialization import prediction_json, to_json

PLACE = 1.0  # seconds between two looks at whether the file is still the same
LOOK = 0.01  # seconds between two looks, while somebody waits
PIECE = 200  # predictions that are read at once
LARGEST_KEY = 1 << 62


class PredictionStream:
    """The predictions of one store, for any number of subscribers in one event loop."""

    def __init__(self, path: Path) -> None:
        self.path, self.waiting = path, 0
        self.commits = 0  # how many were noticed
        self.stores = 0  # how many files of this name are gone
        self._looked = 0.0
        self._reader: Reader | None = None
        self._news = asyncio.Condition()
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Wake subscribers when something was committed, until cancelled. Without subscribers nothing is looked at."""
        seen = (0, -1)
        try:
            while True:
                await self._wanted.wait()
                try:
                    version = self.reader().data_version()
                except StoreError:
                    version = -1  # whoever waits looks for himself, and hears why
                if (self.stores, version) != seen:
                    seen = (self.stores, version)
                    self.commits += 1
                    async with self._news:
                        self._news.notify_all()
                await asyncio.sleep(LOOK)
        finally:
            self.close()

    def reader(self) -> Reader:
        """The shared reader, opened on first use.

        Raises:
            StoreError: the store cannot be read.
        """
        now = time.monotonic()
        if self._reader is not None and now - self._looked >= PLACE:
            self._looked = now
            try:
                if not self._reader.in_place():
                    self._leave()
            except StoreError:
                self._leave()
                raise
        if self._reader is None:
            self._reader, self._looked = Reader.open(self.path), now
        return self._reader

    def _leave(self) -> None:
        self.close()
        self.stores += 1

    def newest(self) -> int | None:
        """The key of the newest prediction, by bisection.

        Raises:
            StoreError: the store cannot be read.
        """
        reader = self.reader()
        first = reader.predictions_after(None, 1)
        if not first:
            return None
        low, beyond = first[0].key, LARGEST_KEY  # something is at low; nothing behind beyond
        while rows := reader.predictions_after(low, 1):
            low = rows[0].key
            middle = low + (beyond - low) // 2
            if found := reader.predictions_after(middle, 1):
                low = found[0].key
            else:
                beyond = middle
        return low

    def pieces(self, after: int | None) -> "list[tuple[int, dict[str, Any]]]":
        """Some predictions behind a key: their keys, and what is said of each.

        Raises:
            StoreError: the store cannot be read.
        """
        reader = self.reader()
        rows = reader.predictions_after(after, PIECE)
        # asked for second, so that it has all of them; what was committed meanwhile is behind them
        chain = {key: (digest, chained) for key, digest, _, chained in reader.ledger_after(after, len(rows))}
        return [(row.key, prediction_json(reader.head, row, *chain[row.key])) for row in rows]

    @contextlib.contextmanager
    def subscribed(self) -> Iterator[None]:
        """While within, the store is looked at."""
        self.waiting += 1
        self._wanted.set()
        try:
            yield
        finally:
            self.waiting -= 1
            if not self.waiting:
                self._wanted.clear()

    async def newer(self, commits: int) -> None:
        """Wait for a commit after so many."""
        async with self._news:
            await self._news.wait_for(lambda: self.commits > commits)

    def close(self) -> None:
        """Close the store."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


async def stream_predictions(socket: WebSocket, ledger: PredictionStream, clients: Clients) -> None:
    """One message per prediction, in order, from ``?after=KEY`` on, or from now."""
    async with clients.accepted(socket) as accepted:
        if not accepted:
            return
        asked = socket.query_params.get("after")
        try:
            after = ledger.newest() if asked is None else _key(asked)
            with ledger.subscribed():
                await run_while_connected(socket, _send(socket, ledger, after))
        except (ValueError, StoreError) as error:
            await close(socket, POLICY, str(error))


async def _send(socket: WebSocket, ledger: PredictionStream, after: int | None) -> None:
    stores = ledger.stores
    while True:
        commits = ledger.commits  # before reading, so that no commit falls between
        pieces = ledger.pieces(after)
        if ledger.stores != stores:  # its keys may be of another market
            raise StoreError("another store has this name now; connect again")
        for key, one in pieces:
            await send_text(socket, to_json(one))
            after = key
        if not pieces:
            await ledger.newer(commits)


def _key(text: str) -> int:
    try:
        key = int(text) if len(text) < 20 else LARGEST_KEY + 1
    except ValueError:
        key = LARGEST_KEY + 1
    if abs(key) > LARGEST_KEY:
        raise ValueError("after must be the key of an event: a whole number")
    return key
