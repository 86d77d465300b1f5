"""Websockets as the exchange's documents have them."""

import asyncio
import json

import pytest
import websockets

from exchange.serving import (
    START,
    aggregate,
    all_ids,
    connect,
    four_trades,
    get,
    ids,
    messages,
    one_a_second,
    run,
    serving,
)
from ostinato.exchange import ExchangeLimits

MS = START * 1000


def first_messages(path, count, market=None, **options):
    async def listen():
        async with serving(market or four_trades(), **options) as exchange, connect(exchange, path) as ws:
            return await messages(ws, count)

    return run(listen())


def test_aggregate_trades():
    assert first_messages("/ws/btcusdt@aggTrade", 4) == [
        {
            "e": "aggTrade",
            "E": MS + sent,
            "s": "BTCUSDT",
            "a": number,
            "p": price,
            "q": amount,
            "f": 50000000 + number,
            "l": 50000000 + number,
            "T": MS + time,
            "m": maker,
            "M": True,
        }
        for number, time, sent, price, amount, maker in (
            (0, 0, 0, "100.50000000", "1.00000000", False),
            (1, 0, 500, "101.00000000", "0.50000000", True),  # half-way through its second
            (2, 1000, 1000, "100.25000000", "2.00000000", False),
            (3, 63_000, 63_000, "99.00000000", "0.25000000", True),
        )
    ]


def test_single_trades():
    assert first_messages("/ws/btcusdt@trade", 1) == [
        {
            "e": "trade",
            "E": MS,
            "s": "BTCUSDT",
            "t": 50000000,
            "p": "100.50000000",
            "q": "1.00000000",
            "T": MS,
            "m": False,
            "M": True,
        }
    ]


def test_klines():
    found = first_messages("/ws/btcusdt@kline_1m", 3)
    minute = MS - MS % 60_000
    [closed] = [message for message in found if message["k"]["x"]][:1]
    assert closed == {
        "e": "kline",
        "E": minute + 60_000,
        "s": "BTCUSDT",
        "k": {
            "t": minute,
            "T": minute + 59_999,
            "s": "BTCUSDT",
            "i": "1m",
            "f": 50000000,
            "L": 50000002,
            "o": "100.50000000",
            "c": "100.25000000",
            "h": "101.00000000",
            "l": "100.25000000",
            "v": "3.50000000",
            "n": 3,
            "x": True,
            "q": "351.50000000",
            "V": "3.00000000",
            "Q": "301.00000000",
            "B": "0",
        },
    }
    forming = [message for message in found if not message["k"]["x"]]
    assert all(message["E"] % 2000 == 0 for message in forming)


