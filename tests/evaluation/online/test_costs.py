"""Costs: the break-even by hand, Roll's spread against numpy and against a market whose spread is known."""

import math

import numpy as np
import pytest

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation.online import OnlineMoves, RollSpread, break_even_move


def test_break_even_is_what_a_round_trip_costs():
    fee, spread, slippage, price = 0.001, 0.0004, 0.0001, 50_000.0
    paid = price * (1 + spread / 2 + slippage) * (1 + fee)
    exact = (
        paid / ((1 - spread / 2 - slippage) * (1 - fee)) / price - 1
    )  # the move after which selling gives it back
    assert break_even_move(fee, spread, slippage) == pytest.approx(0.0026)
    assert break_even_move(fee, spread, slippage) == pytest.approx(exact, rel=2e-3)
    assert break_even_move(0.0, 0.0) == 0.0
    for wrong in ((-0.1, 0.0), (0.1, 1.0), (math.nan, 0.0), (0.0, 0.0, math.inf)):
        with pytest.raises(ConfigError, match="must be a fraction of the price"):
            break_even_move(*wrong)


def after(prices):
    roll = RollSpread()
    for price in prices:
        roll.add(price)
    return roll


def test_the_covariance_is_numpys():
    prices = np.exp(np.random.default_rng(0).normal(size=500).cumsum() / 100) * 1e4
    change = np.diff(np.log(prices))
    assert after(prices).covariance == pytest.approx(np.cov(change[1:], change[:-1])[0, 1], rel=1e-9)


def test_a_known_spread_is_found():
    r = np.random.default_rng(0)
    value = np.log(5e4) + np.cumsum(r.normal(0, 1e-4, 50_000))
    prices = np.exp(value + 0.001 / 2 * r.choice([-1, 1], 50_000))
    assert after(prices).spread == pytest.approx(0.001, rel=0.03)


def test_no_spread_where_trends_hide_it_or_too_little_was_seen():
    assert after(np.exp(np.arange(300) ** 2 / 1e5)).spread is None
    assert after(np.exp(np.tile([0, 0.01], 50))).spread is None  # 98 pairs
    assert after(np.exp(np.tile([0, 0.01], 51))).spread == pytest.approx(0.02, rel=0.02)
    assert RollSpread().spread is None


def test_no_change_is_taken_across_a_gap():
    r = np.random.default_rng(0)
    one, two = (100 + r.random(200) for _ in range(2))
    joined, roll = RollSpread(), RollSpread()
    for price in one:
        joined.add(price)
        roll.add(price)
    for place, price in enumerate(1000 * two):
        joined.add(price)
        roll.add(price, gap=place == 0)
    changes = [np.diff(np.log(part)) for part in (one, 1000 * two)]
    pairs = [np.concatenate([part[begin : len(part) - 1 + begin] for part in changes]) for begin in (1, 0)]
    assert roll.pairs == 2 * 198
    assert roll.covariance == pytest.approx(np.cov(*pairs)[0, 1], rel=1e-9)
    assert abs(joined.covariance - roll.covariance) > 1e-6
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(DataError, match="a price must be a finite number above 0"):
            roll.add(wrong)


def test_moves_beside_the_break_even():
    moves = OnlineMoves(0.002)
    assert moves.summary() == (0, None, 0.002, None) or moves.summary().mean is None
    for move in (0.001, -0.003, 0.002, 0.004):
        moves.add(move)
    found = moves.summary()
    assert (found.count, found.break_even, found.larger) == (4, 0.002, 0.5)  # 0.002 only just pays
    assert found.mean == pytest.approx(0.0025)
    moves.break_even = 0.005  # the spread became known
    moves.add(0.0045)
    assert moves.summary().larger == 0.4
    with pytest.raises(DataError, match="a move must be a finite number"):
        moves.add(math.nan)
    with pytest.raises(ConfigError, match="break_even must be a fraction"):
        OnlineMoves(-1.0)
