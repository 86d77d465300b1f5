"""Refuse to use polars in a forked child process that lost the threads of polars.

polars works in threads that it starts once. `os.fork` copies the process but none of its threads, so that the first
call of polars in a child would wait forever. multiprocessing forks by default on Linux, until Python 3.13.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from ..errors import ForkError

_POOL = re.compile(r"polars-\d+")  # how its threads are called; one for cleaning is there from the import on
_TASKS = Path("/proc/self/task")


class _State:
    """Whether polars was used in this process, and whether it had been used in a parent before the fork."""

    used = False
    lost = False


def use_threads() -> None:
    """Call this before polars: raises where the threads of polars were lost in a fork.

    Raises:
        ForkError: this process was forked from one in which polars had worked.
    """
    if _State.lost:
        raise ForkError(
            "this process was forked from one that had already read data or forecast, and the threads that did so were "
            "not copied: it would wait for them forever. Start processes by spawn "
            "(multiprocessing.get_context('spawn')), or fork before anything is read."
        )
    _State.used = True


def _before() -> None:
    _State.used = _State.used or _has_pool()


def _after() -> None:
    _State.lost = _State.lost or _State.used


def _has_pool() -> bool:
    """Whether the thread pool of polars is running, whoever started it."""
    if "polars" not in sys.modules:
        return False
    with suppress(OSError):
        return any(_POOL.fullmatch((task / "comm").read_text().strip()) for task in _TASKS.iterdir())
    return False


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_before, after_in_child=_after)
