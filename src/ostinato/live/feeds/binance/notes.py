"""Notes about problems at a bounded rate: one that occurs a thousand times a second is reported now and then."""

import time
from collections.abc import Callable

from ...events import Note


class Notes:
    """Passes on the first note of a kind, then one every ``every`` seconds with the number suppressed."""

    def __init__(self, put: Callable[[Note], None], every: float) -> None:
        self._put = put
        self._every = every
        self._latest: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def add(self, kind: str, text: str) -> None:
        """Add a note of a kind; kinds are few and fixed."""
        now = time.monotonic()
        if now - self._latest.get(kind, -self._every) < self._every:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        more = self._left_out.pop(kind, 0)
        self._latest[kind] = now
        self._put(Note(kind, f"{text} (and {more:,} more before)" if more else text))
