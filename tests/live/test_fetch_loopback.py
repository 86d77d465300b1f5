"""ostinato fetch from the loopback exchange, its faults running: the file equals the market, row by row."""

import asyncio
import json
import threading
from contextlib import contextmanager

import polars as pl
import pytest

from cli.conftest import ostinato
from ostinato.data.simulator import simulate_trades
from ostinato.data.trades import read_trades
from ostinato.exchange import Exchange, VirtualClock, make_fault, make_market
from ostinato.live import history


@contextmanager
def served(market, *faults, speed=60.0):
    """The exchange in a thread of its own, all trades in its past."""
    begin = float(market.visible[-1]) + 1.0
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop, exchange = asyncio.Event(), None

    async def main():
        nonlocal exchange
        async with Exchange(market, VirtualClock(begin, speed), faults) as exchange:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert ready.wait(30)
    try:
        yield exchange
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def fetch(exchange, out, *more):
    done = ostinato(
        "fetch",
        "binance",
        exchange.plan.market.symbol,
        "--days",
        "3000",
        "--rest",
        exchange.url,
        "-o",
        str(out),
        *more,
    )
    assert done.returncode == 0, done.stderr
    return done


def check(out, market):
    """Every row of the market, and nothing else."""
    frame = pl.read_parquet(out)
    assert frame["id"].to_list() == list(range(market.first_id, market.first_id + len(market)))
    assert frame["time"].dt.epoch("us").to_list() == market.micros.tolist()
    assert frame["price"].to_list() == market.price.tolist()
    assert frame["amount"].to_list() == market.amount.tolist()
    assert (frame["side"] == "sell").to_list() == market.sold.tolist()


@pytest.mark.parametrize(
    "name", ["rest_429", "rest_418", "rest_500", "rest_truncated", "rest_cut", "microseconds", "rest_garbage"]
)
def test_faults_on_the_way(tmp_path, monkeypatch, name):
    monkeypatch.setattr(history, "PART_ROWS", 3000)
    market = make_market(simulate_trades(12_000, seed=1), "ETHUSDT", 77)
    more = {"retry_after": 1} if name in ("rest_429", "rest_418") else {}
    fault = make_fault(name, 0.0, 6000.0 if name == "microseconds" else 15.0, **more)  # for 0.25 s of ours
    with served(market, fault) as exchange:
        fetch(exchange, tmp_path / "trades.parquet")
        statuses = exchange.served.statuses
        assert name == "microseconds" or statuses.total() > 14 or exchange.served.connections > 1
        assert {"rest_429": 429, "rest_418": 418, "rest_500": 500}.get(name, 200) in statuses
    check(tmp_path / "trades.parquet", market)


def test_bars_are_those_of_the_trades(tmp_path):
    market = make_market(simulate_trades(6000, seed=2))
    with served(market) as exchange:
        fetch(exchange, tmp_path / "bars.parquet", "--bars", "1m")
    frame = pl.read_parquet(tmp_path / "bars.parquet").filter(pl.col("trades") > 0)
    ours = (
        pl.DataFrame({"time": market.micros, "price": market.price, "amount": market.amount})
        .group_by((pl.col("time") // 60_000_000 * 60_000_000).alias("time"), maintain_order=True)
        .agg(
            open=pl.col("price").first(),
            high=pl.col("price").max(),
            low=pl.col("price").min(),
            close=pl.col("price").last(),
            volume=pl.col("amount").sum(),
            trades=pl.len(),
        )
    )
    ours = ours[: len(frame)]
    assert len(frame) > 300
    assert frame["time"].dt.epoch("us").to_list() == ours["time"].to_list()
    for name in ("open", "high", "low", "close"):
        assert frame[name].to_list() == ours[name].to_list()
    assert frame["trades"].to_list() == ours["trades"].to_list()
    assert frame["volume"].to_list() == pytest.approx(ours["volume"].to_list(), abs=1e-7)


@pytest.mark.slow
def test_the_real_file(tmp_path, real_data):
    whole = read_trades(real_data / "btcusd-trades.csv")
    market = make_market(whole)
    with served(
        market, make_fault("rest_429", 6.0, 20.0, retry_after=1), make_fault("rest_500", 90.0, 20.0)
    ) as exchange:
        fetch(exchange, tmp_path / "trades.parquet")
    check(tmp_path / "trades.parquet", market)
    read = read_trades(tmp_path / "trades.parquet")
    assert read.price.tolist() == whole.price.tolist()
    assert read.amount.tolist() == whole.amount.tolist()
    assert json.loads((tmp_path / "trades.parquet.json").read_text())["missing"] == 0
