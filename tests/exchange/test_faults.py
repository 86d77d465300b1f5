"""Every fault, seen by a client that knows nothing of it. Trade i is visible i + 1 seconds after the clock's start."""

import asyncio
import json
import time
import zlib
from pathlib import Path

import httpx
import pytest
import websockets

from exchange.serving import (
    START,
    aggregate,
    all_ids,
    client,
    connect,
    four_trades,
    get,
    ids,
    messages,
    one_a_second,
    run,
    serving,
    until_the_end,
)
from ostinato.exchange import FAULTS, ExchangeLimits, make_fault
from ostinato.exchange.catalogue import KINDS

MS = START * 1000
BTC = {"symbol": "BTCUSDT"}
HANDSHAKE = (
    b"GET /ws/btcusdt@aggTrade HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def heard(count, *faults, path="/ws/btcusdt@aggTrade", market=None):
    """The first messages of a stream under faults."""

    async def listen():
        async with serving(market, faults) as exchange, connect(exchange, path) as ws:
            return await messages(ws, count)

    return run(listen())


def ended(fault):
    """Ids until the connection ends, and the code it ended with."""

    async def listen():
        async with serving(faults=[fault]) as exchange, aggregate(exchange) as ws:
            return await all_ids(ws)

    return run(listen())


def asked(path, *faults, seconds=0.0, headers=None, market=None, **parameters):
    """A reply of REST so many seconds after the clock's start, all trades before it known."""

    async def ask():
        async with serving(market, faults) as exchange, client(exchange) as http:
            exchange.clock.advance(exchange.clock.start + seconds)
            return await http.get(f"/api/v3/{path}", params=parameters, headers=headers)

    return run(ask())


def test_every_fault_is_tried():
    text = Path(__file__).read_text("utf-8")
    missing = [name for name in FAULTS if f'"{name}"' not in text]
    assert not missing


# connections


def test_abort():
    assert ended(make_fault("abort", trade=5)) == ([0, 1, 2, 3, 4, 5], None)


def test_abort_is_in_the_middle_of_a_frame():
    async def listen():
        async with serving(faults=[make_fault("abort", trade=5)]) as exchange:
            reader, writer = await asyncio.open_connection(exchange.host, exchange.port)
            writer.write(HANDSHAKE)
            received = await reader.read()  # until the end of the connection
            writer.close()
            return received.partition(b"\r\n\r\n")[2]

    frames = run(listen())
    sizes = []
    while frames:
        assert frames[:2] == b"\x81\x7e"  # whole text, of more than 125 bytes
        sizes.append((int.from_bytes(frames[2:4], "big"), len(frames[4:])))
        frames = frames[4 + sizes[-1][0] :]
    assert len(sizes) == 7
    assert sizes[-1][1] < sizes[-1][0]  # the last one promises more than came


@pytest.mark.parametrize(
    ("name", "code"), [("close_1000", 1000), ("close_1001", 1001), ("close_1008", 1008), ("day_close", 1001)]
)
def test_closes(name, code):
    assert ended(make_fault(name, trade=5)) == ([0, 1, 2, 3, 4, 5], code)


@pytest.mark.parametrize("first", ["close_1000", "abort", "half_open", "endless_frame"])
def test_faults_of_one_moment(first):
    """What is closing, dead or in the middle of a frame is left alone."""
    later = [
        make_fault(name, trade=5) for name, kind in KINDS.items() if kind.family in ("connection", "hostile")
    ]

    async def listen():
        faults = [make_fault(first, trade=5), *later]
        async with serving(faults=faults) as exchange, aggregate(exchange, close_timeout=0.05) as ws:
            assert await ids(ws, 6) == [0, 1, 2, 3, 4, 5]
            if first == "half_open":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(ws.recv(), 0.1)
            else:
                await until_the_end(ws)

    run(listen())


def test_half_open():
    async def listen():
        async with serving(faults=[make_fault("half_open", trade=5)]) as exchange, aggregate(exchange) as ws:
            assert await ids(ws, 6) == [0, 1, 2, 3, 4, 5]
            answered = await ws.ping()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ws.recv(), 0.1)
            assert not answered.done()  # nor did the connection end
            async with aggregate(exchange) as other:  # a new connection works
                assert (await ids(other, 1))[0] > 5
            ws.transport.abort()

    run(listen())


