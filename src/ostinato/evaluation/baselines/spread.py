"""Baselines of the spread: constant quantiles, and quantiles scaled by an EWMA volatility.

Axes: N rows, R rows asked for, H horizons, S series.
"""

import numpy as np

from ...data.levels import Levels
from ..columns import Floats
from ..losses import pinball
from .series import Integers, sample, series_of
from .values import ValueBaseline

CHOICE_ROWS = 20_000  # rows on which the half-life is chosen
CHOICE_CELLS = 1_000_000  # of their labels
DECILES = np.arange(1, 10) / 10
LEAST = (
    0.01  # a volatility is kept above this share of that of the fitted rows: trades can stand still for long
)


class ConstantQuantiles(ValueBaseline):
    """The empirical quantiles of the label over the fitted rows, the same for every row; the point is their median.

    Where the levels are relative, the label is a return, and the quantiles are those of `Naive`, whose point is 0.
    Otherwise it is the level itself: what a climatologist would say. In a panel the labels are pooled after each
    series was brought to one size.
    """

    def _change(self, levels: Levels, rows: Integers) -> Floats:
        if levels.relative:
            return np.zeros((len(rows), 1))
        assert self.units is not None
        return (self.units.centre[series_of(levels, rows)] - levels.level[rows])[:, None]

    def _unit(self, levels: Levels, rows: Integers) -> Floats:
        if levels.relative:
            return super()._unit(levels, rows)
        assert self.units is not None
        return self.units.spread[series_of(levels, rows)][:, None]

    def _point(self, levels: Levels, rows: Integers) -> Floats:
        return self._change(levels, rows) + self._unit(levels, rows) * _medians(self.errors)


class EwmaQuantiles(ValueBaseline):
    """Quantiles of the change over the volatility of its time, times the volatility now; the point is their median.

        variance[t] = d variance[t - 1] + (1 - d) (level[t] - level[t - 1])^2,   d = 0.5^(1 / half_life)
        quantile[t, h] = sqrt(variance[t] h) * empirical quantile of change[:, h] / sqrt(variance h)

    Each series begins with the mean square of its fitted changes. A step that was not observed leaves the variance
    as it is; the change across g steps counts as g steps of equal size. The half-life is the one among 8, 16, 32 ...
    rows with the least pinball loss on 20,000 of the fitted rows, fewer where there are many horizons. It is at most
    a quarter of the fitted rows, and 2048 rows or 8 times the longest horizon.

    Source:
        J.P. Morgan and Reuters 1996, RiskMetrics Technical Document, fourth edition, section 5.2; there the
        half-life is 11 days.
    """

    def __init__(self) -> None:
        super().__init__()
        self.half_life = 8
        self._last: tuple[Levels, Floats] | None = None

    def _learn(self, levels: Levels, rows: Integers) -> None:
        assert self.units is not None
        self._last = None
        series, squares = series_of(levels, rows), _squares(levels)
        seen = np.bincount(series, minlength=len(levels.starts))
        total = np.bincount(series, weights=squares[rows], minlength=len(levels.starts))
        mean = total / np.maximum(seen, 1)
        self.start = np.where(mean > 0, mean, self.units.change**2)  # (S,)
        some = sample(rows, max(1, min(CHOICE_ROWS, CHOICE_CELLS // len(levels.horizons))))
        changes = levels.ahead(some) - levels.level[some][:, None]
        scale = self.units.change[series_of(levels, some)][:, None]
        losses = {
            half_life: _pinball(
                changes / scale,
                self._roots(variances(levels, squares, self.start, half_life), levels, some) / scale,
            )
            for half_life in half_lives(len(rows), max(levels.horizons))
        }
        self.half_life = min(losses, key=losses.__getitem__)

    def settings(self) -> str:
        """The half-life."""
        return f"a half-life of {self.half_life:,} rows"

    def volatility(self, levels: Levels) -> Floats:
        """The square root of the variance at each row, (N,)."""
        if self._last is None or self._last[0] is not levels:
            found = variances(levels, _squares(levels), self.start, self.half_life)
            self._last = (levels, found)
        return self._last[1]

    def _change(self, levels: Levels, rows: Integers) -> Floats:
        return np.zeros((len(rows), 1))

    def _unit(self, levels: Levels, rows: Integers) -> Floats:
        return self._roots(self.volatility(levels), levels, rows)

    def _roots(self, volatility: Floats, levels: Levels, rows: Integers) -> Floats:
        return volatility[rows][:, None] * np.sqrt(levels.horizons)

    def _point(self, levels: Levels, rows: Integers) -> Floats:
        return self._unit(levels, rows) * _medians(self.errors)


def half_lives(rows: int, horizon: int) -> list[int]:
    """Those to choose among: 8 rows and its doubles."""
    longest = max(8, min(rows // 4, max(2048, 8 * horizon)))
    return [2**k for k in range(3, longest.bit_length())]


def variances(levels: Levels, squares: Floats, start: Floats, half_life: float) -> Floats:
    """The square root of the exponentially weighted mean of squared changes, (N,), never far below that of `start`.

    Args:
        squares: (N,) of changes, 0 where a row was not observed.
        start: (S,) the variance before the first row of each series.
    """
    from scipy.signal import lfilter  # late: it takes half as long to load as torch

    decay = 0.5 ** (1 / half_life)
    out = np.empty(len(levels))
    for first, stop, variance in zip(levels.starts, levels.stops, start, strict=True):
        seen = np.ones(stop - first, bool) if levels.observed is None else levels.observed[first:stop]
        fresh = squares[first:stop][seen][1:]  # the first row of a series has no change
        found = lfilter([1 - decay], [1, -decay], fresh, zi=[decay * variance])[0]
        known = np.r_[variance, variance, found]  # before the series, at its first row, and then
        out[first:stop] = np.sqrt(np.maximum(known[np.cumsum(seen)], LEAST**2 * variance))
    return out


def _squares(levels: Levels) -> Floats:
    """Squared changes per step, (N,), from one observed row to the next; 0 for the others."""
    seen = np.arange(len(levels)) if levels.observed is None else np.flatnonzero(levels.observed)
    out = np.zeros(len(levels))
    gaps = np.diff(seen)
    out[seen[1:]] = np.diff(levels.level[seen]) ** 2 / gaps
    first = seen[np.searchsorted(seen, levels.starts[levels.starts <= (seen[-1] if len(seen) else -1)])]
    out[first] = 0.0  # from the series before
    return out


def _medians(errors: list[Floats]) -> Floats:
    return np.array([np.median(known) for known in errors])


def _pinball(changes: Floats, units: Floats) -> float:
    """Mean loss of the deciles of changes / units, times the units, horizon by horizon; both (R, H)."""
    total, count = 0.0, 0
    for change, unit in zip(changes.T, units.T, strict=True):
        known = np.isfinite(change)
        if not np.any(known):
            continue
        change, unit = change[known][:, None], unit[known][:, None]
        error = change - unit * np.quantile(change / unit, DECILES)
        total += float(np.sum(pinball(error, DECILES)))
        count += error.size
    return total / max(count, 1)
