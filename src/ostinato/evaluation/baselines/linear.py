"""Linear regression on the last values.

Axes: R rows, H horizons, W values of the window.
"""

import numpy as np

from ...data.levels import Levels
from ...errors import DataError
from ..columns import Floats
from .moments import Moments
from .series import Integers, blocks, sample, series_of, windows
from .values import ValueBaseline

WINDOWS = (64, 168, 336)  # values; of hours the last two are one and two weeks
ROWS_PER_VALUE = 5  # of the window, at least; the shortest window needs none
# of the penalty, times the rows times the mean square of a feature
STRENGTHS = (1e-6, 1e-4, 1e-2, 0.1, 1.0, 10.0, 100.0)
HELD_BACK = 0.1
FITTED_ROWS = 200_000
PRODUCTS = 10_000_000_000  # of a feature with a feature or a label: seconds on one core


class LinearRegression(ValueBaseline):
    """Ridge regression of the change until each horizon on the last W values, relative to the last one.

    W is 64, 168 or 336, with at least five fitted rows for each value and no more values than the longest series has
    fitted rows; 64 may always be. Before a series begins, its first value stands in. Everything is measured in the
    series' mean absolute change, so that all series share one set of weights. Window and strength of the penalty are
    those with the least squared error on the last tenth of the fitted rows of each series, from which the others keep
    the longest horizon away; then all are fitted. Where there are more than 200,000 rows, or 10^10 products of features
    and labels, as many rows are drawn at random. A step that was not observed has the value before it, in labels too.

    Source:
        Hoerl and Kennard 1970, Technometrics 12, 55-67. Taking the last value off is as in NLinear: Zeng et al. 2022,
        arXiv:2205.13504, section 4, whose windows of ETTh1 are 336 hours, too.
    """

    def settings(self) -> str:
        """Window and strength of the penalty."""
        return f"the last {self.width} rows, penalty {self.strength:g}"

    def _learn(self, levels: Levels, rows: Integers) -> None:
        rows = rows[rows + max(levels.horizons) < levels.stops[series_of(levels, rows)]]
        if len(rows) == 0:
            raise DataError(
                f"{type(self).__name__} has nothing to learn from: no fitted row has a value "
                f"{max(levels.horizons):,} steps ahead. Bring more rows, or look less far ahead."
            )
        widths = window_lengths(levels, rows)
        rows = sample(rows, most_rows(widths[-1], len(levels.horizons)))
        early, late = held_back(levels, rows)
        between = np.setdiff1d(np.arange(len(rows)), np.concatenate([early, late]))
        learnt, judged, rest = (
            self._moments(levels, rows[some], widths[-1]) for some in (early, late, between)
        )
        self.width, self.strength = widths[0], STRENGTHS[1]
        if len(early) and len(late):
            self.width, self.strength = _best(learnt, judged, widths)
        self.weights, self.bias = (learnt + judged + rest).first(self.width - 1).ridge(self.strength)

    def _moments(self, levels: Levels, rows: Integers, width: int) -> Moments:
        found = Moments.none(width - 1, len(levels.horizons))
        ahead = np.asarray(levels.horizons)
        for block in blocks(len(rows), width + len(ahead)):
            some = rows[block]
            y = levels.level[some[:, None] + ahead] - levels.level[some][:, None]
            found += Moments.of(self._features(levels, some, width), y / self._unit(levels, some))
        return found

    def _features(self, levels: Levels, rows: Integers, width: int) -> Floats:
        """The values before the last one less the last one, the newest first, (R, W - 1)."""
        first = levels.starts[series_of(levels, rows)]
        found = windows(levels.level, rows, first, width)
        return (found[:, 1:] - found[:, :1]) / self._unit(levels, rows)

    def _change(self, levels: Levels, rows: Integers) -> Floats:
        out = np.empty((len(rows), len(levels.horizons)))
        for block in blocks(len(rows), self.width):
            some = rows[block]
            out[block] = self._features(levels, some, self.width) @ self.weights + self.bias
            out[block] *= self._unit(levels, some)
        return out


def _best(learnt: Moments, judged: Moments, widths: tuple[int, ...]) -> tuple[int, float]:
    """Window and strength with the least squared error on judged rows.

    The newest value comes first, so that the moments of a shorter window are a corner of those of a longer one.
    """
    losses = {}
    for width in widths:
        fitted, others = learnt.first(width - 1), judged.first(width - 1)
        for strength in STRENGTHS:
            losses[width, strength] = others.squared_error(*fitted.ridge(strength))
    return min(losses, key=losses.__getitem__)


def window_lengths(levels: Levels, rows: Integers) -> tuple[int, ...]:
    """The windows that so many fitted rows (R,) allow, ascending; the shortest one always."""
    longest = int(np.bincount(series_of(levels, rows)).max())
    most = min(len(rows) // ROWS_PER_VALUE, longest)
    return tuple(width for width in WINDOWS if width <= max(most, WINDOWS[0]))


def most_rows(width: int, horizons: int) -> int:
    """So many rows are fitted in bounded time."""
    return max(1, min(FITTED_ROWS, PRODUCTS // (width * (width + horizons))))


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
