"""The baselines of direction: what they count, that they see no future, and their known scores."""

import csv
import os
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression as Regression

from ostinato.data.levels import Levels
from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import DIRECTION_BASELINES, BaseRate, SignTable, auc, log_loss
from ostinato.evaluation.baselines import LogisticRegression

PRICES = st.lists(st.integers(1, 4), min_size=3, max_size=30).map(lambda p: np.array(p, dtype=float))
each_baseline = pytest.mark.parametrize("make", DIRECTION_BASELINES.values(), ids=DIRECTION_BASELINES.keys())


def levels_of(values, starts=(0,), horizon=1, observed=None):
    return Levels(
        np.asarray(values, dtype=float), np.array(starts), (horizon,), relative=True, observed=observed
    )


def walk(n=400, seed=0):
    return np.cumsum(np.random.default_rng(seed).integers(-1, 2, n)).astype(float)


def sign_table_by_hand(prices, rows, order):
    """The docstring of SignTable once more, one row at a time."""
    signs = [0] + [int(np.sign(b - a)) for a, b in pairwise(prices)]
    pattern = [tuple(signs[t - k] if t >= k else 0 for k in range(order)) for t in range(len(prices))]
    seen, ups = defaultdict(int), defaultdict(int)
    for t in rows:
        seen[pattern[t]] += 1
        ups[pattern[t]] += prices[t + 1] > prices[t]
    rate = (sum(ups.values()) + 1) / (len(rows) + 2)
    return [(ups[cell] + rate) / (seen[cell] + 1) for cell in pattern]


