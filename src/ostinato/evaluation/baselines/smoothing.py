"""Exponential smoothing: a level, a damped trend and a season that follow the series.

Axes: N rows, R rows asked for, H horizons, m rows of a season.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...data.levels import Levels
from ...quiet import first_import, without_warnings
from ..columns import Floats
from .series import Integers, series_of
from .values import ValueBaseline

FITTED_ROWS = 3_000  # the last of the fitted rows, from which the parameters are estimated
FEWEST_ROWS = 30  # below this they are not estimated
LONGEST_SEASON = 400  # beyond this the season is left out: estimation takes minutes


@dataclass(frozen=True)
class Smoothing:
    """Parameters, as Hyndman and Athanasopoulos 2021 write them (sections 8.2 and 8.3).

    Args:
        level: α.   trend: β*, a share of α.   season: γ, at most 1 - α.   damping: φ, 0 without a trend.
        rows: of a season, m; 1 without one.
    """

    level: float = 1.0
    trend: float = 0.0
    season: float = 0.0
    damping: float = 0.0
    rows: int = 1


@dataclass(frozen=True)
class States:
    """What is known after each row; (N,) each. Zeros before a series is old enough, see `begin`."""

    level: Floats
    trend: Floats
    season: Floats  # for the place in the season that the row has
    old_enough: np.ndarray


class ExponentialSmoothing(ValueBaseline):
    """Holt and Winters' additive method with a damped trend, a season where there is one of at most 400 rows.

        e[t] = y[t] - (l[t-1] + φ b[t-1] + s[t-m])
        l[t] = l[t-1] + φ b[t-1] + α e[t],   b[t] = φ b[t-1] + α β* e[t],   s[t] = s[t-m] + γ e[t]
        forecast[t, h] = l[t] + (φ + ... + φ^h) b[t] + s[t + h - m ceil(h / m)]

    The parameters are estimated by statsmodels on up to 3,000 rows that end with the last fitted row, or four
    seasons where these are longer, of the series that has most fitted rows; all series share them. Every series
    begins with its own first two seasons, and with the last value before these are over. A row that was not observed
    counts as the row a season before, or as the last value.

    Source:
        Holt 1957, Winters 1960; Gardner and McKenzie 1985 for the damping. Estimation: statsmodels,
        `tsa.holtwinters.ExponentialSmoothing`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parameters = Smoothing()
        self._last: tuple[Levels, States] | None = None

    def settings(self) -> str:
        """The season, which may have been left out."""
        rows = self.parameters.rows
        return f"a season of {rows:,} rows" if rows > 1 else "no season"

    def states(self, levels: Levels) -> States:
        """Level, trend and season after each row."""
        if self._last is None or self._last[0] is not levels:
            self._last = (levels, smooth(levels, self.parameters))
        return self._last[1]

    def _learn(self, levels: Levels, rows: Integers) -> None:
        self._last = None
        series = series_of(levels, rows)
        longest = int(np.argmax(np.bincount(series)))
        stop = int(rows[series == longest][-1]) + 1
        season = levels.season if levels.season and 2 <= levels.season <= LONGEST_SEASON else 1
        first = max(int(levels.starts[longest]), stop - max(FITTED_ROWS, 4 * season))
        self.parameters = estimate(filled(levels, first, stop, season), season)

    def _change(self, levels: Levels, rows: Integers) -> Floats:
        found, p = self.states(levels), self.parameters
        horizons = np.asarray(levels.horizons)
        same = (horizons - 1) % p.rows + 1 - p.rows  # from t to the same place in the last season, at most 0
        damped = np.cumsum(p.damping ** np.arange(1, horizons[-1] + 1))[horizons - 1]
        ahead = found.level[rows][:, None] + damped * found.trend[rows][:, None]
        ahead = ahead + found.season[np.maximum(rows[:, None] + same, 0)] - levels.level[rows][:, None]
        return np.where(found.old_enough[rows][:, None], ahead, 0.0)


def estimate(values: Floats, season: int) -> Smoothing:
    """Parameters with the least squared error one step ahead, (n,) values; the last value where these are too few."""
    with first_import("statsmodels.tsa.holtwinters"):
        from statsmodels.tsa import holtwinters

    season = season if len(values) >= max(4 * season, FEWEST_ROWS) else 1
    size = float(np.mean(np.abs(np.diff(values)))) if len(values) >= FEWEST_ROWS else 0.0
    if size == 0.0:
        return Smoothing()
    values = (values - values[0]) / size
    level, of_season = begin(values, season)
    with without_warnings():  # an optimiser that stops early has still found parameters
        model = holtwinters.ExponentialSmoothing(
            values[old_enough(season) :],
            trend="add",
            damped_trend=True,
            seasonal="add" if season > 1 else None,
            seasonal_periods=season if season > 1 else None,
            initialization_method="known",
            initial_level=level,
            initial_trend=0.0,
            initial_seasonal=of_season if season > 1 else None,
        )
        found = model.fit().params
    parameters = Smoothing(
        level=float(found["smoothing_level"]),
        trend=float(found["smoothing_trend"]),
        season=float(found["smoothing_seasonal"]) if season > 1 else 0.0,
        damping=float(found["damping_trend"]),
        rows=season,
    )
    return parameters if forgets(parameters) else Smoothing()


