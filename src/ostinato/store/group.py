"""The rows of one group, collected until one transaction writes them."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from .schema import RESERVED

KEEP_HEALTH, KEEP_NOTES, KEEP_SNAPSHOTS = 5_000, 100_000, 3
_FORGET_EVERY = 64  # groups

_DROP_SNAPSHOTS = """
DELETE FROM snapshots WHERE model = :model AND key NOT IN (
    SELECT key FROM snapshots WHERE model = :model ORDER BY key DESC LIMIT :keep
)
"""
_DROP_RETIRED = "DELETE FROM snapshots WHERE model IN (SELECT id FROM models WHERE role = 'retired')"


class Tail(NamedTuple):
    """The end of a store: ids and keys of the last rows, the hash of the last prediction, the number of events."""

    group: int
    model: int
    event: int | None
    time: float
    prediction: int | None
    score: int | None
    hash: bytes
    events: int


class Group:
    """Rows to write; each list holds the columns of its table in order."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        self.events: list[tuple[Any, ...]] = []
        self.predictions: list[tuple[Any, ...]] = []
        self.scores: list[tuple[Any, ...]] = []
        self.shadows: list[tuple[Any, ...]] = []
        self.gaps: list[tuple[Any, ...]] = []
        self.health: list[tuple[Any, ...]] = []
        self.notes: list[tuple[Any, ...]] = []
        self.snapshots: list[tuple[int, int, bytes, float]] = []
        self.others: list[tuple[str, tuple[Any, ...]]] = []

    def counts(self) -> bool:
        """Return whether the group has rows whose commit time matters."""
        return bool(self.events or self.predictions or self.scores)

    def empty(self) -> bool:
        """Return whether there is nothing to write."""
        return not (
            self.counts()
            or self.shadows
            or self.gaps
            or self.health
            or self.notes
            or self.snapshots
            or self.others
        )


class Statements:
    """The SQL statements that write a group."""

    def __init__(self, columns: Sequence[str]) -> None:
        marks = ", ".join("?" * (len(RESERVED) + len(columns)))
        self._events = f"INSERT INTO events VALUES ({marks})"  # noqa: S608 - question marks only

    def write(self, connection: sqlite3.Connection, group: Group) -> None:
        """Write all rows of a group within an open transaction."""
        many = connection.executemany
        for sql, parameters in group.others:
            connection.execute(sql, parameters)
        if group.events:
            many(self._events, group.events)
        if group.predictions:
            many("INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", group.predictions)
        if group.scores:
            many("INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?)", group.scores)
        if group.shadows:
            many("INSERT OR REPLACE INTO shadows VALUES (?, ?, ?, ?)", group.shadows)
        if group.gaps:
            many("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)", group.gaps)
        if group.health:
            many("INSERT INTO health (time, body) VALUES (?, ?)", group.health)
        if group.notes:
            many("INSERT INTO notes (time, kind, text) VALUES (?, ?, ?)", group.notes)
        if group.snapshots:
            many("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", group.snapshots)
            for model in {row[1] for row in group.snapshots}:
                connection.execute(_DROP_SNAPSHOTS, {"model": model, "keep": KEEP_SNAPSHOTS})
            connection.execute(_DROP_RETIRED)
        if group.tail.group % _FORGET_EVERY == 0:
            connection.execute(
                "DELETE FROM health WHERE id <= (SELECT max(id) FROM health) - ?", (KEEP_HEALTH,)
            )
            connection.execute("DELETE FROM notes WHERE id <= (SELECT max(id) FROM notes) - ?", (KEEP_NOTES,))
