"""Malformed and oversized messages, which a real exchange would never send and a client must survive."""

import json
import random
import zlib
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

MEGABYTE = 1 << 20


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


# of an aggregate trade; each leaves JSON that a parser takes, but for the last two
WRONG: tuple[Callable[[dict[str, Any]], str], ...] = (
    lambda fields: json.dumps(fields | {"p": 6500.25}),
    lambda fields: json.dumps(fields | {"a": "12", "t": "12"}),
    lambda fields: json.dumps(_without(_without(fields, "a"), "t")),
    lambda fields: json.dumps(fields | {"T": None}),
    lambda fields: json.dumps(fields | {"m": "yes"}),
    lambda fields: json.dumps(fields | {"p": "-1.00000000"}),
    lambda fields: json.dumps(fields | {"p": "0.00000000"}),
    lambda fields: json.dumps(fields | {"p": "1e999"}),
    lambda fields: json.dumps(fields | {"q": "nan"}),
    lambda fields: json.dumps(fields | {"a": -5, "t": -5}),
    lambda fields: json.dumps(fields | {"a": 2**80, "t": 2**80}),
    lambda fields: json.dumps(fields | {"a": True, "t": True}),
    lambda fields: json.dumps(fields | {"T": -1}),
    lambda fields: json.dumps(fields | {"T": 10**18}),
    lambda fields: json.dumps(fields | {"p": ["1"], "q": {}}),
    lambda fields: json.dumps(fields | {"s": "\x1b[2J\x1b]0;title\x07"}),
    lambda fields: json.dumps(fields | {"e": 7}),
    lambda _: "[]",
    lambda _: "null",
    lambda _: '"aggTrade"',
    lambda fields: json.dumps(fields | {"p": float("nan")}),
    lambda fields: json.dumps(fields)[:-9],
)


WRONG_BARS: tuple[Callable[[dict[str, Any]], Any], ...] = (
    lambda bar: bar | {"c": 6500.25},
    lambda bar: _without(bar, "h"),
    lambda bar: bar | {"x": "yes"},
    lambda bar: bar | {"x": 1},
    lambda bar: bar | {"t": None},
    lambda bar: bar | {"t": bar["t"] + 1},
    lambda bar: bar | {"o": "nan"},
    lambda bar: bar | {"h": "0.00000001"},
    lambda bar: bar | {"v": "-1.00000000"},
    lambda bar: bar | {"i": "7m"},
    lambda bar: [bar],
    lambda bar: None,
)


def wrong_types(text: str, number: int) -> str:
    """A stream message with a wrong type somewhere; ``number`` chooses where."""
    fields = json.loads(text)
    if "k" in fields:
        return json.dumps(fields | {"k": WRONG_BARS[number % len(WRONG_BARS)](fields["k"])})
    return WRONG[number % len(WRONG)](fields)


# of an answer of REST: whatever was asked
WRONG_ANSWERS = (
    b"{}",
    b"null",
    b"[[]]",
    b"[null]",
    b'[{"a":"x"}]',
    b'"ok"',
    b"7",
    b'{"serverTime":"soon","symbols":{},"code":[]}',
    b"[1,2,3]",
    b'[{"a":-1,"p":"NaN","q":"-3","f":null,"l":{},"T":"now","m":2,"M":[]}]',
)


def deep(depth: int) -> bytes:
    """JSON of so many nested arrays."""
    return b"[" * depth + b"]" * depth


def noise(seed: int, size: int) -> bytes:
    """Random bytes."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - no secret


def long_header(size: int, opcode: int = 0x81) -> bytes:
    """The header of a websocket frame of so many bytes."""
    return bytes((opcode, 127)) + size.to_bytes(8, "big")


def blanks(size: int) -> Iterator[bytes]:
    """JSON of so many bytes, nearly all of them spaces."""
    block = b" " * 65_536
    yield b"["
    for _ in range((size - 2) // len(block)):
        yield block
    yield b" " * ((size - 2) % len(block)) + b"]"


def endless_frame() -> Iterator[bytes]:
    """A websocket text frame that says it has 2⁶² bytes, and goes on."""
    yield long_header(1 << 62)
    yield from repeat(b" " * 65_536)


def huge_frame(megabytes: int) -> Iterator[bytes]:
    """A websocket text frame of so many megabytes of JSON."""
    size = max(megabytes * MEGABYTE, 2)
    yield long_header(size)
    yield from blanks(size)


def endless_fragments() -> Iterator[bytes]:
    """The first fragment of a websocket message, and others after it, none the last."""
    piece = b" " * 4096
    head = len(piece).to_bytes(2, "big")
    yield b"\x01\x7e" + head + piece
    yield from repeat(b"\x00\x7e" + head + piece)


def bomb(megabytes: int) -> Iterator[bytes]:
    """Gzip of so many megabytes of spaces and ``[]``, a thousand times smaller."""
    block = b" " * MEGABYTE
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = pack.compress(block) + pack.flush(zlib.Z_FULL_FLUSH)  # the same bytes for every block
    tail, crc = zlib.compressobj(9, zlib.DEFLATED, -15), 0
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    for _ in range(megabytes):
        crc = zlib.crc32(block, crc)
        yield packed
    yield tail.compress(b"[]") + tail.flush()
    size = megabytes * MEGABYTE + 2
    yield zlib.crc32(b"[]", crc).to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
