"""REST as the exchange's documents have it: every expectation here was written from them, by hand."""

import re

import numpy as np
import pytest

from exchange.serving import START, client, four_trades, get, one_a_second, run, serving
from ostinato.data.trades import make_trades
from ostinato.exchange import ExchangeLimits, make_market
from ostinato.exchange.limits import RequestWeights

MS = START * 1000
AFTER = 120  # seconds: all four trades are past, and their last bar has closed


def ask(path, parameters=None, headers=None, seconds=AFTER, market=None, **options):
    """The reply to one request, so many seconds after the first trade."""

    async def once():
        async with serving(market or four_trades(), **options) as exchange, client(exchange) as http:
            exchange.clock.advance(START + seconds)
            return await http.get(path, params=parameters, headers=headers)

    return run(once())


FIRST = {
    "a": 0,
    "p": "100.50000000",
    "q": "1.00000000",
    "f": 50000000,
    "l": 50000000,
    "T": MS,
    "m": False,
    "M": True,
}


def test_ping_and_time():
    assert ask("/api/v3/ping").json() == {}
    assert ask("/api/v3/time").json() == {"serverTime": MS + 120_000}


def test_aggregate_trades():
    rows = ask("/api/v3/aggTrades", {"symbol": "BTCUSDT"}).json()
    assert rows[0] == FIRST
    assert [(r["a"], r["p"], r["q"], r["T"], r["m"]) for r in rows] == [
        (0, "100.50000000", "1.00000000", MS, False),
        (1, "101.00000000", "0.50000000", MS, True),
        (2, "100.25000000", "2.00000000", MS + 1000, False),
        (3, "99.00000000", "0.25000000", MS + 63_000, True),
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"limit": 2}, [2, 3]),  # the most recent
        ({"fromId": 1}, [1, 2, 3]),  # inclusive
        ({"fromId": 1, "limit": 2}, [1, 2]),
        ({"fromId": 4}, []),
        ({"startTime": MS}, [0, 1, 2, 3]),
        ({"startTime": MS + 1, "limit": 1}, [2]),  # the oldest from then on
        ({"endTime": MS + 1000}, [0, 1, 2]),  # inclusive
        ({"endTime": MS + 62_999, "limit": 1}, [2]),  # the latest until then
        ({"startTime": MS, "endTime": MS, "limit": 1}, [0]),
        (
            {"startTime": (MS + 1000) * 1000, "endTime": (MS + 1000) * 1000},
            [2],
        ),  # microseconds are understood
        ({"startTime": MS + 63_000, "endTime": MS}, []),
    ],
)
def test_which_aggregate_trades(parameters, expected):
    rows = ask("/api/v3/aggTrades", {"symbol": "BTCUSDT"} | parameters).json()
    assert [row["a"] for row in rows] == expected


def test_an_end_includes_its_whole_millisecond():
    times = START + np.array([0.0, 0.0005, 0.001])
    market = make_market(make_trades("fine", times, np.full(3, 100.0), np.ones(3)))
    for end, expected in ((MS, [0, 1]), (MS * 1000, [0]), (MS * 1000 + 500, [0, 1])):
        rows = ask("/api/v3/aggTrades", {"symbol": "BTCUSDT", "endTime": end}, market=market).json()
        assert [row["a"] for row in rows] == expected


def test_single_trades_have_ids_of_their_own():
    rows = ask("/api/v3/trades", {"symbol": "BTCUSDT", "limit": 1}).json()
    assert rows == [
        {
            "id": 50000003,
            "price": "99.00000000",
            "qty": "0.25000000",
            "quoteQty": "24.75000000",
            "time": MS + 63_000,
            "isBuyerMaker": True,
            "isBestMatch": True,
        }
    ]


def test_historical_trades_want_a_key():
    asked = {"symbol": "BTCUSDT", "fromId": 50000001, "limit": 2}
    refused = ask("/api/v3/historicalTrades", asked)
    assert (refused.status_code, refused.json()) == (401, {"code": -2014, "msg": "API-key format invalid."})
    given = ask("/api/v3/historicalTrades", asked, {"X-MBX-APIKEY": "k" * 64})
    assert [row["id"] for row in given.json()] == [50000001, 50000002]


def test_klines():
    rows = ask("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"}).json()
    minute = MS - MS % 60_000  # START is 20 s into its minute
    assert rows == [
        [
            minute,
            "100.50000000",
            "101.00000000",
            "100.25000000",
            "100.25000000",
            "3.50000000",
            minute + 59_999,
            "351.50000000",
            3,
            "3.00000000",
            "301.00000000",
            "0",
        ],
        [
            minute + 60_000,
            "99.00000000",
            "99.00000000",
            "99.00000000",
            "99.00000000",
            "0.25000000",
            minute + 119_999,
            "24.75000000",
            1,
            "0.00000000",
            "0.00000000",
            "0",
        ],
        [  # still forming, and nothing was traded
            minute + 120_000,
            *["99.00000000"] * 4,
            "0.00000000",
            minute + 179_999,
            "0.00000000",
            0,
            "0.00000000",
            "0.00000000",
            "0",
        ],
    ]


