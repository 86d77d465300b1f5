"""Metrics of quantile forecasts: pinball loss, coverage, width, and errors of the median.

Every function takes

    quantiles  (R, H, Q)  ascending along the last axis, finite
    at         (Q,)       their levels, ascending, within 0 and 1
    labels     (R, H)     what happened; NaN where nobody knows: such cells are left out
    scale                 see `scale_of`; None: what needs it is left out

and gives, by name,

    pinball       mean over rows, horizons and levels of max(a e, (a - 1) e), e = label - quantile, a its level
    crps          2 times the integral of the pinball loss over all levels, by the trapezoidal rule between the levels
                  given, and 0, where the loss of a distribution's own quantiles ends, at levels 0 and 1
    coverage_80   share of labels from the 0.1 to the 0.9 quantile, both included; the name follows the widest pair
                  of levels a, 1 - a that there is, and without such a pair it is left out
    width_80      mean distance between the two
    mae           mean absolute error of the median (between two levels, if 0.5 is none, on the line between them)
    mse, rmse     (root) mean squared error of `point`, the median if None
    mase          mean absolute error of the median over that of the naive forecast on the fitted rows: of a level
                  the seasonal one, a season ahead (or one row); of a return that of no change, as far ahead as is
                  foreseen
    scaled_mse    mse over the variance of the level on the fitted rows, which are all of the train part

Raises, all of them:
    DataError: shapes disagree, quantiles or points are not finite, or no label is known.
    ConfigError: at is not ascending within 0 and 1.

Axes: R rows, H horizons, Q levels.

Source:
    pinball: see `losses`. crps: Gneiting and Ranjan 2011, Journal of Business &
    Economic Statistics 29, 411-422, section 3. mase: Hyndman and Koehler 2006, International Journal of Forecasting
    22, 679-688, section 3.3, whose errors are one step ahead. For returns we scale by the naive error at the horizon
    itself: a change over many rows is larger than one over one row or one season, whatever the forecast.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..data.levels import Levels
from ..errors import DataError
from .baselines.series import Integers, blocks, row_numbers, series_of
from .columns import Floats, quantile_levels
from .losses import mean_of_known, pinball, squared

T = TypeVar("T", float, Floats)


class Scale(NamedTuple):
    """What errors are measured in, row by row; NaN where there is no such unit."""

    change: Floats  # (R,) mean absolute error of the naive forecast on the fitted rows, see `mase` above
    variance: (
        Floats  # (R,) of the level on the fitted rows; NaN for relative levels, whose variance is no measure
    )


def scale_of(levels: Levels, fitted: ArrayLike, rows: ArrayLike) -> Scale:
    """The units of rows (R,), each of its own series, found on fitted rows alone.

    The literature scales by the variance of the train part; so fitted is all of that part, without validation, but with
    the rows at its end whose labels lie beyond it: ``Fold.scaled_by``.
    """
    known, asked = row_numbers(levels, fitted), row_numbers(levels, rows)
    if levels.observed is not None:
        known = known[levels.observed[known]]
    series, count = series_of(levels, known), len(levels.starts)

    def mean(values: Floats, of: Integers) -> Floats:
        seen = np.bincount(of, minlength=count)
        return np.where(
            seen > 0, np.bincount(of, weights=values, minlength=count) / np.maximum(seen, 1), np.nan
        )

    def naive_error(steps: int) -> Floats:
        old = known - steps >= levels.starts[series]
        if levels.relative and levels.observed is not None:
            old[old] = levels.observed[known[old] - steps]
        later, of = known[old], series[old]
        return mean(np.abs(levels.level[later] - levels.level[later - steps]), of)

    ahead = levels.horizons if levels.relative else (levels.season or 1,)
    errors = np.stack([naive_error(steps) for steps in ahead], axis=1)
    change = mean_of_known(errors, np.isfinite(errors))
    level = levels.level[known]
    variance = mean((level - mean(level, series)[series]) ** 2, series)
    if levels.relative:
        variance = np.full(count, np.nan)
    mine = series_of(levels, asked)
    return Scale(_or_nan(change)[mine], _or_nan(variance)[mine])


def value_metrics(
    quantiles: ArrayLike,
    at: ArrayLike,
    labels: ArrayLike,
    scale: Scale | None = None,
    point: ArrayLike | None = None,
) -> dict[str, float]:
    """Means over all rows and horizons, by name."""
    sums, counts = _sums(_Forecast(quantiles, at, labels, scale, point))
    return _rooted({name: float(np.sum(sums[name]) / _some(np.sum(counts[name]))) for name in sums})


def by_horizon(
    quantiles: ArrayLike,
    at: ArrayLike,
    labels: ArrayLike,
    scale: Scale | None = None,
    point: ArrayLike | None = None,
) -> dict[str, Floats]:
    """Means over all rows, (H,) for each name; NaN for a horizon without labels."""
    sums, counts = _sums(_Forecast(quantiles, at, labels, scale, point))
    return _rooted({name: sums[name] / _some(counts[name]) for name in sums})


def by_row(
    quantiles: ArrayLike,
    at: ArrayLike,
    labels: ArrayLike,
    scale: Scale | None = None,
    point: ArrayLike | None = None,
) -> dict[str, Floats]:
    """Means over all horizons, (R,) for each name but rmse; NaN for a row without labels."""
    forecast = _Forecast(quantiles, at, labels, scale, point)
    parts = [
        {name: mean_of_known(values, np.isfinite(values)) for name, values in cells.items()}
        for _, cells in forecast.cells()
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def pinball_losses(quantiles: ArrayLike, at: ArrayLike, labels: ArrayLike) -> Floats:
    """The mean over horizons and levels for each row, (R,), for a test of equal losses; NaN without labels."""
    forecast = _Forecast(quantiles, at, labels, None, None)
    out = np.empty(len(forecast.labels))
    for rows in forecast.blocks():
        losses = np.mean(forecast.pinball(rows), axis=2)
        out[rows] = mean_of_known(losses, np.isfinite(losses))
    return out


class _Forecast:
    """Checked arrays, read in blocks of rows."""

    def __init__(
        self,
        quantiles: ArrayLike,
        at: ArrayLike,
        labels: ArrayLike,
        scale: Scale | None,
        point: ArrayLike | None,
    ) -> None:
        self.at, self.quantiles, self.labels = quantile_levels(at), np.asarray(quantiles), np.asarray(labels)
        self.scale, self.point = scale, None if point is None else np.asarray(point)
        if self.labels.ndim != 2 or self.quantiles.shape != (*self.labels.shape, len(self.at)):
            raise DataError(
                f"quantiles must be (rows, horizons, {len(self.at)} levels) for labels (rows, horizons), got "
                f"{self.quantiles.shape} for {self.labels.shape}."
            )
        if self.point is not None and self.point.shape != self.labels.shape:
            raise DataError(f"point must be {self.labels.shape} like the labels, got {self.point.shape}.")
        if not np.any(np.isfinite(self.labels)):
            raise DataError(
                f"none of the {len(self.labels):,} rows has a label, so there is nothing to judge."
            )
        for name, values in (("quantiles", self.quantiles), ("point", self.point)):
            if values is not None and not all(np.all(np.isfinite(values[rows])) for rows in self.blocks()):
                raise DataError(f"{name} must be finite, and some are NaN or infinite.")

    def blocks(self) -> Iterator[slice]:
        return blocks(len(self.labels), self.labels.shape[1] * len(self.at))

    def pinball(self, rows: slice) -> Floats:
        """The loss of each level, (r, H, Q)."""
        return pinball(self.labels[rows][:, :, None] - self.quantiles[rows], self.at)

    def cells(self) -> Iterator[tuple[slice, dict[str, Floats]]]:
        """For each block of rows, what the metrics are means of, (r, H), NaN without a label."""
        pair = central_pair(self.at)
        for rows in self.blocks():
            label, quantiles, loss = self.labels[rows], self.quantiles[rows], self.pinball(rows)
            known = np.isfinite(label)
            ended = np.concatenate([np.zeros((*label.shape, 1)), loss, np.zeros((*label.shape, 1))], axis=2)
            found = {
                "pinball": np.mean(loss, axis=2),
                "crps": 2 * np.trapezoid(ended, np.r_[0.0, self.at, 1.0], axis=2),
            }
            if pair is not None:
                low, high = quantiles[:, :, pair[0]], quantiles[:, :, pair[1]]
                share = f"{100 * (self.at[pair[1]] - self.at[pair[0]]):.0f}"
                found[f"coverage_{share}"] = np.where(known, (label >= low) & (label <= high), np.nan)
                found[f"width_{share}"] = np.where(known, high - low, np.nan)
            median = medians(quantiles, self.at)
            found["mae"] = np.abs(label - median)
            found["mse"] = squared(label - (median if self.point is None else self.point[rows]))
            if self.scale is not None:
                found["mase"] = found["mae"] / self.scale.change[rows][:, None]
                found["scaled_mse"] = found["mse"] / self.scale.variance[rows][:, None]
            yield rows, found


def medians(quantiles: Floats, at: Floats) -> Floats:
    """The quantile at 0.5, (R, H), on the line between its neighbours where it is none of the levels."""
    after = int(np.clip(np.searchsorted(at, 0.5 - 1e-9), 0, len(at) - 1))
    if abs(at[after] - 0.5) < 1e-9 or after == 0 or at[after] < 0.5:
        return quantiles[:, :, after]
    weight = (0.5 - at[after - 1]) / (at[after] - at[after - 1])
    return (1 - weight) * quantiles[:, :, after - 1] + weight * quantiles[:, :, after]


def central_pair(at: Floats) -> tuple[int, int] | None:
    """Places of the widest pair of levels a and 1 - a; None if there is none."""
    for low in range(len(at)):
        for high in range(len(at) - 1, low, -1):
            if abs(at[low] + at[high] - 1) < 1e-9:
                return low, high
    return None


def _sums(forecast: _Forecast) -> tuple[dict[str, Floats], dict[str, Integers]]:
    """Sums over rows, (H,), and how many cells are in each."""
    sums: dict[str, Floats] = {}
    counts: dict[str, Integers] = {}
    for _, cells in forecast.cells():
        for name, values in cells.items():
            sums[name] = sums.get(name, 0.0) + np.nansum(values, axis=0)
            counts[name] = counts.get(name, 0) + np.sum(np.isfinite(values), axis=0)
    return sums, counts


def _rooted(found: dict[str, T]) -> dict[str, T]:
    """With rmse behind mse."""
    out: dict[str, T] = {}
    for name, value in found.items():
        out[name] = value
        if name == "mse":
            out["rmse"] = value**0.5
    return out


def _some(count: ArrayLike) -> Floats:
    """Counts as divisors: NaN for none."""
    return np.where(np.asarray(count) > 0, count, np.nan)


def _or_nan(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)
