"""Client of the exchange's REST interface: history, clock, status of a symbol.

Requests are retried if waiting can resolve the error: a server error, a timeout, a truncated response, a ban. Bans are
waited out. Near the rate limit requests slow down: every response reports the used weight.
"""

import asyncio
import zlib
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from ....errors import ConfigError, FeedError, FeedRefusedError, did_you_mean, shortened
from ..address import is_loopback
from ..feed import Timeouts
from ..redirects import redirect_words
from .backoff import backoff
from .body import read_body
from .limits import RequestLimits
from .messages import (
    AggTrade,
    Kline,
    RejectedError,
    parse_agg_trades,
    parse_klines,
    parse_names,
    parse_object,
    parse_symbols,
    seconds,
)

try:
    import httpx
except ImportError:
    raise ConfigError("live data needs the package httpx: pip install 'ostinato[live]'.") from None

UNKNOWN_SYMBOL = -1121
SERVER_TROUBLE = range(-1099, -999)  # codes from -1000 to -1099; -1100 and below concern the request
T = TypeVar("T")


class SymbolInfo(NamedTuple):
    """status: "TRADING", or "BREAK", "HALT" and others while trading is suspended."""

    symbol: str
    status: str


class RestClient:
    """Client of one exchange; calls may run concurrently and share its limits.

    Args:
        base: such as https://data-api.binance.vision.
        patience: how long to wait for an answer and between attempts.
        client: another httpx client to ask with; it stays open.
        attempts: number of attempts before FeedError is raised; None: no limit.
        tell: called with a kind ("rest" or "limit") and words whenever something keeps it waiting.
    """

    def __init__(
        self,
        base: str,
        timeouts: Timeouts,
        client: httpx.AsyncClient | None = None,
        *,
        attempts: int | None = None,
        on_note: Callable[[str, str], None] = lambda kind, text: None,
    ) -> None:
        self.base = base.rstrip("/")
        self.host = urlsplit(base).netloc
        self.timeouts = timeouts
        self.attempts = attempts
        self.on_note = on_note
        self.limits = RequestLimits(timeouts)
        self._random = Random()  # noqa: S311
        self._own = client is None
        self._client = client or httpx.AsyncClient(
            timeout=None,  # noqa: S113  the whole of each question is bounded below
            trust_env=not is_loopback(urlsplit(base).hostname or ""),
            headers={"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "ostinato"},
        )

    async def __aenter__(self) -> "RestClient":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._own:
            await self._client.aclose()

    async def server_time(self) -> float:
        """The exchange's clock, in seconds since the Unix epoch.

        Raises:
            FeedRefusedError: the exchange does not serve this place.
            FeedError: no answer after ``attempts``. So do all the others.
        """
        return await self._ask("time", {}, lambda body: seconds(parse_object(body).get("serverTime")))

    async def symbol(self, symbol: str) -> SymbolInfo:
        """Status of a symbol.

        Raises:
            FeedRefusedError: there is no such symbol.
        """
        status = await self._ask("exchangeInfo", {"symbol": symbol}, lambda body: self._status(body, symbol))
        return SymbolInfo(symbol, status)

    async def agg_trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start: float | None = None,
        end: float | None = None,
        limit: int = 1000,
    ) -> list[AggTrade]:
        """Trades by id, at most ``limit`` (at most 1000).

        From ``from_id`` on, or from ``start`` on up to ``end`` (seconds, both included); with neither, the latest ones.
        What the exchange has thrown away is left out: the first may have a later id than was asked for.

        Raises:
            FeedRefusedError: there is no such symbol.
        """
        asked = {"symbol": symbol, "limit": limit, "fromId": from_id, **_span(start, end)}

        def read(body: bytes) -> list[AggTrade]:
            trades = parse_agg_trades(body)
            if from_id is not None and trades and trades[0].id < from_id:
                raise RejectedError(f"trades from {trades[0].id} on where {from_id} was asked for")
            return trades

        return await self._ask("aggTrades", asked, read)

    async def klines(
        self,
        symbol: str,
        interval: str,
        *,
        start: float | None = None,
        end: float | None = None,
        limit: int = 1000,
    ) -> list[Kline]:
        """Bars by time, at most ``limit`` (at most 1000); the last may still be forming.

        Those that open from ``start`` on up to ``end`` (seconds, both included); with neither, the latest ones.

        Raises:
            FeedRefusedError: there is no such symbol or interval.
        """
        asked = {"symbol": symbol, "interval": interval, "limit": limit, **_span(start, end)}

        def read(body: bytes) -> list[Kline]:
            bars = parse_klines(body)
            if start is not None and bars and bars[0].open_time < start - 1e-3:
                raise RejectedError(f"bars from {bars[0].open_time} on where {start} was asked for")
            return bars

        return await self._ask("klines", asked, read)

    def _status(self, body: bytes, symbol: str) -> str:
        weight, statuses = parse_symbols(body)
        if symbol not in statuses:
            raise RejectedError(f"an answer without {symbol}")
        if weight:
            self.limits.weight = weight
        return statuses[symbol]

    async def _ask(self, path: str, asked: dict[str, Any], read: Callable[[bytes], T]) -> T:
        failures = 0
        while True:
            await self.limits.wait()
            try:
                async with asyncio.timeout(
                    self.timeouts.connect
                ):  # the body included: nobody may drip it slowly
                    status, headers, body = await self._once(path, asked)
                self.limits.used(headers)
                if status == 200:
                    return read(body)
                problem = await self._refusal(path, asked, status, headers, body)
            except (
                httpx.HTTPError,
                OSError,
                zlib.error,
                RejectedError,
            ) as error:  # a TimeoutError is an OSError
                problem = f"{self.host} gave no answer to {path} ({_words(error)})"
            failures += 1
            if self.attempts is not None and failures >= self.attempts:
                raise FeedError(f"{problem}. Try again later, or another address with rest=.")
            delay = max(backoff(failures, self.timeouts, self._random), self.limits.blocked())
            self.on_note(
                "limit" if self.limits.blocked() else "rest", f"{problem}; asked again in {delay:.3g} s"
            )
            await asyncio.sleep(delay)

    async def _once(self, path: str, asked: dict[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        params = {name: value for name, value in asked.items() if value is not None}
        address = f"{self.base}/api/v3/{path}"
        request = self._client.stream("GET", address, params=params, follow_redirects=False)
        async with request as response:
            return response.status_code, response.headers, await read_body(response)

    async def _refusal(
        self, path: str, asked: dict[str, Any], status: int, headers: httpx.Headers, body: bytes
    ) -> str:
        """Describe an error response; raise if waiting cannot resolve it."""
        code, says = _error_of(body)
        told = f" ({says})" if says else ""
        if status == 451:
            raise FeedRefusedError(
                f"{self.host} does not serve this place (HTTP 451){told}; "
                "give another address of the exchange with rest= and ws=."
            )
        if status in (403, 418, 429) or code == -1003:
            self.limits.ban(status, headers.get("retry-after"))
        elif code == UNKNOWN_SYMBOL:
            symbol = asked.get("symbol", "")
            raise FeedRefusedError(f"{self.host} has no symbol {symbol!r}.{await self._hint(symbol)}")
        elif 400 <= status < 500 and code is not None and code not in SERVER_TROUBLE:
            raise FeedRefusedError(f"{self.host} refuses {path} (HTTP {status}, code {code}){told}.")
        if 300 <= status < 400:
            return redirect_words(f"{self.host} ({path})", status, headers.get("location"))
        return f"{self.host} answers {path} by HTTP {status}{told}"

    async def _hint(self, symbol: str) -> str:
        """Similar symbols, if the exchange lists them readily."""
        try:
            async with asyncio.timeout(self.timeouts.connect):
                _, headers, body = await self._once("ticker/price", {})
            self.limits.used(headers)
            return did_you_mean(symbol, parse_names(body), cutoff=0.6)
        except (httpx.HTTPError, OSError, zlib.error, RejectedError):
            return ""


def _span(start: float | None, end: float | None) -> dict[str, int | None]:
    return {
        "startTime": None if start is None else round(start * 1e3),
        "endTime": None if end is None else round(end * 1e3),
    }


def _words(error: Exception) -> str:
    name = type(error).__name__
    return str(error)[:200] if isinstance(error, RejectedError) else f"{name}: {shortened(str(error))}"


def _error_of(body: bytes) -> tuple[int | None, str]:
    """Code and text of an error response, if it has them."""
    try:
        told = parse_object(body, most=64 * 1024)
    except RejectedError:
        return None, ""
    code = told.get("code")
    return code if type(code) is int else None, shortened(told["msg"]) if "msg" in told else ""
