"""Exchanges, markets and clients for these tests."""

import asyncio
import json
from collections.abc import Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import websockets

from ostinato.data.trades import make_trades
from ostinato.exchange import Exchange, VirtualClock, make_market, start_of

START = 1_700_000_000
LONGEST = 30.0


def run(coroutine: Coroutine) -> Any:
    """What it returns, or a failure where it hangs."""

    async def limited():
        async with asyncio.timeout(LONGEST):
            return await coroutine

    return asyncio.run(limited())


def four_trades():
    """Two in one second, one in the next, one in the next minute: small enough to work out by hand."""
    return make_market(
        make_trades(
            "four trades",
            np.array([START, START, START + 1, START + 63], float),
            np.array([100.5, 101.0, 100.25, 99.0]),
            np.array([1.0, 0.5, 2.0, 0.25]),
            side=np.array([1, -1, 1, -1], np.int8),
        )
    )


def one_a_second(rows=200):
    """Trade i happens i seconds after START, and is visible i + 1 seconds after the clock's start."""
    seconds = START + np.arange(rows, dtype=float)
    return make_market(make_trades("even trades", seconds, 100.0 + np.arange(rows) / 4, np.full(rows, 0.5)))


@asynccontextmanager
async def serving(market=None, faults=(), speed="max", begin=None, **options):
    """An exchange that runs; at "max" its clock stands until a websocket subscribes, and can be put forward by hand."""
    market = one_a_second() if market is None else market
    clock = VirtualClock(start_of(market, begin), speed)
    failures = []  # in callbacks, which asyncio would only log
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
    async with Exchange(market, clock, faults, **options) as exchange:
        yield exchange
    assert not failures


def client(exchange):
    return httpx.AsyncClient(base_url=exchange.url, trust_env=False, timeout=10)


async def get(exchange, path, **parameters):
    """One request of its own connection."""
    async with client(exchange) as http:
        return await http.get(f"/api/v3/{path}", params=parameters)


def connect(exchange, path, **options):
    # a client whose queue is full does not read the end of its own closing handshake
    return websockets.connect(
        exchange.ws_url + path, proxy=None, ping_interval=None, max_queue=None, **options
    )


def aggregate(exchange, **options):
    return connect(exchange, "/ws/btcusdt@aggTrade", **options)


async def messages(ws, count):
    return [json.loads(await ws.recv()) for _ in range(count)]


async def ids(ws, count):
    return [message["a"] for message in await messages(ws, count)]


async def until_the_end(ws):
    """Texts until the connection ends, and the exception that tells how."""
    found = []
    try:
        while True:
            found.append(await ws.recv())
    except websockets.ConnectionClosed as closed:
        return found, closed


async def all_ids(ws):
    """Ids until the connection ends, and how it ended: the code that was sent, or None."""
    found, closed = await until_the_end(ws)
    return [json.loads(text)["a"] for text in found], closed.rcvd.code if closed.rcvd else None
