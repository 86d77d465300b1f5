"""The market, its bars, its clock and the plan: against polars, by hand, and as properties."""

import time
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.serving import START, one_a_second
from ostinato.data.trades import make_trades
from ostinato.errors import ConfigError, DataError
from ostinato.exchange import VirtualClock, make_fault, make_market, open_market, random_faults, start_of
from ostinato.exchange.bars import KlineFeed
from ostinato.exchange.control import Stream
from ostinato.exchange.klines import INTERVALS, find_klines, klines, number_of, opening
from ostinato.exchange.plan import MarketPlan
from ostinato.exchange.wire import decimal


def market_of(times, prices=None, sides=None):
    times = np.asarray(times, float)
    prices = np.full(len(times), 100.0) if prices is None else np.asarray(prices, float)
    sides = None if sides is None else np.asarray(sides, np.int8)
    return make_market(make_trades("made", times, prices, np.ones(len(times)), side=sides))


# times and numbers


def test_trades_of_one_second_are_spread_within_it():
    market = market_of([START, START, START, START, START + 2, START + 2, START + 3])
    assert (market.visible - START).tolist() == [0, 0.25, 0.5, 0.75, 2, 2.5, 3]
    assert (market.micros - START * 10**6).tolist() == [0, 0, 0, 0, 2_000_000, 2_000_000, 3_000_000]


def test_trades_of_one_millisecond_are_spread_within_it():
    market = market_of([START + 0.001, START + 0.001, START + 0.5])
    assert (market.visible - START).tolist() == pytest.approx([0.001, 0.0015, 0.5], abs=1e-6)
    assert (market.micros - START * 10**6).tolist() == [1000, 1000, 500_000]


def test_a_trade_below_the_last_other_price_was_a_sale():
    assert market_of(range(6), [5, 6, 6, 4, 4, 5]).sold.tolist() == [False, False, False, True, True, False]
    assert market_of(range(3), [5, 6, 6], [-1, 1, -1]).sold.tolist() == [True, False, True]


