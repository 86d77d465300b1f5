"""ccxt as it is, REST and websocket: it was written for the exchange, and knows nothing of ours."""

import warnings

import pytest

from exchange.serving import START, one_a_second, run, serving
from ostinato.exchange import make_fault

MS = START * 1000


@pytest.fixture(scope="module")
def ccxt():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ccxt's own imports
        return pytest.importorskip("ccxt.pro")


def settings(exchange):
    """Only addresses, and that trades of both ways shall have one kind of id."""
    return {
        "options": {
            "fetchMarkets": {"types": ["spot"]},
            "watchTrades": {"name": "aggTrade"},  # which of the two counts depends on the version of ccxt
            "watchTradesForSymbols": {"name": "aggTrade"},
        },
        "urls": {
            "api": {
                "public": f"{exchange.url}/api/v3",
                "ws": {"spot": f"{exchange.ws_url}/stream/ws"},
            }
        },
    }


def test_rest(ccxt):
    async def ask():
        async with serving(one_a_second(400)) as exchange:
            exchange.clock.advance(START + 200)
            binance = ccxt.binance(settings(exchange))
            try:
                markets = await binance.load_markets()
                assert list(markets) == ["BTC/USDT"]
                assert markets["BTC/USDT"]["active"]
                assert await binance.fetch_time() == MS + 200_000
                trades = await binance.fetch_trades("BTC/USDT", limit=3)
                assert [(t["id"], t["timestamp"], t["price"], t["amount"]) for t in trades] == [
                    (str(i), MS + 1000 * i, 100 + i / 4, 0.5) for i in (198, 199, 200)
                ]
                assert trades[0]["side"] == "buy"
                since = await binance.fetch_trades("BTC/USDT", since=MS + 50_000, limit=2)
                assert [trade["id"] for trade in since] == ["50", "51"]
                bars = await binance.fetch_ohlcv("BTC/USDT", "1m", limit=2)
                minute = MS - MS % 60_000
                assert [bar[0] for bar in bars] == [minute + 120_000, minute + 180_000]
                assert bars[0][1:] == [125.0, 139.75, 125.0, 139.75, 30.0]
                ticker = await binance.fetch_ticker("BTC/USDT")
                assert (ticker["last"], ticker["high"], ticker["open"]) == (150.0, 150.0, 100.0)
                with pytest.raises(ccxt.BadSymbol):
                    await binance.fetch_trades("ETH/USDT")
            finally:
                await binance.close()

    run(ask())


def test_websocket(ccxt):
    async def watch():
        async with serving(one_a_second(2000), speed=100.0, wait=True) as exchange:
            binance = ccxt.binance(settings(exchange))
            try:
                seen = []
                while len(seen) < 100:
                    seen += [int(trade["id"]) for trade in await binance.watch_trades("BTC/USDT")]
                assert seen[:1] == [0]
                assert sorted(set(seen)) == list(range(max(seen) + 1))
                bars = await binance.watch_ohlcv("BTC/USDT", "1m")
                assert bars[-1][0] % 60_000 == 0
                assert bars[-1][5] <= 30.0
            finally:
                await binance.close()

    run(watch())


def test_refusals_are_those_that_ccxt_knows(ccxt):
    async def ask():
        faults = [make_fault("rest_429", 0, 10), make_fault("rest_418", 10, 10)]
        async with serving(faults=faults) as exchange:
            binance = ccxt.binance(settings(exchange) | {"enableRateLimit": False})
            try:
                for expected in (ccxt.DDoSProtection, ccxt.DDoSProtection):
                    with pytest.raises(expected):
                        await binance.fetch_time()
                    exchange.clock.advance(exchange.clock.now() + 10)
                assert await binance.fetch_time() == MS + 19_000
            finally:
                await binance.close()

    run(ask())
