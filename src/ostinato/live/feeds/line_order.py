"""Decide from the lines themselves which lines of a non-seekable input are events.

A line that lies far ahead of the one before is not believed alone: one wrong time or id would make everything behind it
late. It waits for the lines after it. Where they go on from it, it was a pause, and all are released; where one of them
falls back, it was wrong, and is left out by itself. Nothing else waits, and the same lines give the same events however
they are cut up. The machine's clock only bounds the future.
"""

import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from ...errors import FeedError
from ..events import Position

DAY = 86_400.0
WITNESSES = 2  # lines that must go on from one that lies far ahead
JUMP = 1_000_000  # ids
PART = 1_000  # an id may also jump by this part of itself: some exchanges make ids of the time
PAUSES = {"trades": DAY, "bars": 400 * DAY, "table": 400 * DAY}  # of rows without a step
PAUSE_OF_STEPS, STEPS = 5 * DAY, 10  # of rows with one; a market may close for a long weekend
GAPS = 100  # that are remembered, to tell what came too late from what came twice
STREAK = 3  # lines after which ids have begun again for good


class Line(NamedTuple):
    """A line that was parsed.

    number: from 1.
    key: as the line says it, or the number of its step; None where lines are counted.
    time, received: seconds since the epoch, its own and when it came in.
    """

    number: int
    key: int | None
    time: float
    values: tuple[float, ...]
    received: float


class RejectedLine(NamedTuple):
    """A rejected line; ``reason``: one of ``store.health.REJECTION_REASONS``, ``why``: text without a full stop."""

    line: Line
    reason: str
    why: str