@pytest.mark.parametrize(
    ("interval", "opens"),
    [
        ("1s", 1_700_000_063_000),
        ("1m", 1_700_000_040_000),
        ("1h", 1_699_999_200_000),
        ("4h", 1_699_992_000_000),
        ("1d", 1_699_920_000_000),
        ("1w", 1_699_833_600_000),  # Monday 2023-11-13
        ("1M", 1_698_796_800_000),  # 2023-11-01
    ],
)
def test_bars_open_where_the_calendar_says(interval, opens):
    """START is Tuesday 2023-11-14 22:13:20 UTC; the last trade comes 63 s later."""
    asked = {"symbol": "BTCUSDT", "interval": interval, "limit": 1}
    assert ask("/api/v3/klines", asked, seconds=63).json()[0][0] == opens
    assert ask("/api/v3/uiKlines", asked, seconds=63).json()[0][0] == opens


def test_bars_of_a_time_zone():
    asked = {"symbol": "BTCUSDT", "interval": "1d", "timeZone": "-1:30"}
    [bar] = ask("/api/v3/klines", asked).json()
    assert (
        bar[0] == 1_699_920_000_000 + 90 * 60_000
    )  # 2023-11-14 00:00 where it is an hour and a half earlier


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"startTime": MS - MS % 60_000}, [0, 1, 2]),
        ({"startTime": MS - MS % 60_000 + 1}, [1, 2]),
        ({"endTime": MS + 1000}, [0]),
        ({"limit": 1}, [2]),
        ({"startTime": 0, "limit": 2}, [0, 1]),
        ({"startTime": MS + 3_600_000}, []),
    ],
)
def test_which_klines(parameters, expected):
    rows = ask("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"} | parameters).json()
    assert [(row[0] - (MS - MS % 60_000)) // 60_000 for row in rows] == expected


def test_nothing_is_told_before_it_happens():
    asked = {"symbol": "BTCUSDT"}
    assert [row["a"] for row in ask("/api/v3/aggTrades", asked, seconds=0.4).json()] == [0]
    # the two trades of the first second become known within it
    assert [row["a"] for row in ask("/api/v3/aggTrades", asked, seconds=0.5).json()] == [0, 1]
    [bar] = ask("/api/v3/klines", asked | {"interval": "1m"}, seconds=0.4).json()
    assert bar[1:6] == ["100.50000000"] * 4 + ["1.00000000"]


def test_microseconds_for_those_who_ask():
    micro = {"X-MBX-TIME-UNIT": "MICROSECOND"}
    assert ask("/api/v3/time", headers=micro).json() == {"serverTime": (MS + 120_000) * 1000}
    assert (
        ask("/api/v3/aggTrades", {"symbol": "BTCUSDT", "limit": 1}, micro).json()[0]["T"]
        == (MS + 63_000) * 1000
    )
    bar = ask("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1}, micro).json()[0]
    assert bar[6] - bar[0] == 59_999_999


def test_exchange_info():
    info = ask("/api/v3/exchangeInfo", {"symbol": "BTCUSDT"}).json()
    assert {"timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"} == set(info)
    assert {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6000,
    } in info["rateLimits"]
    [symbol] = info["symbols"]
    assert (symbol["symbol"], symbol["status"], symbol["baseAsset"], symbol["quoteAsset"]) == (
        "BTCUSDT",
        "TRADING",
        "BTC",
        "USDT",
    )
    assert symbol["permissions"] == []
    assert symbol["permissionSets"] == [["SPOT"]]
    assert len(ask("/api/v3/exchangeInfo", {"symbols": '["BTCUSDT"]'}).json()["symbols"]) == 1


def test_tickers():
    assert ask("/api/v3/ticker/price", {"symbol": "BTCUSDT"}).json() == {
        "symbol": "BTCUSDT",
        "price": "99.00000000",
    }
    day = ask("/api/v3/ticker/24hr", {"symbol": "BTCUSDT"}).json()
    assert (day["openPrice"], day["highPrice"], day["lowPrice"], day["lastPrice"], day["count"]) == (
        "100.50000000",
        "101.00000000",
        "99.00000000",
        "99.00000000",
        4,
    )
    average = ask("/api/v3/avgPrice", {"symbol": "BTCUSDT"}).json()
    assert average == {
        "mins": 5,
        "price": f"{(100.5 + 50.5 + 200.5 + 24.75) / 3.75:.8f}",
        "closeTime": MS + 63_000,
    }


SYMBOL = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        ("aggTrades", "", -1102, SYMBOL),
        ("aggTrades", "symbol=", -1102, SYMBOL),
        ("aggTrades", "symbol=NOPE", -1121, "Invalid symbol."),
        ("aggTrades", "symbol=btcusdt", -1100, "Illegal characters found in parameter 'symbol'"),
        ("aggTrades", "symbol=BTCUSDT&limit=x", -1100, "Illegal characters found in parameter 'limit'"),
        ("aggTrades", "symbol=BTCUSDT&limit=-1", -1100, "Illegal characters found in parameter 'limit'"),
        ("aggTrades", "symbol=BTCUSDT&limit=0", -1130, "limit"),
        ("aggTrades", "symbol=BTCUSDT&limit=", -1105, "Parameter 'limit' was empty."),
        ("aggTrades", "symbol=BTCUSDT&wrong=1", -1104, "read '1' parameter(s) but was sent '2'"),
        ("aggTrades", "symbol=BTCUSDT&symbol=BTCUSDT", -1101, "Duplicate"),
        ("aggTrades", "symbol=BTCUSDT&fromId=1&startTime=5", -1128, "Combination"),
        ("aggTrades", "symbol=BTCUSDT&fromId=99999999999999999999", -1130, "fromId"),
        ("aggTrades", "&".join(f"a{i}=1" for i in range(60)), -1101, "Too many parameters"),
        ("klines", "symbol=BTCUSDT", -1102, "Mandatory parameter 'interval'"),
        ("klines", "symbol=BTCUSDT&interval=1H", -1120, "Invalid interval."),
        ("klines", "symbol=BTCUSDT&interval=1m&timeZone=15", -1130, "timeZone"),
        ("exchangeInfo", "symbol=NOPE", -1121, "Invalid symbol."),
        ("exchangeInfo", "symbols=" + "[" * 3000, -1100, "symbols"),
        ("exchangeInfo", "symbols=7", -1100, "symbols"),
    ],
)
def test_errors(path, query, code, message):
    reply = ask(f"/api/v3/{path}?{query}")
    assert reply.status_code == 400
    assert reply.json()["code"] == code
    assert message in reply.json()["msg"]
    assert set(reply.json()) == {"code", "msg"}


