"""Stream names, and the messages by which a websocket client subscribes to them.

Source:
    binance/binance-spot-api-docs, web-socket-streams.md (2026-07-21).
"""

import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from .klines import INTERVALS

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
STREAM = re.compile(r"([a-z0-9]{2,20})@(?:(trade|aggTrade)|kline_(\w{2,3})(@\+08:00)?)")
LONGEST_NAME = 100
ID = re.compile(r"[A-Za-z0-9\-_]{1,36}")
BEIJING = 8 * 3600  # the one zone that streams of klines know beside UTC


class Stream(NamedTuple):
    """A stream that has data. kind: trade, aggTrade or the interval of klines; zone: seconds ahead of UTC."""

    name: str
    kind: str
    zone: int = 0

    @property
    def bars(self) -> bool:
        """Whether it is one of klines."""
        return self.kind in INTERVALS


def stream_of(name: str, symbol: str) -> Stream | None:
    """The stream of a name; None where it will never have data here, which is no error."""
    found = STREAM.fullmatch(name)
    if not found or found[1] != symbol.lower() or (found[3] and found[3] not in INTERVALS):
        return None
    return Stream(name, found[2] or found[3], BEIJING if found[4] else 0)


class Subscriptions:
    """The subscriptions of one websocket, and their form.

    combined: messages are wrapped with the name of their stream. micro: times are microseconds.
    """

    def __init__(self, names: list[str], combined: bool, micro: bool, most: int) -> None:
        self.names = dict.fromkeys(names)
        self.combined, self.micro, self.most = combined, micro, most

    def answer(self, text: str) -> str:
        """Apply a message of the client; returns the reply."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return _error(3, "Invalid JSON: expected value at line 1 column 1")
        if not isinstance(message, dict):
            return _error(2, "Invalid request: expected an object")
        number = message.get("id")
        if not _is_id(number):
            return _error(2, "Invalid request: request ID must be an integer, a short string or null")
        method = message.get("method")
        if "method" not in message:
            return _error(2, "Invalid request: missing field `method`", number)
        if method not in METHODS:
            known = ", ".join(f"`{name}`" for name in METHODS)
            return _error(2, f"Invalid request: unknown variant, expected one of {known}", number)
        extra = set(message) - {"method", "params", "id"}
        if extra:
            return _error(2, "Invalid request: too many parameters", number)
        if method == "LIST_SUBSCRIPTIONS":
            return _reply(list(self.names), number)
        return self._change(method, message.get("params"), number)

    def _change(self, method: str, parameters: Any, number: Any) -> str:
        if method.endswith("PROPERTY"):
            return self._property(method, parameters, number)
        if not isinstance(parameters, list) or not all(isinstance(name, str) for name in parameters):
            return _error(2, "Invalid request: params must be an array of strings", number)
        if any(len(name) > LONGEST_NAME for name in parameters):
            return _error(2, "Invalid request: the name of a stream is too long", number)
        if method == "UNSUBSCRIBE":
            for name in parameters:
                self.names.pop(name, None)
            return _reply(None, number)
        if len(self.names | dict.fromkeys(parameters)) > self.most:
            return _error(2, f"Invalid request: at most {self.most} streams may be subscribed", number)
        self.names |= dict.fromkeys(parameters)
        return _reply(None, number)

    def _property(self, method: str, parameters: Any, number: Any) -> str:
        if not isinstance(parameters, list) or len(parameters) != (2 if method == "SET_PROPERTY" else 1):
            return _error(2, "Invalid request: too many or too few parameters", number)
        if not isinstance(parameters[0], str):
            return _error(2, "Invalid request: property name must be a string", number)
        if parameters[0] != "combined":
            return _error(0, "Unknown property", number)
        if method == "GET_PROPERTY":
            return _reply(self.combined, number)
        if not isinstance(parameters[1], bool):
            return _error(1, "Invalid value type: expected Boolean", number)
        self.combined = parameters[1]
        return _reply(None, number)


def subscriptions_of(path: str, most: int) -> Subscriptions | None:
    """The subscriptions in the address of a websocket; None where there is no websocket.

    /ws, /ws/<stream>/<stream>, /stream?streams=<stream>/<stream>, and the same under any folder: clients put the
    whole address of a service before them.
    """
    parts = urlsplit(path)
    try:
        query = dict(parse_qsl(parts.query, max_num_fields=20))
    except ValueError:
        return None
    unit = query.get("timeUnit", "MILLISECOND").upper()
    if unit not in ("MILLISECOND", "MICROSECOND"):
        return None
    _, ws, streams = parts.path.rpartition("/ws")
    if ws and streams[:1] in ("", "/"):
        combined, names = False, streams.strip("/")
    elif parts.path.endswith("/stream"):
        combined, names = True, query.get("streams", "")
    else:
        return None
    chosen = [name for name in names.split("/") if name]
    if len(chosen) > most or any(len(name) > LONGEST_NAME for name in chosen):
        return None
    return Subscriptions(chosen, combined, unit == "MICROSECOND", most)


def _is_id(number: Any) -> bool:
    if isinstance(number, str):
        return ID.fullmatch(number) is not None
    return number is None or (type(number) is int and -(2**63) <= number < 2**63)


def _reply(result: Any, number: Any) -> str:
    return json.dumps({"result": result, "id": number}, separators=(",", ":"))


def _error(code: int, message: str, number: Any = None) -> str:
    body = {"code": code, "msg": message} | ({} if number is None else {"id": number})
    return json.dumps(body, separators=(",", ":"))
