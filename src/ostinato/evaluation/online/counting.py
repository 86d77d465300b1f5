"""Online baselines for directions: the base rate and the sign table.

Plain Python, since arrays are slower here.

Axes: C cells of a table.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError, DataError
from .baselines import MOST_ROWS, State, count, counts, finite_level, optional_number

MOST_ORDER = 8  # 6,561 cells: states go into snapshots
MOST_HORIZON = 100_000


class OnlineBaseRate:
    """`baselines.BaseRate`, counting on: (ups + 1) / (rows + 2).

    Args:
        ups, rows: counted so far.
        learning: False keeps the counts as they are.

    Raises:
        ConfigError: there are more ups than rows, or fewer than none.
    """

    def __init__(self, ups: int = 0, rows: int = 0, learning: bool = True) -> None:
        if not 0 <= ups <= rows < MOST_ROWS:
            raise ConfigError(f"ups must be 0 to rows, got {ups} ups of {rows} rows.")
        self.ups, self.rows, self.learning = int(ups), int(rows), learning

    def see(self, level: float, gap: bool = False) -> None:
        """Nothing: every row has the same forecast."""

    def learn(self, label: float) -> None:
        """One row more, up (1) or not (0)."""
        if self.learning and is_label(label):
            self.rows += 1
            self.ups += label == 1

    def predict(self) -> float:
        """p of up."""
        return (self.ups + 1) / (self.rows + 2)

    def state(self) -> State:
        """The counts."""
        return {"ups": self.ups, "rows": self.rows}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Counts of `state`."""
        ups, rows = count(state, "ups"), count(state, "rows")
        if ups > rows:
            raise DataError(f"the state is not that of a base rate: it has {ups} ups of {rows} rows.")
        self.ups, self.rows = ups, rows


class OnlineSignTable:
    """`baselines.SignTable`, counting on: (ups in the cell + base rate) / (rows in the cell + 1).

    The cell is the pattern of the signs of the last changes; the base rate is that of all cells together. After a gap
    the pattern begins anew, as at the beginning of a series.

    Args:
        order: signs in a pattern, 1 to 8.
        seen, ups: rows and ups of each cell so far, (C,) with C = 3^order; None for none.
        horizon: rows that a label looks ahead.
        learning: False keeps the counts as they are.

    Raises:
        ConfigError: order or horizon is out of range, or the counts are not such.
    """

    def __init__(
        self,
        order: int = 4,
        seen: Sequence[int] | None = None,
        ups: Sequence[int] | None = None,
        horizon: int = 1,
        learning: bool = True,
    ) -> None:
        if not 1 <= order <= MOST_ORDER:
            raise ConfigError(f"order must be 1 to {MOST_ORDER} signs, got {order}.")
        if not 1 <= horizon <= MOST_HORIZON:
            raise ConfigError(f"horizon must be 1 to {MOST_HORIZON:,} rows, got {horizon}.")
        self.order, self.cells, self.learning = order, 3**order, learning
        self._seen = [0] * self.cells if seen is None else [int(n) for n in seen]
        self._ups = [0] * self.cells if ups is None else [int(n) for n in ups]
        counted = len(self._seen) == len(self._ups) == self.cells
        if not counted or not all(
            0 <= u <= n < MOST_ROWS for u, n in zip(self._ups, self._seen, strict=True)
        ):
            raise ConfigError(f"seen and ups must count {self.cells} cells, with 0 to seen ups in each.")
        self._rows, self._rose = sum(self._seen), sum(self._ups)
        self._level: float | None = None
        self._cell = (self.cells - 1) // 2  # no change yet: every digit is 1
        self._passed: deque[int] = deque(maxlen=horizon)  # cells of the last rows

    def see(self, level: float, gap: bool = False) -> None:
        """The level of the row that has just come."""
        if gap:
            self._level = None
            self._passed.clear()
        found, before = finite_level(level), self._level
        if before is None:
            self._cell = (self.cells - 1) // 2
            self._level = found
        elif found is None:
            self._cell = (3 * self._cell + 1) % self.cells
        else:
            sign = 2 if found > before else 1 if found == before else 0
            self._cell = (3 * self._cell + sign) % self.cells
            self._level = found
        self._passed.append(self._cell)

    def learn(self, label: float) -> None:
        """What became of the row `horizon` rows before the next: up (1) or not (0)."""
        passed = self._passed
        if not self.learning or not is_label(label) or len(passed) != passed.maxlen:
            return
        cell, rose = passed[0], label == 1
        self._seen[cell] += 1
        self._ups[cell] += rose
        self._rows += 1
        self._rose += rose

    def predict(self) -> float:
        """p of up."""
        base = (self._rose + 1) / (self._rows + 2)
        return (self._ups[self._cell] + base) / (self._seen[self._cell] + 1)

    def state(self) -> State:
        """Counts, the last level, and the cells that wait for their labels."""
        return {
            "seen": list(self._seen),
            "ups": list(self._ups),
            "level": self._level,
            "cells": [*self._passed],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Counts and cells of `state`."""
        seen, ups = counts(state, "seen"), counts(state, "ups")
        passed = counts(state, "cells")
        fits = len(seen) == len(ups) == self.cells and max(passed, default=0) < self.cells
        fits = fits and all(rose <= rows for rose, rows in zip(ups, seen, strict=True))
        if not fits or len(passed) > (self._passed.maxlen or 0):
            raise DataError(
                "the state is not that of this sign table: it has other cells, or another horizon."
            )
        self._level = optional_number(state, "level")
        self._seen, self._ups = seen, ups
        self._rows, self._rose = sum(seen), sum(ups)
        self._passed = deque(passed, maxlen=self._passed.maxlen)
        self._cell = passed[-1] if passed else (self.cells - 1) // 2


def is_label(label: float) -> bool:
    """Whether it says what became of a row: 1 or 0; NaN says nothing.

    Raises:
        DataError: it is something else.
    """
    if label == 0 or label == 1:
        return True
    if label != label:
        return False
    raise DataError(f"what became of a row must be up or not, 1 or 0 or NaN, got {label}.")
