"""Predictions that wait for what they foresee.

Axes: C columns that are foreseen, H horizons, P numbers of a prediction.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

NOBODY = -1  # the key of a row that was filled


@dataclass
class Waiting:
    """One row.

    key: of its event. level: (C,) where it was, NaN where it was not observed.
    fitted: whether the model, and the baselines beside it, were fitted on it.
    known: when the nearest of what it foresees was known, by our clock.
    """

    key: int
    level: tuple[float, ...]
    numbers: np.ndarray
    baselines: np.ndarray
    fitted: bool = False
    known: float = math.inf


class Due(NamedTuple):
    """A prediction that is settled. ahead: (C, H) the levels then."""

    waiting: Waiting
    ahead: np.ndarray


class Queue:
    """The last rows, as many as the farthest horizon looks ahead."""

    def __init__(self, horizons: tuple[int, ...]) -> None:
        self.horizons, self.nearest, self.longest = horizons, horizons[0], horizons[-1]
        self.rows: deque[Waiting] = deque()

    def settle(self, level: tuple[float, ...], known: float) -> Due | None:
        """What the level of the next row, known at a time, settles: the row that is the farthest horizon back."""
        if len(self.rows) >= self.nearest:
            self.rows[-self.nearest].known = known
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

    def find(self, key: int) -> Waiting | None:
        """The row of a key, where it waits."""
        return next((row for row in reversed(self.rows) if row.key == key), None)

    def give_up(self) -> list[Waiting]:
        """All that wait, in order; nothing waits then."""
        given_up = [row for row in self.rows if row.key != NOBODY]
        self.rows.clear()
        return given_up