@settings(deadline=None)
@given(st.floats(0, 1e9, allow_nan=False, allow_infinity=False))
def test_decimals_give_the_same_float_back(value):
    text = decimal(value)
    assert float(text) == value
    assert "e" not in text
    assert len(text.partition(".")[2]) >= 8 or Decimal(text) == Decimal(repr(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (6356.73, "6356.73000000"),
        (0.96017748, "0.96017748"),
        (1.0, "1.00000000"),
        (0.0, "0.00000000"),
        (1e-9, "0.000000001"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_decimals(value, text):
    assert decimal(value) == text


@pytest.mark.parametrize(
    ("symbol", "assets"),
    [("BTCUSDT", ("BTC", "USDT")), ("ETHBTC", ("ETH", "BTC")), ("BTCFDUSD", ("BTC", "FDUSD"))],
)
def test_symbols(symbol, assets):
    market = make_market(make_trades("one", *np.ones((3, 1))), symbol)
    assert (market.base, market.quote) == assets


@pytest.mark.parametrize(
    "symbol", ["btcusdt", "USDT", "BTC/USDT", "", "BTCXYZ", "B" * 30 + "USDT", "ВТСUSDT"]
)
def test_symbols_that_are_none(symbol):
    with pytest.raises(ConfigError, match="is no symbol: write it like BTCUSDT"):
        make_market(make_trades("one", *np.ones((3, 1))), symbol)


def test_markets_that_cannot_be():
    with pytest.raises(ConfigError, match="0 or more, got -1"):
        make_market(make_trades("one", *np.ones((3, 1))), first_id=-1)
    with pytest.raises(DataError, match="between 1970"):
        market_of([-5.0])


# bars


@pytest.mark.parametrize("interval", ["1s", "1m", "15m", "1h", "1d", "1w", "1M"])
def test_bars_equal_those_of_polars(interval):
    market = open_market(rows=3000, seed=3)
    frame = pl.DataFrame(
        {
            "time": pl.Series(market.micros).cast(pl.Datetime("us")),
            "price": market.price,
            "amount": market.amount,
            "bought": np.where(market.sold, 0.0, market.amount),
        }
    )
    every = {"1M": "1mo"}.get(interval, interval)
    expected = frame.group_by_dynamic("time", every=every).agg(
        pl.col("price").first().alias("open"),
        pl.col("price").max().alias("high"),
        pl.col("price").min().alias("low"),
        pl.col("price").last().alias("close"),
        pl.col("amount").sum().alias("volume"),
        (pl.col("amount") * pl.col("price")).sum().alias("quote"),
        pl.col("bought").sum().alias("bought_volume"),
        pl.len(),
    )
    first, last = (int(number_of(interval, market.micros[row])) for row in (0, -1))
    bars = klines(market, len(market), interval, first, last)
    full = bars.take(bars.stop > bars.start)
    assert full.opened.tolist() == expected["time"].cast(pl.Int64).to_list()
    for name in ("open", "high", "low", "close"):
        assert getattr(full, name).tolist() == expected[name].to_list()
    np.testing.assert_allclose(full.volume, expected["volume"], rtol=1e-12)
    np.testing.assert_allclose(full.quote, expected["quote"], rtol=1e-12)
    np.testing.assert_allclose(full.bought, expected["bought_volume"], rtol=1e-12, atol=1e-12)
    assert (full.stop - full.start).tolist() == expected["len"].to_list()
    assert (np.diff(bars.number) == 1).all()  # flat ones in between
    flat = bars.take(bars.stop == bars.start)
    assert (flat.open == market.price[flat.start - 1]).all()
    assert not flat.volume.any()


@settings(deadline=None)
@given(st.sampled_from(sorted(INTERVALS)), st.integers(0, 4_000_000_000), st.sampled_from([0, 28_800, -5400]))
def test_every_moment_lies_in_its_bar(interval, second, zone):
    number = number_of(interval, second * 10**6, zone)
    opens, ends = opening(interval, [number, number + 1], zone)
    assert opens <= second * 10**6 < ends
    assert number_of(interval, opens, zone) == number


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 40), st.integers(0, 500), st.booleans())
def test_pages_of_bars_join(limit, begin, forward):
    """Paging through history in either direction gives what one answer gives, pauses included."""
    market = one_a_second(300).halted(START + 50, 600).halted(START + 800, 77)
    everything = find_klines(market, 300, START + 1000, "1s", since=0, until=None, limit=5000)
    pages, since, until = [], int(everything.opened[0]) + begin * 10**6, None
    expected = [opened for opened in everything.opened.tolist() if opened >= since]
    if not forward:
        since, expected = None, everything.opened.tolist()
    for _ in range(2000):
        page = find_klines(
            market, 300, START + 1000, "1s", since=since, until=until, limit=limit
        ).opened.tolist()
        if not page:
            break
        pages = pages + page if forward else page + pages
        since, until = (page[-1] + 1, None) if forward else (None, page[0] - 1)
    assert pages == expected


def test_no_bar_forms_while_the_exchange_is_down():
    market = one_a_second(300)
    plan = MarketPlan(market, start_of(market), [make_fault("time_hole", trade=110, length=600)])
    feed, stream = KlineFeed(plan), Stream("btcusdt@kline_1m", "1m")
    # START is 20 s into its minute, so bars end after 40, 100, 160 ... seconds; from 110 to 710 nothing happens
    before, forming, during, after = (
        feed.between(stream, False, START + since, START + until)
        for since, until in ((105, 109), (113, 150), (165, 600), (705, 715))
    )
    assert [moment - START for moment, _ in before] == [108]
    assert forming == during == []
    assert [moment - START for moment, _ in after] == [714]


# the clock


def test_a_clock_stands_until_it_runs():
    clock = VirtualClock(1000.0, 3600.0)
    assert clock.now() == clock.now() == 1000.0
    clock.run()
    began, virtual = time.monotonic(), clock.now()
    time.sleep(0.01)
    passed = clock.now() - virtual
    assert 0.01 * 3600 <= passed <= (time.monotonic() - began) * 3600
    assert clock.real(3600) == 1.0


def test_a_clock_at_max_is_driven():
    clock = VirtualClock(1000.0, "max")
    clock.run()
    clock.advance(1500.0)
    clock.advance(1200.0)
    assert clock.now() == 1500.0
    time.sleep(0.01)
    assert clock.now() == 1500.0
    clock.creep()
    assert 1500.5 < clock.now() < 1700.0


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf"), 1e9])
def test_clocks_that_cannot_run(speed):
    with pytest.raises(ConfigError, match="the speed must be above 0"):
        VirtualClock(0.0, speed)


# where it begins


@pytest.mark.parametrize(
    ("begin", "past"),
    [
        (None, 0),
        ("0", 0),
        ("50", 50),
        (50, 50),
        ("0.5", 100),
        ("25%", 50),
        (f"{datetime.fromtimestamp(START + 30, UTC):%Y-%m-%d %H:%M:%S}", 30),
        (f"{datetime.fromtimestamp(START + 30, UTC):%Y-%m-%dT%H:%M:%S}+00:00", 30),
    ],
)
def test_the_clock_begins_before_the_first_trade_to_come(begin, past):
    market = one_a_second(200)
    start = start_of(market, begin)
    assert market.known(start) == past
    assert market.visible[past] - 1 <= start < market.visible[past]


@pytest.mark.parametrize("begin", ["200", "1", "x", "-1", "1.5", "101%", "", ".", "%", "2100-01-01", "1.0"])
def test_beginnings_that_cannot_be(begin):
    market = one_a_second(200)
    if begin == "1":
        assert market.known(start_of(market, begin)) == 1  # a number, no share
        return
    with pytest.raises(ConfigError, match="--begin"):
        start_of(market, begin)


# the plan


def test_a_plan_without_faults_sends_every_trade_when_it_happens():
    market = open_market(rows=2000, seed=1)
    start = start_of(market, "500")
    plan = MarketPlan(market, start)
    assert plan.which.tolist() == list(range(500, 2000))
    assert (plan.when == market.visible[500:]).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_random_plans(seed):
    """Whatever the faults, times never fall, ids in a stream without gap faults are all there, and it happens again."""
    market = one_a_second(3000)
    faults = random_faults(seed, 60, every=1.0)
    assert faults == random_faults(seed, 60, every=1.0)
    plan, again = (MarketPlan(market, start_of(market), faults) for _ in range(2))
    assert (plan.when == again.when).all()
    assert (plan.which == again.which).all()
    assert (np.diff(plan.when) >= 0).all()
    missing = set(range(3000)) - set(plan.which.tolist())
    spans = [w for name in ("gap", "gap_pruned", "unknown_symbol") for w in plan.windows(name).all]
    visible = plan.market.visible
    assert all(any(w.start <= visible[row] < w.stop for w in spans) for row in missing)
    assert (np.diff(plan.market.micros) > 0).all()


def test_faults_that_begin_at_trades_must_find_them():
    market = one_a_second(200)
    with pytest.raises(ConfigError, match=r"begins at trade 200; ids are 0 to 199"):
        MarketPlan(market, start_of(market), [make_fault("gap", trade=200)])
    with pytest.raises(ConfigError, match=r"trade 3, which is past .* the first to come is 50"):
        MarketPlan(market, start_of(market, 50), [make_fault("gap", trade=3)])


def test_windows_that_overlap():
    market = one_a_second(200)
    plan = MarketPlan(
        market, 0.0, [make_fault("rest_lag", 10, 100, by=1), make_fault("rest_lag", 20, 5, by=2)]
    )
    found = [plan.active("rest_lag", moment) for moment in (9, 10, 19, 20, 24, 25, 109, 110)]
    assert [fault and fault["by"] for fault in found] == [None, 1, 1, 2, 2, 1, 1, None]