def forgets(parameters: Smoothing) -> bool:
    """Whether an error of long ago has died away; the usual bounds of the parameters do not see to it."""
    from scipy.signal import lfilter  # late: it takes half as long to load as torch

    past = np.zeros(50 * parameters.rows + 1_000)
    past[0] = 1.0
    answer = lfilter(*_error_filter(parameters), past)
    return bool(np.all(np.isfinite(answer)) and np.max(np.abs(answer[-2 * parameters.rows :])) < 1.0)


def old_enough(season: int) -> int:
    """Rows with which a series begins."""
    return 2 * season if season > 1 else 1


def begin(values: Floats, season: int) -> tuple[float, Floats]:
    """The level after the first `old_enough` values, and what each of the next m rows is above it, (m,)."""
    if season == 1:
        return float(values[0]), np.zeros(1)
    two = values[: 2 * season].reshape(2, season)
    return float(np.mean(two[1])), np.mean(two - np.mean(two, axis=1, keepdims=True), axis=0)


def filled(levels: Levels, first: int, stop: int, season: int) -> Floats:
    """The level of rows of one series, (n,), with the value of a season before where a row was not observed."""
    values = levels.level[first:stop].copy()
    if levels.observed is not None and season > 1:
        for row in np.flatnonzero(~levels.observed[first:stop]):
            if row >= season:
                values[row] = values[row - season]
    return values


def smooth(levels: Levels, parameters: Smoothing) -> States:
    """Level, trend and season after each row of every series."""
    n, season = len(levels), parameters.rows
    states = States(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, dtype=bool))
    young = old_enough(season)
    for first, stop in pairwise([*levels.starts.tolist(), n]):
        if stop - first < young:
            continue
        values = filled(levels, first, stop, season)
        level, of_season = begin(values, season)
        states.level[first + young - 1] = level
        if season > 1:
            states.season[first + young - season : first + young] = of_season
        states.old_enough[first + young - 1 : stop] = True
        rest = slice(first + young, stop)
        found = _follow(values[young:], level, of_season, parameters)
        states.level[rest], states.trend[rest], states.season[rest] = found
    return states


def _follow(values: Floats, level: float, of_season: Floats, p: Smoothing) -> tuple[Floats, Floats, Floats]:
    """The recursion of the class, as filters. What the first states alone would give is taken off the values."""
    from scipy.signal import lfilter  # late: it takes half as long to load as torch

    places = np.resize(of_season, len(values))
    errors = lfilter(*_error_filter(p), values - level - places)
    trend = lfilter([p.level * p.trend], [1.0, -p.damping], errors)
    before = np.r_[0.0, trend[:-1]] if len(trend) else trend
    levels = level + np.cumsum(p.level * errors + p.damping * before)
    if p.rows == 1:
        return levels, trend, np.zeros(len(values))
    whole = np.resize(np.r_[errors, np.zeros(-len(errors) % p.rows)], (-(-len(errors) // p.rows), p.rows))
    season = places + p.season * np.cumsum(whole, axis=0).ravel()[: len(errors)]
    return levels, trend, season


def _error_filter(p: Smoothing) -> tuple[Floats, Floats]:
    """Numerator and denominator that turn values, with zero states before them, into errors e.

    With the season, level and season share the factor 1 - B, which is divided out:

        (1 - φB)(1 - B^m) y = [(1 - φB)(1 - B^m) + (αB(1 - φB) + φαβ*B)(1 + B + ... + B^(m-1)) + γB^m (1 - φB)] e
    """
    damp = np.array([1.0, -p.damping])
    whole = np.zeros(p.rows + 1)
    whole[0], whole[-1] = 1.0, -1.0
    above = np.convolve(damp, whole)
    follow = np.array([0.0, p.level + p.damping * p.level * p.trend, -p.damping * p.level])
    below = above + np.convolve(follow, np.ones(p.rows))
    late = np.zeros(p.rows + 1)
    late[-1] = p.season
    return above, below + np.convolve(late, damp)
