"""The cosine test against SciPy's transform and t distribution, the published rule for B, and its own size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, signal, stats

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation.mean_test import (
    FEWEST_DEGREES,
    cosine_coefficients,
    degrees_of,
    mean_test,
    most_degrees,
    persistence,
)


def written_out(d, degrees):
    """Equations 5 to 7 of the paper, term by term."""
    n, mean = len(d), np.mean(d)
    t = np.arange(1, n + 1)
    terms = [
        np.sqrt(2 / n) * np.sum((d - mean) * np.cos(np.pi * j * (t - 0.5) / n)) for j in range(1, degrees + 1)
    ]
    return mean / np.sqrt(np.mean(np.square(terms)) / n)


@pytest.mark.parametrize(("n", "horizon"), [(60, 1), (101, 1), (400, 6), (1000, 24)])
def test_statistic_p_and_interval_are_those_of_the_paper(n, horizon):
    d = np.random.default_rng(n).normal(0.1, 1, n)
    found = mean_test(d, horizon)
    degrees = found.degrees
    assert degrees <= min(0.4 * n ** (2 / 3), n / (2 * horizon))
    statistic = written_out(d, degrees)
    assert found.statistic == pytest.approx(statistic, rel=1e-10)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(statistic), degrees), rel=1e-10)
    ends = stats.t.interval(0.95, degrees, np.mean(d), abs(np.mean(d) / statistic))
    assert (found.low, found.high) == pytest.approx(ends, rel=1e-9)


@pytest.mark.parametrize("n", [7, 8, 101, 1024])
def test_coefficients_are_the_cosine_transform_of_scipy(n):
    d = np.random.default_rng(n).normal(size=n)
    theirs = fft.dct(d, type=2, norm="ortho")
    assert cosine_coefficients(d, n - 1) == pytest.approx(theirs[1:], abs=1e-12)


def test_degrees_follow_the_rule_and_say_before_training_what_cannot_be_judged():
    assert most_degrees(58) < FEWEST_DEGREES <= most_degrees(59)
    assert most_degrees(12 * 50 - 1, 50) < FEWEST_DEGREES == most_degrees(12 * 50, 50)
    assert [most_degrees(n) for n in (0, 1, 1000)] == [0, 0, 39]
    with pytest.raises(ConfigError, match="horizon must be at least 1 row, got 0"):
        most_degrees(100, 0)


def test_persistence_is_corrected_for_its_bias_and_bounded():
    d = signal.lfilter([1], [1, -0.5], np.random.default_rng(0).normal(size=4000))
    estimate = np.corrcoef(d[1:], d[:-1])[0, 1]
    rho = estimate + (1 + 4 * estimate) / 4000
    assert persistence(d) == pytest.approx((1 + rho) / (1 - rho), rel=2e-3)
    assert persistence(np.arange(500.0)) == pytest.approx(1.98 / 0.02)
    assert persistence(np.tile([1.0, -1.0], 300)) == 1  # neighbours that are unlike are not counted twice


def test_near_the_least_degrees_the_upper_bound_of_rho_counts():
    """At 150 rows rho of 0.85 leaves six degrees; series of 0.8 are judged only where the bound allows it."""
    draw = np.random.default_rng(1)
    series = [signal.lfilter([1], [1, -0.8], draw.normal(size=400))[-150:] for _ in range(300)]
    judged = np.mean([degrees_of(one, 1) >= FEWEST_DEGREES for one in series])
    assert judged < 0.5  # by the estimate alone it would be 0.8


def test_neighbours_that_are_alike_leave_fewer_degrees():
    draw = np.random.default_rng(2)
    noise = draw.normal(size=1000)
    alike = signal.lfilter([1], [1, -0.9], noise)
    assert degrees_of(alike, 1) < degrees_of(noise, 1) == most_degrees(1000)
    assert degrees_of(alike, 1, ordered=False) == most_degrees(1000)


@pytest.mark.parametrize("values", [np.zeros(100), np.full(100, 0.3), np.full(100, 0.1) + 1e-17])
def test_constant_values_give_no_p(values):
    found = mean_test(values)
    assert (found.statistic, found.p_value, found.low, found.high) == (None, None, None, None)
    assert found.mean == pytest.approx(values[0])
    assert found.degrees == most_degrees(100)


def test_a_spread_that_is_rounding_of_large_losses_is_no_spread():
    spread = np.random.default_rng(3).normal(0, 1e-10, 200)
    assert mean_test(spread, scale=1e6).p_value is None
    assert mean_test(spread).p_value is not None


def test_too_few_rows_give_the_mean_alone():
    found = mean_test(np.arange(30.0))
    assert (found.mean, found.rows, found.p_value, found.low) == (14.5, 30, None, None)


@settings(max_examples=50, deadline=None)
@given(st.integers(60, 300), st.integers(1, 5), st.floats(-100, 100), st.floats(0.01, 100))
def test_sign_and_unit_change_nothing_else(n, horizon, shift, unit):
    d = np.random.default_rng(n).normal(size=n) + shift / 100
    found, other = mean_test(d, horizon), mean_test(-unit * d, horizon)
    assert other.degrees == found.degrees
    if found.p_value is not None:
        assert other.p_value == pytest.approx(found.p_value, rel=1e-6, abs=1e-12)
        assert other.high == pytest.approx(-unit * found.low, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("rho", "most"), [(0.0, 0.02), (0.5, 0.025), (0.9, 0.035)])
def test_its_size_is_near_one_percent_where_bartletts_is_not(rho, most):
    draw = np.random.default_rng(4)
    series = [signal.lfilter([1], [1, -rho], draw.normal(size=1200))[-1000:] for _ in range(1500)]
    p_values = [mean_test(one).p_value for one in series]
    assert np.mean([p is not None and p < 0.01 for p in p_values]) <= most


@pytest.mark.parametrize(
    ("values", "kwargs", "error", "words"),
    [
        ([1.0, np.nan], {}, DataError, "must be finite, got nan in row 1"),
        ([], {}, DataError, "at least one row"),
        ([1.0, 2.0], {"horizon": 0}, ConfigError, "horizon must be at least 1 row"),
        ([1.0, 2.0], {"level": 1.0}, ConfigError, "level must be above 0 and below 1"),
    ],
)
def test_bad_input_is_refused(values, kwargs, error, words):
    with pytest.raises(error, match=words):
        mean_test(values, **kwargs)
