"""Every fault of the exchange, alone and together: the ledger is complete, or its holes are declared."""

import asyncio
import contextlib

import numpy as np
import pytest

from ostinato.data.panel import Panel
from ostinato.data.simulator import simulate_trades
from ostinato.exchange import Exchange, VirtualClock, random_faults, start_of
from ostinato.exchange.catalogue import KINDS
from ostinato.exchange.faults import make_fault
from ostinato.exchange.market import make_market
from ostinato.live import Since
from ostinato.store import Reader, verify
from ostinato.tasks.forecasting import open_run
from ostinato.tasks.forecasting.live import Settings, engine_of, feed_of
from ostinato.tasks.forecasting.predicting import forecast_rows

ROWS = 450  # 19 minutes, in which each fault comes twice and is over
SPEED = 2000.0
HALTS = ("time_hole", "symbol_break")


async def live(run, market, faults, store, speed, longest):
    """Live through a whole market; what the feed says of itself at the end."""
    clock = VirtualClock(start_of(market), speed)
    async with Exchange(market, clock, faults, wait=True) as exchange:
        feed = feed_of(exchange.feed_address(), run.recipe)
        engine = engine_of(run, feed, store, Settings(since=Since(0, "first")))
        last = len(market) - 1
        try:
            task = asyncio.create_task(engine.run())
            async with asyncio.timeout(longest):
                while not task.done() and (engine.position is None or engine.position.key < last):
                    await asyncio.sleep(0.02)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return feed.health
        finally:
            engine.close()


def stored(store):
    """Predictions with their events, and the keys that were declared as lost."""
    with Reader.open(store) as reader:
        found, after = [], None
        while rows := reader.predictions_after(after):
            found += rows
            after = rows[-1].key
        holes = [gap for gap in reader.gaps() if gap.outcome == "unfillable"]
        return found, [key for gap in holes for key in range(gap.first, gap.last + 1)]


def check(run, trades, store, moved=False):
    """Complete or declared, each once, and what ``predict`` says of the very same events."""
    verdict = verify(store)
    assert verdict.ok, verdict.problems
    found, lost = stored(store)
    keys = np.array([row.key for row in found])
    assert sorted([*keys.tolist(), *lost]) == list(range(len(trades)))
    price, amount = np.array([row.values for row in found]).T
    np.testing.assert_array_equal(price, trades.price[keys])
    np.testing.assert_array_equal(amount, trades.amount[keys])
    time = np.array([row.time for row in found])
    if not moved:  # while an exchange is down, nothing happens, and later
        np.testing.assert_array_equal(time, trades.time[keys])
    panel = Panel("trades", time, {"price": price, "amount": amount}, trades.report)
    offline = forecast_rows(run, panel, np.arange(len(keys)))
    np.testing.assert_allclose([row.numbers[0] for row in found], offline, rtol=0, atol=1e-6)
    return lost


@pytest.fixture(scope="module")
def run(small_run):
    return open_run(small_run)


@pytest.fixture(scope="module")
def trades():
    return simulate_trades(ROWS, seed=11)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.fatal])
def test_each_alone(name, run, trades, tmp_path):
    market = make_market(trades, "BTCUSDT", 0)
    length = {"length": 60.0} if name == "gap_pruned" else {}  # so that some trades are within
    faults = [make_fault(name, at=at, **length) for at in (200.0, 600.0)]
    asyncio.run(live(run, market, faults, tmp_path / "live.sqlite", SPEED, 60))
    lost = check(run, trades, tmp_path / "live.sqlite", moved=name in HALTS)
    assert bool(lost) == (name == "gap_pruned")


@pytest.mark.parametrize(
    ("minutes", "seed"),
    [
        (150, 4),
        pytest.param(300, 1, marks=pytest.mark.slow),
        pytest.param(300, 2, marks=pytest.mark.slow),
        pytest.param(10_000, 3, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_all_together_at_random(minutes, seed, run, tmp_path):
    trades = simulate_trades(minutes * 15, seed=seed)
    market = make_market(trades, "BTCUSDT", 0)
    faults = random_faults(seed, minutes)
    assert len({fault.name for fault in faults}) > 15
    health = asyncio.run(live(run, market, faults, tmp_path / "live.sqlite", SPEED, minutes))
    check(run, trades, tmp_path / "live.sqlite", moved=True)
    assert health.reconnects > 0