@given(PRICES, st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_sign_table_equals_counting_by_hand(prices, order):
    rows, levels = np.arange(0, len(prices) - 1, 2), levels_of(prices)
    p = SignTable(order).fit(levels, rows).predict(levels)
    np.testing.assert_allclose(p, sign_table_by_hand(prices, rows, order))


def test_base_rate_follows_laplace():
    p = BaseRate().fit(levels_of([1.0, 2.0, 2.0, 3.0]), [0, 1, 2]).predict(levels_of([5.0, 6.0]))
    np.testing.assert_allclose(p, [3 / 5, 3 / 5])


def test_only_the_named_rows_are_counted():
    rising_then_falling = levels_of([1.0, 2, 3, 4, 3, 2, 1])
    assert BaseRate().fit(rising_then_falling, range(3)).rate == 4 / 5
    assert BaseRate().fit(rising_then_falling, range(3, 6)).rate == 1 / 5


def test_labels_are_of_the_horizon():
    zigzag = [1.0, 0, 2, 1, 3, 2, 4]  # down and up by turns, always up over two rows
    assert BaseRate().fit(levels_of(zigzag, horizon=2), range(5)).rate == 6 / 7
    assert BaseRate().fit(levels_of(zigzag, horizon=1), range(5)).rate == 3 / 7


def test_rows_without_a_label_are_left_out():
    seen = np.array([True, True, False, True, True])
    levels = levels_of([1.0, 2, 2, 3, 4], observed=seen)
    assert BaseRate().fit(levels, range(5)).rate == 3 / 4  # rows 0 and 3: row 1 looks at one that nobody saw
    with pytest.raises(DataError, match="none of the 1 rows to learn from has a level 1 ahead"):
        BaseRate().fit(levels, [4])


def test_a_pattern_never_seen_gives_the_base_rate():
    table = SignTable(order=1).fit(levels_of([1.0, 2, 3, 4]), [0, 1, 2])
    assert table.predict(levels_of([4.0, 3.0]))[1] == pytest.approx(4 / 5)


def test_logistic_is_scikit_learns_on_the_stated_features():
    values, width, rows = walk(), 3, np.arange(5, 398)
    change = np.diff(values, prepend=values[0])
    back = change[rows[:, None] - np.arange(width)] / np.mean(np.abs(change[rows]))
    x = np.hstack([np.clip(back, -5, 5), np.sign(back), back != 0])
    x = (x - x.mean(0)) / x.std(0)
    theirs = Regression(solver="lbfgs", tol=1e-10, max_iter=1000).fit(x, values[rows + 1] > values[rows])
    ours = LogisticRegression(width).fit(levels_of(values), rows).predict(levels_of(values), rows)
    np.testing.assert_allclose(ours, theirs.predict_proba(x)[:, 1], atol=1e-4)


def test_logistic_reads_blocks_as_it_reads_all_at_once(monkeypatch):
    levels, rows = levels_of(walk()), np.arange(390)
    fitted = LogisticRegression(4).fit(levels, rows)
    whole = fitted.predict(levels, rows)
    monkeypatch.setattr("ostinato.evaluation.baselines.direction.CELLS", 100)
    np.testing.assert_allclose(fitted.predict(levels, rows), whole, rtol=1e-12)


@each_baseline
@given(prices=PRICES, other=PRICES, data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_future_is_unseen(make, prices, other, data):
    baseline = make().fit(levels_of(prices), np.arange(len(prices) - 1))
    cut = data.draw(st.integers(1, len(prices)))
    changed = levels_of(np.concatenate([prices[:cut], other]))
    np.testing.assert_allclose(
        baseline.predict(changed)[:cut], baseline.predict(levels_of(prices))[:cut], rtol=1e-10
    )


@each_baseline
@given(prices=PRICES, other=PRICES)
@settings(max_examples=50, deadline=None)
def test_fit_reads_one_price_past_its_last_row_and_no_more(make, prices, other):
    rows = np.arange(len(prices) - 1)
    alone = make().fit(levels_of(prices), rows).predict(levels_of(prices))
    longer = make().fit(levels_of(np.concatenate([prices, other])), rows).predict(levels_of(prices))
    np.testing.assert_allclose(alone, longer, rtol=1e-10)


@each_baseline
def test_another_series_is_another_world(make):
    one, two = walk(60, 1), walk(60, 2)
    rows = np.r_[np.arange(58), np.arange(60, 118)]
    panel = levels_of(np.r_[one, two], (0, 60))
    fitted = make().fit(panel, rows)
    moved = levels_of(np.r_[one[::-1] + 100, two], (0, 60))
    np.testing.assert_array_equal(fitted.predict(panel)[60:], fitted.predict(moved)[60:])


@each_baseline
def test_p_is_never_certain(make):
    p = make().fit(levels_of([1.0, 2, 3, 4]), range(3)).predict(levels_of([1.0, 2, 3, 2]))
    assert np.all((p > 0) & (p < 1))
    jumps = levels_of(np.exp(walk(60)))
    p = make().fit(jumps, range(50)).predict(jumps, [3, 55])
    assert p.shape == (2,)
    assert np.all((p > 0) & (p < 1))


@each_baseline
def test_misuse_is_refused_in_a_sentence(make):
    levels = levels_of([1.0, 2.0, 3.0])
    for rows, words in [
        ([0, 3], "rows must lie within 0 and 2, got 0 to 3"),
        ([-1, 1], "rows must lie within 0 and 2, got -1 to 1"),
        ([], "rows must be a list of at least one row number, got float64 of shape .0,."),
        ([True, False], "rows must be a list of at least one row number, got bool of shape .2,."),
    ]:
        with pytest.raises(DataError, match=words):
            make().fit(levels, rows)
    with pytest.raises(
        DataError, match=f"this {make.__name__} has seen no rows yet. Call fit before predict"
    ):
        make().predict(levels)


def test_another_number_of_series_is_refused():
    fitted = LogisticRegression().fit(levels_of(walk(50)), range(40))
    with pytest.raises(DataError, match="LogisticRegression was fitted on 1 series, got 2"):
        fitted.predict(levels_of(walk(50), (0, 25)))


@pytest.mark.parametrize("length", [1, 4, 7])
def test_settings_are_those_used(length):
    """A level that many rows ago is read, and one before it is not."""
    levels, rows = levels_of(walk()), np.arange(300)
    for baseline, told in (
        (SignTable(length), f"the last {length} signs"),
        (LogisticRegression(length), f"the last {length} changes"),
    ):
        assert baseline.fit(levels, rows).settings() == told
        changed = []
        for back in (length, length + 1):
            other = levels.level.copy()
            other[350 - back] += 50 * np.sign(
                other[351 - back] - other[350 - back]
            )  # turns the sign of one change
            changed.append(baseline.predict(levels_of(other), [350]) != baseline.predict(levels, [350]))
        assert changed == [True, False]
    assert (SignTable().order, LogisticRegression().width) == (4, 32), "as the README tells"
    assert BaseRate().fit(levels, rows).settings() == ""


@pytest.mark.parametrize("order", [0, -1, 13])
def test_order_has_bounds(order):
    with pytest.raises(ConfigError, match=f"order must be 1 to 12 signs, got {order}"):
        SignTable(order)


def test_width_has_a_bound():
    with pytest.raises(ConfigError, match="width must be at least 1 change, got 0"):
        LogisticRegression(0)


@pytest.fixture(scope="module")
def trades():
    folder = os.environ.get("OSTINATO_DATA")
    if not folder:
        pytest.skip("OSTINATO_DATA is not set: it names the folder that holds btcusd-trades.csv")
    with (Path(folder) / "btcusd-trades.csv").open(newline="") as file:
        return np.log([float(row["price"]) for row in csv.DictReader(file)])


def test_known_scores_on_real_trades(trades):
    cut, levels = int(0.8 * len(trades)), levels_of(trades)
    train, test = np.arange(cut - 1), np.arange(cut, len(trades) - 1)
    up = trades[test + 1] > trades[test]
    assert np.mean(up) == pytest.approx(0.320, abs=5e-4)
    p = {name: make().fit(levels, train).predict(levels, test) for name, make in DIRECTION_BASELINES.items()}
    assert log_loss(p["base_rate"], up) == pytest.approx(0.628, abs=5e-4)
    assert log_loss(p["sign_table"], up) == pytest.approx(0.609, abs=5e-4)
    assert auc(p["sign_table"], up) == pytest.approx(0.608, abs=5e-4)
    assert log_loss(p["logistic"], up) < log_loss(p["sign_table"], up)
