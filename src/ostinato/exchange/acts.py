"""Faults that happen to open websockets at one moment: closing, cutting, freezing, malformed frames."""

from collections.abc import Callable
from functools import partial

from . import hostile
from .faults import Fault
from .venue import Subscriber

CUT_FRAME = b'\x81\x7e\x00\x92{"e":"aggTrade","E":15341'  # of 146 bytes, the first few


def perform(session: Subscriber, fault: Fault, now: float) -> None:
    """Apply a fault to one websocket, unless it is closing or dead already."""
    if session.open:
        ACTS[fault.name](session, fault, now)


def _abort(session: Subscriber, fault: Fault, now: float) -> None:
    session.write(CUT_FRAME)
    session.transport.close()


def _close(code: int, reason: str, session: Subscriber, fault: Fault, now: float) -> None:
    session.close(code, reason)


def _silence(session: Subscriber, fault: Fault, now: float) -> None:
    session.muted_until = max(session.muted_until, now + fault.length)


def _shutdown(session: Subscriber, fault: Fault, now: float) -> None:
    session.announce_shutdown(now)
    session.deadline = min(session.deadline, now + float(fault["notice"]))


def _deaf(session: Subscriber, fault: Fault, now: float) -> None:
    session.deaf = True


def _endless(chunks: Callable, session: Subscriber, fault: Fault, now: float) -> None:
    session.pour(chunks(), fault.length)


ACTS: dict[str, Callable[[Subscriber, Fault, float], None]] = {
    "abort": _abort,
    "close_1000": partial(_close, 1000, ""),
    "close_1001": partial(_close, 1001, "Going away"),
    "close_1008": partial(_close, 1008, "Policy violation"),
    "day_close": partial(_close, 1001, "24 hours"),
    "half_open": lambda session, fault, now: session.freeze(),
    "silence": _silence,
    "server_shutdown": _shutdown,
    "pong_lost": _deaf,
    "huge_frame": lambda session, fault, now: session.pour(hostile.huge_frame(int(fault["megabytes"]))),
    "endless_frame": partial(_endless, hostile.endless_frame),
    "endless_fragments": partial(_endless, hostile.endless_fragments),
    "garbage": lambda session, fault, now: session.write(
        b"\xff\xff" + hostile.noise(int(fault["seed"]), 510)
    ),
    "not_text": lambda session, fault, now: session.write(b"\x81\x04\xff\xfe\x80\x81"),
    "deep_json": lambda session, fault, now: session.send(
        hostile.deep(int(fault["depth"])).decode() if fault["depth"] else "[]"
    ),
}
