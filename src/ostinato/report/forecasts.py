"""predictions.parquet as arrays: one part for each column, series and horizon.

Axes: n rows of a part, Q levels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..errors import BrokenRunError
from ..evaluation import log_losses, pinball_losses
from ..evaluation.losses import squared
from ..evaluation.quantile_metrics import medians
from ..runs.predictions import QUANTILE, quantile_level, read_predictions
from .facts import Facts


@dataclass(frozen=True, eq=False)
class ForecastPart:
    """Forecasts of one quantity, by row; n may be the number of all of them."""

    row: np.ndarray  # (n,)
    seconds: np.ndarray  # (n,) since the Unix epoch, when the forecast was made; NaN where that is not known
    horizon: np.ndarray  # (n,) rows ahead
    series: np.ndarray  # (n,) place in `Forecasts.series`
    actual: np.ndarray  # (n,) NaN where it is not known
    forecast: np.ndarray  # (n,) p_up, or (n, Q) quantiles
    levels: np.ndarray  # (Q,) ascending; empty for p_up

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: np.ndarray | slice) -> "ForecastPart":
        """Some of the rows."""
        columns = (self.row, self.seconds, self.horizon, self.series, self.actual, self.forecast)
        row, seconds, horizon, series, actual, forecast = (column[rows] for column in columns)
        return ForecastPart(row, seconds, horizon, series, actual, forecast, self.levels)

    @property
    def known(self) -> "ForecastPart":
        """The rows with a known outcome."""
        finite = np.isfinite(self.actual)
        return self if finite.all() else self.take(finite)

    @property
    def in_order(self) -> bool:
        """Whether rows ascend, and horizons within a row. Of millions of rows a copy in order is much memory."""
        same = self.row[1:] == self.row[:-1]
        rises = (self.row[1:] > self.row[:-1]) | (same & (self.horizon[1:] >= self.horizon[:-1]))
        return bool(rises.all())

    @property
    def middle(self) -> np.ndarray:
        """The median, or p_up, (n,)."""
        if not len(self.levels):
            return self.forecast
        return medians(self.forecast[:, None], self.levels)[:, 0]

    def losses(self, measure: str) -> np.ndarray:
        """The tested loss of each row (n,), of a part that is `known`: log-loss, pinball loss or squared error."""
        if not len(self.levels):
            return log_losses(self.forecast, self.actual)
        if measure == "mse":
            return squared(self.actual - self.middle)
        return pinball_losses(self.forecast[:, None], self.levels, self.actual[:, None])


@dataclass(frozen=True, eq=False)
class Forecasts:
    """All of a run's forecasts of the test part."""

    whole: ForecastPart
    columns: tuple[str, ...]
    series: tuple[str, ...]
    horizons: tuple[int, ...]
    column: np.ndarray  # (n,) place of each row in `columns`

    @property
    def direction(self) -> bool:
        """Whether they are probabilities of "up"."""
        return not len(self.whole.levels)

    def part(self, column: int = 0, series: int | None = None, horizon: int | None = None) -> ForecastPart:
        """One column, in the order of rows; of one series or all, at one horizon or all."""
        kept = self.column == column
        if series is not None:
            kept &= self.whole.series == series
        if horizon is not None:
            kept &= self.whole.horizon == horizon
        found = self.whole if kept.all() else self.whole.take(np.flatnonzero(kept))
        return found if found.in_order else found.take(np.lexsort((found.horizon, found.row)))


def read_forecasts(path: Path, facts: Facts) -> Forecasts | None:
    """predictions.parquet; None if it is missing or empty.

    Raises:
        BrokenRunError: it is damaged, hostile, or not what such a file holds.
        RunError: the system does not let us read it.
    """
    if not path.exists():
        return None
    frame = read_predictions(path)
    names = sorted((name for name in frame.columns if QUANTILE.fullmatch(name)), key=quantile_level)
    names = [name for name in names if quantile_level(name) > 0]
    if not len(frame) or not ("p_up" in frame.columns or names):
        return None
    # each column is dropped once it is an array: of millions of rows both would be much memory
    several = _tells_series(frame, facts)
    id, count = frame.drop_in_place("id"), len(frame)
    series, of = _places(id) if several else (("",), np.zeros(count, np.int32))
    del id
    columns, column = (
        _places(frame.drop_in_place("column"))
        if "column" in frame.columns
        else (("",), np.zeros(count, np.int32))
    )
    actual = _numbers(frame.drop_in_place("actual")) if "actual" in frame.columns else np.full(count, np.nan)
    if np.isinf(actual).any():
        actual = np.where(np.isfinite(actual), actual, np.nan)
    if "p_up" in frame.columns:
        if np.any(np.isfinite(actual) & (actual != 0) & (actual != 1)):
            raise BrokenRunError(f"{path}: actual must be 0 or 1 beside p_up.")
        forecast, levels = _numbers(frame.drop_in_place("p_up")), np.empty(0)
    else:
        forecast, levels = np.empty((count, len(names))), np.array([quantile_level(name) for name in names])
        for place, name in enumerate(names):
            forecast[:, place] = _numbers(frame.drop_in_place(name))
    given = frame.drop_in_place("horizon") if "horizon" in frame.columns else None
    horizon = np.full(count, facts.horizon, np.int32) if given is None else _whole(given, 1, 1_000_000)
    row = _whole(frame.drop_in_place("row"), -(2**62), 2**62)
    whole = ForecastPart(row, _seconds(frame.drop_in_place("time")), horizon, of, actual, forecast, levels)
    return Forecasts(whole, columns, series, tuple(int(h) for h in np.unique(horizon)), column)


def _whole(column: pl.Series, least: int, most: int) -> np.ndarray:
    """Whole numbers within bounds, (n,), the least for none."""
    kept = column.cast(pl.Int64, strict=False).fill_null(max(least, 0)).clip(least, most)
    return kept.cast(pl.Int32 if most < 2**31 else pl.Int64).to_numpy()


def _numbers(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _seconds(column: pl.Series) -> np.ndarray:
    if column.dtype.is_temporal():
        if not isinstance(column.dtype, pl.Date | pl.Datetime):
            return np.full(len(column), np.nan)
        column = column.cast(pl.Datetime("ms")).cast(pl.Int64).cast(pl.Float64) / 1000
    return _numbers(column)


def _tells_series(frame: pl.DataFrame, facts: Facts) -> bool:
    return facts.several_series and frame["id"].dtype == pl.String


def _places(column: pl.Series) -> tuple[tuple[str, ...], np.ndarray]:
    """The names in a column of text in the order in which they come, and which each row has, (n,)."""
    text = column.fill_null("")
    names = text.unique(maintain_order=True)
    places = text.replace_strict(names, pl.Series(np.arange(len(names))), return_dtype=pl.Int32)
    return tuple(names.to_list()), places.to_numpy()
