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

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import DIRECTION_BASELINES, BaseRate, SignTable, auc, log_loss

PRICES = st.lists(st.integers(1, 4), min_size=3, max_size=30).map(lambda p: np.array(p, dtype=float))
each_baseline = pytest.mark.parametrize("make", DIRECTION_BASELINES.values(), ids=DIRECTION_BASELINES.keys())


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
    rows = np.arange(0, len(prices) - 1, 2)
    p = SignTable(order).fit(prices, rows).predict(prices)
    np.testing.assert_allclose(p, sign_table_by_hand(prices, rows, order))


def test_base_rate_follows_laplace():
    p = BaseRate().fit([1.0, 2.0, 2.0, 3.0], [0, 1, 2]).predict([5.0, 6.0])
    np.testing.assert_allclose(p, [3 / 5, 3 / 5])


def test_only_the_named_rows_are_counted():
    rising_then_falling = [1.0, 2, 3, 4, 3, 2, 1]
    assert BaseRate().fit(rising_then_falling, range(3)).rate == 4 / 5
    assert BaseRate().fit(rising_then_falling, range(3, 6)).rate == 1 / 5


def test_a_pattern_never_seen_gives_the_base_rate():
    table = SignTable(order=1).fit([1.0, 2, 3, 4], [0, 1, 2])
    down = table.predict([4.0, 3.0])[1]
    assert down == pytest.approx(4 / 5)


@each_baseline
@given(prices=PRICES, other=PRICES, data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_future_is_unseen(make, prices, other, data):
    baseline = make().fit(prices, np.arange(len(prices) - 1))
    cut = data.draw(st.integers(1, len(prices)))
    changed = np.concatenate([prices[:cut], other])
    np.testing.assert_array_equal(baseline.predict(changed)[:cut], baseline.predict(prices)[:cut])


@each_baseline
@given(prices=PRICES, other=PRICES)
@settings(max_examples=50, deadline=None)
def test_fit_reads_one_price_past_its_last_row_and_no_more(make, prices, other):
    rows = np.arange(len(prices) - 1)
    alone = make().fit(prices, rows).predict(prices)
    longer = make().fit(np.concatenate([prices, other]), rows).predict(prices)
    np.testing.assert_array_equal(alone, longer)


@each_baseline
def test_p_is_never_certain(make):
    p = make().fit([1.0, 2, 3, 4], range(3)).predict([1.0, 2, 3, 2])
    assert np.all((p > 0) & (p < 1))


@each_baseline
def test_misuse_is_refused_in_a_sentence(make):
    for rows, words in [
        ([0, 2], "rows must lie within 0 and 1, where a next price is known, got 0 to 2"),
        ([-1, 1], "rows must lie within 0 and 1, where a next price is known, got -1 to 1"),
        ([], "rows must be a list of at least one row number, got float64 of shape .0,."),
        ([True, False], "rows must be a list of at least one row number, got bool of shape .2,."),
    ]:
        with pytest.raises(DataError, match=words):
            make().fit([1.0, 2.0, 3.0], rows)
    with pytest.raises(DataError, match="prices must be finite, got nan in row 1"):
        make().fit([1.0, np.nan, 2.0], [0])
    with pytest.raises(
        DataError, match=f"this {make.__name__} has seen no rows yet. Call fit before predict"
    ):
        make().predict([1.0, 2.0])


@pytest.mark.parametrize("order", [0, -1, 13])
def test_order_has_bounds(order):
    with pytest.raises(ConfigError, match=f"order must be 1 to 12 signs, got {order}"):
        SignTable(order)


@pytest.fixture(scope="module")
def trades():
    folder = os.environ.get("OSTINATO_DATA")
    if not folder:
        pytest.skip("OSTINATO_DATA is not set: it names the folder that holds btcusd-trades.csv")
    with (Path(folder) / "btcusd-trades.csv").open(newline="") as file:
        return np.array([float(row["price"]) for row in csv.DictReader(file)])


def test_known_scores_on_real_trades(trades):
    cut = int(0.8 * len(trades))
    train, test = np.arange(cut - 1), np.arange(cut, len(trades) - 1)
    up = trades[test + 1] > trades[test]
    assert np.mean(up) == pytest.approx(0.320, abs=5e-4)
    p = {name: make().fit(trades, train).predict(trades)[test] for name, make in DIRECTION_BASELINES.items()}
    assert log_loss(p["base_rate"], up) == pytest.approx(0.628, abs=5e-4)
    assert log_loss(p["sign_table"], up) == pytest.approx(0.609, abs=5e-4)
    assert auc(p["sign_table"], up) == pytest.approx(0.608, abs=5e-4)
