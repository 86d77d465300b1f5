"""Clients that send what they should not: each loses its own connection at most, and the exchange keeps its memory."""

import asyncio
import json
import socket
import tracemalloc

import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.serving import aggregate, connect, get, ids, messages, one_a_second, run, serving, until_the_end
from ostinato.exchange import ExchangeLimits
from ostinato.exchange.control import Subscriptions, stream_of, subscriptions_of
from ostinato.exchange.messages import HttpRequest, Refusal
from ostinato.exchange.query import Query


async def raw(exchange, data, patience=2.0):
    """What comes back for these bytes, until the exchange closes or has nothing more to say."""
    reader, writer = await asyncio.open_connection(exchange.host, exchange.port)
    found = b""
    try:
        writer.write(data)
        while piece := await asyncio.wait_for(reader.read(65_536), patience):
            found += piece
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return found


async def alive(exchange):
    assert (await get(exchange, "ping")).json() == {}


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n", b"HTTP/1.1 431"),
        (b"GET /api/v3/ping HTTP/1.1\r\n" + b"a: b\r\n" * 20_000, b"HTTP/1.1 431"),
        (b"GET /api/v3/ping HTTP/1.1\r\n\r\n", b"HTTP/1.1 400"),  # no Host
        (b"\x16\x03\x01\x02\x00" * 50 + b"\n", b"HTTP/1.1 400"),  # TLS
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 200_000,
            b"HTTP/1.1 413",
        ),
        (
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            b"HTTP/1.1 400",
        ),
        (
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            b"HTTP/1.1 426",
        ),
        (b"GET /api/v3/ping HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"),
        (b"GET /api/v3/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"HTTP/1.1 200"),
    ],
)
def test_requests_that_are_none(data, start):
    async def send():
        async with serving() as exchange:
            assert (await raw(exchange, data))[: len(start)] == start
            await alive(exchange)

    run(send())


def test_requests_in_one_piece_are_answered_in_order():
    async def send():
        async with serving() as exchange:
            one = b"GET /api/v3/%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
            found = await raw(exchange, one % b"ping" + one % b"nope" + one % b"time", 0.2)
            assert found.count(b"HTTP/1.1 200") == 2
            assert found.index(b"HTTP/1.1 404") < found.index(b"serverTime")

    run(send())


@pytest.mark.parametrize(
    ("message", "code"),
    [("x" * 70_000, 1009), (b"\xff\xfe", 1007), ("[" * 60_000, None), ('{"id":' * 9000, None)],
)
def test_messages_of_a_websocket(message, code):
    async def send():
        async with serving() as exchange:
            async with connect(exchange, "/ws") as ws:
                await ws.send(message)
                if code is None:
                    assert (await messages(ws, 1))[0]["code"] == 3
                else:
                    with pytest.raises(websockets.ConnectionClosed) as closed:
                        await ws.recv()
                    assert closed.value.rcvd.code == code
            await alive(exchange)

    run(send())


def test_fragments_without_end_are_bounded():
    async def send():
        async with serving(limits=ExchangeLimits(messages=10**6)) as exchange:

            async def pieces():
                while True:
                    yield "x" * 1000

            async with connect(exchange, "/ws") as ws:
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await ws.send(pieces())
                assert closed.value.rcvd.code == 1009

    run(send())


def test_a_client_that_does_not_read_is_cut_off():
    async def listen():
        options = {"speed": 30_000.0, "wait": True, "limits": ExchangeLimits(backlog=200_000)}
        async with (
            serving(one_a_second(60_000), **options) as exchange,
            aggregate(exchange) as slow,
            aggregate(exchange) as quick,
        ):
            slow.transport.pause_reading()
            slow.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await ids(quick, 50_000)
            assert exchange.served.dropped == 1
            slow.transport.abort()

    run(listen())


def test_at_max_a_client_that_does_not_read_holds_the_market():
    async def listen():
        async with serving(one_a_second(60_000)) as exchange, aggregate(exchange) as ws:
            ws.transport.pause_reading()
            await asyncio.sleep(0.3)
            held = exchange.publisher.position
            assert held < 60_000
            await asyncio.sleep(0.1)
            assert exchange.publisher.position == held
            ws.transport.resume_reading()
            assert await ids(ws, 60_000) == list(range(60_000))

    run(listen())


def test_idle_connections_end():
    async def wait():
        async with serving(limits=ExchangeLimits(real_idle=0.1)) as exchange:
            assert await raw(exchange, b"GET /api/v3/ping HTTP/1.1\r\nHo") == b""
            assert not exchange.venue.connections

    run(wait())


def test_no_more_sockets_than_allowed():
    """A newcomer is served in place of the one that has waited longest; what is a websocket stays."""

    async def open_many():
        async with serving(limits=ExchangeLimits(sockets=5)) as exchange, connect(exchange, "/ws") as ws:
            opened = [await asyncio.open_connection(exchange.host, exchange.port) for _ in range(20)]
            assert len(exchange.venue.connections) <= 6
            assert await opened[0][0].read() == b""
            assert b"HTTP/1.1 200" in await raw(exchange, PING, 0.2)
            await ws.send('{"method": "LIST_SUBSCRIPTIONS", "id": 1}')
            assert json.loads(await ws.recv())["id"] == 1
            for _, writer in opened:
                writer.close()

    run(open_many())


