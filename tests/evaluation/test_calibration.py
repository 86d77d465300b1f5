"""Tables of reliability and coverage against counting, statsmodels and what is known of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn.calibration import calibration_curve

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import coverage, expected_calibration_error, reliability

AT = np.arange(1, 10) / 10


def test_equal_to_scikit_learn_where_forecasts_differ():
    draw = np.random.default_rng(0)
    p = draw.random(1000)
    up = draw.random(1000) < p**2
    share, forecast = calibration_curve(up, p, n_bins=10, strategy="quantile")
    found = reliability(p, up)
    np.testing.assert_allclose(found.p, forecast, atol=2e-3)
    np.testing.assert_allclose(found.up, share, atol=0.02)  # a row at an edge may fall to either side
    assert np.ptp(found.rows) <= 1


def test_wilsons_interval_is_scipys():
    found = reliability([0.2] * 10 + [0.7] * 20, [1] * 3 + [0] * 7 + [1] * 15 + [0] * 5, bins=2)
    for i, (ups, rows) in enumerate([(3, 10), (15, 20)]):
        theirs = binomtest(ups, rows).proportion_ci(0.95, method="wilson")
        assert (found.low[i], found.high[i]) == pytest.approx((theirs.low, theirs.high))


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60), st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_every_row_is_in_one_bin(rows, bins):
    p, up = np.array([a / 8 for a, _ in rows]), np.array([b for _, b in rows])
    found = reliability(p, up, bins)
    assert 1 <= len(found.p) <= bins
    assert np.sum(found.rows) == len(rows)
    assert np.all(found.rows > 0)
    assert np.all(np.diff(found.p) > 0)
    assert np.average(found.p, weights=found.rows) == pytest.approx(np.mean(p))
    assert np.average(found.up, weights=found.rows) == pytest.approx(np.mean(up))


def test_calibration_error_by_hand():
    assert expected_calibration_error(
        [0.2] * 4 + [0.8] * 4, [1, 0, 0, 0, 1, 1, 1, 1], bins=2
    ) == pytest.approx(0.125)
    assert expected_calibration_error(
        [0.2] * 2 + [0.8] * 6, [0] * 2 + [1] * 3 + [0] * 3, bins=2
    ) == pytest.approx((2 * 0.2 + 6 * 0.3) / 8)
    assert expected_calibration_error([0.5, 0.5], [0, 1]) == 0


def test_the_error_of_an_honest_forecast_is_small():
    draw = np.random.default_rng(1)
    p = draw.random(50_000)
    assert expected_calibration_error(p, draw.random(50_000) < p) < 0.01
    assert expected_calibration_error(p, draw.random(50_000) < p**2) > 0.1


def test_coverage_of_true_quantiles_is_nominal():
    labels = np.random.default_rng(2).normal(size=(20_000, 2))
    labels[::3, 0] = np.nan
    found = coverage(np.broadcast_to(norm.ppf(AT), (20_000, 2, 9)), AT, labels)
    np.testing.assert_allclose(found.observed, AT, atol=0.01)
    assert found.labels == np.sum(np.isfinite(labels))
    np.testing.assert_array_equal(found.nominal, AT)


def test_a_label_at_the_quantile_is_covered():
    found = coverage([[[1.0, 2.0]], [[1.0, 2.0]]], [0.1, 0.9], [[1.0], [3.0]])
    np.testing.assert_array_equal(found.observed, [0.5, 0.5])


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(ConfigError, match="bins must be at least 1, got 0"):
        reliability([0.5], [1], 0)
    with pytest.raises(DataError, match=r"p must lie within 0 and 1, got 2.0 in row 0"):
        reliability([2.0], [1])
    with pytest.raises(DataError, match=r"quantiles must be \(rows, horizons, 9 levels\)"):
        coverage(np.zeros((3, 1, 2)), AT, np.zeros((3, 1)))
    with pytest.raises(DataError, match="none of the 3 rows has a label"):
        coverage(np.zeros((3, 1, 9)), AT, np.full((3, 1), np.nan))