def test_silence():
    async def listen():
        limits = ExchangeLimits(ping_every=0.05, real_ping=0.05, messages=1000)
        faults = [make_fault("silence", trade=5, length=10)]
        async with serving(faults=faults, limits=limits) as exchange, aggregate(exchange) as ws:
            assert await ids(ws, 6) == [0, 1, 2, 3, 4, 5]
            pongs = exchange.served.received
            assert await ids(ws, 2) == [16, 17]  # after ten virtual seconds without
            assert exchange.served.received > pongs  # while pings went on

    run(listen())


def test_server_shutdown():
    fault = make_fault("server_shutdown", trade=5, notice=3)

    async def listen():
        path = "/stream?streams=btcusdt@aggTrade"
        async with serving(faults=[fault]) as exchange, connect(exchange, path) as ws:
            texts, closed = await until_the_end(ws)
            assert closed.rcvd.code == 1001
            assert exchange.served.faults == [(START + 5, "server_shutdown")]
        found = [json.loads(text) for text in texts]
        assert found[6] == {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": MS + 5000}}
        assert [m["data"]["a"] for m in found if m["stream"] != "!serverShutdown"] == list(range(9))

    run(listen())
    [event] = [m for m in heard(7, fault) if m["e"] == "serverShutdown"]
    assert event == {"e": "serverShutdown", "E": MS + 5000}


def test_pong_lost():
    async def listen():
        limits = ExchangeLimits(
            ping_every=0.05, real_ping=0.05, pong_within=0.1, real_pong=0.1, messages=1000
        )
        faults = [make_fault("pong_lost", trade=5)]
        async with serving(faults=faults, limits=limits) as exchange, aggregate(exchange) as ws:
            _, code = await all_ids(ws)
            assert code == 1008
            assert exchange.served.received > 0  # the client did answer

    run(listen())


def test_refuse():
    async def ask():
        async with serving(faults=[make_fault("refuse", 0, 10)]) as exchange:
            with pytest.raises(httpx.TransportError):
                await get(exchange, "ping")
            with pytest.raises((websockets.InvalidHandshake, OSError)):
                await aggregate(exchange)
            exchange.clock.advance(exchange.clock.start + 10)
            assert (await get(exchange, "ping")).status_code == 200

    run(ask())


def test_message_limit():
    async def hurry():
        faults = [make_fault("message_limit", 0, 60, limit=1)]
        async with serving(faults=faults, speed=1.0, wait=True) as exchange, connect(exchange, "/ws") as ws:
            for number in range(2):
                await ws.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            assert (await messages(ws, 1))[0]["id"] == 0
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd.code == 1008

    run(hurry())


# streams


def test_burst():
    found = heard(20, make_fault("burst", trade=5, length=10))
    assert [message["a"] for message in found] == list(range(20))
    assert [message["E"] for message in found] == [
        MS + 1000 * second for second in (0, 1, 2, 3, 4, *[15] * 10, 15, 16, 17, 18, 19)
    ]
    assert [message["T"] for message in found] == [MS + 1000 * i for i in range(20)]


def test_duplicate():
    found = heard(16, make_fault("duplicate", trade=5, length=3))
    assert [message["a"] for message in found] == [0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12]
    some = [message["a"] for message in heard(150, make_fault("duplicate", 0, 1000, share=0.3))]
    assert sorted(set(some)) == list(range(len(set(some))))
    assert 20 < len(some) - len(set(some)) < 60


def test_reorder():
    found = [
        message["a"] for message in heard(60, make_fault("reorder", trade=5, length=40, block=4, seed=1))
    ]
    assert found[:5] == [0, 1, 2, 3, 4]
    assert found[45:] == list(range(45, 60))
    assert found[5:45] != sorted(found[5:45])
    for block in range(5, 45, 4):
        assert sorted(found[block : block + 4]) == list(range(block, block + 4))


def test_gap_that_rest_can_fill():
    fault = make_fault("gap", trade=5, length=10)
    for path in ("/ws/btcusdt@aggTrade", "/ws/btcusdt@trade"):
        found = [message.get("a", message.get("t", 0) % 50000000) for message in heard(10, fault, path=path)]
        assert found == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]
    rows = asked("aggTrades", fault, seconds=100, fromId=3, limit=4, **BTC).json()
    assert [row["a"] for row in rows] == [3, 4, 5, 6]


