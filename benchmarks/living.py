"""What the live benchmarks share: an exchange in a process of its own, and lives on it."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ostinato.live import Since
from ostinato.live.engine import Engine
from ostinato.tasks.forecasting import open_run
from ostinato.tasks.forecasting.live import Settings, engine_of, feed_of

OSTINATO = str(Path(sys.executable).with_name("ostinato"))


@contextlib.contextmanager
def exchange(*options: Any) -> Iterator[str]:
    """The address of an exchange, as a feed takes it."""
    command = [OSTINATO, "exchange", "--port", "0", "--quiet", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        address = child.stdout.readline().strip()
        if not address:
            raise SystemExit("the exchange did not start")
        try:
            yield address
        finally:
            child.terminate()


def live(
    run: Path,
    feed: str,
    store: Path,
    until: int,
    each: Callable[[Engine], None] | None = None,
    **settings: Any,
) -> Engine:
    """Live until event ``until`` is stored; ``each`` is called about ten times a second. The engine, its store open."""
    opened = open_run(run)
    engine = engine_of(
        opened, feed_of(feed, opened.recipe), store, Settings(since=Since(0, "first"), **settings)
    )

    async def work() -> None:
        task = asyncio.create_task(engine.run())
        while not task.done() and (engine.position is None or engine.position.key < until):
            await asyncio.sleep(0.1)
            if each is not None:
                each(engine)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(work())
    return engine


class Latencies:
    """All latencies, from the socket to the committed prediction, and when the first and last event were committed."""

    def __init__(self, engine: Engine) -> None:
        self.seconds: list[float] = []
        self.began = self.ended = 0.0
        self.cpu = 0.0
        committed = engine.meters.committed

        def note(events: Any, began: float, durable: float) -> None:
            committed(events, began, durable)
            if events and not self.began:
                self.began, self.cpu = time.perf_counter(), time.process_time()
            self.ended = time.perf_counter()
            self.seconds += [durable - event.received for event in events]

        engine.meters.committed = note  # type: ignore[method-assign]


__all__ = ["OSTINATO", "Latencies", "exchange", "live"]
