"""Rows whose outcomes are pending.

Axes: C forecast columns, H horizons, P numbers of a prediction.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

NOBODY = -1  # the key of a row that was filled


@dataclass
class PendingForecast:
    """One row.

    key: of its event. level: (C,) where it was, NaN where it was not observed.
    fitted: whether the model, and the baselines beside it, were fitted on it.
    known: when the nearest of its horizons was known, by our clock.
    """

    key: int
    level: tuple[float, ...]
    numbers: np.ndarray
    baselines: np.ndarray
    fitted: bool = False
    known: float = math.inf


class SettledForecast(NamedTuple):
    """A prediction with its outcome. ahead: (C, H) the levels then."""

    pending: PendingForecast
    ahead: np.ndarray


class PendingQueue:
    """The last rows, as many as the farthest horizon looks ahead."""

    def __init__(self, horizons: tuple[int, ...]) -> None:
        self.horizons, self.nearest, self.longest = horizons, horizons[0], horizons[-1]
        self.rows: deque[PendingForecast] = deque()

    def settle(self, level: tuple[float, ...], known: float) -> SettledForecast | None:
        """Settle the row at the farthest horizon by the level of the next row, known at a time."""
        if len(self.rows) >= self.nearest:
            self.rows[-self.nearest].known = known
        if len(self.rows) < self.longest:
            return None
        due = self.rows.popleft()
        if due.key == NOBODY:
            return None
        if self.longest == 1:
            return SettledForecast(due, np.array([level]).T)
        levels = [*(row.level for row in self.rows), level]
        return SettledForecast(due, np.array([levels[horizon - 1] for horizon in self.horizons]).T)

    def add(self, row: PendingForecast) -> None:
        """Add a pending row."""
        self.rows.append(row)

    def find(self, key: int) -> PendingForecast | None:
        """The pending row of a key."""
        return next((row for row in reversed(self.rows) if row.key == key), None)

    def give_up(self) -> list[PendingForecast]:
        """Remove and return all pending rows, in order."""
        given_up = [row for row in self.rows if row.key != NOBODY]
        self.rows.clear()
        return given_up
