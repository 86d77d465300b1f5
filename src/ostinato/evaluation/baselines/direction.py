"""Baselines for directions: base rate, sign table, logistic regression.

A baseline is fitted on the rows the model may use and then speaks of any rows:

    BaseRate().fit(levels, train_rows).predict(levels, test_rows)  ->  p (R,)

p is the probability that the level at the first horizon is strictly higher than now. A forecast for row t reads the
levels of its own series up to t only. Labels that `fit` reads look as far ahead as the horizon, so `rows` must leave
out the purge gap, as the rows of a split do; rows without a label are left out.

Axes: N rows, R rows asked for, S series, W changes of a window.
"""

from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...data.levels import Levels
from ...errors import ConfigError, DataError
from ...quiet import first_import
from ..columns import Floats
from .series import CELLS, Integers, Units, changes, row_numbers, series_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MAX_ORDER = 12  # 3^12 cells are half a million; no data here fills a larger table
FITTED_ROWS = 200_000  # of the logistic regression
FEATURES = 3  # of each change
FARTHEST = 5.0  # mean absolute changes; a jump of hundreds of them would drown the rest


class DirectionBaseline(Protocol):
    """What every baseline for direction can do.

    Shape:
        rows (R,) row numbers, p (R,). rows None means all rows.

    Raises:
        DataError: rows do not number rows, none of the fitted ones has a label, or predict comes before fit.
    """

    def fit(self, levels: Levels, rows: ArrayLike) -> Self: ...

    def predict(self, levels: Levels, rows: ArrayLike | None = None) -> Floats: ...

    def settings(self) -> str:
        """What was chosen of it, in words; "" where nothing was."""
        ...


class BaseRate:
    """The share of ups among the fitted rows, for every row.

    Laplace's rule of succession, (ups + 1) / (rows + 2), keeps it off 0 and 1.
    """

    def __init__(self) -> None:
        self.rate: float | None = None

    def fit(self, levels: Levels, rows: ArrayLike) -> Self:
        self.rate = _succession(_labelled(levels, rows)[1])
        return self

    def predict(self, levels: Levels, rows: ArrayLike | None = None) -> Floats:
        if self.rate is None:
            raise DataError("this BaseRate has seen no rows yet. Call fit before predict.")
        return np.full(len(_asked(levels, rows)), self.rate)

    def settings(self) -> str:
        """Nothing."""
        return ""


class SignTable:
    """The share of ups after each pattern of the signs of the last `order` changes.

    The sign at t is that of level[t] - level[t - 1]; before the first level of a series has moved it is 0. Each of
    the 3^order patterns has a cell,

        p = (ups in the cell + base rate) / (rows in the cell + 1),

    that is, one row more than was seen, up as often as the base rate: a pattern never seen gives the
    base rate, and no p is 0 or 1.

    Args:
        order: how many signs make a pattern, 1 to 12.

    Raises:
        ConfigError: order is not within 1..12.
    """

    def __init__(self, order: int = 4) -> None:
        if not 1 <= order <= MAX_ORDER:
            raise ConfigError(f"order must be 1 to {MAX_ORDER} signs, got {order}.")
        self.order = order
        self.table: Floats | None = None  # (3^order,)

    def fit(self, levels: Levels, rows: ArrayLike) -> Self:
        found, up = _labelled(levels, rows)
        cells = sign_patterns(levels, self.order)[found]
        seen = np.bincount(cells, minlength=3**self.order)
        ups = np.bincount(cells, weights=up, minlength=3**self.order)
        self.table = (ups + _succession(up)) / (seen + 1)
        return self

    def predict(self, levels: Levels, rows: ArrayLike | None = None) -> Floats:
        if self.table is None:
            raise DataError("this SignTable has seen no rows yet. Call fit before predict.")
        return self.table[sign_patterns(levels, self.order)[_asked(levels, rows)]]

    def settings(self) -> str:
        """How many signs."""
        return f"the last {self.order} signs"


