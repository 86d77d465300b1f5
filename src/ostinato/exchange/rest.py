"""The REST endpoints of public market data.

    ping time exchangeInfo trades historicalTrades aggTrades klines uiKlines avgPrice ticker/price ticker/24hr

There is no order book, so there is no depth and no bookTicker, and best bid and ask of ticker/24hr are the last price.
historicalTrades answers as the trading host does: it wants an API key, and takes any of 64 letters and digits.

Source:
    binance/binance-spot-api-docs, rest-api.md (2026-07-21).
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from . import rest_faults, wire
from .clock import VirtualClock
from .info import exchange_info
from .klines import find_klines
from .limits import ExchangeLimits, RequestWeights, ServedCounts
from .market import FIRST_TRADE_ID, MICROS
from .messages import HTML, HttpRequest, Refusal, Reply, as_json, error
from .plan import MarketPlan
from .query import Query, missing

KEY = re.compile(r"[A-Za-z0-9]{64}")
NOT_FOUND = b"<html><head><title>404 Not found</title></head><body><h1>404 Not found</h1></body></html>"
INFO = ("symbol", "symbols", "permissions", "symbolStatus", "showPermissionSets")
STATUSES = ("TRADING", "HALT", "BREAK")


class Rest:
    """Answers requests from what has happened up to now."""

    def __init__(
        self, plan: MarketPlan, clock: VirtualClock, limits: ExchangeLimits, served: ServedCounts
    ) -> None:
        self.plan, self.clock, self.limits, self.served = plan, clock, limits, served
        self.weights = RequestWeights(limits)
        self.now = clock.start
        # weight, parameters, what answers
        self.endpoints: dict[str, tuple[int, tuple[str, ...], Callable[[Query, HttpRequest], Any]]] = {
            "ping": (1, (), lambda query, request: {}),
            "time": (1, (), self._time),
            "exchangeInfo": (20, INFO, self._info),
            "trades": (25, ("symbol", "limit"), self._trades),
            "historicalTrades": (25, ("symbol", "limit", "fromId"), self._historical),
            "aggTrades": (4, ("symbol", "fromId", "startTime", "endTime", "limit"), self._aggregates),
            "klines": (2, ("symbol", "interval", "startTime", "endTime", "timeZone", "limit"), self._klines),
            "uiKlines": (
                2,
                ("symbol", "interval", "startTime", "endTime", "timeZone", "limit"),
                self._klines,
            ),
            "avgPrice": (2, ("symbol",), self._average),
            "ticker/price": (2, ("symbol", "symbols"), self._price),
            "ticker/24hr": (2, ("symbol", "symbols", "type"), self._day),
        }

    def answer(self, request: HttpRequest) -> Reply:
        """Reply to a request, faults included."""
        self.now = self.clock.now()
        reply = self._answer(request)
        reply = rest_faults.apply_faults(reply, request, self.plan, self.now)
        # paths are made by clients, so unknown ones are counted as one
        known = request.path.removeprefix("/api/v3/") in self.endpoints
        self.served.requests[request.path if known else "other"] += 1
        self.served.statuses[reply.status] += 1
        return reply

    def _answer(self, request: HttpRequest) -> Reply:
        name = request.path.removeprefix("/api/v3/")
        if not request.path.startswith("/api/v3/") or name not in self.endpoints:
            html = HTML in request.headers.get("accept", "")
            return Reply(404, NOT_FOUND if html else b"", HTML if html else "text/plain")
        if request.method not in ("GET", "HEAD"):
            return Reply(405, b"", headers={"Allow": "GET"})
        weight, parameters, endpoint = self.endpoints[name]
        used, refusal = self.weights.charge(request.address, weight, self.clock.counted())
        self.served.weight += weight
        reply = refusal or self._ask(endpoint, parameters, request)
        reply.headers["x-mbx-used-weight"] = reply.headers["x-mbx-used-weight-1m"] = str(used)
        return reply

    def _ask(self, endpoint: Callable, parameters: tuple[str, ...], request: HttpRequest) -> Reply:
        try:
            query = Query(request, parameters, self._listed())
            query.micro |= self.plan.active("microseconds", self.now) is not None
            answer = endpoint(query, request)
        except Refusal as refusal:
            return refusal.reply
        if isinstance(answer, Reply):
            return answer
        return Reply(body=answer.encode() if isinstance(answer, str) else as_json(answer))

    def _listed(self) -> str:
        return "" if self.plan.active("unknown_symbol", self.now) else self.plan.market.symbol

    def _seen(self) -> float:
        """The moment up to which REST knows what happened."""
        lag = self.plan.active("rest_lag", self.now)
        return self.now - float(lag["by"]) if lag else self.now

    def _server_time(self, query: Query) -> int:
        return wire.wire_time(self.now + self.plan.clock_error(self.now), query.micro)

    def _time(self, query: Query, _: HttpRequest) -> dict[str, int]:
        return {"serverTime": self._server_time(query)}

    def _info(self, query: Query, _: HttpRequest) -> dict[str, Any]:
        wanted = query.symbols()
        status = "BREAK" if self.plan.active("symbol_break", self.now) else "TRADING"
        asked = query.values.get("symbolStatus")
        if asked is not None and (asked not in STATUSES or wanted is not None):
            raise Refusal(
                -1128 if asked in STATUSES else -1130, "Combination of optional parameters invalid."
            )
        shown = self._listed() and asked in (None, status)
        return exchange_info(
            self.plan.market if shown else None, self._server_time(query), status, self.limits
        )

    def _rows(self, first: int, last: int, micro: bool) -> wire.TradeTexts:
        return wire.TradeTexts(self.plan.market, np.arange(first, max(last, first)), micro)

    def _trades(self, query: Query, _: HttpRequest) -> str:
        query.symbol()
        known, kept = self.plan.market.known(self._seen()), self.plan.kept(self.now)
        return self._rows(max(kept, known - query.limit()), known, query.micro).single()

    def _historical(self, query: Query, request: HttpRequest) -> str | Reply:
        if not KEY.fullmatch(request.headers.get("x-mbx-apikey", "")):
            return error(-2014, "API-key format invalid.", 401)
        query.symbol()
        known, kept = self.plan.market.known(self._seen()), self.plan.kept(self.now)
        limit, since = query.limit(), query.number("fromId")
        if since is None:
            return self._rows(max(kept, known - limit), known, query.micro).single()
        first = max(since - FIRST_TRADE_ID - self.plan.market.first_id, kept)
        return self._rows(first, min(first + limit, known), query.micro).single()

    def _aggregates(self, query: Query, _: HttpRequest) -> str:
        query.symbol()
        market = self.plan.market
        known, kept = market.known(self._seen()), self.plan.kept(self.now)
        limit, since = query.limit(), query.number("fromId")
        start, stop = query.time("startTime"), query.until("endTime")
        if since is not None:
            if start is not None or stop is not None:
                raise Refusal(-1128, "Combination of optional parameters invalid.")
            first = max(since - market.first_id, kept)  # older than the archive: from the first that is kept
            return self._rows(first, min(first + limit, known), query.micro).aggregate()
        times = market.micros[:known]
        end = known if stop is None else int(np.searchsorted(times, stop, "right"))
        if start is None:
            return self._rows(max(kept, end - limit), end, query.micro).aggregate()
        first = max(int(np.searchsorted(times, start, "left")), kept)
        return self._rows(first, min(first + limit, end), query.micro).aggregate()

    def _klines(self, query: Query, _: HttpRequest) -> str:
        query.symbol()
        market, seen = self.plan.market, self._seen()
        bars = find_klines(
            market,
            market.known(seen),
            seen,
            query.interval(),
            since=query.time("startTime"),
            until=query.until("endTime"),
            limit=query.limit(),
            zone=query.zone(),
        )
        return wire.kline_rows(bars, query.micro)

    def _last(self) -> int:
        known = self.plan.market.known(self._seen())
        if not known:
            raise Refusal(-1121, "Invalid symbol.")  # nothing was ever traded
        return known - 1

    def _average(self, query: Query, _: HttpRequest) -> dict[str, Any]:
        query.symbol()
        market, last = self.plan.market, self._last()
        first = min(int(np.searchsorted(market.micros, market.micros[last] - 300 * MICROS)), last)
        amount = market.amount[first : last + 1]
        total = amount.sum()
        price = (market.price[first : last + 1] * amount).sum() / total if total else market.price[last]
        close = wire.units(int(market.micros[last]), query.micro)
        return {"mins": 5, "price": f"{price:.8f}", "closeTime": close}

    def _price(self, query: Query, _: HttpRequest) -> Any:
        names = query.symbols()
        symbol = {
            "symbol": self.plan.market.symbol,
            "price": wire.decimal(float(self.plan.market.price[self._last()])),
        }
        return symbol if "symbol" in query.values else [symbol] * len(names or [0])

    def _day(self, query: Query, _: HttpRequest) -> Any:
        query.symbols()
        if query.values.get("type", "FULL") not in ("FULL", "MINI"):
            raise missing("type")
        market, last = self.plan.market, self._last()
        first = min(int(np.searchsorted(market.micros, (self.now - 86_400) * MICROS)), last)
        price, amount = market.price[first : last + 1], market.amount[first : last + 1]
        open_, close, volume, quote = float(price[0]), float(price[-1]), amount.sum(), (price * amount).sum()
        offset = market.first_id + FIRST_TRADE_ID
        day = {
            "symbol": market.symbol,
            "priceChange": f"{close - open_:.8f}",
            "priceChangePercent": f"{(close / open_ - 1) * 100:.3f}",
            "weightedAvgPrice": f"{quote / volume if volume else close:.8f}",
            "prevClosePrice": wire.decimal(float(market.price[max(first - 1, 0)])),
            "lastPrice": wire.decimal(close),
            "lastQty": wire.decimal(float(amount[-1])),
            "bidPrice": wire.decimal(close),
            "bidQty": "0.00000000",
            "askPrice": wire.decimal(close),
            "askQty": "0.00000000",
            "openPrice": wire.decimal(open_),
            "highPrice": wire.decimal(float(price.max())),
            "lowPrice": wire.decimal(float(price.min())),
            "volume": f"{volume:.8f}",
            "quoteVolume": f"{quote:.8f}",
            "openTime": wire.wire_time(self.now - 86_400, query.micro),
            "closeTime": wire.wire_time(self.now, query.micro),
            "firstId": offset + first,
            "lastId": offset + last,
            "count": last - first + 1,
        }
        return day if "symbol" in query.values else [day]
