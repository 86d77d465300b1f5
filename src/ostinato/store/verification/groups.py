"""Reassemble commits from their rows and verify them against the stored groups."""

import hashlib
import sqlite3
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from ..ledger import EventDigest
from .blocks import Block, Row
from .findings import Findings, cell

EMPTY = hashlib.sha256(b"").digest()
EVENTS_GROUP, PREDICTIONS_GROUP, SCORES_GROUP = 5, 6, 5  # where rows of a block have it


class Commit(NamedTuple):
    """The rows of one group, each kind by key."""

    id: int
    events: list[Row]
    predictions: list[Row]
    scores: list[Row]


class Assembly:
    """Yields commits in order; a score is stored with its prediction, so it waits for its own commit."""

    def __init__(self) -> None:
        self._parts: tuple[deque[Row], ...] = (deque(), deque(), deque())

    def add(self, block: Block) -> None:
        """Add the rows of a block; rows without a group, of days sealed by an earlier version, are left out."""
        places = (EVENTS_GROUP, PREDICTIONS_GROUP, SCORES_GROUP)
        for part, rows, place in zip(self._parts, block[:3], places, strict=True):
            part.extend(row for row in rows if type(row[place]) is int)

    def ready(self, whole: bool = False) -> Iterator[Commit]:
        """Commits with all their rows: those before the last event's or, with ``whole``, all of them."""
        events = self._parts[0]
        while (at := self._first()) is not None and (whole or (events and at < events[-1][EVENTS_GROUP])):
            yield Commit(at, *self._take(at))

    def clear(self) -> None:
        """Discard pending rows."""
        for part in self._parts:
            part.clear()

    def _first(self) -> int | None:
        places = (EVENTS_GROUP, PREDICTIONS_GROUP, SCORES_GROUP)
        return min(
            (part[0][place] for part, place in zip(self._parts, places, strict=True) if part), default=None
        )

    def _take(self, group: int) -> Iterator[list[Row]]:
        for part, place in zip(self._parts, (EVENTS_GROUP, PREDICTIONS_GROUP, SCORES_GROUP), strict=True):
            rows = []
            while part and part[0][place] == group:
                rows.append(part.popleft())
            yield rows


class GroupCheck:
    """Takes commits in order and verifies their events against the digests in the store.

    Args:
        ends: last keys of sealed days. A digest may be missing only of a group that reaches across one.
        unsound: keys of events that hold no numbers.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        columns: int,
        ends: list[int],
        unsound: set[int],
        findings: Findings,
    ) -> None:
        rows = connection.execute("SELECT id, prepared, durable, events, digest FROM groups ORDER BY id")
        self._rows, self._row = rows, next(rows, None)
        self._of, self._ends, self._unsound, self._findings = EventDigest(columns), ends, unsound, findings
        self._last: int | None = None  # id of the last row that was seen
        self._lost = False

    def take(self, commit: Commit) -> None:
        """Verify one commit."""
        while self._row is not None and self._row[0] < commit.id:
            self._unused(self._row)
            self._next()
        row = self._row
        if row is None or row[0] != commit.id:
            self._missing(commit)
        else:
            if not self._lost:
                self._verify(commit, row)
            self._next()
        self._lost = False

    def skip(self) -> None:
        """Skip events that cannot be read: the groups up to the next commit, and that one, are not verifiable."""
        self._lost = True

    def end(self) -> None:
        """Finish after the last commit."""
        while self._row is not None:
            self._unused(self._row)
            self._next()

    def _next(self) -> None:
        assert self._row is not None
        if self._last is not None and self._row[0] > self._last + 1:
            first, last = self._last + 1, self._row[0] - 1
            what = f"group {first} is" if first == last else f"groups {first} to {last} are"
            self._findings.add("group", f"{what} missing.", group=first)
        self._last, self._row = self._row[0], next(self._rows, None)

    def _missing(self, commit: Commit) -> None:
        """Report missing groups; those of sealed days are deleted with them."""
        until = self._ends[-1] if self._ends else None
        rows = [*commit.events, *commit.predictions, *commit.scores]
        key = next((row[0] for row in rows if until is None or row[0] > until), None)
        if key is not None:
            self._findings.add(
                "group", f"group {commit.id} of event {key} is missing.", group=commit.id, key=key
            )

    def _unused(self, row: Row) -> None:
        # an earlier version seals scores without their groups, and the groups stay a moment longer
        if self._lost or (self._ends and row[3] == 0):
            return
        self._findings.add(
            "group", f"group {row[0]} says it has {cell(row[3])} events, and has no rows.", group=row[0]
        )

    def _verify(self, commit: Commit, row: Row) -> None:
        number, prepared, durable, count, digest = row
        events = commit.events
        first = events[0][0] if events else None
        if type(prepared) is not float or not (durable is None or type(durable) is float):
            text = f"the times of group {number} are {cell(prepared)} and {cell(durable)}."
            self._findings.add("group", text, group=number)
        if count != len(events):
            text = f"events near {first} are not those that were written: group {number} had {cell(count)}, here are "
            self._findings.add(
                "group",
                f"{text}{len(events)}.",
                group=number,
                key=first,
                stored=count,
                recomputed=len(events),
            )
            return
        if digest is None and self._reaches_across(events):
            return
        if any(event[0] in self._unsound for event in events):
            return
        found = self._of.of([(*event[:5], event[6:]) for event in events]) if events else EMPTY
        if digest is None:
            text = f"group {number} has no digest of its events; only one across the end of a sealed day may lack it."
            self._findings.add("group", text, group=number, key=first, recomputed=found)
        elif digest != found:
            text = (
                f"events near {first} are not those that were written: the digest of group {number} is {cell(digest)}, "
                f"computed anew {cell(found)}."
            )
            self._findings.add("group", text, group=number, key=first, stored=digest, recomputed=found)

    def _reaches_across(self, events: list[Row]) -> bool:
        """Return whether a sealed day ends within the group."""
        if not events:
            return False
        place = bisect_left(self._ends, events[0][0])
        return place < len(self._ends) and self._ends[place] < events[-1][0]
