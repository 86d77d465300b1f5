"""Verify that keys ascend with declared gaps only, and that cells have the type of their column."""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from ..header import StoreHeader
from ..schema import Origin
from .blocks import Row
from .findings import Findings, cell

CELLS = ("key", "time", "received", "happened", "origin", "group_id")
ORIGINS = {int(origin) for origin in Origin}


class DeclaredGap(NamedTuple):
    """Keys that were lost permanently, and the policy that was applied to the state."""

    first: int
    last: int
    policy: str


def declared_gaps(connection: sqlite3.Connection) -> Iterator[DeclaredGap]:
    """Gaps that could not be filled, by first key."""
    rows = connection.execute(
        "SELECT first, last, policy FROM gaps WHERE outcome = 'unfillable' ORDER BY first, last"
    )
    return (DeclaredGap(int(first), int(last), str(policy)) for first, last, policy in rows)


class EventCheck:
    """Takes events in order; counts them and the missing keys between them."""

    def __init__(self, head: StoreHeader, declared: Iterator[DeclaredGap], findings: Findings) -> None:
        self.count = self.holes = 0
        self.last: int | None = None
        self._columns, self._findings = head.columns, findings
        self._declared, self._next = declared, next(declared, None)
        self._covered: int | None = None  # the last key of the holes that begin before the next event

    def take(self, row: Row) -> bool:
        """Check one event; return False if a cell does not have the type of its column."""
        key = row[0]
        if self.last is not None and key <= self.last:
            self._findings.add("event", f"event {key} comes after event {self.last}.", key=key)
        elif self.last is not None and key > self.last + 1:
            self._hole(self.last + 1, key - 1)
        self.count += 1
        self.last = key
        return self._sound(row)

    def skip(self, last: int) -> None:
        """Skip keys up to ``last``, which cannot be read."""
        self.last = last

    def _hole(self, first: int, last: int) -> None:
        self.holes += last - first + 1
        while self._next is not None and self._next.first <= first:
            self._cover(self._next.last)
        undeclared = first if self._covered is None else max(first, self._covered + 1)
        while self._next is not None and self._next.first <= undeclared <= last:
            self._cover(self._next.last)
            assert self._covered is not None
            undeclared = max(undeclared, self._covered + 1)
        if undeclared <= last:
            text = f"events {undeclared} to {last} are missing, and no gap declares them."
            self._findings.add("hole", text, key=undeclared)

    def _cover(self, last: int) -> None:
        self._covered = last if self._covered is None else max(self._covered, last)
        self._next = next(self._declared, None)

    def _sound(self, row: Row) -> bool:
        """Return whether cells have the types of their columns; report the ones that do not."""
        names = (*CELLS, *self._columns)
        empty = (3, *range(len(CELLS), len(row)))  # cells that may be NULL
        for place, value in enumerate(row):
            kind = int if place in (0, 4, 5) else float
            right = (value is None and place in empty) or (type(value) is kind)
            if not right or (place == 4 and value not in ORIGINS):
                text = f"event {row[0]} is damaged: its {names[place]} is {cell(value)}."
                self._findings.add("event", text, key=row[0], stored=value)
                return False
        return True
