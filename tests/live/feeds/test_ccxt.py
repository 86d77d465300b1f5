"""Other exchanges: the order of trades on literal ones, and unmodified ccxt against the loopback exchange."""

import asyncio
import gc
import warnings
from random import Random

import numpy as np
import pytest

from ostinato.data.simulator import simulate_trades
from ostinato.errors import ConfigError, FeedError, FeedRefusedError
from ostinato.exchange import Exchange, VirtualClock, make_fault, make_market
from ostinato.live.events import Event, Gap, Position, Since
from ostinato.live.feeds import ccxt_order
from ostinato.live.feeds.ccxt_feed import CcxtFeed
from ostinato.live.feeds.ccxt_order import Trade, TradeOrder, numbered, trades_of
from ostinato.live.feeds.feed import FeedHealth, Timeouts
from ostinato.store.schema import Origin

# ---------------------------------------------------------------- the order of trades


def named(*numbers, prefix="t"):
    """Trades whose ids tell nothing, two seconds apart."""
    return [Trade(f"{prefix}{(n * 7919) % 10007}", 1000.0 + 2 * n, 5.0 + n, 1.0) for n in numbers]


def counted(*numbers):
    """Trades with ids that follow one another."""
    return [Trade(str(100 + n), 1000.0 + 2 * n, 5.0 + n, 1.0) for n in numbers]


def short(items):
    """F for filled in, H for history, S for stream; holes with their keys."""
    return [
        f"{'SFH'[i.origin]}{i.values[0] - 5:.0f}"
        if isinstance(i, Event)
        else f"{i.outcome} {i.first}-{i.last}"
        for i in items
    ]


def order(recent, after=None, since=None):
    return TradeOrder(FeedHealth(), recent, after, since or Since())


def test_whether_ids_follow_one_another():
    assert numbered(counted(*range(20)))
    assert not numbered(counted(*range(5)))
    assert not numbered(counted(*range(10), *range(11, 20)))
    assert not numbered(named(*range(20)))


def test_numbered_trades_are_known_by_their_ids():
    found = order(counted(*range(20)), since=Since(history=3))
    assert short(found.first) == ["H17", "H18", "H19"]
    assert [event.key for event in found.first] == [117, 118, 119]
    assert short(found.take(counted(19, 20, 21))) == ["S20", "S21"]
    assert found.health.duplicates == 1
    assert found.doubts(counted(24))
    assert not found.doubts(counted(22))
    items = found.take(counted(24, 25), counted(20, 21, 22), "disconnect")
    assert short(items) == ["F22", "filled 122-122", "unfillable 123-123", "S24", "S25"]
    assert {item.reason for item in items if isinstance(item, Gap)} == {"disconnect"}
    assert (found.health.filled_gaps, found.health.unfillable_gaps, found.health.filled_events) == (1, 1, 1)


def test_numbered_trades_go_on_behind_the_stored_one():
    found = order(counted(*range(20)), after=Position(115, 1030.0))
    assert short(found.take(counted(20), counted(*range(15, 20)), "restart")) == [
        "F16",
        "F17",
        "F18",
        "F19",
        "filled 116-119",
        "S20",
    ]
    with pytest.raises(FeedError, match="trade 500 is stored, and the exchange has only 119"):
        order(counted(*range(20)), after=Position(500, 1030.0))


def test_a_stream_that_counts_differently_is_refused():
    found = order(counted(*range(20)))
    with pytest.raises(FeedError, match="count differently"):
        found.take([Trade("7", 2000.0, 5.0, 1.0)])


def test_one_id_far_ahead_is_left_out_by_itself():
    found = order(counted(*range(20)), since=Since(history=0))
    wrong = Trade(str(10**15), 1041.0, 26.0, 1.0)
    assert found.doubts([wrong])
    assert short(found.take([*counted(20), wrong], counted(*range(15, 21)))) == ["S20"]
    assert short(found.take(counted(21, 22))) == ["S21", "S22"]
    assert found.health.left_out == {"ahead": 1}
    assert "far ahead of 120" in found.health.problem


def test_a_time_that_has_not_come_yet_is_none():
    health = FeedHealth()
    row = {"id": "7", "timestamp": 1_700_000_000_000, "price": 1.0, "amount": 1.0}
    far = row | {"id": "8", "timestamp": 2_330_720_030_000}
    assert [trade.id for trade in trades_of([far, row], health)] == ["7"]
    assert health.left_out == {"future": 1}
    assert "trade '8' is of 2043-" in health.problem


