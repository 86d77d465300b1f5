"""Requests and replies of REST, and the exchange's errors."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

JSON = "application/json;charset=UTF-8"
HTML = "text/html"


class HttpRequest(NamedTuple):
    """A request over HTTP; names of headers are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    address: str


@dataclass
class Reply:
    """An answer over HTTP.

    delay: virtual seconds before it comes.
    chunks: makes the body piece by piece, where ``body`` is not all; of ``size`` bytes, or chunked where that is None.
    pause: virtual seconds between the pieces.
    cut: bytes of the body after which the connection is closed.
    raw: bytes that are sent instead of HTTP, before the connection is closed.
    """

    status: int = 200
    body: bytes = b""
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    chunks: Callable[[], Iterator[bytes]] | None = None
    size: int | None = None
    pause: float = 0.0
    cut: int | None = None
    raw: bytes | None = None

    @property
    def slow(self) -> bool:
        """Whether it cannot be sent at once."""
        return bool(self.delay or self.chunks is not None)


class Refusal(Exception):  # noqa: N818 - it is an answer, no failure
    """An answer that is an error of the exchange."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.reply = error(code, message, status)


def error(code: int, message: str, status: int = 400) -> Reply:
    """An error as the exchange words it: {"code": ..., "msg": ...}."""
    return Reply(status, json.dumps({"code": code, "msg": message}, separators=(",", ":")).encode())


def as_json(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
