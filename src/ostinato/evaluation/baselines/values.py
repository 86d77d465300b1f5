"""The base class of baselines for values; random walk, seasonal naive and drift.

A baseline says, for row t and each horizon h, by how much it expects the level to change until t + h, and in which
unit its errors come. Its quantiles are the expected change plus the empirical quantiles of its errors on the fitted
rows, horizon by horizon:

    error[t, h]     = (level[t + h] - level[t] - change[t, h]) / unit[t, h]
    quantile[t, h]  = level[t] + change[t, h] + unit[t, h] * empirical quantile of error[:, h]

and where the levels are relative, the level[t] in front is left out: the forecast is then of the return. Errors of
several series are pooled; the unit makes them alike. The errors are those on the rows it was fitted on, so a baseline
with many parameters is a little too sure of itself.

Axes: N rows, R rows asked for, H horizons, Q levels of quantiles, S series.
"""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ...data.levels import Levels
from ...errors import ConfigError, DataError
from ..columns import Floats, quantile_levels
from .series import CELLS, Integers, Units, blocks, row_numbers, sample, series_of

ERROR_ROWS = 100_000  # errors of more rows than these tell no more about a decile


class ValueBaseline(ABC):
    """What every baseline for values can do.

    A forecast for row t reads the levels of its own series up to t only; fitting reads no label of other rows than
    the fitted ones, so these must leave out the purge gap, as the rows of a split do.
    """

    needs_season = False

    def __init__(self) -> None:
        self.units: Units | None = None
        self.horizons: tuple[int, ...] = ()
        self.errors: list[Floats] = []  # for each horizon, those of the fitted rows, ascending

    def fit(self, levels: Levels, rows: ArrayLike) -> Self:
        """Learn from the labels of some rows (R,); those without a label are left out.

        Errors are taken from 100,000 of them, or fewer where there are many horizons, drawn at random.

        Raises:
            DataError: rows do not number rows, or none has a label at one of the horizons.
            ConfigError: the baseline needs a season and the levels have none.
        """
        found = np.sort(row_numbers(levels, rows))
        if self.needs_season and levels.season is None:
            raise ConfigError(f"{type(self).__name__} needs levels that have a season.")
        if levels.observed is not None:
            found = found[levels.observed[found]]
        if len(found) == 0:
            raise DataError(f"{type(self).__name__} has no row to learn from: none of them was observed.")
        self.units, self.horizons = Units.of(levels, found), levels.horizons
        self._learn(levels, found)
        some = sample(found, max(1, min(ERROR_ROWS, CELLS // len(self.horizons))))
        self.errors = self._sorted(self._errors(levels, some))
        return self

    def point(self, levels: Levels, rows: ArrayLike) -> Floats:
        """One value for each row and horizon, (R, H), of what `Levels.labels` gives.

        Raises:
            DataError: fit has not come before, or it had other horizons or another number of series.
        """
        found = self._ready(levels, rows)
        out = np.empty((len(found), len(self.horizons)))
        for block in blocks(*out.shape):
            out[block] = self._point(levels, found[block])
            if not levels.relative:
                out[block] += levels.level[found[block]][:, None]
        return out

    def quantiles(self, levels: Levels, rows: ArrayLike, at: ArrayLike) -> Floats:
        """Quantiles at some levels (Q,) within 0 and 1, ascending; (R, H, Q) float64, 8 bytes each.

        Raises:
            DataError: as `point`.   ConfigError: the levels are not ascending numbers within 0 and 1.
        """
        found, at = self._ready(levels, rows), quantile_levels(at)
        of_errors = np.array([np.quantile(errors, at) for errors in self.errors])
        out = np.empty((len(found), len(self.horizons), len(at)))
        for block in blocks(len(found), out.shape[1] * len(at)):
            some = found[block]
            out[block] = self._unit(levels, some)[:, :, None] * of_errors
            out[block] += self._change(levels, some)[:, :, None]
            if not levels.relative:
                out[block] += levels.level[some][:, None, None]
        return out

    def settings(self) -> str:
        """What was chosen of it, in words; "" where nothing was."""
        return ""

    @abstractmethod
    def _change(self, levels: Levels, rows: Integers) -> Floats:
        """How much the level is expected to change until each horizon, (R, H) or (R, 1)."""

    def _learn(self, levels: Levels, rows: Integers) -> None:  # noqa: B027
        """Fit what there is to fit; units and horizons are known."""

    def _point(self, levels: Levels, rows: Integers) -> Floats:
        return self._change(levels, rows)

    def _unit(self, levels: Levels, rows: Integers) -> Floats:
        """The unit of the errors, (R, H) or (R, 1), above 0."""
        assert self.units is not None
        return self.units.change[series_of(levels, rows)][:, None]

    def _errors(self, levels: Levels, rows: Integers) -> Floats:
        ahead = levels.ahead(rows) - levels.level[rows][:, None]
        return (ahead - self._change(levels, rows)) / self._unit(levels, rows)

    def _sorted(self, errors: Floats) -> list[Floats]:
        found = [np.sort(column[np.isfinite(column)]) for column in errors.T]
        for horizon, known in zip(self.horizons, found, strict=True):
            if len(known) == 0:
                raise DataError(
                    f"{type(self).__name__} has nothing to learn from: no fitted row has a value {horizon:,} "
                    "steps ahead. Bring more rows, or look less far ahead."
                )
        return found

    def _ready(self, levels: Levels, rows: ArrayLike) -> Integers:
        name = type(self).__name__
        if self.units is None:
            raise DataError(f"this {name} has seen no rows yet. Call fit before point and quantiles.")
        if levels.horizons != self.horizons:
            raise DataError(f"{name} was fitted for horizons {self.horizons}, got {levels.horizons}.")
        if len(levels.starts) != len(self.units.change):
            raise DataError(
                f"{name} was fitted on {len(self.units.change)} series, got {len(levels.starts)}."
            )
        return row_numbers(levels, rows)


class Naive(ValueBaseline):
    """The random walk: the last value, at every horizon."""

    def _change(self, levels: Levels, rows: Integers) -> Floats:
        return np.zeros((len(rows), 1))


class SeasonalNaive(ValueBaseline):
    """The value of the last season at the same place in it; the last value where the series is younger than that.

    Source:
        Hyndman and Athanasopoulos 2021, Forecasting: Principles and Practice, third edition, section 5.2.
    """

    needs_season = True
    season: int | None = None

    def settings(self) -> str:
        """The season."""
        return "" if self.season is None else f"a season of {self.season:,} rows"

    def _learn(self, levels: Levels, rows: Integers) -> None:
        self.season = levels.season

    def _change(self, levels: Levels, rows: Integers) -> Floats:
        assert levels.season is not None
        back = np.asarray(levels.horizons) - 1
        back = (
            back % levels.season + 1 - levels.season
        )  # from t to the same place in the last season, at most 0
        same = rows[:, None] + back
        young = same < levels.starts[series_of(levels, rows)][:, None]
        return np.where(young, 0.0, levels.level[np.where(young, 0, same)] - levels.level[rows][:, None])


class Drift(ValueBaseline):
    """The random walk with the mean step of the fitted rows, series by series; no step in a series without any."""

    def _learn(self, levels: Levels, rows: Integers) -> None:
        rows = rows[rows + 1 < levels.stops[series_of(levels, rows)]]
        series, count = series_of(levels, rows), len(levels.starts)
        total = np.bincount(series, weights=levels.level[rows + 1] - levels.level[rows], minlength=count)
        self.step = total / np.maximum(np.bincount(series, minlength=count), 1)

    def _change(self, levels: Levels, rows: Integers) -> Floats:
        return self.step[series_of(levels, rows)][:, None] * np.asarray(levels.horizons)
