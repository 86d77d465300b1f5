"""Keep one stream of an exchange connected: reconnect, renew before expiry, replace silent connections."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from ..feed import FeedHealth, Timeouts
from .backoff import backoff
from .limits import RequestLimits
from .socket import ConnectError, StreamConnection, Take


class Connector:
    """One stream.

    Where a connection may still work (it is silent, 24 hours old, or about to be shut down) its successor is opened
    first, and unless it was silent it is closed only when the successor has brought data; what both bring is told apart
    by whoever takes it.

    Args:
        url: of the stream.
        take, room: see ``StreamConnection.open``.
        opened: called before the frames of a new connection come, with the reason why data may be missing: "start",
            "disconnect", "silence", or "" where none can be.
        silent: called when data have been absent for ``Timeouts.stale``.
        tell: called with a kind and words.
        health: whose ``reconnects`` is kept.
    """

    def __init__(
        self,
        url: str,
        timeouts: Timeouts,
        take: Take,
        room: asyncio.Event,
        *,
        opened: Callable[[str], None],
        silent: Callable[[], None],
        on_note: Callable[[str, str], None],
        health: FeedHealth,
    ) -> None:
        self.url = url
        self.timeouts = timeouts
        self.take, self.room = take, room
        self._opened, self._silent, self._on_note = opened, silent, on_note
        self.health = health
        self._limits = RequestLimits(timeouts)
        self._random = Random()  # noqa: S311
        self._failures = 0
        self._session: StreamConnection | None = None
        self._next: StreamConnection | None = None

    @property
    def connected(self) -> bool:
        """Return whether a connection is open."""
        return self._session is not None and not self._session.ended.is_set()

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            FeedRefusedError: the exchange does not serve this place.
        """
        why = "start"
        try:
            while True:
                await self._replace(why)
                why = await self._watch()
        finally:
            for session in (self._next, self._session):
                if session is not None:
                    await session.close()

    async def _replace(self, why: str) -> None:
        """Open a connection in place of the present one, which continues meanwhile if it can."""
        self._next = session = await self._open()
        old = self._session
        lost = "disconnect" if old is not None and old.ended.is_set() else ""
        self._opened(lost or (why if why in ("start", "silence") else ""))
        session.read()
        if old is not None:
            self.health.reconnects += 1
            if not lost and why != "silence":
                await _first(self.timeouts.connect, session.fresh.wait(), session.ended.wait())
            self._session = session  # before closing: a cancellation must find both
            self._next = old
            await old.close()
        self._session, self._next = session, None

    async def _open(self) -> StreamConnection:
        while True:
            if self._failures or self._limits.blocked():
                delay = max(
                    backoff(max(1, self._failures), self.timeouts, self._random), self._limits.blocked()
                )
                await asyncio.sleep(delay)
            try:
                return await StreamConnection.open(
                    self.url, self.timeouts, self._limits, self.take, self.room
                )
            except ConnectError as trouble:
                self._failures += 1
                self._on_note("connect", f"no connection to the stream: {trouble}")

    async def _watch(self) -> str:
        """Wait until the connection must be replaced: "disconnect", "silence", "shutdown" or "renewal"."""
        session = self._session
        assert session is not None
        while True:
            now = time.monotonic()
            stale = session.last + self.timeouts.stale - now
            renewal = session.opened + self.timeouts.renewal - now
            if session.fresh.is_set() and now - session.opened > self.timeouts.stale:
                self._failures = 0  # it was a steady one
            if session.error is not None:
                raise session.error
            if session.ended.is_set():
                self._failures += 1
                self._on_note("reconnect", f"the connection ended: {session.why}")
                return "disconnect"
            if session.shutdown.is_set():
                self._failures += now - session.opened < self.timeouts.stale  # no haste where all say so
                self._on_note("shutdown", "the server shuts down: the connection is replaced")
                return "shutdown"
            if renewal <= 0.0:
                self._on_note("renewal", "the connection is replaced before its end")
                return "renewal"
            if stale <= 0.0:
                self._on_note(
                    "silence", f"no data for {self.timeouts.stale:.3g} s: the connection is replaced"
                )
                self._silent()
                return "silence"
            await _first(min(stale, renewal), session.ended.wait(), session.shutdown.wait())


async def _first(timeout: float, *waits: Coroutine[Any, Any, Any]) -> None:
    """Return when one of them is done, or after ``timeout`` seconds."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=max(0.0, timeout), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
