"""Autocorrelation against formulas written out, and errors by group against pandas."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import autocorrelation, error_by


def test_autocorrelations_and_ljung_box_by_formula():
    values = np.random.default_rng(0).normal(size=80)
    found = autocorrelation(values, lags=5)
    d = values - values.mean()
    expected = np.array([d[k:] @ d[:-k] / (d @ d) for k in range(1, 6)])
    np.testing.assert_allclose(found.values, expected)
    q = 80 * 82 * np.cumsum(expected**2 / (80 - np.arange(1, 6)))
    np.testing.assert_allclose(found.p_values, chi2.sf(q, np.arange(1, 6)))
    assert found.bound == pytest.approx(1.96 / np.sqrt(80), rel=1e-4)
    np.testing.assert_array_equal(found.lags, [1, 2, 3, 4, 5])


def test_noise_is_told_from_what_is_left():
    draw = np.random.default_rng(1)
    noise = draw.normal(size=2000)
    assert autocorrelation(noise).p_values[-1] > 0.01
    assert autocorrelation(noise[1:] + 0.5 * noise[:-1]).p_values[-1] < 1e-6


def test_corners_of_autocorrelation():
    assert len(autocorrelation(np.random.default_rng(2).normal(size=10)).values) == 5
    np.testing.assert_array_equal(autocorrelation(np.ones(9)).p_values, np.ones(4))
    with_gap = autocorrelation([1.0, 2, np.nan, 0, 3, 1], lags=1)
    np.testing.assert_allclose(with_gap.values, autocorrelation([1.0, 2, 0, 3, 1], lags=1).values)
    with pytest.raises(ConfigError, match="lags must be at least 1, got 0"):
        autocorrelation(np.ones(9), 0)
    with pytest.raises(DataError, match="autocorrelation needs at least 4 residuals, got 3"):
        autocorrelation([1.0, 2, 3, np.nan])


@pytest.mark.parametrize("names", [np.arange(24), np.array(list("abcdefghijklmnopqrstuvwx"))])
def test_error_by_is_that_of_pandas(names):
    draw = np.random.default_rng(3)
    values, groups = draw.normal(size=500), draw.choice(names, 500)
    values[::7] = np.nan
    theirs = pd.Series(values).groupby(groups)
    found = error_by(values, groups)
    np.testing.assert_array_equal(found.groups, list(theirs.groups))
    np.testing.assert_allclose(found.mean, theirs.mean())
    np.testing.assert_allclose(found.standard_error, theirs.sem())
    np.testing.assert_array_equal(found.rows, theirs.count())


def test_corners_of_error_by():
    found = error_by([1.0, 5.0, np.nan], [2, 1, 3])
    np.testing.assert_array_equal(found.groups, [1, 2])
    assert np.all(np.isnan(found.standard_error))
    with pytest.raises(DataError, match=r"values and groups must be on the same rows, got 2 and \(1,\) rows"):
        error_by([1.0, 2.0], [1])
    with pytest.raises(DataError, match="none of the 1 values is known"):
        error_by([np.nan], [1])
