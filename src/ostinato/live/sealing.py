"""Days that are over leave the store for parquet, while the engine goes on.

The files are written by a process of their own; the record and the deletions are small commits between groups.
"""

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..store.sealing import Written, record, sweep, write_day

if TYPE_CHECKING:
    from .engine import Engine

DAY = 86_400.0
EVERY = 600.0  # seconds between two looks for a day that is over
SLICES = 20  # of rows that are deleted at one look


class Sealing:
    """Watches an engine's store.

    Args:
        days: that stay in the store, by the exchange's clock.
        every: seconds between two looks.
    """

    def __init__(self, days: float, every: float = EVERY) -> None:
        self.days, self.every = days, every
        self.pool: ProcessPoolExecutor | None = None
        self.writing: Future[Written | None] | None = None
        self.sweeping = True  # what a stop left undone
        self.looked = float("-inf")

    def watch(self, engine: "Engine") -> None:
        """Begin."""
        engine.each_second.append(self.look)

    def look(self, engine: "Engine") -> None:
        """What is to be done now; called each second."""
        if self.sweeping:
            self.sweeping = all(sweep(engine.store) for _ in range(SLICES))
        elif self.writing is not None:
            if self.writing.done():
                self._record(engine, self.writing)
        elif engine.position is not None and engine.clock() - self.looked >= self.every:
            self.looked = engine.clock()
            # spawned: a fork of a process with threads of torch and SQLite is no safe place
            self.pool = self.pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
            before = engine.position.time - self.days * DAY
            self.writing = self.pool.submit(write_day, engine.store.path, before)

    def close(self) -> None:
        """Wait for what is being written; it is recorded by the next life."""
        if self.pool is not None:
            self.pool.shutdown()
            self.pool = None

    def _record(self, engine: "Engine", writing: "Future[Written | None]") -> None:
        self.writing = None
        try:
            written = writing.result()
        except StoreError as error:
            engine.note("sealing", f"no day was sealed: {error}")
            return
        if written is None:
            return
        record(engine.store, written)
        engine.note("sealing", f"{written.day} was sealed: {written.rows['events']:,} events")
        self.sweeping, self.looked = True, float("-inf")  # perhaps the next day is over, too
