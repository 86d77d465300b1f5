"""Standard input as a feed: one JSON object per line, from any program.

{"time": 1534131395, "price": 6356.73, "amount": 0.96}
{"key": 7, "time": "2018-08-13T03:36:35Z", "price": "6356.73", "amount": 0.96}
"""

import asyncio
import json
import math
import os
import re
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, Literal, NoReturn

from ...data.bars import COLUMNS
from ...data.digits import one_date
from ...data.numbers import MOST
from ...data.times import LAST_SECOND
from ...data.units import BOUNDS, PER_SECOND
from ...errors import FeedError, shortened
from ...store.health import describe_rejections
from ..events import Event, Gap, Item, Note, Position, Since
from .feed import Feed
from .line_order import Line, LineOrder, RejectedLine, check_clock

LONGEST_LINE = 64 * 1024  # bytes
CHUNK = 64 * 1024
BATCH = 256
COMPLAINTS = 10.0  # seconds between notes on lines that were rejected
SHOWN = 60.0  # seconds for which a rejected line is the problem that health tells
MOST_KEY = 2**62
WITHIN = 1e-6  # of a step: times are floats
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
POSITIVE, NOT_NEGATIVE = ("price", *COLUMNS[:4]), ("amount", "volume")


class LineError(ValueError):
    """A line cannot be used; the text says why."""


class StdinFeed(Feed):
    """JSON objects with ``time`` and the columns, one per line, until the input ends.

    A line may say its ``key`` (or ``id``), a whole number; else the key is the number of the step that its time lies in
    where rows have a step, and else lines are counted. The first line decides which. Keys that are jumped over are a
    hole that cannot be filled, for the input cannot be asked again. What comes again is dropped. A line that cannot be
    used is rejected: it cannot be read, is older than the one before, has a lower id and a later time (ids began
    again), is later than the clock by more than a day and a step, or lies far ahead of what follows (``LineOrder``).
    Rejected lines are told of by reason, each at most every 10 s, and counted at the end.

    Args:
        name: of the feed.
        kind, columns, step: of what is read.
        stream: the input; it is not closed. None: standard input.
    """

    def __init__(
        self,
        name: str,
        kind: Literal["trades", "bars", "table"],
        columns: tuple[str, ...],
        step: float | None = None,
        stream: BinaryIO | None = None,
    ) -> None:
        super().__init__(name, kind, columns, step, stale_after=max(30.0, 3 * (step or 0.0)))
        self.stream = stream

    async def batches(self, after: Position | None, since: Since) -> AsyncIterator[list[Item]]:
        """Items as soon as their lines arrive; ends with the input.

        Raises:
            FeedError: there is no standard input, or the time of the stored event ``after`` lies in the future.
        """
        check_clock(after, "stored event")
        state = _InputState(self, after, since)
        stream = self.stream or getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise FeedError("there is no standard input to read. Pipe lines of JSON into the command.")
        self.health.state = "live"
        async with aclosing(_lines(stream)) as chunks:
            async for lines in chunks:
                state.now = time.time()
                for at in range(0, len(lines), BATCH):
                    if items := state.items(lines[at : at + BATCH]):
                        yield items
                    await asyncio.sleep(0)
        self.health.state = "ended"
        if items := state.end():
            yield items


