"""Sign flips and McNemar's test against SciPy's, and the level under groups that are alike within."""

import numpy as np
import pytest
from scipy import stats

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation.group_test import FEWEST_GROUPS, group_means, group_test, mcnemar


@pytest.mark.parametrize("count", [12, 16])
def test_p_is_scipys_permutation_test(count):
    d = np.random.default_rng(count).normal(0.4, 1, count)
    theirs = stats.permutation_test(
        (d, np.zeros(count)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert group_test(d).p_value == pytest.approx(theirs.pvalue)


def test_many_groups_are_sampled_to_the_same_p():
    d = np.random.default_rng(0).normal(0.15, 1, 400)
    found = group_test(d)
    assert found.p_value == pytest.approx(stats.ttest_1samp(d, 0).pvalue, rel=0.1)
    assert found == group_test(d)  # the draws are the same each time
    low, high = stats.t.interval(0.95, 399, d.mean(), stats.sem(d))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_the_mean_of_each_group_counts_once():
    groups = np.repeat(["b", "a", "c"], [1, 10, 2])
    assert group_means(np.repeat([3.0, 1.0, 2.0], [1, 10, 2]), groups).tolist() == [1.0, 3.0, 2.0]


def test_groups_hold_the_level_where_rows_would_not():
    draw = np.random.default_rng(1)
    groups = np.repeat(np.arange(20), 30)
    by_group, by_row = [], []
    for _ in range(200):
        d = np.repeat(draw.normal(size=20), 30) + 0.3 * draw.normal(size=600)
        by_group.append(group_test(d, groups).p_value < 0.05)
        by_row.append(stats.ttest_1samp(d, 0).pvalue < 0.05)
    assert np.mean(by_group) < 0.1
    assert np.mean(by_row) > 0.5


def test_few_groups_and_equal_ones_give_no_p():
    assert group_test(np.arange(FEWEST_GROUPS - 1.0)).p_value is None
    assert group_test(np.full(50, 0.2)).p_value is None
    assert group_test(np.random.default_rng(0).normal(size=500), np.arange(500) % 11).p_value is None


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 9), (30, 12), (250, 250)])
def test_mcnemar_is_the_binomial_test_of_discordant_rows(wins, losses):
    ours = np.r_[np.ones(wins), np.zeros(losses), np.ones(7)]
    theirs = np.r_[np.zeros(wins), np.ones(losses), np.ones(7)]
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert mcnemar(ours, theirs) == pytest.approx(expected)


def test_bad_input_is_refused():
    with pytest.raises(DataError, match=r"groups must be one per row"):
        group_test(np.ones(20), np.arange(19))
    with pytest.raises(ConfigError, match="right must be 0 or 1"):
        mcnemar([0.5, 1], [0, 1])
    with pytest.raises(DataError, match="same rows, got 2 and 3"):
        mcnemar([0, 1], [0, 1, 1])
    with pytest.raises(ConfigError, match="level must be above 0"):
        group_test(np.ones(20), level=0)
