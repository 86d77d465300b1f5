"""REST: what the exchange answers, and every way in which it may not."""

import asyncio
import gzip
import tracemalloc

import pytest

from live.feeds.binance.rawserver import RawServer, answer
from ostinato.errors import FeedError, FeedRefusedError
from ostinato.live.feeds.binance.rest import RestClient
from ostinato.live.feeds.feed import Timeouts

QUICK = Timeouts(connect=0.5, backoff=0.002, backoff_cap=0.01, minute=0.06)
TRADES = (
    '[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]'
)
TIME = '{"serverTime":1499827319559}'


def asking(question, *answers, timeouts=QUICK, **options):
    """What a question gives, and what the server was asked, when it answers so, one after the other."""
    answers = list(answers)

    async def run():
        async with (
            RawServer(lambda path, query: answers.pop(0) if len(answers) > 1 else answers[0]) as server,
            RestClient(f"http://127.0.0.1:{server.port}", timeouts, **options) as rest,
        ):
            return await question(rest), server.asked

    return asyncio.run(run())


def trades(rest):
    return rest.agg_trades("BTCUSDT", from_id=26129)


def test_trades_are_asked_for_by_id_and_by_time():
    (trade,), asked = asking(trades, answer(TRADES))
    assert trade.id == 26129
    assert asked[0][:2] == ("aggTrades", {"symbol": "BTCUSDT", "limit": "1000", "fromId": "26129"})
    _, asked = asking(
        lambda rest: rest.agg_trades("BTCUSDT", start=1.5e9, end=1.5e9 + 0.25, limit=5), answer("[]")
    )
    assert asked[0][1] == {
        "symbol": "BTCUSDT",
        "limit": "5",
        "startTime": "1500000000000",
        "endTime": "1500000000250",
    }


def test_bars_time_and_status():
    row = '[1672515720000,"1","3","1","2","1000",1672515779999,"1.0",101,"500","0.5","0"]'
    (bar,), asked = asking(lambda rest: rest.klines("BTCUSDT", "1m", start=1672515720.0), answer(f"[{row}]"))
    assert (bar.high, bar.closed) == (3.0, None)
    assert asked[0][1]["startTime"] == "1672515720000"
    assert asking(lambda rest: rest.server_time(), answer(TIME))[0] == 1499827319.559
    info = '{"symbols":[{"symbol":"BTCUSDT","status":"TRADING"}]}'
    assert asking(lambda rest: rest.symbol("BTCUSDT"), answer(info))[0].status == "TRADING"


def packed(body):
    return answer(gzip.compress(body), headers=["Content-Encoding: gzip"])


def test_packed_answers_are_unpacked():
    assert asking(trades, packed(TRADES.encode()))[0][0].id == 26129


async def dripping(writer):
    """A byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(writer):
    """A body without an end, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        await writer.drain()


async def hanging(writer):
    await asyncio.sleep(60)


async def gone(writer):
    writer.transport.abort()


