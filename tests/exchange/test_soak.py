"""Faults in random combination, under a client that reconnects and asks REST for what it missed."""

import asyncio
import json

import httpx
import pytest
import websockets

from exchange.serving import aggregate, client, serving
from ostinato.exchange import ExchangeLimits, open_market, random_faults

SILENCE = 0.3  # real seconds without a message, after which the client gives a connection up


async def listen(exchange, trades, until):
    """Take what one connection gives."""
    async with aggregate(exchange, close_timeout=0.05) as ws:
        while until not in trades:
            message = json.loads(await asyncio.wait_for(ws.recv(), SILENCE))
            if "a" in message:
                trades.setdefault(message["a"], (message["p"], message["q"]))


async def fill(http, trades):
    """Ask REST for every hole; whether each was answered."""
    last, answered = max(trades, default=-1), True
    known = sorted(trades)
    holes = [(a + 1, b) for a, b in zip([-1, *known], known, strict=False) if b > a + 1]
    for first, stop in [*holes, (last + 1, last + 1001)]:
        asked = {"symbol": "BTCUSDT", "fromId": first, "limit": min(stop - first, 1000)}
        try:
            rows = (await http.get("/api/v3/aggTrades", params=asked, timeout=SILENCE)).json()
            trades |= {row["a"]: (row["p"], row["q"]) for row in rows}
        except (httpx.HTTPError, ValueError, TypeError):
            answered = False
    return answered


@pytest.mark.parametrize("minutes", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_nothing_is_lost_but_what_was_pruned(minutes):
    market = open_market(rows=minutes * 15, seed=2)  # 15 trades a minute
    faults = random_faults(5, minutes)

    async def live():
        trades = {}
        async with (
            serving(market, faults, limits=ExchangeLimits(connections=10**9)) as exchange,
            client(exchange) as http,
        ):
            while len(market) - 1 not in trades:
                try:
                    await listen(exchange, trades, len(market) - 1)
                except (websockets.WebSocketException, OSError, TimeoutError):
                    await fill(http, trades)
            for _ in range(300):
                if await fill(http, trades):
                    break
                await asyncio.sleep(SILENCE)
            pruned = set(range(exchange.plan.kept(exchange.clock.now())))
            return trades, pruned, exchange.served, exchange.plan

    trades, pruned, served, plan = asyncio.run(live())
    assert set(range(len(market))) - set(trades) <= pruned
    assert len(trades) > 0.9 * len(market)
    assert served.websockets > len(plan.acts) / 3
    told = {number: (float(price), float(amount)) for number, (price, amount) in trades.items()}
    assert told == {number: (market.price[number], market.amount[number]) for number in trades}
