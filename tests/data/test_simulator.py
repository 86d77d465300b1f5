"""The simulated market looks like one, and leaves something to learn."""

import numpy as np
import pytest

from ostinato.data.simulator import simulate_trades
from ostinato.errors import ConfigError


@pytest.fixture(scope="module", params=[0, 1, 2])
def trades(request):
    return simulate_trades(60_000, request.param)


def autocorrelation(x, lag):
    return np.corrcoef(x[:-lag], x[lag:])[0, 1]


def test_the_seed_decides():
    first, again, other = simulate_trades(500, 7), simulate_trades(500, 7), simulate_trades(500, 8)
    for name in ("time", "price", "amount", "id", "side"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.price != other.price).any()
    assert first.report.source == "simulated market (seed 7)"


@pytest.mark.parametrize("rows", [1, 2, 17])
def test_any_number_of_rows(rows):
    trades = simulate_trades(rows)
    assert len(trades) == len(trades.price) == len(trades.amount) == len(trades.side) == rows


def test_values(trades):
    assert (trades.price > 0).all()
    assert (trades.amount > 0).all()
    assert (trades.price == trades.price.round(2)).all()
    assert (trades.time == np.floor(trades.time)).all()
    assert (np.diff(trades.time) >= 0).all()
    assert set(trades.side) == {-1, 1}
    assert trades.side.dtype == np.int8


def test_a_third_of_next_prices_is_higher_and_a_third_equal(trades):
    move = np.sign(np.diff(trades.price))
    for sign in (-1, 0, 1):
        assert (move == sign).mean() == pytest.approx(1 / 3, abs=0.03)


def test_stylised_facts(trades):
    returns = np.diff(np.log(trades.price))
    assert autocorrelation(returns, 1) < -0.1  # bid-ask bounce
    assert autocorrelation(trades.side.astype(float), 1) > 0.1  # orders are traded in pieces
    assert autocorrelation(trades.side.astype(float), 10) > 0.02  # long ones
    moves = np.abs(np.diff(np.log(trades.price[::20])))
    assert autocorrelation(moves, 1) > 0.05  # volatility clusters
    gaps = np.diff(trades.time[::20])
    assert autocorrelation(gaps, 1) > 0.1  # arrivals cluster


def loss_of_table(cell, up):
    """Log-loss on the second half of a table of frequencies made on the first."""
    half = len(up) // 2
    seen = np.bincount(cell[:half], minlength=cell.max() + 1)
    ups = np.bincount(cell[:half], up[:half], minlength=cell.max() + 1)
    p = ((ups + 1) / (seen + 3))[cell[half:]]
    return -np.log(np.where(up[half:], p, 1 - p)).mean()


def test_there_is_more_to_learn_than_the_table_of_the_last_four_moves(trades):
    move = np.sign(np.diff(trades.price)).astype(int)
    up = move[4:] > 0
    last_four = sum((move[lag : len(move) - 4 + lag] + 1) * 3**lag for lag in range(4))
    large = np.digitize(trades.amount[4:-1], np.quantile(trades.amount, [0.25, 0.5, 0.75, 0.9]))
    base, table = loss_of_table(np.zeros_like(last_four), up), loss_of_table(last_four, up)
    assert table < base - 0.008
    assert loss_of_table(5 * last_four + large, up) < table - 0.008
    # and the table alone is far from certain
    assert table > base - 0.04


def test_impossible_markets():
    with pytest.raises(ConfigError, match="rows must be at least 1 trade, got 0"):
        simulate_trades(0)
    with pytest.raises(ConfigError, match="seed must be 0 or more, got -1"):
        simulate_trades(10, -1)