def test_unnumbered_trades_are_counted():
    found = order(named(*range(20)))
    items = found.take(named(18, 19, 20, 21))
    assert short(items) == ["S20", "S21"]
    assert [item.key for item in items] == [0, 1]
    assert short(found.take(named(21, 22))) == ["S22"]


def test_history_that_reaches_back_fills():
    found = order(named(*range(20)))
    found.take(named(20))
    items = found.take(named(23, 24), named(19, 20, 21, 22, 23), "disconnect")
    assert short(items) == ["F21", "F22", "filled 1-2", "S23", "S24"]


def test_history_that_does_not_reach_back_is_a_hole_of_unknown_size():
    found = order(named(*range(20)))
    found.take(named(20))
    items = found.take(named(30), named(28, 29, 30), "disconnect")
    assert short(items) == ["unfillable 1-1", "F28", "F29", "filled 2-3", "S30"]
    assert "do not tell how many" in items[0].why


def test_history_that_is_behind_the_stream_is_waited_for_or_a_hole():
    for make, found in ((named, order(named(*range(20)))), (counted, order(counted(*range(20))))):
        found.take(make(20))
        assert not found.reached(make(25, 26), make(19, 20, 21, 22))
        assert found.reached(make(25, 26), make(19, 20, 21, 22, 23, 24, 25))
        assert found.reached(make(20), make(19))
        items = found.take(make(25, 26), make(19, 20, 21, 22), "disconnect")
        events = [item.values[0] - 5 for item in items if isinstance(item, Event)]
        holes = [item for item in items if isinstance(item, Gap) and item.outcome == "unfillable"]
        assert events == [21, 22, 25, 26]
        assert len(holes) == 1


def test_after_a_restart_nobody_knows_the_last_trade():
    found = order(named(*range(20)), after=Position(41, 1000.0 + 2 * 15))
    items = found.take(named(20), named(*range(10, 21)), "restart")
    assert short(items) == ["unfillable 42-42", "F16", "F17", "F18", "F19", "filled 43-46", "S20"]


def test_a_stream_with_ids_of_its_own_is_not_doubled():
    found = order(named(*range(20)))
    found.take(named(20))
    items = found.take(named(21, 22, 23, prefix="x"), named(19, 20, 21, 22), "disconnect")
    assert [item.values[0] - 5 for item in items if isinstance(item, Event)] == [21, 22, 23]


def test_any_interruptions_lose_nothing_that_history_holds():
    """Random batches, overlaps and disconnects; the history always reaches back."""
    for seed in range(60):
        random = Random(seed)
        make = counted if seed % 2 else named
        found = order(make(*range(20)))
        items, at = [], 20
        while at < 200:
            lost = random.randint(0, 6) if random.random() < 0.4 else 0
            begin, at = (
                max(0, at + lost - random.randint(0, 3) * (not lost)),
                at + lost + random.randint(1, 9),
            )
            history = make(*range(max(0, begin - lost - 5), at)) if lost else None
            items += found.take(make(*range(begin, at)), history, "disconnect")
        events = [item for item in items if isinstance(item, Event)]
        assert [event.values[0] - 5 for event in events] == list(range(20, at))
        assert list(np.diff([event.key for event in events])) == [1] * (len(events) - 1)
        assert not any(isinstance(item, Gap) and item.outcome == "unfillable" for item in items)


def test_what_is_no_trade_is_rejected():
    health = FeedHealth()
    good = {"id": "1", "timestamp": 1000, "price": 5.0, "amount": 1.0}
    bad = [
        {},
        None,
        good | {"id": None},
        good | {"price": None},
        good | {"price": 0},
        good | {"amount": -1},
        good | {"price": float("inf")},
        good | {"timestamp": None},
        good | {"id": "9" * 200},
    ]
    assert trades_of([*bad, good], health) == [Trade("1", 1.0, 5.0, 1.0)]
    assert health.rejected == len(bad)


# ---------------------------------------------------------------- ccxt and the loopback exchange

PATIENCE = Timeouts(connect=5.0, stale=0.4, backoff=0.01, backoff_cap=0.1)


def market(rows=3000):
    return make_market(simulate_trades(rows, seed=3), "BTCUSDT", 5000)