class LogisticRegression:
    """Logistic regression on the last W changes, of scikit-learn, with its usual penalty.

    Each change is three features, standardised: the change itself in its series' mean absolute change over the
    fitted rows, kept within 5 of them; its sign; and whether there was one, for where trades stand still the signs
    alone say little. Before a series begins changes are 0. Fitted on the last 200,000 of the fitted rows, or 8
    million features; where these rows all went up, or none did, the base rate is what it says.

    Args:
        width: changes of the window, W, at least 1.

    Raises:
        ConfigError: width is below 1.
    """

    def __init__(self, width: int = 32) -> None:
        if width < 1:
            raise ConfigError(f"width must be at least 1 change, got {width}.")
        self.width = width
        self.units: Units | None = None
        self.model: Pipeline | None = None
        self.base = BaseRate()

    def fit(self, levels: Levels, rows: ArrayLike) -> Self:
        with first_import("sklearn.linear_model"):
            from sklearn.linear_model import LogisticRegression as Regression
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler

        found, up = _labelled(levels, rows)
        self.units, self.model = Units.of(levels, found), None
        self.base.fit(levels, found)
        most = min(FITTED_ROWS, max(1, CELLS // (FEATURES * self.width)))
        found, up = found[-most:], up[-most:]
        if 0 < np.sum(up) < len(up):
            # with few features for many rows Newton's method ends after a handful of steps
            model = make_pipeline(StandardScaler(), Regression(solver="newton-cholesky"))
            self.model = model.fit(self._features(levels, changes(levels), found), up)
        return self

    def predict(self, levels: Levels, rows: ArrayLike | None = None) -> Floats:
        if self.units is None:
            raise DataError("this LogisticRegression has seen no rows yet. Call fit before predict.")
        if len(levels.starts) != len(self.units.change):
            raise DataError(
                f"LogisticRegression was fitted on {len(self.units.change)} series, got {len(levels.starts)}."
            )
        asked = _asked(levels, rows)
        if self.model is None:
            return self.base.predict(levels, asked)
        out, moved, size = np.empty(len(asked)), changes(levels), max(1, CELLS // (FEATURES * self.width))
        for start in range(0, len(asked), size):
            x = self._features(levels, moved, asked[start : start + size])
            out[start : start + size] = self.model.predict_proba(x)[:, 1]
        return out

    def settings(self) -> str:
        """The window."""
        return f"the last {self.width} changes"

    def _features(self, levels: Levels, moved: Floats, rows: Integers) -> Floats:
        assert self.units is not None
        series = series_of(levels, rows)
        back = rows[:, None] - np.arange(self.width)
        early = back < levels.starts[series][:, None]
        found = np.where(early, 0.0, moved[np.where(early, 0, back)]) / self.units.change[series][:, None]
        return np.hstack([np.clip(found, -FARTHEST, FARTHEST), np.sign(found), found != 0])


def sign_patterns(levels: Levels, order: int) -> Integers:
    """Number of the pattern of the last `order` signs at each row (N,), newest sign in the last digit.

    Digits are in base 3: 0 down, 1 flat, 2 up; 1 before a series begins.
    """
    signs = (1 + np.sign(changes(levels))).astype(np.int64)
    age = np.arange(len(levels)) - np.repeat(levels.starts, levels.stops - levels.starts)
    found = signs.copy()
    for k in range(1, order):
        earlier = np.r_[np.ones(min(k, len(signs)), np.int64), signs[:-k]]
        found += 3**k * np.where(age >= k, earlier, 1)
    return found


def _succession(up: NDArray[np.bool_]) -> float:
    return float((np.sum(up) + 1) / (len(up) + 2))


def _asked(levels: Levels, rows: ArrayLike | None) -> Integers:
    return np.arange(len(levels)) if rows is None else row_numbers(levels, rows)


def _labelled(levels: Levels, rows: ArrayLike) -> tuple[Integers, NDArray[np.bool_]]:
    """The rows that have a label, in order, and whether the level was higher at the first horizon."""
    found = np.sort(row_numbers(levels, rows))
    first = Levels(levels.level, levels.starts, levels.horizons[:1], True, observed=levels.observed)
    label = first.labels(found)[:, 0]
    known = np.isfinite(label)
    if not np.any(known):
        raise DataError(
            f"none of the {len(found):,} rows to learn from has a level {levels.horizons[0]:,} ahead. "
            "Bring more rows, or look less far ahead."
        )
    return found[known], label[known] > 0
