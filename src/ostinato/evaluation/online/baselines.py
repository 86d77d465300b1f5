"""The base class of online baselines: updated row by row, in constant time, without look-ahead.

    baseline.learn(label)     what became of the row `horizon` rows before the one that has just come
    baseline.see(level)       the row that has just come
    baseline.predict()        numbers for it

in this order; `counting.py` has those for directions, `spreads.py` those for values. Started from what a run fitted
(`parameters.online_baseline`) and never told to learn, each gives the numbers of its namesake in
`evaluation.baselines`. Levels are prices for directions, logarithms of prices for returns, a column for tables; a table
of several columns has one baseline for each.

Axes: H horizons, Q levels of quantiles.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

from ...errors import DataError, shortened
from ..columns import Floats

State = dict[str, Any]  # JSON: numbers, lists of numbers, None

MOST_ROWS = 2**53


class OnlineBaseline(Protocol):
    """What every baseline can do while it happens.

    learn(label): what became of the row `horizon` rows before the one that is seen next: up or not for a direction,
        ignored by baselines for values, whose quantiles stay as fitted. NaN and rows from before a gap teach nothing.
    see(level, gap): the level of the row that has just come; NaN for a row that was not observed, which keeps the
        level before. gap: rows before it were missed, and nobody knows how many: no change is taken across.
    predict(): a probability of up, or quantiles (H, Q).
    state(), restore(state): all that changes, as JSON numbers; the numbers after restoring are the same to the bit.

    Raises:
        DataError: a level is infinite, a label is not one, or a state is another baseline's.
    """

    def see(self, level: float, gap: bool = False) -> None: ...

    def learn(self, label: float) -> None: ...

    def predict(self) -> "float | Floats": ...

    def state(self) -> State: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


def finite_level(level: float) -> float | None:
    """A level as a float; None where it was not observed (NaN).

    Raises:
        DataError: it is infinite.
    """
    level = float(level)
    if level - level == 0:
        return level
    if level != level:
        return None
    raise DataError(f"a level must be a finite number, or NaN where it was not observed, got {level}.")


def optional_number(state: Mapping[str, Any], name: str) -> float | None:
    """A finite number of a state, or None.

    Raises:
        DataError: it is something else.
    """
    value = state.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(f"{name} of a baseline's state must be a finite number, got {shortened(value)}.")
    return float(value)


def count(state: Mapping[str, Any], name: str) -> int:
    """A count of a state.

    Raises:
        DataError: it is something else.
    """
    return _as_count(name, state.get(name))


def counts(state: Mapping[str, Any], name: str) -> list[int]:
    """A list of counts of a state.

    Raises:
        DataError: it is something else.
    """
    values = state.get(name)
    if not isinstance(values, list):
        raise DataError(f"{name} of a baseline's state must be a list of counts, got {shortened(values)}.")
    return [_as_count(name, value) for value in values]


def _as_count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value < MOST_ROWS:
        raise DataError(f"{name} of a baseline's state must be counted, 0 or more, got {shortened(value)}.")
    return value
