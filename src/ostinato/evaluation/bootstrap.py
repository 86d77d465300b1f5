"""Block-bootstrap confidence intervals of metrics.

Neighbouring rows are alike, and labels that look h rows ahead overlap, so rows are drawn again in blocks that are
longer than the likeness lasts.

Axes: n rows, in the order of time (of a panel: moments, see `by_time`).

Source:
    Politis and Romano 1992, A circular block-resampling procedure for stationary data, in Exploring the Limits of
    Bootstrap. Politis and White 2004, Econometric Reviews 23, 53-70, with Patton, Politis and White 2009, the same 28,
    372-375, for the length of a block. Generic metrics and lengths of blocks are `arch.bootstrap`'s.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ConfigError, DataError
from ..quiet import first_import
from .columns import Floats, check_level, numbers

RESAMPLES = 1000
MOST_BLOCKS = 20_000  # in one resample; where more would be drawn, blocks are longer
LENGTH_ROWS = 100_000  # the last rows, from which the length of a block is found
DRAWN_AT_ONCE = 4_000_000


class Interval(NamedTuple):
    """From the lower to the upper quantile of the resampled metric."""

    low: float
    high: float
    block: int  # rows drawn together


def block_length(values: ArrayLike, horizon: int = 1) -> int:
    """Rows that are to be drawn together: the length that suits the mean of values (n,), at least the horizon.

    At most a third of the rows; 1 where there are fewer than 10 or all are equal.

    Raises:
        ConfigError: horizon is below 1.   DataError: values are not numbers, one per row.
    """
    with first_import("arch.bootstrap"):
        from arch.bootstrap import optimal_block_length

    if horizon < 1:
        raise ConfigError(f"horizon must be at least 1 row, got {horizon}.")
    known = _known(values)[-LENGTH_ROWS:]
    longest = max(1, len(known) // 3)
    if len(known) < 10 or np.ptp(known) == 0:
        return min(horizon, longest)
    best = float(optimal_block_length(known)["circular"].iloc[0])
    return int(np.clip(np.ceil(best) if np.isfinite(best) else 1, min(horizon, longest), longest))


def mean_interval(
    values: ArrayLike,
    horizon: int = 1,
    block: int | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """An interval for the mean of values (n,), such as losses row by row; NaN are left out.

    The circular block bootstrap with percentiles. The sums of all blocks are known at once from running sums, so that
    millions of rows take no longer than thousands; the last rows that do not fill a block are left out of a resample.

    Args:
        horizon: rows that a label looks ahead.
        block: rows drawn together; None finds them by `block_length`.
        level: share of the resamples within the interval.

    Raises:
        ConfigError: block, level or resamples are out of range.   DataError: no value is known.
    """
    known = _known(values)
    block = _checked(block_length(known, horizon) if block is None else block, len(known), level, resamples)
    block = max(block, -(-len(known) // MOST_BLOCKS))
    centre = float(np.mean(known))
    running = np.r_[0.0, np.cumsum(np.r_[known, known[: block - 1]] - centre)]
    means = (running[block:] - running[:-block]) / block  # of the block that begins at each row
    draw, count = np.random.default_rng(seed), len(known) // block
    found = np.empty(resamples)
    size = max(1, DRAWN_AT_ONCE // count)
    for start in range(0, resamples, size):
        shape = (min(size, resamples - start), count)
        found[start : start + size] = np.mean(means[draw.integers(len(means), size=shape)], axis=1)
    low, high = centre + np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), block)


def interval(
    metric: Callable[..., float],
    *columns: ArrayLike,
    block: int,
    level: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> Interval:
    """An interval for any metric of columns (n, ...) that share their rows: ``metric(*columns)``.

    The circular block bootstrap of arch, with percentiles; it costs as many calls of the metric as there are
    resamples. A resample where the metric is NaN is left out.

    Raises:
        ConfigError: block, level or resamples are out of range.   DataError: the metric is NaN in all resamples.
    """
    with first_import("arch.bootstrap"):
        from arch.bootstrap import CircularBlockBootstrap

    arrays = [np.asarray(column) for column in columns]
    block = _checked(block, len(arrays[0]), level, resamples)
    draws = CircularBlockBootstrap(block, *arrays, seed=seed)
    found = draws.apply(lambda *drawn: np.atleast_1d(metric(*drawn)), resamples)[:, 0]
    found = found[np.isfinite(found)]
    if len(found) == 0:
        raise DataError(
            f"{getattr(metric, '__name__', 'the metric')} is NaN in each of {resamples:,} resamples."
        )
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), block)


def intervals(
    rows: Mapping[str, ArrayLike],
    horizon: int = 1,
    time: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """`mean_interval` for each metric by name, from its values row by row (`direction_rows`, `by_row`).

    Metrics without a known value are left out. With mse (also that of a column,
    COLUMN.mse), rmse is given too: the roots of its ends.

    Args:
        time: (n,) when each row is, for a panel: its rows at one moment are drawn together, see `by_time`.
    """
    found = {}
    for name, values in rows.items():
        series = np.asarray(values, dtype=np.float64)
        if not np.any(np.isfinite(series)):
            continue
        series = series if time is None else by_time(series, time)
        found[name] = mean_interval(series, horizon, level=level, resamples=resamples, seed=seed)
        if name.split(".")[-1] == "mse":
            low, high, block = found[name]
            found[f"{name[:-3]}rmse"] = Interval(max(low, 0.0) ** 0.5, high**0.5, block)
    return found


def by_time(values: ArrayLike, time: ArrayLike) -> Floats:
    """The mean of the values (n,) at each moment, in the order of time, (T,); NaN are left out.

    Rows of several series at one moment are not so many independent rows: what moves one moves the others. Tests and
    intervals therefore see one number for each moment.

    Raises:
        DataError: the two are not on the same rows, or no value is known.

    >>> by_time([1.0, 3.0, 5.0], [60, 0, 60]).tolist()
    [3.0, 3.0]
    """
    values, time = numbers("values", values), numbers("time", time)
    if len(values) != len(time):
        raise DataError(f"values and time must be on the same rows, got {len(values)} and {len(time)} rows.")
    known = np.isfinite(values)
    if not np.any(known):
        raise DataError(f"none of the {len(values):,} values is known.")
    moments, place = np.unique(time[known], return_inverse=True)
    return np.bincount(place, weights=values[known], minlength=len(moments)) / np.bincount(place)


def _known(values: ArrayLike) -> Floats:
    series = numbers("values", values)
    known = series[np.isfinite(series)]
    if len(known) == 0:
        raise DataError(f"none of the {len(series):,} values is known.")
    return known


def _checked(block: int, rows: int, level: float, resamples: int) -> int:
    if not 1 <= block <= rows:
        raise ConfigError(f"block must be 1 to {rows:,} rows, got {block}.")
    check_level(level)
    if resamples < 1:
        raise ConfigError(f"resamples must be at least 1, got {resamples}.")
    return block
