"""Lives in a process of its own, for tests that kill it.

Each line of the input, "RUN FEED STORE UNTIL", forks a process that goes on with the store, or begins it, and ends when
event UNTIL is stored. The answer is its number, then its exit code: 0 done, 1 one of our errors, -9 killed. Torch is
loaded once, so a process costs milliseconds.
"""

import asyncio
import contextlib
import os
import resource
import sys
import traceback
from pathlib import Path

import torch

from ostinato.errors import OstinatoError
from ostinato.live import Since
from ostinato.tasks.forecasting import open_run
from ostinato.tasks.forecasting.live import Settings, engine_of, feed_of

torch.set_num_threads(1)


async def until_stored(engine, until):
    """Run until an event is stored."""
    task = asyncio.create_task(engine.run())
    while not task.done() and (engine.position is None or engine.position.key < until):
        await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def live(run, feed, store, until):
    """One life."""
    opened = open_run(run)
    settings = Settings(since=Since(0, "first"), snapshot_events=200, snapshot_seconds=0.5)
    engine = engine_of(opened, feed_of(feed, opened.recipe), Path(store), settings)
    try:
        asyncio.run(until_stored(engine, int(until)))
    finally:
        engine.close()
    Path(f"{store}.memory").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def main():
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            code = 1
            try:
                live(*line.rstrip("\n").split("\t"))
                code = 0
            except OstinatoError as error:
                print(error, file=sys.stderr)
            except BaseException:
                traceback.print_exc()
                code = 2
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(number, flush=True)
        _, status = os.waitpid(number, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
