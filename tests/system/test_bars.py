"""Bars of an exchange: only closed ones, each once, and what ``predict`` says of the very same."""

import asyncio
import contextlib

import numpy as np
import pytest

from contract.registry.models import MODEL_OPTIONS
from ostinato.data.simulator import simulate_trades
from ostinato.exchange import Exchange, VirtualClock, start_of
from ostinato.exchange.faults import make_fault
from ostinato.exchange.market import make_market
from ostinato.live import Since
from ostinato.store import Reader, export, verify
from ostinato.tasks.forecasting import fit, open_run, predict
from ostinato.tasks.forecasting.live import Settings, engine_of, feed_of
from system.conftest import QUICK
from tasks.panels import LOOKBACK

RECIPE = LOOKBACK | {"scale_halflife": 20.0, "target": "return", "horizon": 3, "bars": "1m"}
SPEED = 2400.0


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One that foresees the return over three minutes."""
    folder = tmp_path_factory.mktemp("live") / "run"
    fit(
        simulate_trades(6_000, seed=3),
        folder,
        "gru",
        options=MODEL_OPTIONS["gru"],
        training=QUICK,
        recipe=RECIPE,
    )
    return open_run(folder)


async def live(run, market, faults, store, bars):
    clock = VirtualClock(start_of(market, "1500"), SPEED)
    async with Exchange(market, clock, faults, wait=True) as exchange:
        engine = engine_of(
            run, feed_of(exchange.feed_address(), run.recipe), store, Settings(since=Since(60))
        )
        try:
            task = asyncio.create_task(engine.run())
            async with asyncio.timeout(60):
                while not task.done() and engine.meters.events < 60 + bars:
                    await asyncio.sleep(0.02)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        finally:
            engine.close()


@pytest.mark.parametrize(
    "names", [(), ("kline_unclosed", "kline_out_of_order", "abort", "rest_500", "silence")]
)
def test_bars_are_foreseen_as_offline(names, run, tmp_path):
    trades = simulate_trades(6_000, seed=8)
    market = make_market(trades, "BTCUSDT", 0)
    faults = [make_fault(name, at=600.0 + 1200.0 * place) for place, name in enumerate(names)]
    store = tmp_path / "live.sqlite"
    asyncio.run(live(run, market, faults, store, 150))
    assert verify(store).ok
    export(store, tmp_path / "bars.parquet")
    offline = predict(run, tmp_path / "bars.parquet")
    with Reader.open(store) as reader:
        rows = reader.predictions_after()
        assert not [gap for gap in reader.gaps() if gap.outcome == "unfillable"]
        assert reader.head.kind == "bars"
    assert len(rows) == len(offline) >= 210
    np.testing.assert_array_equal(np.diff([row.time for row in rows]), 60.0)
    numbers = offline.select(name for name in offline.columns if name.startswith("q")).to_numpy()
    np.testing.assert_allclose([row.numbers for row in rows], numbers, rtol=0, atol=1e-6)
    closes = closes_of(trades)
    assert all(row.values[3] == closes[row.key] for row in rows)


def closes_of(trades):
    """The last price of each minute, by its number; of one without trades, that of the one before."""
    minute = np.floor(trades.time / 60).astype(int)
    last = np.flatnonzero(np.diff(minute, append=minute[-1] + 1))
    known = dict(zip(minute[last].tolist(), trades.price[last].tolist(), strict=True))
    closes, price = {}, None
    for at in range(minute[0], minute[-1] + 1):
        closes[at] = price = known.get(at, price)
    return closes
