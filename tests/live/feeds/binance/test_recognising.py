"""Another exchange at the same address, and problems that are over; frames are literal, the server is a real one."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from live.feeds.binance.rawserver import RawServer, answer
from live.feeds.binance.test_feed import SOON, Market, address, brief, reading, row, sends, trade
from ostinato.errors import FeedError
from ostinato.live.events import Event, Since
from ostinato.live.feeds.binance import open_binance


def dear(text):
    """The same ids and times at other prices."""
    return text.replace('"p":"30', '"p":"40')


def late(text):
    """The same ids and prices at other times."""
    return text.replace('"T":1700', '"T":1711')


class Changing(Market):
    """Until ``other`` is set, the market of the other tests; then another one."""

    other = None

    def aggTrades(self, query):  # noqa: N802
        found = super().aggTrades(query)
        return self.other(found.decode()).encode() if self.other else found


def until_refused(market, scripts, timeouts=SOON, kind="trades", step=None):
    """What was released before the feed gave up, and what it said."""

    async def run():
        items = []
        async with RawServer(market, scripts) as server:
            feed = open_binance(address(server), kind, step, timeouts)
            stream = feed.batches(None, Since())
            async with asyncio.timeout(20), contextlib.aclosing(stream):
                try:
                    async for batch in stream:
                        items += batch
                except FeedError as error:
                    return [text for text in map(brief, items) if text], str(error)
        raise AssertionError("it did not give up")

    return asyncio.run(run())


@pytest.mark.parametrize("other", [dear, late])
def test_another_market_after_a_lost_connection_is_not_mixed_in(other):
    market = Changing(top=6)

    async def first(peer):
        await peer.send(trade(7), trade(8))
        market.top, market.other = 12, other
        await peer.close(1001)

    async def second(peer):  # goes on just where the first ended
        await peer.send(*(other(trade(key)) for key in (9, 10, 11, 12)))

    events, said = until_refused(market, [first, second])
    assert events == ["7S", "8S"]
    assert "another exchange is at this address" in said
    assert "another event 8" in said


def test_a_market_that_begins_anew_is_not_waited_for_for_ever():
    market = Changing(top=699)

    async def first(peer):
        await peer.send(trade(700), trade(701))
        market.top, market.other = 2, dear
        await peer.close(1001)

    async def second(peer):
        for key in range(3, 600):
            market.top = key
            await peer.send(dear(trade(key)))
            await asyncio.sleep(0.005)

    events, said = until_refused(market, [first, second])
    assert events == ["700S", "701S"]
    assert "nothing at or after 701" in said


def test_rest_that_has_no_answer_does_not_stop_the_stream():
    market = Market(top=6)

    async def first(peer):
        await peer.send(trade(7))
        market.odd["aggTrades"] = [answer(status=500)] * 10_000
        await peer.close(1001)

    events, *_ = reading(market, [first, sends(8, 9)], 9, timeouts=replace(SOON, lagging=0.1))
    assert events == ["7S", "8S", "9S"]


def test_rest_that_is_behind_the_stream_is_no_other_market():
    market = Market(top=-1)
    events, *_ = reading(market, [sends_and_closes(7), sends(8, 9)], 9)
    assert [one for one in events if one.endswith("S")] == ["7S", "8S", "9S"]


def sends_and_closes(*keys):
    async def script(peer):
        await peer.send(*map(trade, keys))
        await peer.close(1001)

    return script


def test_a_planned_renewal_asks_nothing_and_is_no_problem():
    market, renewed = Market(top=20), asyncio.Event()
    asked, problems = [], []
    real = market.aggTrades

    def counting(query):
        asked.append(query)
        return real(query)

    market.aggTrades = counting

    async def old(peer):
        await peer.send(trade(7))
        await renewed.wait()
        await peer.send(trade(8))

    async def new(peer):
        renewed.set()
        await peer.send(trade(8), trade(9))
        await asyncio.sleep(0.05)
        await peer.send(trade(10))

    async def run():
        async with RawServer(market, [old, new]) as server:
            feed = open_binance(address(server), timeouts=replace(SOON, renewal=0.1, minute=60.0, clock=60.0))
            feed._skewed = True  # the clock of the test's market is said already
            items, stream = [], feed.batches(None, Since())
            async with asyncio.timeout(20), contextlib.aclosing(stream):
                async for batch in stream:
                    items += batch
                    problems.append(feed.health.problem)
                    if any(isinstance(item, Event) and item.key == 10 for item in batch):
                        break
            return items

    items = asyncio.run(run())
    assert "renewal" in {getattr(item, "kind", "") for item in items}
    assert set(problems) == {""}
    assert not asked


def test_a_problem_that_is_over_is_told_no_more():
    """One bad frame, after a while; nothing else changes meanwhile."""
    settled = asyncio.Event()

    async def script(peer):
        await peer.send(trade(7))
        await settled.wait()
        await peer.send("[1]")
        await peer.heard.get()

    async def run():
        async with RawServer(Market(top=6), [script]) as server:
            feed = open_binance(address(server), timeouts=replace(SOON, minute=0.3, clock=60.0))
            feed._skewed = True
            stream = feed.batches(None, Since())

            async def read():
                async for _ in stream:
                    pass

            reading = asyncio.create_task(read())
            async with asyncio.timeout(10):
                while feed.health.state != "live":
                    await asyncio.sleep(0)
                settled.set()
                for told in (True, False):
                    while bool(feed.health.problem) != told:
                        await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await stream.aclose()
            assert feed.health.rejected == 1

    asyncio.run(run())


def test_the_rows_are_those_of_rest():
    assert dear(row(7)) != row(7)
    assert late(row(7)) != row(7)