class _InputState:
    """State accumulated from the lines so far."""

    def __init__(self, feed: StdinFeed, after: Position | None, since: Since) -> None:
        self.feed = feed
        self.after = after
        self.first = since.key if isinstance(since.key, int) else 0
        self.named: bool | None = None
        self.order: LineOrder | None = None
        self.number = 0
        self.now = time.time()
        self.complaints: dict[str, _ThrottledNotes] = {}  # by reason
        self.troubled = 0.0  # when the latest line was rejected

    def items(self, lines: list[bytes | None]) -> list[Item]:
        """Items of some lines; None stands for a line that was too long."""
        items: list[Item] = []
        health = self.feed.health
        for line in lines:
            self.number += 1
            if line is not None and not line.strip():
                continue
            try:
                items += self._read(line)
            except LineError as error:
                items += self._leave_out(self.number, "unreadable", str(error))
        if health.problem and time.monotonic() - self.troubled > SHOWN:
            health.problem = ""
        return items

    def end(self) -> list[Item]:
        """The remaining items when the input has ended."""
        items = [] if self.order is None else self._settle(*self.order.end())
        if words := describe_rejections(self.feed.health.left_out):
            items.append(Note("left out", f"of {self.number:,} lines: {words}{self._renumbered()}"))
        return items + [note for each in self.complaints.values() if (note := each.rest())]

    def _renumbered(self) -> str:
        order = self.order
        if order is None or order.first is None or order.after is None:
            return ""
        return f"; ids {order.first} to {order.last} came after {order.after.key} with later times"

    def _read(self, line: bytes | None) -> list[Item]:
        if line is None:
            raise LineError(f"it is longer than {LONGEST_LINE:,} bytes")
        entry = parse_object(line)
        values = tuple(number(entry, name) for name in self.feed.columns)
        moment = seconds(entry)
        key = self._key(entry, moment)
        if self.order is None:
            step = None if self.named else self.feed.step
            self.order = LineOrder(self.feed.kind, self.feed.step, self.after, by_step=step is not None)
        items = self._settle(*self.order.take(Line(self.number, key, moment, values, self.now)))
        self.feed.health.queue = self.order.waiting()
        return items

    def _settle(self, events: list[Line], left_out: list[RejectedLine]) -> list[Item]:
        items: list[Item] = []
        for line, reason, why in left_out:
            items += self._leave_out(line.number, reason, why)
        for line in events:
            items += self._release(line)
        return items

    def _leave_out(self, number: int, reason: str, why: str) -> list[Item]:
        health = self.feed.health
        health.reject(reason)
        if reason == "duplicate":  # a whole input may be given again to go on with
            return []
        health.problem = f"line {number}: {why}"
        self.troubled = time.monotonic()
        note = self.complaints.setdefault(reason, _ThrottledNotes()).note(health.problem)
        return [] if note is None else [note]

    def _release(self, line: Line) -> list[Item]:
        assert self.order is not None
        last, items = self.order.after, list[Item]()
        key = line.key
        if key is None:
            key = self.first if last is None else last.key + 1
        if last is not None and key > last.key + 1:
            why = "the input left them out and cannot be asked again"
            items.append(Gap(last.key + 1, key - 1, "skipped", "unfillable", why, line.received, self.now))
            self.feed.health.unfillable_gaps += 1
        self.order.released(key, line.time)
        self.feed.health.last_received = line.received
        return [*items, Event(key, line.time, line.values, line.received)]

    def _key(self, entry: dict[str, Any], moment: float) -> int | None:
        name = "key" if "key" in entry else "id"
        named = name in entry
        if self.named is None:
            self.named = named
        if named != self.named:
            raise LineError(f"it has {'a' if named else 'no'} key, unlike the lines before")
        if named:
            key = entry[name]
            if isinstance(key, str) and re.fullmatch(r"\d{1,19}", key, re.ASCII):
                key = int(key)
            if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key <= MOST_KEY:
                raise LineError(
                    f"its {name} is {shortened(key)}, which is not a whole number from 0 to {MOST_KEY:,}"
                )
            return key
        return None if self.feed.step is None else math.floor(moment / self.feed.step + WITHIN)


class _ThrottledNotes:
    """Notes on lines, throttled so that a flood of bad lines is not a flood of notes."""

    def __init__(self) -> None:
        self.next = -math.inf
        self.held, self.latest = 0, ""

    def note(self, text: str) -> Note | None:
        """A note, if one is due."""
        self.held, self.latest = self.held + 1, text
        if time.monotonic() < self.next:
            return None
        return self.rest()

    def rest(self) -> Note | None:
        """A note on the remaining suppressed ones."""
        if not self.held:
            return None
        others = f" ({self.held - 1:,} more before it)" if self.held > 1 else ""
        self.held, self.next = 0, time.monotonic() + COMPLAINTS
        return Note("rejected", f"{self.latest}{others}; it was left out")


