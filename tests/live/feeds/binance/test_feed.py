"""The feed against a server that does everything wrong, one thing at a time; frames are literal."""

import asyncio
import contextlib
import time
from dataclasses import replace

import pytest

from live.feeds.binance.rawserver import RawServer, answer
from ostinato.errors import FeedError, FeedRefusedError
from ostinato.live.events import Event, Gap, Note, Position, Since
from ostinato.live.feeds.address import binance_address, parse_address
from ostinato.live.feeds.binance import BinanceTrades, open_binance
from ostinato.live.feeds.feed import Timeouts

SOON = Timeouts(
    connect=2.0,
    stale=5.0,
    backoff=0.002,
    backoff_cap=0.02,
    clock=0.5,
    hole=0.03,
    lagging=0.2,
    minute=0.1,
    renewal=60.0,
)
EPOCH = 1700000000000
NOW = EPOCH + 10_000_000


def trade(key, ms=None):
    """A frame of the stream."""
    time = EPOCH + key if ms is None else ms
    return (
        f'{{"e":"aggTrade","E":{EPOCH + key},"s":"BTCUSDT","a":{key},"p":"{30000 + key}.50000000",'
        f'"q":"0.01000000","f":{key * 2},"l":{key * 2 + 1},"T":{time},"m":false,"M":true}}'
    )


def row(key):
    """The same in an answer of REST."""
    return (
        f'{{"a":{key},"p":"{30000 + key}.50000000","q":"0.01000000","f":{key * 2},"l":{key * 2 + 1},'
        f'"T":{EPOCH + key},"m":false,"M":true}}'
    )


class Market:
    """What REST knows: trades up to ``top`` without those that are ``pruned``; ``odd`` answers come first."""

    def __init__(self, top=-1, pruned=(), status="TRADING", now=NOW):
        self.top, self.pruned, self.status, self.now = top, set(pruned), status, now
        self.odd = {}

    def __call__(self, path, query):
        if self.odd.get(path):
            return self.odd[path].pop(0)
        return getattr(self, path)(query)

    def time(self, query):
        return answer(f'{{"serverTime":{self.now}}}')

    def exchangeInfo(self, query):  # noqa: N802
        return answer(f'{{"symbols":[{{"symbol":"BTCUSDT","status":"{self.status}"}}]}}')

    def aggTrades(self, query):  # noqa: N802
        limit = int(query["limit"])
        first = int(query.get("fromId", self.top - limit + 1))
        kept = [key for key in range(max(0, first), self.top + 1) if key not in self.pruned]
        return answer(f"[{','.join(row(key) for key in kept[:limit])}]")


def address(server, more=""):
    return parse_address(
        f"binance:BTCUSDT?rest=http://127.0.0.1:{server.port}&ws=ws://127.0.0.1:{server.port}{more}"
    )


def brief(item):
    if isinstance(item, Event):
        return f"{item.key}{item.origin.name[0]}"
    if isinstance(item, Gap):
        return f"{item.first}-{item.last} {item.reason} {item.outcome}"
    return None


async def read(feed, until, after=None, since=None):
    """Items up to the event with this key, and the feed is closed."""
    items = []
    stream = feed.batches(after, since or Since())
    async with asyncio.timeout(20), contextlib.aclosing(stream):
        async for batch in stream:
            assert batch
            items += batch
            if any(isinstance(item, Event) and item.key >= until for item in batch):
                return items
    return items


def reading(market, scripts, until, after=None, since=None, timeouts=SOON, kind="trades", step=None):
    """Events and gaps in brief, the feed afterwards, the server, and all items."""

    async def run():
        async with RawServer(market, scripts) as server:
            feed = open_binance(address(server), kind, step, timeouts)
            items = await read(feed, until, after, since)
            await feed.close()
            return [text for text in map(brief, items) if text], feed, server, items

    return asyncio.run(run())


def sends(*keys):
    async def script(peer):
        await peer.send(*(trade(key) for key in keys))

    return script


def notes(items):
    return {item.kind for item in items if isinstance(item, Note)}


