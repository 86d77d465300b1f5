"""Keys ascend with declared holes only, and cells hold what their columns say."""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from ..head import Head
from ..schema import Origin
from .blocks import Row
from .findings import Findings, cell

CELLS = ("key", "time", "received", "happened", "origin", "group_id")
ORIGINS = {int(origin) for origin in Origin}


class Hole(NamedTuple):
    """Keys that were lost for good, and what was done with the state there."""

    first: int
    last: int
    policy: str


def holes(connection: sqlite3.Connection) -> Iterator[Hole]:
    """Gaps that could not be filled, by their first key."""
    rows = connection.execute(
        "SELECT first, last, policy FROM gaps WHERE outcome = 'unfillable' ORDER BY first, last"
    )
    return (Hole(int(first), int(last), str(policy)) for first, last, policy in rows)


class EventCheck:
    """Takes events in the order that they are read; counts them and the keys that are missing between them."""

    def __init__(self, head: Head, declared: Iterator[Hole], findings: Findings) -> None:
        self.count = self.holes = 0
        self.last: int | None = None
        self._columns, self._findings = head.columns, findings
        self._declared, self._next = declared, next(declared, None)
        self._covered: int | None = None  # the last key of the holes that begin before the next event

    def take(self, row: Row) -> bool:
        """One event; False where a cell of it is of another kind than its column."""
        key = row[0]
        if self.last is not None and key <= self.last:
            self._findings.add("event", f"event {key} comes after event {self.last}.", key=key)
        elif self.last is not None and key > self.last + 1:
            self._hole(self.last + 1, key - 1)
        self.count += 1
        self.last = key
        return self._sound(row)

    def skip(self, last: int) -> None:
        """Keys up to ``last`` cannot be read."""
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
        """Whether cells are of their columns' kinds, told where not."""
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
