"""Linear regression on the last values.

Axes: R rows, H horizons, W values of the window.
"""

from typing import TYPE_CHECKING

import numpy as np

from ...data.levels import Levels
from ...errors import DataError
from ...quiet import first_import
from ..columns import Floats
from .series import CELLS, Integers, sample, series_of, windows
from .values import ValueBaseline

if TYPE_CHECKING:
    from sklearn.linear_model import Ridge

FITTED_ROWS = 200_000
SHORTEST, LONGEST = 64, 336  # values of a window
STRENGTHS = (1e-6, 1e-4, 1e-2, 1.0)  # of the penalty, times the rows times the mean square of a feature
HELD_BACK = 0.1


class LinearRegression(ValueBaseline):
    """Ridge regression of the change until each horizon on the last W values, relative to the last one.

    W is two seasons, within 64 and 336; before a series begins, its first value stands in. Everything is measured in
    the series' mean absolute change, so that all series share one set of weights. The strength of the penalty is
    chosen on the last tenth of the fitted rows of each series, from which the others keep the longest horizon away;
    then all are fitted. Where there are more than 200,000 rows, or 8 million numbers in a window or a label, as many
    rows are drawn at random. A step that was not observed has the value before it, in labels too.

    Source:
        Hoerl and Kennard 1970, Technometrics 12, 55-67. Taking the last value off is as in NLinear: Zeng et al. 2022,
        arXiv:2205.13504, section 4.
    """

    def _learn(self, levels: Levels, rows: Integers) -> None:
        self.width = int(np.clip(2 * (levels.season or 1), SHORTEST, LONGEST))
        rows = rows[rows + max(levels.horizons) < levels.stops[series_of(levels, rows)]]
        if len(rows) == 0:
            raise DataError(
                f"{type(self).__name__} has nothing to learn from: no fitted row has a value "
                f"{max(levels.horizons):,} steps ahead. Bring more rows, or look less far ahead."
            )
        rows = sample(rows, min(FITTED_ROWS, max(1, CELLS // max(self.width, len(levels.horizons)))))
        x = self._features(levels, rows)
        y = levels.level[rows[:, None] + np.asarray(levels.horizons)] - levels.level[rows][:, None]
        y /= self._unit(levels, rows)
        size = float(np.mean(x**2)) or 1.0
        early, late = held_back(levels, rows)
        self.strength = STRENGTHS[1]
        if len(early) and len(late):
            losses = {}
            for strength in STRENGTHS:
                model = _ridge(x[early], y[early], strength * size)
                losses[strength] = float(
                    np.mean((model.predict(x[late]).reshape(len(late), -1) - y[late]) ** 2)
                )
            self.strength = min(losses, key=losses.__getitem__)
        self.model = _ridge(x, y, self.strength * size)

    def _features(self, levels: Levels, rows: Integers) -> Floats:
        first = levels.starts[series_of(levels, rows)]
        found = windows(levels.level, rows, first, self.width)
        return (found[:, 1:] - found[:, :1]) / self._unit(levels, rows)

    def _change(self, levels: Levels, rows: Integers) -> Floats:
        out = np.empty((len(rows), len(levels.horizons)))
        size = max(1, CELLS // self.width)
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            found = self.model.predict(self._features(levels, some)).reshape(len(some), -1)
            out[start : start + size] = found * self._unit(levels, some)
        return out


def held_back(levels: Levels, rows: Integers) -> tuple[Integers, Integers]:
    """Places in rows, ascending (R,), to learn from and to choose by: the last tenth of each series is the second."""
    series = series_of(levels, rows)
    count = np.bincount(series, minlength=len(levels.starts))
    begins = np.cumsum(count) - count
    late = np.arange(len(rows)) - begins[series] >= np.ceil((1 - HELD_BACK) * count)[series]
    first = np.full(len(levels.starts), len(levels))
    np.minimum.at(first, series[late], rows[late])
    early = ~late & (rows + max(levels.horizons) < first[series])
    return np.flatnonzero(early), np.flatnonzero(late)


def _ridge(x: Floats, y: Floats, strength: float) -> "Ridge":
    with first_import("sklearn.linear_model"):
        from sklearn.linear_model import Ridge

    return Ridge(alpha=strength * len(x), solver="cholesky").fit(x, y)