TROUBLES = {
    "500": answer('{"code":-1000,"msg":"x"}', 500),
    "502 of a proxy": answer("<html>", 502),
    "timeout inside": answer('{"code":-1007,"msg":"Timeout waiting for response"}', 408),
    "disconnected inside": answer('{"code":-1001,"msg":"x"}', 400),
    "truncated JSON": answer(TRADES[:-9]),
    "cut off": answer(TRADES).replace(b"Content-Length: ", b"Content-Length: 9"),
    "another shape": answer('{"a":1}'),
    "ids before what was asked": answer(TRADES.replace("26129", "26128")),
    "deep JSON": answer("[" * 100_000),
    "elsewhere": answer("", 302, ["Location: http://192.0.2.1/"]),
    "gone": gone,
    "no HTTP": b"hello\r\n\r\n",
    "gzip bomb": packed(b" " * (64 << 20)),
    "gzip in gzip": answer(gzip.compress(b"x"), headers=["Content-Encoding: gzip, gzip"]),
    "gzip that is none": answer("hello", headers=["Content-Encoding: gzip"]),
    "gzip cut off": answer(gzip.compress(TRADES.encode())[:-12], headers=["Content-Encoding: gzip"]),
    "gzip without its end": answer(gzip.compress(TRADES.encode())[:-4], headers=["Content-Encoding: gzip"]),
    "packed otherwise": answer("hello", headers=["Content-Encoding: br"]),
    "endless": endless,
    "html": answer("<html>", 404),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_whatever_waiting_mends_is_asked_again(trouble):
    told = []
    (trade,), asked = asking(
        trades, trouble, trouble, answer(TRADES), on_note=lambda *words: told.append(words)
    )
    assert trade.id == 26129
    assert len(asked) == 3
    assert [kind for kind, _ in told] == ["rest", "rest"]
    assert all("asked again in" in text and text.isprintable() for _, text in told)


@pytest.mark.parametrize("trouble", ["gzip bomb", "endless"])
def test_no_more_than_four_megabytes_are_kept(trouble):
    told = []
    asking(trades, TROUBLES[trouble], answer(TRADES), on_note=lambda *words: told.append(words))
    assert "more than 4,194,304 bytes" in told[0][1]


def test_a_bomb_is_not_unpacked():
    bomb = packed(b" " * (64 << 20))
    tracemalloc.start()
    asking(trades, bomb, answer(TRADES))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 << 20


@pytest.mark.parametrize("trouble", [dripping, hanging])
def test_an_answer_has_to_be_whole_in_time(trouble):
    timeouts = Timeouts(connect=0.1, backoff=0.002)
    assert len(asking(trades, trouble, answer(TRADES), timeouts=timeouts)[1]) == 2


def test_attempts_can_be_counted():
    with pytest.raises(FeedError, match=r"HTTP 500.*Try again later"):
        asking(trades, answer("", 500), attempts=3)


@pytest.mark.parametrize("status", [429, 418, 403])
def test_nothing_is_asked_before_retry_after_is_over(status):
    body = '{"code":-1003,"msg":"Too much request weight used"}'
    _, asked = asking(trades, answer(body, status, ["Retry-After: 0.3"]), answer(TRADES))
    assert asked[1][2] - asked[0][2] >= 0.3


def test_a_ban_holds_for_all_questions_at_once():
    async def both(rest):
        first = asyncio.create_task(trades(rest))
        while not rest.limits.blocked():
            await asyncio.sleep(0.001)
        await asyncio.gather(first, rest.agg_trades("BTCUSDT"))

    _, asked = asking(both, answer("", 429, ["Retry-After: 0.3"]), answer(TRADES))
    assert min(asked[1][2], asked[2][2]) - asked[0][2] >= 0.3


@pytest.mark.parametrize(
    ("status", "minutes"), [(429, 1), (418, 2), (403, 5)]
)  # a minute is 0.06 s in these tests
def test_a_ban_without_a_length_is_long(status, minutes):
    _, asked = asking(trades, answer("", status), answer(TRADES))
    assert asked[1][2] - asked[0][2] >= 0.06 * minutes


@pytest.mark.parametrize("words", ["soon", "-5", "nan", "1e999", "9" * 200, "Fri, 99 Xxx 2026"])
def test_a_length_that_is_none_does_not_hold_for_ever(words):
    assert len(asking(trades, answer("", 429, [f"Retry-After: {words}"]), answer(TRADES))[1]) == 2


def test_the_pace_slows_before_the_limit_is_reached():
    async def twice(rest):
        await trades(rest)
        near = rest.limits.blocked()
        await trades(rest)
        return near, rest.limits.blocked()

    used = [answer(TRADES, headers=[f"X-MBX-USED-WEIGHT-1M: {weight}"]) for weight in (4900, 100)]
    (near, far), asked = asking(twice, *used)
    assert near > 0.0
    assert far == 0.0
    assert asked[1][2] - asked[0][2] >= 0.06 / 6 * 0.9


def test_a_place_that_is_not_served_is_refused_at_once_with_the_way_out():
    body = '{"code":0,"msg":"Service unavailable from a restricted location"}'
    with pytest.raises(FeedRefusedError, match=r"451.*restricted location.*rest= and ws="):
        asking(trades, answer(body, 451))


def test_an_unknown_symbol_is_refused_with_the_nearest():
    unknown = answer('{"code":-1121,"msg":"Invalid symbol."}', 400)
    listed = answer('[{"symbol":"ETHUSDT","price":"1"},{"symbol":"BTCUSDT","price":"2"}]')
    with pytest.raises(FeedRefusedError, match=r"no symbol 'BTCUSD'. Did you mean 'BTCUSDT'\?"):
        asking(lambda rest: rest.symbol("BTCUSD"), unknown, listed)
    with pytest.raises(FeedRefusedError, match=r"no symbol 'BTCUSD'\.$"):
        asking(lambda rest: rest.symbol("BTCUSD"), unknown, answer("<html>", 500))


def test_a_question_that_is_wrong_is_not_repeated():
    with pytest.raises(FeedRefusedError, match=r"-1120.*Invalid interval"):
        asking(
            lambda rest: rest.klines("BTCUSDT", "7m"), answer('{"code":-1120,"msg":"Invalid interval."}', 400)
        )
