"""Validate messages of the exchange: only trades, bars and control messages pass.

Sizes and nesting are bounded before anything is looked at. Numbers come as decimal strings, times as milliseconds or,
if so asked, microseconds. Here a message costs about two microseconds, so the checks are written by hand.
"""

import itertools
import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from pydantic_core import from_json

from ....errors import FeedError, shortened

FRAME_BYTES = 64 * 1024  # of one event
ROWS = 1000  # of one answer
IDS = 2**63
MILLISECONDS, MICROSECONDS = 1e11, 1e14  # from 1973 on; whatever is larger counts finer
LATEST = 1e10  # seconds: the year 2286

_decimal = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?").fullmatch
_word = re.compile(r"[A-Z_]{1,40}").fullmatch


class RejectedError(FeedError):
    """A message that is not market data."""


class AggTrade(NamedTuple):
    """Trades of one order at one price: ids of a symbol ascend by one. ``time`` is in seconds of its clock."""

    id: int
    price: float
    amount: float
    time: float
    buyer_is_maker: bool


class Kline(NamedTuple):
    """One bar. Times are seconds by the exchange's clock; it ends just after ``close_time``.

    closed: whether it can change no more; None where the exchange does not say (REST).
    """

    open_time: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_time: float
    closed: bool | None
    trades: int


class Control(NamedTuple):
    """A message without data: kind "shutdown", "reply" or "error", and its text."""

    kind: str
    text: str


Message = AggTrade | Kline | Control


def _reject(why: str, value: object) -> NoReturn:
    raise RejectedError(f"{why}: {shortened(value)}")


def _json(text: str | bytes, most: int) -> Any:
    if len(text) > most:
        _reject(f"a message of {len(text):,} bytes, at most {most:,} are read", text[:40])
    try:
        return from_json(
            text, allow_inf_nan=False
        )  # refuses nesting beyond 200 and numbers beyond 4,300 digits
    except ValueError as error:
        raise RejectedError(f"no JSON ({error}): {shortened(text[:200])}") from None


def _number(value: object) -> float:
    if type(value) is not str or not _decimal(value):
        _reject("not a decimal number", value)
    return float(value)


def _price(value: object) -> float:
    number = _number(value)
    return number if number > 0.0 else _reject("a price that is not above 0", value)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < IDS:
        _reject("not a whole number of 0 to 2^63", value)
    return value


def seconds(value: object) -> float:
    """Convert whole milliseconds or microseconds to seconds since the Unix epoch.

    Raises:
        RejectedError: it is no such number, or lies before 1973 or after 2286.
    """
    if type(value) is not int or not MILLISECONDS <= value < MICROSECONDS * 1000:
        _reject("not a time in milliseconds or microseconds", value)
    time = value / 1e3 if value < MICROSECONDS else value / 1e6
    return time if time < LATEST else _reject("a time beyond the year 2286", value)


def _flag(value: object) -> bool:
    if type(value) is not bool:
        _reject("neither true nor false", value)
    return value


def _trade(body: dict[str, Any]) -> AggTrade:
    return AggTrade(
        _count(body["a"]), _price(body["p"]), _number(body["q"]), seconds(body["T"]), _flag(body["m"])
    )


def _kline(fields: list[Any], closed: bool | None) -> Kline:
    opens, start, high, low, close, volume, closes, trades = fields
    bar = Kline(
        seconds(opens),
        _price(start),
        _price(high),
        _price(low),
        _price(close),
        _number(volume),
        seconds(closes),
        closed,
        _count(trades),
    )
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        _reject("a bar whose low and high do not enclose it", fields)
    return bar if bar.close_time > bar.open_time else _reject("a bar that ends before it opens", fields)


def _agg_trade_event(body: dict[str, Any], symbol: str, interval: str | None) -> AggTrade:
    if body["s"] != symbol or interval is not None:
        _reject("a trade that was not asked for", body)
    return _trade(body)


def _kline_event(body: dict[str, Any], symbol: str, interval: str | None) -> Kline:
    k = body["k"]
    if body["s"] != symbol or k["s"] != symbol or k["i"] != interval:
        _reject("a bar that was not asked for", body)
    return _kline([k["t"], k["o"], k["h"], k["l"], k["c"], k["v"], k["T"], k["n"]], _flag(k["x"]))