async def taken(exchange, enough, kind="trades", step=None, after=None, since=None, timeouts=PATIENCE):
    """Items until ``enough(items)``; with unmodified ccxt."""
    feed = CcxtFeed(
        "binance", "BTC/USDT", kind, step, rest=exchange.url, ws=exchange.ws_url, timeouts=timeouts
    )
    items = []
    stream = feed.batches(after, since or Since())
    try:
        async with asyncio.timeout(30):
            async for batch in stream:
                items += batch
                if enough(items):
                    break
    finally:
        await stream.aclose()
    return feed, items


def events_of(items):
    return [item for item in items if isinstance(item, Event)]


def run(main):
    """Run, and turn anything left open into an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = asyncio.run(main)
        gc.collect()
    return result


def check(items, whole):
    """Each event is the market's, their keys have no hole but those that are told."""
    events = events_of(items)
    for event in events:
        at = event.key - 5000
        assert event.values == (whole.price[at], whole.amount[at])
    covered = [event.key for event in events]
    for gap in items:
        if isinstance(gap, Gap) and gap.outcome == "unfillable":
            covered += range(gap.first, gap.last + 1)
    covered.sort()
    assert covered == list(range(covered[0], covered[-1] + 1))


FAULTS = ["none", "abort", "close_1001", "half_open"]


def loopback(whole, fault="none", wait=True, speed=2000.0):
    """The market from its 500th trade on; the fault comes at its 900th."""
    faults = [] if fault == "none" else [make_fault(fault, trade=5900)]
    return Exchange(whole, VirtualClock(float(whole.visible[500]), speed), faults, wait=wait)


@pytest.mark.parametrize("fault", FAULTS)
def test_trades_by_ccxt(fault):
    whole = market()

    async def main():
        async with loopback(whole, fault) as exchange:
            return await taken(exchange, lambda items: len(events_of(items)) >= 900, since=Since(history=100))

    feed, items = run(main())
    check(items, whole)
    assert {event.origin for event in events_of(items)[:100]} == {Origin.HISTORY}
    assert events_of(items)[100].origin != Origin.HISTORY
    if fault != "none":
        assert feed.health.reconnects >= 1
        reasons = {item.reason for item in items if isinstance(item, Gap) and item.first > 5890}
        assert reasons & {"disconnect", "silence"}
    assert not any(isinstance(item, Gap) and item.outcome == "unfillable" for item in items)


@pytest.mark.parametrize("fault", FAULTS)
def test_trades_whose_ids_tell_nothing(fault, monkeypatch):
    """The same over connections that break, as if ids did not follow one another."""
    monkeypatch.setattr(ccxt_order, "numbered", lambda trades: False)
    whole, enough = market(), 1600 if fault == "half_open" else 900

    async def main():
        async with loopback(whole, fault) as exchange:
            return await taken(
                exchange, lambda items: len(events_of(items)) >= enough, since=Since(history=100)
            )

    _, items = run(main())
    events = events_of(items)
    assert [event.key for event in events] == list(range(len(events)))
    first = int(np.flatnonzero(whole.price == events[0].values[0])[0])
    starts = [at for at in range(first, 500) if (whole.price[at], whole.amount[at]) == events[0].values]
    assert [event.values for event in events] == [
        (whole.price[at], whole.amount[at]) for at in range(starts[0], starts[0] + len(events))
    ]


def test_going_on_after_a_stored_trade():
    whole = market()

    async def main():
        async with loopback(whole) as exchange:
            after = Position(5450, whole.micros[450] / 1e6)
            return await taken(exchange, lambda items: len(events_of(items)) >= 300, after=after)

    _, items = run(main())
    check(items, whole)
    assert events_of(items)[0].key == 5451
    gap = next(item for item in items if isinstance(item, Gap))
    assert (gap.first, gap.reason, gap.outcome) == (5451, "restart", "filled")