def test_the_stream_alone():
    events, feed, server, items = reading(Market(), [sends(7, 8, 9)], 9)
    assert events == ["7S", "8S", "9S"]
    assert server.peers[0].path == "/ws/btcusdt@aggTrade"
    first = next(item for item in items if isinstance(item, Event))
    assert (first.time, first.values) == (1700000000.007, (30007.5, 0.01))
    assert (feed.name, feed.kind, feed.columns) == ("binance:BTCUSDT", "trades", ("price", "amount"))


def test_history_then_the_stream():
    events, feed, *_ = reading(Market(top=10), [sends(11, 12)], 12, since=Since(history=3))
    assert events == ["8H", "9H", "10H", "11S", "12S"]
    assert feed.health.filled_gaps == 0


def test_from_the_first_that_is_kept_in_pages():
    market = Market(top=2503, pruned=range(40))
    events, _, server, _ = reading(market, [sends(2504)], 2504, since=Since(key="first"))
    assert events == [*(f"{key}H" for key in range(40, 2504)), "2504S"]
    asked = [int(query["fromId"]) for path, query, _ in server.asked if path == "aggTrades"]
    assert asked[:3] == [0, 1040, 2040]


def test_from_a_key_that_is_kept_no_more():
    events, *_ = reading(Market(top=8, pruned=range(6)), [sends(9)], 9, since=Since(key=3))
    assert events == ["3-5 skipped unfillable", "6H", "7H", "8H", "9S"]


def test_going_on_after_a_long_absence():
    events, feed, *_ = reading(Market(top=1500), [sends(1501)], 1501, after=Position(3, 1700000000.003))
    assert events == [*(f"{key}F" for key in range(4, 1501)), "4-1500 restart filled", "1501S"]
    assert (feed.health.filled_events, feed.health.filled_gaps) == (1497, 1)


def test_a_store_of_another_exchange_is_refused():
    with pytest.raises(FeedError, match=r"another event 3 .*another exchange's"):
        reading(Market(top=9), [sends(10)], 10, after=Position(3, 1700000500.0))
    with pytest.raises(FeedError, match=r"nothing at or after 30"):
        reading(Market(top=9), [sends(10)], 10, after=Position(30, 1700000000.030))


def test_what_was_sent_while_rest_was_asked_is_not_lost():
    """The stream begins first and is kept until history has met it."""
    market = Market(top=10)
    streaming = asyncio.Event()

    async def script(peer):
        await peer.send(trade(10), trade(11), trade(12))
        streaming.set()

    async def late(writer):
        await streaming.wait()
        writer.write(answer(f"[{row(9)},{row(10)}]"))
        await writer.drain()

    market.odd["aggTrades"] = [answer(f"[{row(10)}]"), late]
    events, *_ = reading(market, [script], 12, since=Since(history=2))
    assert events in (["9H", "10S", "11S", "12S"], ["9H", "10H", "11S", "12S"])


def test_twice_and_out_of_order():
    events, feed, *_ = reading(Market(), [sends(7, 8, 8, 10, 9, 7, 11)], 11)
    assert events == ["7S", "8S", "9S", "10S", "11S"]
    assert feed.health.duplicates == 2
    assert feed.health.filled_gaps + feed.health.unfillable_gaps == 0


def test_a_hole_is_filled():
    events, *_ = reading(Market(top=12), [sends(7, 10, 11, 12)], 12)
    assert events == ["7S", "8F", "9F", "8-9 skipped filled", "10S", "11S", "12S"]


def test_times_of_a_hole_are_since_the_epoch():
    before = time.time()
    *_, items = reading(Market(top=12), [sends(7, 10)], 10)
    gap = next(item for item in items if isinstance(item, Gap))
    assert before - 1.0 < gap.opened < gap.closed < time.time() + 1.0


def test_a_pruned_hole_is_declared():
    events, feed, *_ = reading(Market(top=12, pruned=(8, 9)), [sends(7, 10, 11)], 11)
    assert events == ["7S", "8-9 skipped unfillable", "10S", "11S"]
    assert feed.health.unfillable_gaps == 1