def test_bars_close_one_after_the_other_and_equal_those_of_rest():
    async def compare():
        async with serving(one_a_second(400)) as exchange, connect(exchange, "/ws/btcusdt@kline_1m") as ws:
            closed = []
            while len(closed) < 5:
                [message] = await messages(ws, 1)
                if message["k"]["x"]:
                    closed.append(message["k"])
            rows = (await get(exchange, "klines", symbol="BTCUSDT", interval="1m")).json()
        assert [k["t"] for k in closed] == [row[0] for row in rows[:5]]
        for k, row in zip(closed, rows, strict=False):
            told = [k[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")]
            assert told == row

    run(compare())


def test_bars_of_a_second_only_close():
    found = first_messages("/ws/btcusdt@kline_1s", 20, one_a_second())
    assert [message["k"]["t"] for message in found] == [MS + 1000 * i for i in range(20)]
    assert all(message["k"]["x"] for message in found)


@pytest.mark.parametrize(
    "path",
    ["/stream?streams=btcusdt@aggTrade/btcusdt@trade", "/deep/stream?streams=btcusdt@trade/btcusdt@aggTrade"],
)
def test_combined_streams(path):
    found = first_messages(path, 8)
    assert {message["stream"] for message in found} == {"btcusdt@aggTrade", "btcusdt@trade"}
    assert sorted(message["data"]["a"] for message in found if "a" in message["data"]) == [0, 1, 2, 3]
    assert [message["data"]["E"] for message in found] == sorted(message["data"]["E"] for message in found)


def test_raw_streams_in_one_path():
    kinds = [message["e"] for message in first_messages("/ws/btcusdt@aggTrade/btcusdt@trade", 8)]
    assert kinds == ["aggTrade", "trade"] * 4


def test_microseconds_in_the_address():
    [message] = first_messages("/ws/btcusdt@aggTrade?timeUnit=MICROSECOND", 1)
    assert (message["T"], message["E"]) == (MS * 1000, MS * 1000)
    bars = first_messages("/stream?streams=btcusdt@kline_1s&timeUnit=microsecond", 2)
    assert bars[0]["data"]["k"]["T"] == MS * 1000 + 999_999


@pytest.mark.parametrize("path", ["/", "/nope", "/api/v3/ping", "/stream/x", "/ws/a?timeUnit=HOUR"])
def test_there_are_no_other_websockets(path):
    async def ask():
        async with serving() as exchange:
            with pytest.raises(websockets.InvalidStatus) as refused:
                await connect(exchange, path)
            assert refused.value.response.status_code == 404

    run(ask())


SUBSCRIBE = {"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade"], "id": 1}


async def talk(ws, *said):
    """The replies to these messages, in order."""
    found = []
    for one in said:
        await ws.send(one if isinstance(one, str) else json.dumps(one))
        while True:
            message = json.loads(await ws.recv())
            if "e" not in message and "stream" not in message:
                found.append(message)
                break
    return found


def replies(*said, path="/ws", **options):
    async def ask():
        async with (
            serving(limits=ExchangeLimits(messages=1000, **options)) as exchange,
            connect(exchange, path) as ws,
        ):
            return await talk(ws, *said)

    return run(ask())


def test_subscriptions():
    asked = {"method": "LIST_SUBSCRIPTIONS", "id": "x"}
    assert replies(
        asked,
        {"method": "SUBSCRIBE", "params": ["btcusdt@depth", "ethusdt@trade"], "id": 7},
        asked,
        {"method": "UNSUBSCRIBE", "params": ["btcusdt@depth"], "id": -1},
        asked,
        path="/ws/btcusdt@bookTicker",
    ) == [
        {"result": ["btcusdt@bookTicker"], "id": "x"},
        {"result": None, "id": 7},
        {"result": ["btcusdt@bookTicker", "btcusdt@depth", "ethusdt@trade"], "id": "x"},
        {"result": None, "id": -1},
        {"result": ["btcusdt@bookTicker", "ethusdt@trade"], "id": "x"},
    ]


def test_properties():
    assert replies(
        {"method": "GET_PROPERTY", "params": ["combined"], "id": 1},
        {"method": "SET_PROPERTY", "params": ["combined", True], "id": None},
        {"method": "GET_PROPERTY", "params": ["combined"], "id": 3},
    ) == [{"result": False, "id": 1}, {"result": None, "id": None}, {"result": True, "id": 3}]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{", 3),
        ("[" * 60_000, 3),
        ("[]", 2),
        ({"method": "NOPE", "id": 1}, 2),
        ({"id": 1}, 2),
        (SUBSCRIBE | {"id": 1.5}, 2),
        (SUBSCRIBE | {"id": "x" * 37}, 2),
        (SUBSCRIBE | {"id": 2**63}, 2),
        (SUBSCRIBE | {"id": True}, 2),
        (SUBSCRIBE | {"params": "btcusdt@trade"}, 2),
        (SUBSCRIBE | {"params": [7]}, 2),
        (SUBSCRIBE | {"params": ["x" * 101]}, 2),
        (SUBSCRIBE | {"more": 1}, 2),
        ({"method": "GET_PROPERTY", "params": ["other"], "id": 1}, 0),
        ({"method": "GET_PROPERTY", "params": [7], "id": 1}, 2),
        ({"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}, 1),
        ({"method": "SET_PROPERTY", "params": ["combined"], "id": 1}, 2),
    ],
)
def test_errors_of_control_messages(said, code):
    asked = {"method": "LIST_SUBSCRIPTIONS", "id": 9}
    wrong, after = replies(said, asked)
    assert wrong["code"] == code
    assert wrong["msg"]
    assert after == {"result": [], "id": 9}  # the connection lives, and nothing was subscribed


def test_no_more_than_1024_streams():
    names = [f"s{i}@trade" for i in range(1025)]
    refused, full, again, more = replies(
        SUBSCRIBE | {"params": names},
        SUBSCRIBE | {"params": names[:1024]},
        SUBSCRIBE | {"params": names[:1024]},
        SUBSCRIBE | {"params": names[1024:]},
    )
    assert (refused["code"], full, again) == (2, {"result": None, "id": 1}, {"result": None, "id": 1})
    assert more["code"] == 2


def test_data_come_after_the_subscription_and_end_with_it():
    async def listen():
        async with serving() as exchange, connect(exchange, "/ws") as ws:
            await talk(ws, SUBSCRIBE)
            assert await ids(ws, 3) == [0, 1, 2]
            [reply] = await talk(ws, SUBSCRIBE | {"method": "UNSUBSCRIBE", "id": 2})
            assert reply == {"result": None, "id": 2}
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ws.recv(), 0.05)

    run(listen())


def test_pings_carry_a_payload_and_a_pong_keeps_the_connection():
    async def listen():
        limits = ExchangeLimits(
            ping_every=0.05, real_ping=0.05, pong_within=0.2, real_pong=0.2, messages=1000
        )
        async with serving(speed=1.0, wait=True, limits=limits) as exchange, connect(exchange, "/ws") as ws:
            while exchange.served.received < 8:  # pongs, over twice the time that one may take
                await asyncio.sleep(0.01)
            await (await ws.ping())
            assert exchange.served.dropped == 0

    run(listen())


def test_a_client_that_answers_no_ping_is_dropped():
    async def listen():
        limits = ExchangeLimits(ping_every=0.05, real_ping=0.05, pong_within=0.1, real_pong=0.1)
        async with serving(speed=1.0, wait=True, limits=limits) as exchange, connect(exchange, "/ws") as ws:
            ws.transport.pause_reading()
            while not exchange.served.dropped:
                await asyncio.sleep(0.01)
            ws.transport.resume_reading()
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd.code == 1008

    run(listen())


def test_more_than_five_messages_a_second_end_the_connection():
    async def hurry():
        async with serving(speed=1.0, wait=True) as exchange, connect(exchange, "/ws") as ws:
            for number in range(5):
                await ws.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            assert [message["id"] for message in await messages(ws, 5)] == [0, 1, 2, 3, 4]
            await ws.ping()
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd.code == 1008

    run(hurry())


def test_a_connection_lives_for_24_hours():
    assert ExchangeLimits().lifetime == 24 * 3600

    async def listen():
        async with serving(limits=ExchangeLimits(lifetime=50.0)) as exchange, aggregate(exchange) as ws:
            assert await all_ids(ws) == (list(range(50)), 1001)

    run(listen())


def test_no_more_than_so_many_new_connections():
    async def open_many():
        async with serving(limits=ExchangeLimits(connections=3)) as exchange:
            for _ in range(3):
                async with connect(exchange, "/ws"):
                    pass
            with pytest.raises(websockets.InvalidStatus) as refused:
                await connect(exchange, "/ws")
            assert refused.value.response.status_code == 429

    run(open_many())


def test_a_trade_is_on_rest_and_on_the_stream_at_the_same_instant():
    async def compare():
        async with serving(speed=200.0, wait=True) as exchange, aggregate(exchange) as ws:
            seen, looks = -1, 0
            while seen < 199:
                rows = (await get(exchange, "aggTrades", symbol="BTCUSDT", limit=1)).json()
                sent = (
                    exchange.publisher.position
                )  # nothing was awaited since the reply was made, but the reply
                if rows and rows[0]["a"] > seen:
                    assert sent > rows[0]["a"]
                    while seen < rows[0]["a"]:
                        [seen] = await ids(ws, 1)
                    looks += 1
            assert looks > 3

    run(compare())


def test_a_question_brings_the_streams_up_to_its_instant():
    async def compare():
        async with serving(speed=1000.0) as exchange:
            exchange.publisher.stop()  # as a busy machine does for a while
            rows = []
            while not rows:
                rows = (await get(exchange, "aggTrades", symbol="BTCUSDT", limit=1)).json()
                assert not rows or exchange.publisher.position == rows[0]["a"] + 1

    run(compare())


def test_times_are_virtual():
    """At 1000 times the speed 200 seconds of trades take a fifth of one of ours, and no less."""

    async def listen():
        async with serving(speed=1000.0, wait=True) as exchange, aggregate(exchange) as ws:
            loop = asyncio.get_running_loop()
            assert await ids(ws, 1) == [0]
            began = loop.time()
            assert await ids(ws, 199) == list(range(1, 200))
            assert loop.time() - began > 0.15
            assert exchange.clock.now() >= START + 199

    run(listen())


def test_everybody_hears_the_same():
    async def listen():
        async with (
            serving(speed=500.0, wait=True) as exchange,
            aggregate(exchange) as one,
            connect(exchange, "/stream?streams=btcusdt@aggTrade") as other,
        ):
            first = await messages(one, 150)
            second = [message["data"] for message in await messages(other, 150)]
        common = [message for message in first if message["a"] >= second[0]["a"]]
        assert len(common) > 50
        assert second[: len(common)] == common

    run(listen())