class LineOrder:
    """Position in a sequence of lines.

    Args:
        kind, step: of the rows.
        by_step: whether keys are numbers of steps.
        after: the last event that is stored.

    Attributes:
        first, last: the lowest and the highest of the ids that began again; None where none did.
    """

    def __init__(
        self,
        kind: Literal["trades", "bars", "table"],
        step: float | None,
        after: Position | None,
        by_step: bool = False,
    ) -> None:
        self.pause = PAUSES[kind] if step is None else PAUSE_OF_STEPS + STEPS * step
        self.ahead_of_clock = DAY + (step or 0.0)
        self.by_step = by_step
        self.after = self._stored = after
        self.first: int | None = None
        self.last: int | None = None
        self._held: list[Line] = []  # far ahead of ``after``, ascending
        self._again: tuple[int, float, int] | None = (
            None  # key, time, count: the latest of ids that began again
        )
        self._gaps: deque[tuple[int, int]] = deque(maxlen=GAPS)

    def take(self, line: Line) -> tuple[list[Line], list[RejectedLine]]:
        """Lines that are events now, in order, and rejected lines."""
        return ([line], []) if self._is_next(line) else self._look_at(line)

    def _is_next(self, line: Line) -> bool:
        """Return whether a line is certainly the next one, as nearly all are."""
        after = self.after
        return (
            after is not None
            and (line.key is None or line.key == after.key + 1)
            and 0.0 <= line.time - after.time <= self.pause
            and line.time <= line.received + self.ahead_of_clock
            and not self._held
            and self._again is None
        )

    def _look_at(self, line: Line) -> tuple[list[Line], list[RejectedLine]]:
        if line.time > line.received + self.ahead_of_clock:
            return [], [RejectedLine(line, "future", self._later_than_the_clock(line))]
        if (behind := self._behind(line)) is not None:
            return [], [behind]
        left_out: list[RejectedLine] = []
        while self._held and _falls_behind(line, self._held[-1]):
            last = self._held[-1]
            if self._far(line, self.after) and not self._far(last, Position(line.key or 0, line.time)):
                return [], [*left_out, RejectedLine(line, *_late(line, last.time))]
            left_out.append(_wrong(self._held.pop(), f"line {line.number} falls back to {_what(line, last)}"))
        if not self._held and not self._far(line, self.after):
            return [line], left_out
        self._held.append(line)
        if len(self._held) <= WITNESSES:
            return [], left_out
        return self._let_go(), left_out

    def end(self) -> tuple[list[Line], list[RejectedLine]]:
        """The same at the end of the input: lines that agree are accepted, a single one is not."""
        held = self._let_go()
        if len(held) == 1:
            return [], [_wrong(held[0], "no line after it shows that it is right")]
        return held, []

    def waiting(self) -> int:
        """Number of lines that wait for their successors."""
        return len(self._held)

    def released(self, key: int, time: float) -> None:
        """Record that a line became an event."""
        if self.after is not None and key > self.after.key + 1:
            self._gaps.append((self.after.key + 1, key - 1))
        self.after, self._again = Position(key, time), None

    def _let_go(self) -> list[Line]:
        held, self._held = self._held, []
        return held

    def _behind(self, line: Line) -> RejectedLine | None:
        """Why a line precedes what was released; None if it does not."""
        after, key = self.after, line.key
        if after is None:
            return None
        if key is not None:
            if any(first <= key <= last for first, last in self._gaps):
                return RejectedLine(
                    line, "late", f"{key} comes after {after.key}, too late: its place was passed over"
                )
            if not self.by_step and line.time > after.time and (key <= after.key or self._goes_on(line)):
                return self._began_again(line, key, after)
            if key <= after.key or any(key == held.key for held in self._held):
                return RejectedLine(line, "duplicate", f"{key} came already")
        if line.time >= after.time:
            return None
        if after is self._stored:
            return RejectedLine(
                line,
                "late",
                f"its time is {utc(line.time)}, before that of the stored event {after.key}, {utc(after.time)}. "
                "If that one is wrong, begin a new --store",
            )
        return RejectedLine(line, *_late(line, after.time))

    def _goes_on(self, line: Line) -> bool:
        """Return whether a line continues renumbered ids, even though they have reached the old ones."""
        if self._again is None or line.key is None:
            return False
        key, time, count = self._again
        return count >= STREAK and line.key == key + 1 and line.time >= time

    def _began_again(self, line: Line, key: int, after: Position) -> RejectedLine:
        count = 0 if self._again is None else self._again[2]
        self.first = key if self.first is None else min(self.first, key)
        self.last = key if self.last is None else max(self.last, key)
        self._again = (key, line.time, count + 1)
        return RejectedLine(
            line,
            "renumbered",
            f"{key} came after {after.key}, though its time, {utc(line.time)}, is later: the ids began again. "
            "Begin a new --store with the first line of the new numbering, or leave ids out, so that lines are counted",
        )

    def _far(self, line: Line, after: Position | None) -> bool:
        if after is None:
            return False
        if line.time - after.time > self.pause:
            return True
        return (
            line.key is not None
            and not self.by_step
            and line.key - after.key > max(JUMP, abs(after.key) // PART)
        )

    def _later_than_the_clock(self, line: Line) -> str:
        return (
            f"its time is {utc(line.time)}, and this machine's clock says {utc(line.received)}: more than "
            f"{self.ahead_of_clock / 3600:,.4g} hours ahead are not believed. Correct the time, or set the clock"
        )


def _falls_behind(line: Line, other: Line) -> bool:
    return line.time < other.time or (line.key is not None and other.key is not None and line.key < other.key)


def _late(line: Line, before: float) -> tuple[str, str]:
    return "late", f"its time is {utc(line.time)}, before that of the line before, {utc(before)}"


def _wrong(line: Line, how: str) -> RejectedLine:
    id = "" if line.key is None else f"key {line.key}, "
    return RejectedLine(line, "ahead", f"it lies far ahead ({id}{utc(line.time)}) and {how}")


def _what(line: Line, other: Line) -> str:
    return utc(line.time) if line.time < other.time else f"{line.key}"


def check_clock(after: Position | None, thing: str) -> None:
    """Refuse to continue after an event from the future: all later input would be older.

    Raises:
        FeedError: its time is later than this machine's clock by more than a day.
    """
    now = time.time()
    if after is not None and after.time > now + DAY:
        raise FeedError(
            f"the last {thing}, {after.key}, has the time {utc(after.time)}, and this machine's clock says {utc(now)}: "
            "whatever comes would be older than it. Begin a new --store, or set the clock."
        )


def utc(moment: float) -> str:
    """Format a time for people."""
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(moment, UTC).isoformat()
    return f"{moment:.6f}"