def test_gap_that_nothing_fills():
    fault = make_fault("gap_pruned", trade=5, length=10)
    assert [message["a"] for message in heard(6, fault)] == [0, 1, 2, 3, 4, 15]
    for wanted in (0, 5, 14):  # older than the archive: from the first that is kept
        rows = asked("aggTrades", fault, seconds=100, fromId=wanted, limit=2, **BTC).json()
        assert [row["a"] for row in rows] == [15, 16]
    rows = asked("aggTrades", fault, seconds=100, startTime=MS, limit=1, **BTC).json()
    assert [row["a"] for row in rows] == [15]
    assert asked("aggTrades", fault, seconds=8, **BTC).json() == []
    assert [row["a"] for row in asked("aggTrades", fault, seconds=4, **BTC).json()] == [0, 1, 2, 3]


# the market


def test_time_hole():
    fault = make_fault("time_hole", trade=5, length=14_400)
    found = heard(8, fault)
    assert [message["a"] for message in found] == list(range(8))
    assert [message["T"] - MS for message in found] == [
        0,
        1000,
        2000,
        3000,
        4000,
        14_405_000,
        14_406_000,
        14_407_000,
    ]
    rows = asked("klines", fault, seconds=14_500, interval="1m", **BTC).json()
    opens = [row[0] for row in rows]
    minute = MS - MS % 60_000
    assert opens[:2] == [minute, minute + 14_400_000]  # no bars while it was down


def test_symbol_break():
    fault = make_fault("symbol_break", trade=5, length=100)
    assert [message["T"] - MS for message in heard(6, fault)][4:] == [4000, 105_000]
    for seconds, status in ((5, "TRADING"), (7, "BREAK"), (105, "BREAK"), (106, "TRADING")):
        info = asked("exchangeInfo", fault, seconds=seconds).json()
        assert info["symbols"][0]["status"] == status


def test_unknown_symbol():
    fault = make_fault("unknown_symbol", trade=5, length=10)
    reply = asked("aggTrades", fault, seconds=7, **BTC)
    assert (reply.status_code, reply.json()) == (400, {"code": -1121, "msg": "Invalid symbol."})
    assert asked("exchangeInfo", fault, seconds=7).json()["symbols"] == []
    assert [message["a"] for message in heard(6, fault)] == [0, 1, 2, 3, 4, 15]


# klines


def test_kline_out_of_order():
    market = one_a_second(4000)
    found = heard(60, make_fault("kline_out_of_order", 0, 4000), path="/ws/btcusdt@kline_1m", market=market)
    opens = [message["k"]["t"] for message in found]
    assert opens != sorted(opens)
    late = [m["k"] for m, before in zip(found[1:], opens, strict=False) if m["k"]["t"] < before]
    assert late
    assert not any(k["x"] for k in late)
    plain = [message["k"]["t"] for message in heard(60, path="/ws/btcusdt@kline_1m", market=market)]
    assert plain == sorted(plain)


def test_kline_unclosed():
    fault = make_fault(
        "kline_unclosed", 70, 120
    )  # START is 20 s into its minute: bars end 41, 101, 161, 221 ... after
    found = heard(20, fault, path="/ws/btcusdt@kline_1m", market=one_a_second(900))
    minute = MS - MS % 60_000
    closed = [(message["k"]["t"] - minute) // 60_000 for message in found if message["k"]["x"]]
    assert closed[:3] == [0, 3, 4]


# REST


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (make_fault("rest_429", 5, 10, retry_after=7), 429, "Too much request weight used"),
        (make_fault("rest_418", 5, 10), 418, "IP banned until"),
        (make_fault("rest_403", 5, 10), 403, "<html>"),
        (make_fault("rest_451", 5, 10), 451, "restricted location"),
        (make_fault("rest_500", 5, 10), 500, "<html>"),
    ],
)
def test_statuses(fault, status, said):
    for path, parameters in (("time", {}), ("aggTrades", BTC)):
        reply = asked(path, fault, seconds=5, **parameters)
        assert reply.status_code == status
        assert said in reply.text
    assert asked("time", fault, seconds=4.9).status_code == 200
    assert asked("time", fault, seconds=15).status_code == 200


def test_bodies_and_headers_of_refusals():
    slow = asked("time", make_fault("rest_429", 0, 10, retry_after=7))
    banned = asked("time", make_fault("rest_418", 0, 90))
    place = asked("time", make_fault("rest_451", 0, 90))
    assert (slow.headers["Retry-After"], slow.json()["code"]) == ("7", -1003)
    assert (banned.headers["Retry-After"], banned.json()["code"]) == ("90", -1003)
    assert str((START - 1 + 90) * 1000) in banned.json()["msg"]
    assert place.json()["code"] == 0
    assert slow.headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_a_fault_of_some_paths_only():
    fault = make_fault("rest_500", 0, 10, path="aggTrades")
    assert asked("time", fault).status_code == 200
    assert asked("aggTrades", fault, **BTC).status_code == 500


