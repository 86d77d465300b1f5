"""Verify events against the digests of their groups."""

import sqlite3
from typing import NamedTuple

from ..errors import BrokenStoreError
from .connection import sqlite_errors
from .ledger import EventDigest
from .queries import Decoder, events
from .rows import StoredEvent
from .sealed import sealed_until


def fetch_events_after(
    connection: sqlite3.Connection, decoder: Decoder, key: int | None, limit: int
) -> list[StoredEvent]:
    """Fetch events after ``key``, or the first ones."""
    if key is None:
        return events(connection, decoder, "1", (), limit)
    return events(connection, decoder, "e.key > ?", (key,), limit)


def check_group(
    connection: sqlite3.Connection, decoder: Decoder, digest: EventDigest, run: list[StoredEvent]
) -> None:
    """Verify some events of one group, and the rest of it, against its digest.

    Raises:
        BrokenStoreError: they are not those that were written.
    """
    group = run[0].group
    with sqlite_errors(decoder.path):
        row = connection.execute("SELECT events, digest FROM groups WHERE id = ?", (group,)).fetchone()
        if row is None:
            raise BrokenStoreError(
                f"{decoder.path} is damaged: group {group} of event {run[0].key} is missing."
            )
        if row[1] is None:
            _check_sealed_edge(connection, decoder, group)
            return
        if row[0] != len(run):
            before = connection.execute(
                "SELECT key FROM events WHERE key < ? AND group_id <> ? ORDER BY key DESC LIMIT 1",
                (run[0].key, group),
            ).fetchone()
            first = None if before is None else before[0]
            run = [
                one for one in fetch_events_after(connection, decoder, first, row[0]) if one.group == group
            ]
    if len(run) != row[0] or digest.of([_event_row(event) for event in run]) != row[1]:
        raise BrokenStoreError(
            f"{decoder.path} is damaged: events near {run[0].key if run else group} are not those that were written."
        )


def _check_sealed_edge(connection: sqlite3.Connection, decoder: Decoder, group: int) -> None:
    """Raise BrokenStoreError unless a sealed day ends within a group: only then is half of it here."""
    until = sealed_until(connection)
    if until is not None:
        wanted = connection.execute("SELECT events FROM groups WHERE id = ?", (group,)).fetchone()[0]
        sql = "SELECT group_id FROM events WHERE key > ? ORDER BY key LIMIT ?"
        here = [number for (number,) in connection.execute(sql, (until, wanted))]
        if here and here[0] == group and here.count(group) < wanted:
            return
    raise BrokenStoreError(f"{decoder.path} is damaged: group {group} has no digest of its events.")


class _EventRow(NamedTuple):
    key: int
    time: float
    received: float
    happened: float | None
    origin: int
    values: tuple[float, ...]


def _event_row(event: StoredEvent) -> _EventRow:
    return _EventRow(event.key, event.time, event.received, event.happened, int(event.origin), event.values)