def test_limits_above_a_thousand_give_a_thousand():
    rows = ask(
        "/api/v3/aggTrades", {"symbol": "BTCUSDT", "limit": 5000}, market=one_a_second(1500), seconds=2000
    )
    assert [row["a"] for row in rows.json()] == list(range(500, 1500))


def test_unknown_paths():
    plain, html = ask("/api/v3/nope"), ask("/nope", headers={"Accept": "text/html"})
    assert (plain.status_code, plain.text) == (404, "")
    assert html.status_code == 404
    assert "<html>" in html.text


def test_weights_are_counted_and_messages():
    async def ask_four():
        async with serving(speed=0.001) as exchange, client(exchange) as http:
            for path in ("ping", "exchangeInfo", "trades?symbol=BTCUSDT", "aggTrades?symbol=BTCUSDT"):
                reply = await http.get(f"/api/v3/{path}")
            assert reply.headers["X-MBX-USED-WEIGHT-1M"] == str(1 + 20 + 25 + 4)
            assert exchange.served.weight == 50
            assert exchange.served.connections == 1  # which was kept alive

    run(ask_four())


def test_too_much_weight_is_refused_then_banned():
    async def insist():
        async with (
            serving(speed=0.001, limits=ExchangeLimits(weight=50, stubborn=2)) as exchange,
            client(exchange) as http,
        ):
            start = exchange.clock.now()
            replies = [await http.get("/api/v3/exchangeInfo") for _ in range(5)]
            assert [reply.status_code for reply in replies] == [200, 200, 429, 429, 418]
            assert replies[2].headers["Retry-After"] == str(round(60 - start % 60))
            body = replies[2].json()
            assert body["code"] == -1003
            assert body["msg"] == (
                "Too much request weight used; current limit is 50 request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API."
            )
            until = int(re.search("IP banned until ([0-9]+)[.]", replies[4].json()["msg"])[1])
            assert until == pytest.approx((start + 120) * 1000, abs=100)
            assert replies[4].headers["Retry-After"] == "120"

    run(insist())


def test_weights_end_with_the_minute_and_bans_with_their_time():
    weights = RequestWeights(ExchangeLimits(weight=10, stubborn=1))
    assert [weights.charge("a", 5, 59.0)[0] for _ in range(2)] == [5, 10]
    assert weights.charge("b", 5, 59.0) == (5, None)  # each address for itself
    assert weights.charge("a", 5, 59.9)[1].status == 429
    assert weights.charge("a", 5, 60.0) == (5, None)
    for _ in range(3):
        weights.charge("a", 5, 61.0)
    _, refusal = weights.charge("a", 1, 180.9)
    assert refusal.status == 418
    assert weights.charge("a", 1, 181.1)[1] is None


def test_other_methods():
    async def other():
        async with serving() as exchange, client(exchange) as http:
            posted = await http.post("/api/v3/ping", content=b"x" * 100)
            head = await http.head("/api/v3/time")
            assert (posted.status_code, head.status_code, head.content) == (405, 200, b"")
            assert (await get(exchange, "ping")).status_code == 200

    run(other())
