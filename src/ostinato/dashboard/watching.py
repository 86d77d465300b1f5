"""Poll the store, read new rows, and wake waiting clients.

All happens in one event loop and in short pieces. A look is one PRAGMA; it is read at most four times a second, or once
a second while nobody watches.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import OstinatoError
from ..store import Reader
from .serialization import to_json
from .view import View

LOOK = 0.05  # seconds between two looks
APART = 0.25  # seconds between two readings at least, while somebody watches
IDLE = 1.0  # while nobody does
PIECE = 500  # rows that are read before others have their turn
RETRY = 2.0  # after a store could not be read
PLACE = 1.0  # between two looks at whether the file is still the same


class Watch:
    """The view of one store, kept up to date.

    Args:
        view: empty; of the store at ``path``.
        clock: seconds since the Unix epoch.
        watched: how many are watching now.
    """

    def __init__(
        self,
        path: Path,
        view: View,
        clock: Callable[[], float] = time.time,
        watched: Callable[[], int] = lambda: 1,
    ) -> None:
        self.path, self.clock, self.watched = path, clock, watched
        self.view = view
        self._news = asyncio.Condition()
        self._texts: dict[tuple[int, str], tuple[str, int, str]] = {}

    async def run(self) -> None:
        """Run until cancelled. A store that cannot be read is reported on the page and retried."""
        while True:
            try:
                await self._read()
            except Exception as error:  # whatever it is: the page must say so, not stand still
                self.view.fail(describe_error(error))
                await self._tell()
                await asyncio.sleep(RETRY)

    def ended(self, task: "asyncio.Task[None]") -> None:
        """Report that a background task has ended, which it should not."""
        if not task.cancelled():
            error = task.exception()
            self.view.fail(f"reading has ended ({describe_error(error)}). Start the dashboard again.")
            self._texts.clear()

    def message(self, since: int, range_name: str) -> tuple[str, int, str]:
        """JSON of what changed after a version, the version it brings a page to, and the range it shows.

        The same text serves all that are as far.
        """
        key = (since, range_name)
        if key not in self._texts:
            changes, shown = self.view.changes(since, range_name)
            text = to_json(changes)
            self._texts[key] = (text, self.view.version, shown)
        text, version, shown = self._texts[key]
        # what changes by itself stands beside what can be shared
        now = self.clock()
        beside = to_json({"now": now, "status": self.view.status(now)._asdict()})
        return f"{beside[:-1]},{text[1:]}", version, shown

    async def changed(self, version: int, most: float) -> None:
        """Wait for something newer than a version, ``most`` seconds at most."""
        try:
            async with asyncio.timeout(most), self._news:
                await self._news.wait_for(lambda: self.view.version > version)
        except TimeoutError:
            pass

    async def _read(self) -> None:
        with Reader.open(self.path) as reader:
            self.view = self.view.of(reader)
            self.view.opened(reader)
            seen, read, looked = -1, -IDLE, time.monotonic()
            while True:
                now, moment = reader.data_version(), time.monotonic()
                if moment - looked >= PLACE:
                    looked = moment
                    if not reader.in_place():
                        return  # another store has this name
                if now != seen and moment - read >= (APART if self.watched() else IDLE):
                    seen, read = now, moment
                    await self._catch_up(reader)
                    self.view.fail("")
                    await self._tell()
                await asyncio.sleep(LOOK)

    async def _catch_up(self, reader: Reader) -> None:
        while self.view.read(reader, PIECE):
            await self._tell()
            await asyncio.sleep(0)

    async def _tell(self) -> None:
        self._texts.clear()
        async with self._news:
            self._news.notify_all()


def describe_error(error: BaseException | None) -> str:
    """Text of an error for the page."""
    if isinstance(error, OstinatoError):
        return str(error)
    if error is None:
        return "without a word"
    return f"{type(error).__name__}: {error}" if str(error) else f"an {type(error).__name__} without a word"
