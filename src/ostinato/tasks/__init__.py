"""Tasks: what data mean, what is learned from them, and how predictions are scored. One package per task.

A task is a class derived from ``ostinato.experiment.Task``. Those of ostinato stand in ``TASKS``; a package of yours
announces its own as an entry point, which needs no change here:

    [project.entry-points."ostinato.tasks"]
    digits = "my_package.digits:Digits"

Every command then knows it by that name. Entry points are what is installed: a run folder from a stranger can name a
task, and never a module to import.
"""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..experiment.task import Task

TASKS = {"forecast": "ostinato.tasks.forecasting.task:Forecasting"}
GROUP = "ostinato.tasks"


def addresses() -> dict[str, str]:
    """MODULE:CLASS of every task by name, those of ostinato first; nothing is imported."""
    from importlib.metadata import entry_points

    return TASKS | {entry.name: entry.value for entry in entry_points(group=GROUP) if entry.name not in TASKS}


def find_task(name: str) -> "Task[Any, Any]":
    """Import and return the task of this name.

    Raises:
        ConfigError: there is none, or it cannot be loaded.
    """
    from ..errors import ConfigError, did_you_mean, shortened

    known = addresses()
    if name not in known:
        raise ConfigError(
            f"no task is called {shortened(name)}.{did_you_mean(name, known)} Tasks: {', '.join(known)}. "
            "Install the package that brings it."
        )
    return _load(name, known[name])


def task_of_run(path: Path | str) -> "Task[Any, Any]":
    """The task of the run in a folder.

    Raises:
        BrokenRunError: there is no run, or it is of a task that is not installed.
    """
    from ..errors import BrokenRunError, ConfigError
    from ..runs.folder import RunFolder
    from ..runs.format import read_config

    folder = RunFolder.open(path)
    try:
        return find_task(read_config(folder.config).task)
    except ConfigError as error:
        raise BrokenRunError(f"{folder.config}: {error}") from None


@cache
def _load(name: str, address: str) -> "Task[Any, Any]":
    from ..errors import ConfigError, shortened
    from ..experiment.task import load_task

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ConfigError(f"no task can be called {shortened(name)}: up to 40 of a-z, 0-9 and _ are allowed.")
    task = load_task(address)
    if task.name != name:  # its runs could not be opened again
        raise ConfigError(f"the task at {address} calls itself {task.name!r}, and is installed as {name!r}.")
    return task