def _shutdown(body: dict[str, Any], symbol: str, interval: str | None) -> Control:
    return Control("shutdown", "the server shuts down")


_EVENTS: dict[str, Callable[[dict[str, Any], str, str | None], Message]] = {
    "aggTrade": _agg_trade_event,
    "kline": _kline_event,
    "serverShutdown": _shutdown,
}


def parse_frame(text: str | bytes, symbol: str, interval: str | None = None) -> Message:
    """Parse one frame of the websocket, raw or wrapped as {"stream": ..., "data": ...}.

    Args:
        symbol: in capitals; data of another one are rejected.
        interval: of the bars that were subscribed to; None for trades.

    Raises:
        RejectedError: it is none of the messages of the protocol that were asked for.
    """
    body = _json(text, FRAME_BYTES)
    try:
        if "stream" in body:
            body = body["data"]
        kind = body.get("e")
        if kind is None:
            return _control(body)
        return _EVENTS[kind](body, symbol, interval)
    except (KeyError, TypeError, AttributeError, ValueError):
        _reject("no message of the protocol", body)


def _control(body: dict[str, Any]) -> Control:
    error = body.get("error", body)
    if isinstance(error, dict) and type(error.get("code")) is int:
        return Control("error", f"{error['code']}: {shortened(error.get('msg'))}")
    if "result" in body and "id" in body:
        return Control("reply", shortened(body["result"]))
    _reject("no message of the protocol", body)


def _rows(text: bytes, most: int, one: Callable[[Any], Any]) -> list[Any]:
    body = _json(text, most)
    if type(body) is not list or len(body) > ROWS:
        _reject(f"not a list of at most {ROWS} rows", body)
    try:
        return [one(row) for row in body]
    except RejectedError:
        raise
    except (KeyError, TypeError, ValueError, IndexError):
        _reject("rows of another kind", body)


def parse_agg_trades(text: bytes, most: int = 4 << 20) -> list[AggTrade]:
    """Parse the response of aggTrades: ids ascend, though there may be gaps.

    Raises:
        RejectedError: it is not that.
    """
    trades: list[AggTrade] = _rows(text, most, _trade)
    for before, trade in itertools.pairwise(trades):
        if trade.id <= before.id:
            _reject("ids that do not ascend", [before.id, trade.id])
    return trades


def parse_klines(text: bytes, most: int = 4 << 20) -> list[Kline]:
    """Parse the response of klines, including the forming bar at its end: opening times ascend, with possible gaps.

    Raises:
        RejectedError: it is not that.
    """
    bars: list[Kline] = _rows(text, most, lambda row: _kline([*row[:7], row[8]], None))
    for before, bar in itertools.pairwise(bars):
        if bar.open_time <= before.open_time:
            _reject("bars that do not ascend", [before.open_time, bar.open_time])
    return bars


def parse_object(text: bytes, most: int = 4 << 20) -> dict[str, Any]:
    """Parse a response that is one object, its fields unchecked.

    Raises:
        RejectedError: it is not that.
    """
    body = _json(text, most)
    return body if isinstance(body, dict) else _reject("not an object", body)


def parse_symbols(text: bytes) -> tuple[int | None, dict[str, str]]:
    """Parse the response of exchangeInfo: the weight limit per minute, if given, and the status of each symbol.

    Raises:
        RejectedError: it is not that.
    """
    body = parse_object(text)
    try:
        statuses = {row["symbol"]: row["status"] for row in body["symbols"]}
        limits = [
            row["limit"]
            for row in body.get("rateLimits", [])
            if (row["rateLimitType"], row["interval"], row["intervalNum"]) == ("REQUEST_WEIGHT", "MINUTE", 1)
        ]
    except (KeyError, TypeError):
        _reject("no list of symbols", body)
    if not all(type(name) is type(status) is str and _word(status) for name, status in statuses.items()):
        _reject("no list of symbols", body)
    return (limits[0] if limits and type(limits[0]) is int and limits[0] > 0 else None), statuses


def parse_names(text: bytes) -> list[str]:
    """Parse the symbols in the response of ticker/price.

    Raises:
        RejectedError: it is not that.
    """
    try:
        return [str(row["symbol"])[:20] for row in _json(text, len(text))]
    except (KeyError, TypeError):
        _reject("no list of symbols", text[:40])
