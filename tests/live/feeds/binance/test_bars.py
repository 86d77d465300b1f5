"""Only closed bars, each once, whatever the stream and REST do. The interval is a minute; bar 0 opens at START."""

import asyncio

import pytest

from live.feeds.binance.rawserver import RawServer, answer
from live.feeds.binance.test_feed import SOON, Market, closes, notes, reading
from ostinato.live.events import Event, Position, Since
from ostinato.live.feeds.binance import RestClient, streams
from ostinato.live.feeds.binance.clock import ExchangeClock

START = 1700000040  # seconds, a full minute
FIRST = START // 60


def numbers(bar):
    """Opening and closing time in milliseconds, and prices that tell bars apart."""
    opens = (START + 60 * bar) * 1000
    return opens, opens + 59_999, f"{100 + bar}.0", f"{3000 + bar}.0", "90.0", f"{101 + bar}.0"


def kline(bar, closed, close=None):
    """A frame of the stream."""
    opens, ends, start, high, low, end = numbers(bar)
    return (
        f'{{"e":"kline","E":{ends},"s":"BTCUSDT","k":{{"t":{opens},"T":{ends},"s":"BTCUSDT","i":"1m","f":1,"L":2,'
        f'"o":"{start}","c":"{close or end}","h":"{high}","l":"{low}","v":"5.0","n":2,'
        f'"x":{"true" if closed else "false"},"q":"1.0","V":"1.0","Q":"1.0","B":"0"}}}}'
    )


def row(bar, close=None):
    opens, ends, start, high, low, end = numbers(bar)
    return f'[{opens},"{start}","{high}","{low}","{close or end}","5.0",{ends},"1.0",2,"1.0","1.0","0"]'


class Bars(Market):
    """REST with the bars up to ``forming``, which still changes; the exchange was down in those of ``absent``."""

    def __init__(self, forming, absent=()):
        super().__init__(now=(START + 60 * forming + 30) * 1000)
        self.forming, self.absent = forming, set(absent)

    def klines(self, query):
        assert query["interval"] == "1m"
        limit = int(query["limit"])
        if "startTime" in query:
            first = -((START * 1000 - int(query["startTime"])) // 60_000)
        else:
            first = self.forming - limit + 1
        bars = [bar for bar in range(max(0, first), self.forming + 1) if bar not in self.absent][:limit]
        return answer(f"[{','.join(row(bar, '95.5' if bar == self.forming else None) for bar in bars)}]")


def sends(*frames):
    async def script(peer):
        assert peer.path == "/ws/btcusdt@kline_1m"
        await peer.send(*frames)

    return script


def reading_bars(market, scripts, until, after=None, since=None, timeouts=SOON):
    """Events and gaps in brief, bars counted from 0, and the feed and items."""
    position = None if after is None else Position(FIRST + after, START + 60.0 * after)
    _, feed, _, items = reading(
        market, scripts, FIRST + until, position, since, timeouts, kind="bars", step=60
    )
    said = []
    for item in items:
        if isinstance(item, Event):
            said.append(f"{item.key - FIRST}{item.origin.name[0]}")
            assert item.time == START + 60 * (item.key - FIRST)
            assert item.values == tuple(
                float(text) for text in (*numbers(item.key - FIRST)[2:], "5.0")
            )  # whole: never as it formed
        elif hasattr(item, "outcome"):
            said.append(f"{item.first - FIRST}-{item.last - FIRST} {item.reason} {item.outcome}")
    return said, feed, items


def test_only_closed_bars_are_released():
    script = sends(
        kline(5, False, "105.5"),
        kline(5, False, "99.5"),
        kline(5, True),
        kline(6, False, "99.0"),
        kline(6, True),
    )
    said, feed, _ = reading_bars(Bars(7), [script], 6)
    assert said == ["5S", "6S"]
    assert (feed.kind, feed.step, feed.columns) == ("bars", 60.0, ("open", "high", "low", "close", "volume"))


def test_history_ends_with_the_last_closed_bar():
    said, *_ = reading_bars(Bars(7), [sends(kline(7, False), kline(7, True))], 7, since=Since(history=3))
    assert said == ["4H", "5H", "6H", "7S"]


def test_the_first_bar_that_is_kept():
    said, *_ = reading_bars(Bars(3), [sends(kline(3, True))], 3, since=Since(key="first"))
    assert said == ["0H", "1H", "2H", "3S"]


@pytest.mark.parametrize(("after", "bars"), [(-30.0, [5, 6]), (1.0, [5, 6]), (3.0, [5, 6, 7])])
def test_the_last_bar_of_an_answer_is_taken_some_time_after_its_end(after, bars):
    """A little later only, for the clock may be ahead of the data."""
    market = Market(now=int((START + 60 * 8 + after) * 1000))
    market.odd["klines"] = [answer(f"[{row(5)},{row(6)},{row(7)}]")]

    async def run():
        async with RawServer(market) as server, RestClient(f"http://127.0.0.1:{server.port}", SOON) as rest:
            return await streams.BarStream("BTCUSDT", 60, ExchangeClock()).page(rest, FIRST + 5)

    page = asyncio.run(run())
    assert [event.key - FIRST for event in page.events] == bars
    assert not page.more


def test_a_bar_is_fetched_when_the_next_one_forms():
    said, *_ = reading_bars(Bars(7), [sends(kline(5, True), kline(6, False), kline(7, False))], 6)
    assert said == ["5S", "6F", "6-6 skipped filled"]


def test_a_bar_whose_end_was_never_sent_is_fetched():
    said, *_ = reading_bars(
        Bars(8), [sends(kline(5, True), kline(6, False), kline(7, False), kline(7, True))], 7
    )
    assert said == ["5S", "6F", "6-6 skipped filled", "7S"]


def test_out_of_order_and_twice():
    script = sends(
        kline(5, True), kline(7, False), kline(6, True), kline(5, False), kline(6, True), kline(7, True)
    )
    said, feed, _ = reading_bars(Bars(8), [script], 7)
    assert said == ["5S", "6S", "7S"]
    assert feed.health.duplicates == 1


def test_bars_that_the_exchange_does_not_have():
    said, *_ = reading_bars(
        Bars(9, absent=(6, 7)), [sends(kline(5, True), kline(8, False), kline(8, True))], 8
    )
    assert said == ["5S", "6-7 skipped unfillable", "8S"]


def test_after_a_reconnect():
    async def first(peer):
        await peer.send(kline(5, True))
        await closes(1001)(peer)

    said, feed, items = reading_bars(Bars(8), [first, sends(kline(8, False), kline(8, True))], 8)
    assert said == ["5S", "6F", "7F", "6-7 disconnect filled", "8S"]
    assert feed.health.rejected == 1  # closes() sends a trade
    assert "reconnect" in notes(items)


def test_going_on_after_an_absence():
    said, *_ = reading_bars(Bars(1500), [sends(kline(1500, False), kline(1500, True))], 1500, after=3)
    assert said == [*(f"{bar}F" for bar in range(4, 1500)), "4-1499 restart filled", "1500S"]