@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_closed_bars_by_ccxt(delay, monkeypatch):
    """Minutes of the market, each once it is over and as the exchange makes them; half a minute on the way as well."""
    whole, asked = market(), CcxtFeed._patiently

    async def slow(self, call, *arguments, **more):
        answer = await asked(self, call, *arguments, **more)
        await asyncio.sleep(delay * (call == self.client.fetch_ohlcv))
        return answer

    monkeypatch.setattr(CcxtFeed, "_patiently", slow)

    async def main():
        async with loopback(whole, wait=False, speed=300.0) as exchange:
            _, items = await taken(
                exchange,
                lambda items: len(items) >= 25,
                "bars",
                60.0,
                since=Since(history=10),
                timeouts=PATIENCE,
            )
            return items, exchange.clock.now()

    items, now = run(main())
    seconds = whole.micros / 1e6
    for event in events_of(items):
        inside = (seconds >= event.time) & (seconds < event.time + 60)
        assert event.time + 60 <= now
        if inside.any():
            price = whole.price[inside]
            assert event.values[:4] == (price[0], price.max(), price.min(), price[-1])
            assert event.values[4] == pytest.approx(whole.amount[inside].sum(), abs=1e-7)
    assert [event.key for event in events_of(items)] == list(range(items[0].key, items[0].key + len(items)))
    assert [event.origin for event in items[:10]] == [Origin.HISTORY] * 10
    assert Origin.STREAM in {event.origin for event in events_of(items)}


def test_a_bar_that_is_long_on_the_way_is_filled_in(monkeypatch):
    """Nobody could have foreseen from it in time."""
    whole, asked, calls = market(), CcxtFeed._patiently, []

    async def slow(self, call, *arguments, **more):
        answer = await asked(self, call, *arguments, **more)
        if call == self.client.fetch_ohlcv:
            calls.append(answer)
            await asyncio.sleep(1.2 * (len(calls) % 5 == 0))  # six minutes
        return answer

    monkeypatch.setattr(CcxtFeed, "_patiently", slow)
    came = {}

    async def main():
        async with loopback(whole, wait=False, speed=300.0) as exchange:

            def enough(items):
                came.update(
                    {event.key: exchange.clock.now() for event in events_of(items) if event.key not in came}
                )
                return len(items) >= 25

            _, items = await taken(exchange, enough, "bars", 60.0, since=Since(history=2), timeouts=PATIENCE)
            return items

    events = [event for event in events_of(run(main())) if event.origin != Origin.HISTORY]
    late = [event for event in events if came[event.key] - event.time > 330]  # 240, and what asking takes
    assert late
    assert {event.origin for event in late} == {Origin.FILL}
    assert Origin.STREAM in {event.origin for event in events}


def test_bars_that_come_late_are_filled_in():
    """After an outage: what ended more than a bar and the patience ago could not be foreseen from."""
    opening = 1.7e9 - 1.7e9 % 60
    rows = [[1e3 * (opening + 60 * place), 2.0, 3.0, 1.0, 2.0, 5.0] for place in range(100)]
    now = opening + 100 * 60  # the last one ends

    async def main():
        feed = CcxtFeed("binance", "BTC/USDT", "bars", 60.0, timeouts=PATIENCE)
        try:
            return feed._bar_items(rows, round(opening / 60) - 1, Origin.STREAM, now)
        finally:
            await feed.close()

    items = run(main())
    until = now - 2 * 60 - PATIENCE.stale
    assert [item.origin for item in items] == [
        Origin.FILL if item.time < until else Origin.STREAM for item in items
    ]
    assert (items[0].origin, items[-1].origin, items[-2].origin) == (
        Origin.FILL,
        Origin.STREAM,
        Origin.STREAM,
    )


def refused(exchange, symbol, kind="trades", step=None):
    async def main():
        async with loopback(market(600)) as server:
            urls = {"rest": server.url, "ws": server.ws_url} if exchange == "binance" else {}
            feed = CcxtFeed(exchange, symbol, kind, step, timeouts=PATIENCE, **urls)
            async for _ in feed.batches(None, Since()):
                pass

    with pytest.raises((FeedError, ConfigError)) as caught:
        run(main())
    return caught.value


def test_mistakes():
    error = refused("binance", "BTC/USDX")
    assert isinstance(error, FeedRefusedError)
    assert "binance has no symbol 'BTC/USDX'. Did you mean 'BTC/USDT'?" in str(error)
    assert "no stream of an exchange 'krakn'. Did you mean 'kraken'?" in str(refused("krakn", "BTC/USD"))
    assert "no bars of 420 seconds; it has 1s, 1m, 3m" in str(refused("binance", "BTC/USDT", "bars", 420.0))
    with pytest.raises(ConfigError, match="rest and ws are for ccxt:binance"):
        CcxtFeed("kraken", "BTC/USD", rest="http://127.0.0.1:1")
