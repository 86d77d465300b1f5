"""The Diebold-Mariano test against formulas written out, SciPy's t test, and its own size under the null."""

import math

import numpy as np
import pytest
from scipy import signal, stats

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import by_time, diebold_mariano
from ostinato.evaluation.diebold_mariano import long_run_variance


def two_losses(n, seed=0):
    draw = np.random.default_rng(seed)
    return draw.exponential(size=n), draw.exponential(size=n) + 0.1


def harvey_leybourne_newbold(losses, baseline, h):
    """Equations 1 to 9 of the 1997 paper, for which h = 1 needs no autocovariance."""
    d = np.asarray(losses) - np.asarray(baseline)
    n = len(d)
    gamma = [sum((d[t] - d.mean()) * (d[t - k] - d.mean()) for t in range(k, n)) / n for k in range(h)]
    variance_of_mean = (gamma[0] + 2 * sum(gamma[1:])) / n
    return math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n) * d.mean() / math.sqrt(variance_of_mean)


def test_equals_the_published_formula_where_the_two_agree():
    losses, baseline = two_losses(50)
    found = diebold_mariano(losses, baseline, lags=0)
    assert found.statistic == pytest.approx(harvey_leybourne_newbold(losses, baseline, 1))
    assert found.p_value == pytest.approx(2 * stats.t.cdf(-abs(found.statistic), 49))
    assert found.mean_difference == pytest.approx(np.mean(losses) - np.mean(baseline))


def test_the_correction_for_a_longer_horizon_is_the_published_one():
    losses, baseline = two_losses(50)
    for h in (2, 5, 16):
        flat, ours = (diebold_mariano(losses, baseline, horizon, lags=0).statistic for horizon in (1, h))
        published = (50 + 1 - 2 * h + h * (h - 1) / 50) / (50 + 1 - 2)
        assert ours / flat == pytest.approx(math.sqrt(published))


def test_without_lags_it_is_the_t_test():
    losses, baseline = two_losses(200)
    theirs = stats.ttest_1samp(losses - baseline, 0)
    # their variance divides by n - 1, ours by n, which the correction at h = 1 makes up for
    assert diebold_mariano(losses, baseline, lags=0).statistic == pytest.approx(theirs.statistic)
    assert diebold_mariano(losses, baseline, lags=0).p_value == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("lags", [0, 1, 4, 29])
def test_variance_is_the_weighted_sum_over_all_pairs(lags):
    d = np.random.default_rng(1).normal(size=30)
    apart = np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    weights = np.clip(1 - apart / (lags + 1), 0, None)
    centred = d - d.mean()
    assert long_run_variance(d, lags) == pytest.approx(centred @ weights @ centred / 30)


def test_negative_means_ours_is_better_and_swapping_changes_the_sign_only():
    losses, baseline = two_losses(300)
    ours, swapped = diebold_mariano(losses, baseline + 1), diebold_mariano(baseline + 1, losses)
    assert ours.statistic < 0
    assert ours.p_value < 1e-6
    assert swapped == (-ours.statistic, ours.p_value, -ours.mean_difference, ours.lags)


@pytest.mark.parametrize(("n", "horizon", "lags"), [(8, 1, 2), (100, 1, 4), (20_000, 1, 12), (100, 10, 18)])
def test_automatic_lags(n, horizon, lags):
    assert diebold_mariano(*two_losses(n), horizon).lags == lags


def rejections(make_series, horizon=1, lags=None, tries=1500):
    draw = np.random.default_rng(2)
    zero = np.zeros(400)
    p_values = [diebold_mariano(make_series(draw), zero, horizon, lags).p_value for _ in range(tries)]
    return np.mean(np.array(p_values) < 0.05)


def autoregressive(draw, rho=0.4, burn=100):
    return signal.lfilter([1], [1, -rho], draw.normal(size=400 + burn))[burn:]


def overlapping(draw, horizon=10):
    return np.convolve(draw.normal(size=400 + horizon - 1), np.ones(horizon), mode="valid")


def test_size_is_near_nominal_for_autocorrelated_differences():
    assert 0.04 < rejections(autoregressive) < 0.09
    assert rejections(autoregressive, lags=0) > 0.15  # what the lags are for


def test_size_is_near_nominal_for_overlapping_labels():
    assert 0.03 < rejections(overlapping, horizon=10) < 0.10
    assert rejections(overlapping, horizon=10, lags=9) > 0.10  # why it takes twice the overlap


def test_size_is_near_nominal_for_series_that_move_as_one():
    time = np.tile(np.arange(400), 5)

    def panel(draw):
        return np.tile(draw.normal(size=400), 5) + 0.1 * draw.normal(size=2000)

    draw, zero = np.random.default_rng(4), np.zeros(2000)
    by_row, by_moment = 0, 0
    for _ in range(400):
        losses = panel(draw)
        by_row += diebold_mariano(losses, zero).p_value < 0.05
        by_moment += diebold_mariano(by_time(losses, time), by_time(zero, time)).p_value < 0.05
    assert 0.02 < by_moment / 400 < 0.09
    assert by_row / 400 > 0.2  # why moments are taken first


def test_equal_losses_are_no_skill():
    losses = two_losses(20)[0]
    assert diebold_mariano(losses, losses)[:3] == (0.0, 1.0, 0.0)


def test_rounding_is_no_skill():
    losses = two_losses(1000)[0]
    found = diebold_mariano(losses, np.nextafter(losses, np.inf))
    assert found[:2] == (0.0, 1.0)


@pytest.mark.parametrize("gap", [0.1, -0.1])
def test_the_same_gap_in_every_row_is_certain(gap):
    losses = two_losses(1000)[0]
    found = diebold_mariano(losses + gap, losses)
    assert found[:2] == (math.copysign(math.inf, gap), 0.0)
    assert found.mean_difference == pytest.approx(gap)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones(7), np.ones(7)), DataError, "needs at least 8 rows at horizon 1, got 7"),
        ((np.ones(29), np.ones(29), 10), DataError, "needs at least 30 rows at horizon 10, got 29"),
        ((np.ones(9), np.ones(10)), DataError, "both losses must be on the same rows, got 9 and 10 rows"),
        ((np.full(9, np.nan), np.ones(9)), DataError, "losses must be finite, got nan in row 0"),
        ((np.ones(9), np.full(9, np.inf)), DataError, "baseline_losses must be finite, got inf in row 0"),
        ((np.ones((3, 3)), np.ones(9)), DataError, "losses must be .rows,. with at least one row, got shape"),
        ((np.ones(9), np.ones(9), 0), ConfigError, "horizon must be at least 1 row, got 0"),
        ((np.ones(9), np.ones(9), 1, 9), ConfigError, "lags must be 0 to 8 for 9 rows, got 9"),
        ((np.ones(9), np.ones(9), 1, -1), ConfigError, "lags must be 0 to 8 for 9 rows, got -1"),
    ],
)
def test_what_cannot_be_tested_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        diebold_mariano(*arguments)
