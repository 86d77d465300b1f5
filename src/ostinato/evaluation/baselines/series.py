"""What baselines ask of levels: rows, changes and windows that stay within their series, and a unit for each series.

Axes: N rows, R rows asked for, S series, W steps of a window.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...data.levels import Levels
from ...errors import DataError
from ..columns import Floats

Integers = NDArray[np.int64]

CELLS = 8_000_000  # numbers held at once: 64 MB


def row_numbers(levels: Levels, rows: ArrayLike) -> Integers:
    """Rows as an array (R,) of at least one.

    Raises:
        DataError: they are not whole numbers of rows that exist.
    """
    array = np.asarray(rows)
    if array.ndim != 1 or len(array) == 0 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"rows must be a list of at least one row number, got {array.dtype} of shape {array.shape}."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= len(levels):
        raise DataError(f"rows must lie within 0 and {len(levels) - 1}, got {low} to {high}.")
    return array.astype(np.int64)


def series_of(levels: Levels, rows: Integers) -> Integers:
    """The number of the series that each row belongs to, (R,)."""
    return np.searchsorted(levels.starts, rows, side="right") - 1


def changes(levels: Levels) -> Floats:
    """level[t] - level[t - 1], (N,), 0 where a series begins."""
    found = np.diff(levels.level, prepend=levels.level[:1])
    found[levels.starts] = 0.0
    return found


def windows(values: Floats, rows: Integers, first: Integers, width: int) -> Floats:
    """values[t], values[t - 1], ... values[t - width + 1], (R, W), the newest first.

    Args:
        first: (R,) the earliest row that each may read; before it, the value there stands in.
    """
    return values[np.maximum(rows[:, None] - np.arange(width), first[:, None])]


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Slices of rows that hold about CELLS numbers at a width each."""
    size = max(1, CELLS // max(1, width))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def sample(rows: Integers, most: int) -> Integers:
    """At most so many of the rows, in their order, drawn at random, always the same ones.

    Not every k-th: that could meet the same hour of every day.
    """
    if len(rows) <= most:
        return rows
    chosen = np.random.default_rng(0).choice(len(rows), most, replace=False, shuffle=False)
    return rows[np.sort(chosen)]


@dataclass(frozen=True)
class Units:
    """A unit for each series, in which series of different size can be pooled.

    Args:
        change: (S,) mean absolute change from row to row, over the fitted rows.
        centre: (S,) mean level of the fitted rows.
        spread: (S,) standard deviation of the level of the fitted rows.

    A series without fitted rows has the mean of the others; what would be 0 is 1.
    """

    change: Floats
    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, levels: Levels, rows: Integers) -> "Units":
        """Those of the fitted rows (R,)."""
        series, count = series_of(levels, rows), len(levels.starts)
        seen = np.bincount(series, minlength=count)

        def mean(values: Floats) -> Floats:
            total = np.bincount(series, weights=values, minlength=count)
            return np.where(seen > 0, total / np.maximum(seen, 1), np.mean(values))

        level = levels.level[rows]
        centre = mean(level)
        spread = np.sqrt(mean((level - centre[series]) ** 2))
        return cls(_above_zero(mean(np.abs(changes(levels)[rows]))), centre, _above_zero(spread))


def _above_zero(values: Floats) -> Floats:
    positive = values[values > 0]
    return np.where(values > 0, values, np.mean(positive) if len(positive) else 1.0)
