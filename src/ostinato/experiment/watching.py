"""Progress of several training runs, one after the other."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ..training.progress import Watcher

Watch = Callable[
    [str], AbstractContextManager[Watcher | None]
]  # returns the watcher of the next training run, by its name


@contextmanager
def unwatched(name: str) -> Iterator[None]:
    """No watcher."""
    yield None
