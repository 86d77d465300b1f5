"""``Levels``: the quantity that is forecast, its horizons, and its labels.

Axes: N rows, H horizons, R rows asked for.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from .panel import Panel


@dataclass(frozen=True, eq=False)
class Levels:
    """One quantity of one or more series, and the horizons at which it is forecast.

    Args:
        level: (N,) float64: the logarithm of a price, or a column of a table.
        starts: (S,) the row with which each series begins.
        horizons: steps ahead, ascending, each at least 1. (H,)
        relative: a label is level[t + h] - level[t], a return, rather than level[t + h].
        season: rows after which the series is likely to look alike, or None.
        observed: (N,) bool, or None where every row was.
    """

    level: np.ndarray
    starts: np.ndarray
    horizons: tuple[int, ...]
    relative: bool
    season: int | None = None
    observed: np.ndarray | None = None

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in zip(self.horizons, self.horizons[1:], strict=False))
        if not self.horizons or self.horizons[0] < 1 or not ascending:
            raise ConfigError(f"horizons must be ascending steps from 1 on, got {self.horizons}.")

    def __len__(self) -> int:
        return len(self.level)

    @property
    def stops(self) -> np.ndarray:
        """The row after the last one of each series, (S,)."""
        return np.append(self.starts[1:], len(self))

    def ends(self) -> np.ndarray:
        """The row after the last one of the series that each row belongs to, (N,)."""
        return np.repeat(self.stops, self.stops - self.starts)

    def ahead(self, rows: np.ndarray | None = None) -> np.ndarray:
        """The level at each horizon after each row, (R, H); NaN beyond the end of a series and where it was not seen.

        None means all rows.
        """
        rows = np.arange(len(self)) if rows is None else np.asarray(rows)
        level = self.level if self.observed is None else np.where(self.observed, self.level, np.nan)
        later = rows[:, None] + np.asarray(self.horizons)
        beyond = later >= self.ends()[rows][:, None]
        return np.where(beyond, np.nan, level[np.where(beyond, 0, later)])

    def labels(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Labels, (R, H): ``ahead``, less the level at the row itself where ``relative``.

        NaN for a row that was not observed.
        """
        rows = np.arange(len(self)) if rows is None else np.asarray(rows)
        ahead = self.ahead(rows)
        if self.observed is not None:
            ahead = np.where(self.observed[rows][:, None], ahead, np.nan)
        return ahead - self.level[rows][:, None] if self.relative else ahead


def levels_of(panel: Panel, column: str | None, horizons: tuple[int, ...]) -> Levels:
    """Levels of a column, or of the logarithm of the price, whose labels are returns, for None.

    Raises:
        DataError: there is no such column, or no price.
    """
    level = np.log(panel.price) if column is None else panel.column(column)
    return Levels(level, panel.starts, horizons, column is None, panel.season, panel.observed)
