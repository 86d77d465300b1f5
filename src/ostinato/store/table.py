"""Uniform access to rows in the tables and in sealed days."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from .connection import sqlite_errors
from .event_digests import check_group
from .ledger import EventDigest
from .queries import Decoder
from .rows import StoredEvent, StoredPrediction, StoredScore
from .sealed import SealedDay, SealedDays, days

FIRST_KEY = -(1 << 63)
BLOCK = 2_000
DAY_SECONDS = 86_400.0

_EVENTS = """
SELECT e.key, e.time, e.received, e.happened, e.origin, e.group_id, {columns} FROM events e
WHERE e.key > ? {more} ORDER BY e.key LIMIT ?
"""
_PREDICTIONS = """
SELECT p.key, p.model, p.numbers, p.baselines, p.flags, p.step_us, g.prepared, g.durable,
    e.time, e.received, e.happened, e.origin, {columns}
FROM predictions p JOIN events e ON e.key = p.key JOIN groups g ON g.id = p.group_id
WHERE p.key > ? ORDER BY p.key LIMIT ?
"""
_SCORES = """
SELECT s.key, s.resolved_by, s.actual, s.losses, s.flags, e.time, p.model, p.numbers, p.baselines, p.flags
FROM scores s JOIN predictions p ON p.key = s.key JOIN events e ON e.key = s.key
WHERE s.key > ? ORDER BY s.key LIMIT ?
"""
_LEDGER = """
SELECT p.key, m.digest, p.numbers, p.hash FROM predictions p LEFT JOIN models m ON m.id = p.model
WHERE p.key > ? ORDER BY p.key LIMIT ?
"""

Row = tuple[Any, ...]


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """A read transaction on one state of the store. Keep it short: the log cannot be checkpointed meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


class StoreTable:
    """Reads the rows of a store by key, wherever they are.

    Raises, in each of its methods:
        BrokenStoreError: a row, or a sealed day, is damaged.
        StoreError: a sealed day is gone.
    """

    def __init__(self, connection: sqlite3.Connection, decoder: Decoder, columns: tuple[str, ...]) -> None:
        self._connection, self._decoder = connection, decoder
        self._sealed = SealedDays(decoder.path, columns)
        self._digest = EventDigest(len(columns))

    def _take(
        self, sql: str, after: int, limit: int, sealed: Callable[[SealedDay, int, int], list[Row]]
    ) -> tuple[list[Row], list[Row]]:
        """Up to ``limit`` rows after ``after``, from sealed days and the table together."""
        with sqlite_errors(self._decoder.path), snapshot(self._connection):
            known = days(self._connection, self._decoder.path)
            start = max(after, known[-1].last) if known else after
            present = self._connection.execute(sql, (start, limit)).fetchall()
        moved = list[Row]()
        for day in known:
            if day.last > after and len(moved) < limit:
                moved += sealed(day, after, limit - len(moved))
        return moved, present[: limit - len(moved)]

    def events(self, after: int, limit: int, *, checked: bool = False) -> list[StoredEvent]:
        """Events after a key; ``checked``: verified against the digests of their groups."""
        sql = _EVENTS.format(columns=self._decoder.columns, more="")
        moved, present = self._take(sql, after, limit, self._sealed.events)
        events = [self._decoder.event(row) for row in present]
        if checked:
            for _, run in groupby(events, lambda event: event.group):
                check_group(self._connection, self._decoder, self._digest, list(run))
        return [self._decoder.event(row) for row in moved] + events

    def replay(self, after: int | None = None, limit: int | None = None) -> Iterator[StoredEvent]:
        """Events after a key, or all, verified, a block at a time."""
        key, left = FIRST_KEY if after is None else after, limit
        while left is None or left > 0:
            block = self.events(key, BLOCK if left is None else min(BLOCK, left), checked=True)
            yield from block
            if not block:
                return
            key, left = block[-1].key, None if left is None else left - len(block)

    def events_between(self, begin: float, end: float, limit: int) -> list[StoredEvent]:
        """Events with begin ≤ time < end, by key; times are assumed to ascend with the keys."""
        with sqlite_errors(self._decoder.path), snapshot(self._connection):
            known = days(self._connection, self._decoder.path)
            until = known[-1].last if known else FIRST_KEY
            first = _first_at(self._connection, until, begin)
            sql = _EVENTS.format(columns=self._decoder.columns, more="AND e.time >= ? AND e.time < ?")
            rows = (
                []
                if first is None
                else self._connection.execute(sql, (first - 1, begin, end, limit)).fetchall()
            )
        moved = list[StoredEvent]()
        for day in known:
            start = datetime.fromisoformat(day.name).replace(tzinfo=UTC).timestamp()
            if start < end and start + DAY_SECONDS > begin and len(moved) < limit:
                found = map(self._decoder.event, self._sealed.events(day, FIRST_KEY, day.rows["events"]))
                moved += [event for event in found if begin <= event.time < end]
        return (moved + [self._decoder.event(row) for row in rows])[:limit]

    def predictions(self, after: int, limit: int) -> list[StoredPrediction]:
        """Predictions after a key."""
        sql = _PREDICTIONS.format(columns=self._decoder.columns)
        moved, present = self._take(sql, after, limit, self._sealed.predictions)
        return [self._decoder.prediction(row) for row in moved + present]

    def scores(self, after: int, limit: int) -> list[StoredScore]:
        """Scores after a key."""
        moved, present = self._take(_SCORES, after, limit, self._sealed.scores)
        return [self._decoder.score(row) for row in moved + present]

    def ledger(self, after: int, limit: int) -> list[Row]:
        """Key, the model's digest, numbers and hash of predictions after a key, all but the key as bytes."""
        digests = dict(self._connection.execute("SELECT id, digest FROM models"))
        moved, present = self._take(_LEDGER, after, limit, self._sealed.ledger)
        return [
            (key, digests.get(model), numbers, chained) for key, model, numbers, chained in moved
        ] + present


def _first_at(connection: sqlite3.Connection, until: int, begin: float) -> int | None:
    """The first key after ``until`` with a time of at least ``begin``, by bisection."""
    low, high = connection.execute("SELECT min(key), max(key) FROM events WHERE key > ?", (until,)).fetchone()
    if low is None:
        return None
    near = "SELECT key, time FROM events WHERE key >= ? ORDER BY key LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        key, moment = connection.execute(near, (middle,)).fetchone()
        if float(moment) >= begin:
            high = middle
        elif key >= high:
            return int(high)
        else:
            low = key + 1
    return int(low)
