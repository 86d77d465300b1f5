"""Whoever watches several trainings, one after the other."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ...training.progress import Watcher

Watch = Callable[[str], AbstractContextManager[Watcher | None]]  # of what is done next, by its name


@contextmanager
def unwatched(name: str) -> Iterator[None]:
    """Nobody watches."""
    yield None