PING = b"GET /api/v3/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_500_half_sent_requests_hold_nobody_up():
    async def hold():
        async with serving() as exchange:
            opened = []
            for _ in range(500):
                opened.append(await asyncio.open_connection(exchange.host, exchange.port))
                opened[-1][1].write(PING[:20])
            for _ in range(5):
                await alive(exchange)
            assert len(exchange.venue.connections) <= 513
            for _, writer in opened:
                writer.close()

    run(hold())


STREAM = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
STREAM += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.mark.parametrize("kind", ["rest", "websocket"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Host: 127.0.0.1\r\n", None),
        (b"Host: localhost:%d\r\n", None),
        (b"Host: [::1]:%d\r\n", None),
        (b"Host: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\n", None),
        (b"Host: evil.example:%d\r\n", 421),
        (b"Host: evil.example:%d\r\nOrigin: http://evil.example:%d\r\n", 421),
        (b"Host: 127.0.0.1.evil.example\r\n", 421),
        (b"Host: localhost#a\r\n", 421),
        (b"Host: 192.0.2.1\r\n", 421),
        (b"Host: 127.0.0.1:%d\r\nOrigin: http://evil.example\r\n", 403),
        (b"Host: 127.0.0.1:%d\r\nOrigin: null\r\n", 403),
        (b"Host: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:1\r\n", 403),
        (b"Host: 127.0.0.1:%d\r\nOrigin: http://[\r\n", 403),
    ],
)
def test_pages_of_other_sites_are_refused(headers, status, kind):
    """A name that was rebound to loopback, and a page that opens a websocket across sites."""

    async def send():
        async with serving() as exchange:
            told = headers.replace(b"%d", str(exchange.port).encode())
            path, more = (b"/api/v3/time", b"") if kind == "rest" else (b"/ws/btcusdt@trade", STREAM)
            answer = await raw(exchange, b"GET %s HTTP/1.1\r\n%s%s\r\n" % (path, told, more), 0.2)
            expected = status or (200 if kind == "rest" else 101)
            assert answer.startswith(b"HTTP/1.1 %d" % expected)
            if status:
                assert b"serverTime" not in answer
                assert not exchange.venue.sessions
                assert not exchange.served.requests

    run(send())


def test_memory_stays_though_clients_come_and_go():
    async def come_and_go(exchange, times):
        for number in range(times):
            await raw(exchange, b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\n" % number, 0.5)
            async with connect(exchange, f"/ws/s{number}@trade") as ws:
                await ws.send(
                    json.dumps({"method": "SUBSCRIBE", "params": [f"t{number}@trade"], "id": number})
                )
                await ws.recv()

    async def measure():
        async with serving(limits=ExchangeLimits(connections=10**6)) as exchange:
            await come_and_go(exchange, 20)
            tracemalloc.start()
            before = tracemalloc.take_snapshot()
            await come_and_go(exchange, 60)
            after = tracemalloc.take_snapshot()
            tracemalloc.stop()
            ours = tracemalloc.Filter(True, "*/ostinato/exchange/*")
            changes = after.filter_traces([ours]).compare_to(before.filter_traces([ours]), "lineno")
            grown = sum(change.size_diff for change in changes)
            assert grown < 60 * 1000, grown
            assert not exchange.venue.sessions

    run(measure())


WORDS = st.text(max_size=200)
VALUES = st.recursive(st.none() | st.integers() | WORDS, st.lists, max_leaves=5).map(json.dumps)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WORDS | VALUES)
def test_whatever_a_client_says_it_gets_json(text):
    choice = Subscriptions([], False, False, 1024)
    for said in (
        text,
        json.dumps({"method": text, "id": 1}),
        json.dumps({"method": "SUBSCRIBE", "params": [text]}),
    ):
        reply = json.loads(choice.answer(said))
        assert {"code", "msg"} <= set(reply) or {"result", "id"} == set(reply)
    assert len(choice.names) <= 1


@settings(deadline=None)
@given(st.text(max_size=100))
def test_whatever_is_asked_is_answered(text):
    subscriptions_of(text, 1024)
    stream_of(text, "BTCUSDT")
    allowed = ("symbol", "limit", "interval", "timeZone", "symbols", "startTime")
    bodies = []
    for query in [text, *(f"{name}={text}" for name in allowed)]:
        try:
            found = Query(HttpRequest("GET", "/", query, {}, ""), allowed, "BTCUSDT")
            for read in (found.symbols, found.limit, found.interval, found.zone):
                read()
            found.time("startTime")
        except Refusal as refusal:
            bodies.append(json.loads(refusal.reply.body))
    assert all({"code", "msg"} == set(body) for body in bodies)


def test_it_ends_while_everything_is_open():
    async def leave_open():
        async with serving() as exchange:
            ws = await aggregate(exchange)
            _, writer = await asyncio.open_connection(exchange.host, exchange.port)
            await ids(ws, 3)
        await until_the_end(ws)
        assert not exchange.venue.sessions
        assert not exchange.venue.connections
        writer.close()

    run(leave_open())