def test_rest_hang():
    async def ask():
        faults = [make_fault("rest_hang", 0, 1000, seconds=10)]
        async with serving(faults=faults, speed=50.0) as exchange:
            began = time.monotonic()
            reply = await get(exchange, "time")
            assert time.monotonic() - began >= 10 / 50
            assert (reply.status_code, reply.json()["code"]) == (408, -1007)

    run(ask())


def test_rest_truncated():
    reply = asked("aggTrades", make_fault("rest_truncated", 0, 10), **BTC, market=four_trades(), seconds=5)
    assert reply.status_code == 200
    assert reply.text.startswith('[{"a":0')
    with pytest.raises(json.JSONDecodeError):
        reply.json()


def test_rest_cut():
    with pytest.raises(httpx.RemoteProtocolError):
        asked("time", make_fault("rest_cut", 0, 10))


def test_rest_lag():
    fault = make_fault("rest_lag", 10, 10, by=5)
    latest = [asked("aggTrades", fault, seconds=s, limit=1, **BTC).json()[0]["a"] for s in (9, 10, 15, 20)]
    assert latest == [8, 4, 9, 19]
    assert [message["a"] for message in heard(30, fault)] == list(range(30))


def test_clock_skew():
    fault = make_fault("clock_skew", 5, 10, by=-30)
    assert asked("time", fault, seconds=5).json()["serverTime"] == MS + 4000 - 30_000
    found = heard(20, fault)
    assert [m["E"] - m["T"] for m in found] == [0] * 4 + [-30_000] * 10 + [0] * 6


def test_microseconds():
    fault = make_fault("microseconds", 5, 10)
    assert asked("time", fault, seconds=5).json()["serverTime"] == (MS + 4000) * 1000
    found = heard(20, fault)
    assert [m["T"] for m in found] == [(MS + 1000 * i) * (1000 if 4 <= i < 14 else 1) for i in range(20)]
    assert [m["E"] for m in found] == [m["T"] for m in found]
    bars = heard(20, fault, path="/ws/btcusdt@kline_1s")
    assert [m["k"]["t"] > MS * 100 for m in bars] == [3 <= i < 13 for i in range(20)]


# what no exchange would send


def test_huge_frame():
    async def listen():
        later = [
            make_fault(name, trade=5) for name in ("not_text", "garbage", "deep_json", "server_shutdown")
        ]
        faults, path = [make_fault("huge_frame", trade=5, megabytes=3), *later], "/ws/btcusdt@aggTrade"
        async with serving(faults=faults) as exchange, connect(exchange, path, max_size=None) as ws:
            assert await ids(ws, 6) == [0, 1, 2, 3, 4, 5]
            huge = await ws.recv()
            assert len(huge) == 3 << 20
            assert json.loads(huge) == []  # and nothing came into the middle of it
            assert (await ids(ws, 1))[0] > 5  # it goes on

    run(listen())


@pytest.mark.parametrize("name", ["endless_frame", "endless_fragments", "huge_frame", "garbage", "not_text"])
def test_a_client_gives_up(name):
    """Each with the code of its own protocol error: 1009 too big, 1007 no text, 1002 no frame."""

    async def listen():
        async with serving(faults=[make_fault(name, trade=5)]) as exchange, aggregate(exchange) as ws:
            found, closed = await until_the_end(ws)
            assert len(found) == 6
            return closed.sent.code

    code = run(listen())
    assert code == {"garbage": 1002, "not_text": 1007}.get(name, 1009)


def test_endless_frames_end_with_their_time():
    async def listen():
        faults, path = [make_fault("endless_frame", trade=5, length=6)], "/ws/btcusdt@aggTrade"
        async with serving(faults=faults) as exchange, connect(exchange, path, max_size=None) as ws:
            assert (await all_ids(ws))[1] is None  # cut

    run(listen())


def test_deep_json():
    async def listen():
        fault = make_fault("deep_json", trade=5, depth=5000)
        async with serving(faults=[fault]) as exchange, aggregate(exchange) as ws:
            await ids(ws, 6)
            assert await ws.recv() == "[" * 5000 + "]" * 5000
            assert await ids(ws, 2) == [6, 7]

    run(listen())


