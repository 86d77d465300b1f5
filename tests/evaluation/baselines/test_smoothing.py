"""Exponential smoothing against statsmodels: the same states, the same forecasts, sensible parameters."""

import numpy as np
import pytest
from statsmodels.tsa import holtwinters

from ostinato.data.levels import Levels
from ostinato.evaluation.baselines import ExponentialSmoothing, Naive, smoothing
from ostinato.evaluation.baselines.smoothing import Smoothing, begin, old_enough, smooth


def seasonal(n, season, seed=0, noise=1.0):
    draw, t = np.random.default_rng(seed), np.arange(n)
    return (
        0.01 * np.cumsum(draw.normal(size=n))
        + 5 * np.sin(2 * np.pi * t / season)
        + noise * draw.normal(size=n)
    )


def levels_of(values, starts=(0,), horizons=(1, 2, 7), season=None, observed=None):
    return Levels(np.asarray(values, float), np.array(starts), horizons, False, season, observed)


PARAMETERS = [
    Smoothing(0.3, 0.2, 0.0, 0.9, 1),
    Smoothing(1.0, 0.0, 0.0, 0.0, 1),
    Smoothing(0.4, 0.1, 0.2, 0.95, 5),
    Smoothing(0.05, 0.0, 0.7, 0.8, 12),
]


@pytest.mark.parametrize("p", PARAMETERS, ids=str)
@pytest.mark.parametrize("last", [60, 131, 199])
def test_forecasts_are_statsmodels_own(p, last):
    values = seasonal(200, 5)
    levels = levels_of(values, season=p.rows if p.rows > 1 else None)
    ours = ExponentialSmoothing().fit(levels, np.arange(150))
    ours.parameters, ours._last = p, None
    level, of_season = begin(values, p.rows)
    with_season = p.rows > 1
    theirs = holtwinters.ExponentialSmoothing(
        values[old_enough(p.rows) : last + 1],
        trend="add",
        damped_trend=True,
        seasonal="add" if with_season else None,
        seasonal_periods=p.rows if with_season else None,
        initialization_method="known",
        initial_level=level,
        initial_trend=0.0,
        initial_seasonal=of_season if with_season else None,
    ).fit(
        smoothing_level=p.level,
        smoothing_trend=p.trend,
        smoothing_seasonal=p.season if with_season else None,
        damping_trend=p.damping,
        optimized=False,
    )
    np.testing.assert_allclose(ours.point(levels, [last])[0], theirs.forecast(7)[[0, 1, 6]], rtol=1e-9)


def test_filters_stay_exact_over_long_series():
    p, values = Smoothing(0.3, 0.1, 0.2, 0.9, 4), seasonal(20_000, 4)
    found = smooth(levels_of(values, season=4), p)
    level, of_season = begin(values, 4)
    trend, season = 0.0, list(of_season)
    for t in range(8, len(values)):
        error = values[t] - level - p.damping * trend - season[0]
        level, trend = (
            level + p.damping * trend + p.level * error,
            p.damping * trend + p.level * p.trend * error,
        )
        season = [*season[1:], season[0] + p.season * error]
    np.testing.assert_allclose(
        [found.level[-1], found.trend[-1], found.season[-1]], [level, trend, season[-1]], rtol=1e-8
    )


def test_the_fitted_one_is_near_the_noise():
    values = seasonal(2000, 24)
    levels, test = levels_of(values, horizons=tuple(range(1, 25)), season=24), np.arange(1500, 1970)
    error = ExponentialSmoothing().fit(levels, np.arange(1400)).point(levels, test) - levels.labels(test)
    assert np.mean(error**2) == pytest.approx(1.0, abs=0.2)
    naive = Naive().fit(levels, np.arange(1400)).point(levels, test) - levels.labels(test)
    assert np.mean(naive**2) > 10


def test_a_random_walk_is_found_to_be_one():
    values = np.cumsum(np.random.default_rng(0).normal(size=3000))
    fitted = ExponentialSmoothing().fit(levels_of(values), np.arange(2900))
    assert fitted.parameters.level > 0.9


@pytest.mark.parametrize("young", [1, 5, 47])
def test_a_series_younger_than_two_seasons_is_naive(young):
    values = np.r_[seasonal(400, 24), 7 + seasonal(young, 24)]
    levels = levels_of(values, (0, 400), season=24)
    found = ExponentialSmoothing().fit(levels, np.arange(390)).point(levels, [400 + young - 1])
    np.testing.assert_array_equal(found[0], values[-1])


def test_few_rows_or_a_long_season_do_without():
    few = ExponentialSmoothing().fit(levels_of(seasonal(40, 24), season=24), np.arange(20))
    assert few.parameters == Smoothing()
    long = ExponentialSmoothing().fit(levels_of(seasonal(600, 24), season=1440), np.arange(500))
    assert long.parameters.rows == 1


def test_what_was_not_observed_stands_in_from_a_season_before():
    values, seen = seasonal(300, 6), np.ones(300, bool)
    seen[200:206] = False
    carried = np.where(seen, values, values[199])
    patched = np.r_[values[:200], values[194:200], values[206:]]
    levels = levels_of(carried, season=6, observed=seen)
    fitted = ExponentialSmoothing().fit(levels, np.arange(150))
    np.testing.assert_allclose(
        fitted.states(levels).level[-1], smooth(levels_of(patched, season=6), fitted.parameters).level[-1]
    )


def test_parameters_that_never_forget_are_not_used():
    assert all(smoothing.forgets(p) for p in PARAMETERS)
    assert not smoothing.forgets(Smoothing(level=2.5))