def parse_object(line: bytes) -> dict[str, Any]:
    """Parse the object of a line.

    Raises:
        LineError: it holds none.
    """
    try:
        entry = json.loads(line, parse_constant=_refuse)
    except LineError:
        raise
    except (ValueError, RecursionError):  # too many digits, or too many brackets
        raise LineError(f"it is not JSON: {shortened(line[:200].decode(errors='replace'))}") from None
    if not isinstance(entry, dict):
        raise LineError(f"it is not an object like {{'time': ..., 'price': ...}}: {shortened(entry)}")
    return entry


def _refuse(constant: str) -> NoReturn:
    raise LineError(f"it holds {constant}, which is not a JSON number")


def number(entry: dict[str, Any], name: str) -> float:
    """Parse a column of a line: a finite number, or text of one.

    Raises:
        LineError: it is not there, no number, or out of range.
    """
    if name not in entry:
        raise LineError(f"it has no {name!r}")
    value = entry[name]
    if isinstance(value, str) and len(value) <= 400 and NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST:
        raise LineError(f"its {name} is {shortened(value)}, which is not a finite number up to {MOST:g}")
    if (name in POSITIVE and value <= 0) or (name in NOT_NEGATIVE and value < 0):
        raise LineError(f"its {name} is {shortened(value)}, which is too small")
    return float(value)


def seconds(entry: dict[str, Any]) -> float:
    """Time of a line in seconds since the epoch: a number of s, ms, µs or ns by its magnitude, or ISO text.

    A date written as digits, 20230102090000, is that date. Text that names no zone is UTC, as it is in files.

    Raises:
        LineError: it is not there, or no time.
    """
    if "time" not in entry:
        raise LineError("it has no 'time'")
    value = entry["time"]
    if (date := one_date(value)) is not None:
        return date
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()) and len(value) <= 40:
        value = float(value)
    if isinstance(value, str) and len(value) <= 40:
        with suppress(ValueError, OverflowError):
            text = re.sub(r" ?UTC$", "Z", value.strip()).replace("/", "-")
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not isinstance(value, bool) and isinstance(value, int | float) and abs(value) <= MOST:
        unit = list(PER_SECOND)[int(BOUNDS.searchsorted(abs(value), side="right"))]
        if abs(moment_ := value / PER_SECOND[unit]) <= LAST_SECOND:
            return float(moment_)
    raise LineError(
        f"its time is {shortened(value)}, which is neither a number nor like 2018-08-13T03:36:35Z"
    )


async def _lines(stream: BinaryIO) -> AsyncGenerator[list[bytes | None]]:
    """Complete lines without their ends; None for one that is too long. Memory is bounded by one line."""
    rest, lost = b"", False
    while chunk := await _read(stream):
        *lines, rest = (rest + chunk).split(b"\n")
        found: list[bytes | None] = [None if len(line) > LONGEST_LINE else line for line in lines]
        if lost and found:
            found[0], lost = None, False
        if lost or len(rest) > LONGEST_LINE:
            rest, lost = b"", True
        if found:
            yield found
    if rest or lost:
        yield [None if lost else rest]


async def _read(stream: BinaryIO) -> bytes:
    """Available bytes, as soon as there are any.

    The descriptor is left as it is: made non-blocking, it would be so for the terminal's output as well.
    """
    loop = asyncio.get_running_loop()
    number = stream.fileno()
    ready: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(number, _settle, ready)
    except (PermissionError, NotImplementedError):  # a regular file, which never keeps us waiting; Windows
        return await asyncio.to_thread(os.read, number, CHUNK)
    try:
        await ready
    finally:
        loop.remove_reader(number)
    return os.read(number, CHUNK)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
