"""Predictions that wait for what they foresee.

Axes: C columns that are foreseen, H horizons, P numbers of a prediction.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

NOBODY = -1  # the key of a row that was filled


class Waiting(NamedTuple):
    """One row. key: of its event; level: (C,) where it was, NaN where it was not observed."""

    key: int
    level: tuple[float, ...]
    numbers: np.ndarray
    baselines: np.ndarray


class Due(NamedTuple):
    """A prediction that is settled. ahead: (C, H) the levels then."""

    waiting: Waiting
    ahead: np.ndarray


class Queue:
    """The last rows, as many as the farthest horizon looks ahead."""

    def __init__(self, horizons: tuple[int, ...]) -> None:
        self.horizons, self.longest = horizons, horizons[-1]
        self.rows: deque[Waiting] = deque()

    def settle(self, level: tuple[float, ...]) -> Due | None:
        """What the level of the next row settles: the row that is the farthest horizon back."""
        if len(self.rows) < self.longest:
            return None
        due = self.rows.popleft()
        if due.key == NOBODY:
            return None
        if self.longest == 1:
            return Due(due, np.array([level]).T)
        levels = [*(row.level for row in self.rows), level]
        return Due(due, np.array([levels[horizon - 1] for horizon in self.horizons]).T)

    def add(self, row: Waiting) -> None:
        """A row that waits from now on."""
        self.rows.append(row)

    def give_up(self) -> list[Waiting]:
        """All that wait, in order; nothing waits then."""
        given_up = [row for row in self.rows if row.key != NOBODY]
        self.rows.clear()
        return given_up
