"""Bootstrap intervals: against the normal formula, against arch, and how often they hold the truth."""

import numpy as np
import pytest
from scipy import signal

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import (
    auc,
    block_length,
    by_time,
    direction_metrics,
    direction_rows,
    interval,
    intervals,
    mean_interval,
)


def autoregressive(draw, n=500, rho=0.6, burn=100):
    return signal.lfilter([1], [1, -rho], draw.normal(size=n + burn))[burn:]


def test_independent_rows_give_the_normal_interval():
    values = np.random.default_rng(0).exponential(size=5000)
    found = mean_interval(values, block=1, resamples=4000)
    half = 1.96 * np.std(values) / np.sqrt(5000)
    assert found.low == pytest.approx(np.mean(values) - half, abs=0.06 * half)
    assert found.high == pytest.approx(np.mean(values) + half, abs=0.06 * half)


def test_the_fast_way_is_archs_way():
    values = autoregressive(np.random.default_rng(1), 400)
    ours = mean_interval(values, block=20, resamples=4000)
    theirs = interval(np.mean, values, block=20, resamples=4000)
    half = (theirs.high - theirs.low) / 2
    assert ours.low == pytest.approx(theirs.low, abs=0.08 * half)
    assert ours.high == pytest.approx(theirs.high, abs=0.08 * half)


def share_that_hold_zero(block, tries=300):
    draw = np.random.default_rng(2)
    found = [mean_interval(autoregressive(draw), block=block, resamples=300) for _ in range(tries)]
    return np.mean([low <= 0 <= high for low, high, _ in found])


def test_intervals_hold_the_true_mean_of_an_autoregression():
    assert 0.88 < share_that_hold_zero(None) < 0.98
    assert share_that_hold_zero(1) < 0.80  # what the blocks are for


def test_blocks_are_as_long_as_rows_are_alike():
    draw = np.random.default_rng(3)
    apart, alike = block_length(draw.normal(size=3000)), block_length(autoregressive(draw, 3000, 0.95))
    assert apart <= 5
    assert alike >= 30
    assert block_length(draw.normal(size=3000), horizon=24) == 24
    assert block_length(np.ones(100)) == 1
    assert block_length(draw.normal(size=6), horizon=50) == 2  # a third of the rows


def test_levels_nest_and_seeds_decide():
    values = autoregressive(np.random.default_rng(4))
    wide, narrow = (mean_interval(values, level=level) for level in (0.99, 0.5))
    assert wide.low < narrow.low < np.mean(values) < narrow.high < wide.high
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_values_that_nobody_knows_are_left_out():
    values = np.random.default_rng(5).normal(size=300)
    with_gaps = np.insert(values, [3, 50], np.nan)
    assert mean_interval(with_gaps) == mean_interval(values)


def test_many_rows_are_drawn_in_longer_blocks():
    values = np.random.default_rng(6).normal(size=100_000)
    found = mean_interval(values, block=1, resamples=200)
    assert found.block == 5
    assert (found.high - found.low) / 2 == pytest.approx(1.96 / np.sqrt(100_000), rel=0.25)


def test_rows_of_one_moment_are_drawn_together():
    draw = np.random.default_rng(7)
    shared = np.repeat(draw.normal(size=500), 20)  # twenty series that move as one
    time_of = np.repeat(np.arange(500), 20)
    apart = intervals({"loss": shared})["loss"]
    together = intervals({"loss": shared}, time=time_of)["loss"]
    as_one = intervals({"loss": shared[::20]})["loss"]
    assert together == pytest.approx(as_one)
    assert apart.block > 1


def test_auc_rows_stand_for_the_auc():
    draw = np.random.default_rng(8)
    up = draw.random(600) < 0.4
    p = np.clip(np.round(0.4 + 0.1 * up + 0.2 * draw.normal(size=600), 2), 0, 1)
    rows = direction_rows(p, up)
    for name, value in direction_metrics(p, up).items():
        assert np.mean(rows[name]) == pytest.approx(value), name
    fast = mean_interval(rows["auc"], block=10, resamples=2000)
    slow = interval(auc, p, up, block=10, resamples=2000)
    half = (slow.high - slow.low) / 2
    assert fast.low == pytest.approx(slow.low, abs=0.12 * half)
    assert fast.high == pytest.approx(slow.high, abs=0.12 * half)


def test_without_an_auc_there_is_no_interval():
    found = intervals(direction_rows(np.full(30, 0.4), np.zeros(30)))
    assert set(found) == {"log_loss", "brier", "accuracy"}
    with pytest.raises(DataError, match="auc is NaN in each of 20 resamples"):
        interval(auc, np.full(30, 0.4), np.zeros(30), block=3, resamples=20)


def test_rmse_comes_with_mse():
    found = intervals({"mse": np.random.default_rng(9).normal(size=200) ** 2})
    assert found["rmse"].low == pytest.approx(found["mse"].low ** 0.5)
    assert found["rmse"].high == pytest.approx(found["mse"].high ** 0.5)


def test_by_time_by_hand():
    np.testing.assert_array_equal(by_time([1.0, 2.0, np.nan, 9.0], [5, 3, 3, 5]), [2.0, 5.0])
    with pytest.raises(DataError, match="values and time must be on the same rows, got 1 and 2 rows"):
        by_time([1.0], [1, 2])
    with pytest.raises(DataError, match="none of the 2 values is known"):
        by_time([np.nan, np.nan], [1, 2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": 0}, "block must be 1 to 20 rows, got 0"),
        ({"block": 21}, "block must be 1 to 20 rows, got 21"),
        ({"block": 1, "level": 1.0}, "level must be above 0 and below 1, got 1.0"),
        ({"block": 1, "resamples": 0}, "resamples must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        mean_interval(np.arange(20.0), **options)
    with pytest.raises(ConfigError, match=words):
        interval(np.mean, np.arange(20.0), **options)


def test_more_refusals():
    with pytest.raises(ConfigError, match="horizon must be at least 1 row, got 0"):
        mean_interval(np.arange(20.0), horizon=0)
    with pytest.raises(DataError, match="none of the 2 values is known"):
        mean_interval([np.nan, np.nan])
