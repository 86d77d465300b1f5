"""Seal past days to parquet while the engine runs.

The files are written by a process of their own; the record and the deletions are small commits between groups.
"""

import asyncio
from typing import TYPE_CHECKING

from ..errors import OstinatoError, StoreError
from ..store.sealer import from_line
from ..store.sealing import is_day_over, record, sweep
from .children import ChildProcess

if TYPE_CHECKING:
    from .engine import Engine

DAY = 86_400.0
EVERY = 600.0  # seconds between two attempts
PAUSE = 0.02  # seconds between two slices of rows that are deleted, for the events that come


class Sealer:
    """Seals the store of an engine.

    Args:
        days: that stay in the store, by the exchange's clock.
        every: seconds between two attempts.
    """

    def __init__(self, days: float, every: float = EVERY) -> None:
        self.days, self.every = days, every
        self.child: ChildProcess | None = None
        self.sweeping: asyncio.Task[None] | None = None
        self.left = True  # rows to be deleted, perhaps: a stop may have come between
        self.tried = float("-inf")

    def watch(self, engine: "Engine") -> None:
        """Start."""
        engine.each_second.append(self.poll)

    def poll(self, engine: "Engine") -> None:
        """Advance the sealing; called every second. Failures become notes: the engine works without sealing."""
        try:
            if self.sweeping is not None:
                self._poll_sweeping(self.sweeping)
            elif self.left:
                self.sweeping = asyncio.get_running_loop().create_task(_sweep(engine))
            elif self.child is not None:
                self._poll_writing(engine, self.child)
            else:
                self._begin(engine)
        except (OstinatoError, OSError) as error:
            engine.note("sealing", f"no day was sealed: {error}")

    def close(self) -> None:
        """Stop; the next run completes what was begun."""
        if self.sweeping is not None:
            self.sweeping.cancel()
            self.sweeping = None
        if self.child is not None:
            self.child.close()
            self.child = None

    def _begin(self, engine: "Engine") -> None:
        if engine.position is None or engine.clock() - self.tried < self.every:
            return
        before = engine.position.time - self.days * DAY
        if is_day_over(engine.store, before):
            self.tried = engine.clock()
            self.child = ChildProcess("ostinato.store.sealer", str(engine.store.path), repr(before))

    def _poll_writing(self, engine: "Engine", child: ChildProcess) -> None:
        code = child.code()
        if code is None:
            return
        self.child = None
        try:
            if code != 0:
                raise StoreError(child.error_text())
            line = child.line()
        finally:
            child.close()
        if not line:
            return
        written = from_line(line)
        record(engine.store, written)
        self.left, self.tried = True, float("-inf")  # perhaps the next day is over, too
        engine.note("sealing", f"{written.day} was sealed: {written.rows['events']:,} events")

    def _poll_sweeping(self, task: "asyncio.Task[None]") -> None:
        if not task.done():
            return
        self.sweeping, self.left = None, False
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _sweep(engine: "Engine") -> None:
    """Delete in slices; a slice of 250 rows takes 1 to 2 ms."""
    while sweep(engine.store):
        await asyncio.sleep(PAUSE)