def test_rest_that_lags_is_asked_again_before_a_hole_is_declared():
    market = Market(top=12)
    market.odd["aggTrades"] = [*[answer("[]")] * 3, answer(f"[{row(8)}]"), *[answer("[]")] * 3]
    events, *_ = reading(market, [sends(7, 10)], 10, timeouts=replace(SOON, lagging=1.0))
    assert events == ["7S", "8F", "9F", "8-9 skipped filled", "10S"]


def test_rest_that_lags_for_ever_is_not_waited_for():
    events, *_ = reading(Market(top=7), [sends(7, 10)], 10)
    assert events == ["7S", "8-9 skipped unfillable", "10S"]


def test_a_long_time_without_a_hole_in_the_ids_is_no_gap():
    async def script(peer):
        await peer.send(trade(7), trade(8, EPOCH + 4 * 3_600_000))

    events, *_ = reading(Market(), [script], 8)
    assert events == ["7S", "8S"]


def test_microseconds():
    async def script(peer):
        await peer.send(trade(7, (EPOCH + 7) * 1000 + 250))

    *_, items = reading(Market(), [script], 7)
    assert items[-1].time == 1700000000.00725


async def aborts(peer):
    await peer.send(trade(7))
    peer.writer.write(peer.frame(trade(8))[:20])  # in the middle of a frame
    await peer.writer.drain()
    peer.abort()


def closes(code):
    async def script(peer):
        await peer.send(trade(7))
        await peer.close(code)

    return script


async def closes_no_socket(peer):
    """Says that it closes, and does not."""
    await peer.send(trade(7))
    peer.deaf = True
    await peer.close()


async def vanishes(peer):
    await peer.send(trade(7))
    peer.writer.close()


async def unmasked_nonsense(peer):
    await peer.send(trade(7))
    await peer.send(b"\xff\xfe", opcode=1)  # a text that is no text


async def reserved(peer):
    await peer.send(trade(7))
    await peer.send(b"x", opcode=5)  # an opcode that does not exist


async def huge(peer):
    await peer.send(trade(7))
    peer.writer.write(peer.frame(b"", length=1 << 40))


async def floods(peer):
    """Pings without an end, and the pongs are not read."""
    await peer.send(trade(7))
    peer.writer.transport.pause_reading()
    while not peer.writer.is_closing():
        await peer.send(*[b"x" * 125] * 100, opcode=9)


async def endless(peer):
    """One message in pieces, without an end."""
    await peer.send(trade(7))
    peer.writer.write(peer.frame(b"[" * 1000, fin=False))
    while not peer.writer.is_closing():
        peer.writer.write(peer.frame(b"[" * 1000, opcode=0, fin=False))
        await peer.writer.drain()
        await asyncio.sleep(0)