def test_wrong_types():
    async def listen(path):
        faults = [make_fault("wrong_types", trade=5, length=50)]
        async with serving(faults=faults) as exchange, connect(exchange, path) as ws:
            return [await ws.recv() for _ in range(60)]

    for path, after in (("/ws/btcusdt@aggTrade", 55), ("/ws/btcusdt@kline_1s", 54)):
        right, wrong, again = (lambda m, n: (m[:4], m[5:54], m[n:]))(run(listen(path)), after)
        assert all(set(json.loads(text)) >= {"e", "E", "s"} for text in right + again)
        kinds = set()
        for text in wrong:
            try:
                value = json.loads(text)
            except ValueError:
                value = "no JSON"
            kinds.add(json.dumps(sorted(map(str, value)) if isinstance(value, dict) else value))
            assert text not in right
        assert len(kinds) >= (4 if "agg" in path else 1)


def test_rest_wrong_types():
    seen = {asked("time", make_fault("rest_wrong_types", 0, 10), seconds=s / 1000).text for s in range(10)}
    assert len(seen) > 5
    assert "{}" in seen


def test_rest_deep():
    assert asked("time", make_fault("rest_deep", 0, 10, depth=3000)).text == "[" * 3000 + "]" * 3000


def test_rest_drip():
    async def ask():
        faults = [make_fault("rest_drip", 0, 1000, pause=1.0)]
        async with (
            serving(faults=faults, speed=200.0) as exchange,
            client(exchange) as http,
            http.stream("GET", "/api/v3/ping") as reply,
        ):
            assert [piece async for piece in reply.aiter_raw()] == [b"{", b"}"]

    run(ask())


def test_rest_garbage():
    with pytest.raises(httpx.RemoteProtocolError):
        asked("time", make_fault("rest_garbage", 0, 10))


def test_rest_huge():
    reply = asked("time", make_fault("rest_huge", 0, 10, megabytes=5))
    assert len(reply.content) == 5 << 20
    assert reply.json() == []


def test_rest_endless():
    async def ask():
        async with serving(faults=[make_fault("rest_endless", 0, 10)]) as exchange, client(exchange) as http:
            size = 0
            async with http.stream("GET", "/api/v3/time") as reply:
                async for piece in reply.aiter_raw():
                    size += len(piece)
                    if size > 8 << 20:
                        break
            assert size > 8 << 20

    run(ask())


def test_rest_bomb():
    fault, gzip = make_fault("rest_bomb", 0, 10, megabytes=20), {"Accept-Encoding": "gzip"}

    async def ask():
        async with (
            serving(faults=[fault]) as exchange,
            client(exchange) as http,
            http.stream("GET", "/api/v3/time", headers=gzip) as reply,
        ):
            return reply.headers["Content-Encoding"], b"".join([piece async for piece in reply.aiter_raw()])

    coding, packed = run(ask())
    assert coding == "gzip"
    assert len(packed) < 100_000
    assert zlib.decompress(packed, 31).strip() == b"[]"
    assert len(zlib.decompress(packed, 31)) == (20 << 20) + 2
    assert asked("ping", fault, headers={"Accept-Encoding": "identity"}).json() == {}


def test_what_is_sent_depends_on_the_script_alone():
    """Not on the speed, nor on how the trades fell into batches."""
    faults = [
        make_fault("duplicate", 10, 60, share=0.4, seed=3),
        make_fault("reorder", 30, 60, block=5, seed=4),
        make_fault("gap", trade=70, length=7),
        make_fault("burst", 100, 20),
        make_fault("time_hole", 130, 30),
        make_fault("clock_skew", 140, 40),
        make_fault("microseconds", 150, 50),
        make_fault("wrong_types", trade=180, length=3),
    ]

    async def listen(speed):
        async with serving(faults=faults, speed=speed, wait=True) as exchange:
            count = len(exchange.plan.when)
            async with connect(exchange, "/stream?streams=btcusdt@aggTrade/btcusdt@trade") as ws:
                return [await ws.recv() for _ in range(2 * count)]

    slow, quick = run(listen(400.0)), run(listen("max"))
    assert slow == quick
    assert len(slow) > 400


def test_kinds_say_what_they_do():
    assert all(kind.does and kind.length >= 0 for kind in KINDS.values())