ENDS = {
    "aborted in mid-frame": aborts,
    "1000": closes(1000),
    "1001": closes(1001),
    "1008": closes(1008),
    "vanished": vanishes,
    "no text": unmasked_nonsense,
    "reserved opcode": reserved,
    "huge frame": huge,
    "endless message": endless,
    "pings whose pongs are not read": floods,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_after_every_end_the_stream_is_joined_again(end):
    events, feed, _, items = reading(Market(top=9), [end, sends(10, 11)], 11)
    assert events == ["7S", "8F", "9F", "8-9 disconnect filled", "10S", "11S"]
    assert feed.health.reconnects == 1
    assert "reconnect" in notes(items)


def test_a_hole_is_declared_though_the_stream_goes_on_in_silence():
    events, *_ = reading(Market(top=9), [closes(1001), sends()], 9)
    assert events == ["7S", "8F", "9F", "8-9 disconnect filled"]


def test_connections_that_are_refused_are_tried_again():
    async def run():
        async with RawServer(Market(top=9), [closes(1001), sends(10)]) as server:
            server.refuse = [answer("", 503), answer("", 429, ["Retry-After: 0.05"]), b"nonsense\r\n\r\n"]
            feed = open_binance(address(server), timeouts=SOON)
            items = await read(feed, 10)
            return [text for text in map(brief, items) if text], notes(items)

    events, kinds = asyncio.run(run())
    assert events == ["7S", "8F", "9F", "8-9 disconnect filled", "10S"]
    assert "connect" in kinds


@pytest.mark.parametrize("script", [sends(7), closes_no_socket], ids=["half-open", "half-closed"])
def test_no_byte_comes_any_more_nor_an_end(script):
    timeouts = replace(SOON, stale=0.1)
    events, feed, *_ = reading(Market(top=9), [script, sends(10, 11)], 11, timeouts=timeouts)
    assert events == ["7S", "8F", "9F", "8-9 silence filled", "10S", "11S"]
    assert feed.health.reconnects == 1


def test_silence_is_the_age_of_data_though_pings_go_on():
    pongs = []

    async def pings(peer):
        await peer.send(trade(7))
        while True:
            await peer.send(b"1700000000000", opcode=9)
            pongs.append(await peer.heard.get())
            await asyncio.sleep(0.005)

    timeouts = replace(SOON, stale=0.15)
    events, *_ = reading(Market(top=9), [pings, sends(10)], 10, timeouts=timeouts)
    assert events == ["7S", "8F", "9F", "8-9 silence filled", "10S"]
    assert len(pongs) > 3
    assert set(pongs[:3]) == {(10, b"1700000000000")}  # a pong with the same payload


def test_messages_that_are_no_data_do_not_keep_a_connection_alive():
    async def chatter(peer):
        await peer.send(trade(7))
        while True:
            await peer.send('{"result":null,"id":1}')
            await asyncio.sleep(0.005)

    events, *_ = reading(Market(top=9), [chatter, sends(10)], 10, timeouts=replace(SOON, stale=0.1))
    assert events == ["7S", "8F", "9F", "8-9 silence filled", "10S"]


@pytest.mark.parametrize("shutdown", [True, False], ids=["serverShutdown", "24 hours"])
def test_a_new_connection_is_there_before_the_old_one_ends(shutdown):
    renewed, sent, old_closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def old(peer):
        await peer.send(trade(7))
        if shutdown:
            await peer.send('{"e":"serverShutdown","E":1770123456789}')
        await renewed.wait()
        await asyncio.sleep(0.05)  # time enough to be closed, were it closed at once
        await peer.send(trade(8), trade(9))
        sent.set()
        while (await peer.heard.get())[0] != 8:
            pass
        old_closed.set()

    async def new(peer):
        renewed.set()
        await sent.wait()
        await peer.send(trade(9))  # on both
        await old_closed.wait()
        await peer.send(trade(10))

    timeouts = SOON if shutdown else replace(SOON, renewal=0.1)
    events, *_, items = reading(Market(top=9), [old, new], 10, timeouts=timeouts)
    assert events == ["7S", "8S", "9S", "10S"]  # nothing had to be filled
    assert ("shutdown" if shutdown else "renewal") in notes(items)


def test_servers_that_all_shut_down_are_not_stormed():
    opened = []

    async def script(peer):
        opened.append(asyncio.get_running_loop().time())
        await peer.send(trade(6 + len(opened)), '{"e":"serverShutdown","E":1770123456789}')

    reading(Market(), [script], 10, timeouts=replace(SOON, backoff=0.05, backoff_cap=10.0))
    assert opened[3] - opened[0] >= 0.05 * (1 + 2 + 4) / 2


def test_junk_is_counted_and_the_hole_it_leaves_is_filled():
    async def script(peer):
        await peer.send(
            trade(7),
            trade(8).replace('"30008.50000000"', "30008.5"),
            "[" * 1000,
            trade(9),
            '{"code":2,"msg":"Invalid request"}',
            trade(10 + 5_000_000),
            b"\x00\x01",
            trade(10),
        )

    events, feed, _, items = reading(Market(top=10), [script], 10)
    assert events == ["7S", "8F", "8-8 skipped filled", "9S", "10S"]
    assert feed.health.rejected == 4
    assert sum(isinstance(item, Note) and item.kind == "rejected" for item in items) == 1
    assert "error" in notes(items)


def test_rest_troubles_in_mid_run_are_waited_out():
    market = Market(top=9)
    market.odd["aggTrades"] = [
        answer("", 500),
        answer("[{", 200),
        answer("", 429, ["Retry-After: 0.05"]),
        answer("", 403),
    ]
    events, *_, items = reading(market, [closes(1001), sends(10)], 10)
    assert events == ["7S", "8F", "9F", "8-9 disconnect filled", "10S"]
    assert {"rest", "limit"} <= notes(items)


@pytest.mark.parametrize("when", ["start", "later", "handshake"])
def test_a_place_that_is_not_served_ends_the_feed(when):
    market = Market(top=9)
    refusal = answer('{"code":0,"msg":"Service unavailable from a restricted location"}', 451)
    if when == "start":
        market.odd["exchangeInfo"] = [refusal]
    elif when == "later":
        market.odd["aggTrades"] = [refusal]

    async def run():
        async with RawServer(market, [closes(1001), sends(10)]) as server:
            if when == "handshake":
                server.refuse = [refusal]
            await read(open_binance(address(server), timeouts=SOON), 10)

    with pytest.raises(FeedRefusedError, match=r"451.*rest= and ws="):
        asyncio.run(run())


def test_an_unknown_symbol_ends_the_feed_at_once():
    market = Market()
    market.odd["exchangeInfo"] = [answer('{"code":-1121,"msg":"Invalid symbol."}', 400)]
    with pytest.raises(FeedRefusedError, match="no symbol 'BTCUSDT'"):
        reading(market, [sends(7)], 7)


def test_a_symbol_that_is_not_traded_is_waited_for():
    market = Market(top=6, status="BREAK")

    async def script(peer):
        if len(server_of[0].peers) < 3:
            return
        market.status = "TRADING"
        await peer.send(trade(7))
        await asyncio.sleep(0.1)
        await peer.send(trade(8))

    server_of = []

    async def run():
        async with RawServer(market, [script]) as server:
            server_of.append(server)
            feed = open_binance(address(server), timeouts=replace(SOON, stale=0.1))
            items, states = [], set()
            stream = feed.batches(None, Since())
            async with asyncio.timeout(20), contextlib.aclosing(stream):
                async for batch in stream:
                    items += batch
                    states.add(feed.health.state)
                    if {"BTCUSDT is BREAK", "BTCUSDT is TRADING"} <= {
                        item.text for item in items if isinstance(item, Note)
                    }:
                        break
            return [text for text in map(brief, items) if text], states

    events, states = asyncio.run(run())
    assert events[0] == "7S"
    assert states <= {"starting", "waiting", "live", "filling"}
    assert "waiting" in states


def test_a_skewed_clock_is_noted():
    *_, items = reading(Market(top=6, now=EPOCH), [closes(1001), closes(1001), sends(8)], 8)
    assert any(isinstance(item, Note) and item.kind == "clock" for item in items)


@pytest.mark.parametrize(("rate", "comparable"), [(1.0, True), (60.0, False)])
def test_when_a_trade_happened_by_our_clock(rate, comparable):
    """The exchange's clock is 5 s ahead, or runs 60 times as fast."""
    began = time.time()

    class Clocked(Market):
        def time(self, query):
            looks.append(time.time())
            return answer(f'{{"serverTime":{int((began + 5.0 + (time.time() - began) * rate) * 1000)}}}')

    async def script(peer):
        while len(looks) < 5:
            await asyncio.sleep(0.01)
        await peer.send(trade(7, int((time.time() + 5.0) * 1000)))

    looks = []
    _, feed, _, items = reading(Clocked(), [script], 7, timeouts=replace(SOON, clock=10.0))
    (event,) = (item for item in items if isinstance(item, Event))
    assert (event.happened is not None) is comparable
    assert feed.health.clock_rate == pytest.approx(rate, rel=0.5)
    if comparable:
        assert event.happened == pytest.approx(event.time - 5.0, abs=1.0)
        assert abs(event.received - event.happened) < 2.0


def bursting(market, finish, slow):
    """5,000 trades at once to a feed that keeps 1,000; keys and origins, and the most that was kept."""

    async def burst(peer):
        for key in range(0, 5000, 100):
            await peer.send(*(trade(one) for one in range(key, key + 100)))
        await finish(peer)

    async def run():
        async with RawServer(market, [burst]) as server:
            feed = BinanceTrades(binance_address(address(server)), SOON, most=1000)
            events, largest = [], 0
            stream = feed.batches(None, Since())
            async with asyncio.timeout(20), contextlib.aclosing(stream):
                async for batch in stream:
                    await slow(len(events))
                    largest = max(largest, feed.health.queue)
                    events += [item for item in batch if isinstance(item, Event)]
                    if events[-1:] and events[-1].key == 4999:
                        break
            return events, largest

    events, largest = asyncio.run(run())
    assert [event.key for event in events] == list(range(5000))
    assert largest <= 1000 + 1000  # and a page of REST
    return {event.origin.name for event in events}


def test_a_reader_that_does_not_come_back_costs_a_refill_no_memory_and_no_pong():
    pongs, sent = [], asyncio.Event()

    async def finish(peer):
        await peer.send(b"alive", opcode=9)
        pongs.append(await peer.heard.get())
        sent.set()

    async def slow(count):
        await (asyncio.sleep(0.1) if count else sent.wait())

    assert bursting(Market(top=4999), finish, slow) == {"STREAM", "FILL"}
    assert pongs == [(10, b"alive")]


def test_a_reader_that_is_slow_slows_the_server_down():
    async def finish(peer):
        pass

    async def slow(count):
        await asyncio.sleep(0.01)

    assert bursting(Market(top=-1), finish, slow) == {"STREAM"}


def test_closing_in_the_middle_ends_it():
    async def run():
        async with RawServer(Market(), [sends(7)]) as server:
            feed = open_binance(address(server), timeouts=SOON)
            got = []
            async with asyncio.timeout(20):
                async for batch in feed.batches(None, Since()):
                    got += [text for text in map(brief, batch) if text]
                    await feed.close()
            await feed.close()
            return got

    assert asyncio.run(run()) == ["7S"]


YEARS = 20 * 365 * 86_400_000


class Timed(Market):
    """Counts how often its clock was looked at."""

    looks = 0

    def time(self, query):
        self.looks += 1
        return super().time(query)

    async def known(self):
        """Until the feed has heard an answer: it asks again then."""
        while self.looks < 2:
            await asyncio.sleep(0.001)


def test_a_trade_from_the_future_is_left_out_by_itself():
    market = Timed(top=7)

    async def script(peer):
        await peer.send(trade(7))
        await market.known()
        market.top = 10
        await peer.send(trade(8, EPOCH + YEARS), trade(9), trade(10))

    events, feed, _, items = reading(market, [script], 10)
    assert events == ["7S", "8F", "8-8 skipped filled", "9S", "10S"]  # REST has its right time
    assert feed.health.left_out == {"future": 1}
    text = next(item.text for item in items if isinstance(item, Note) and item.kind == "rejected")
    assert "later than the exchange's clock by more than a day: 2043-" in text


def test_ids_that_begin_again_are_told():
    async def script(peer):
        await peer.send(trade(100), trade(101), trade(100))
        await peer.send(*(trade(key, EPOCH + 60_000 + key) for key in (1, 2, 3)), trade(102))

    events, feed, _, items = reading(Market(), [script], 102)
    assert events == ["100S", "101S", "102S"]
    assert feed.health.left_out == {"duplicate": 1, "renumbered": 3}
    text = next(item.text for item in items if isinstance(item, Note) and item.kind == "rejected")
    assert "1 came after 101, though its time, 2023-11-14T22:14:20.001000+00:00, is later" in text
