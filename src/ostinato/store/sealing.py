"""Seal past days: move them from the store to parquet.

A day is written to files first, on the disk under their own names, and only then recorded, in one transaction: from
then on readers take it from the files. Its rows are deleted afterwards, a slice at a time, so that the writer is never
held up for long. A crash between any two steps leaves files that are written again, or rows that are deleted later.
"""

import hashlib
import io
import sqlite3
import time
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import StoreError
from ..files.atomic import atomic_file
from ..files.links import make_folder
from .connection import check_file, connect, read_header, sqlite_errors
from .event_digests import check_group
from .ledger import EventDigest
from .queries import Decoder
from .recording import append, entry
from .sealed import ALL_PARTS, PARTS, file_name, folder_of, frame_of, records_until, sealed_until
from .writer import Store

DAY_SECONDS = 86_400.0
SWEPT = 250  # rows of each table that one transaction deletes

_ROWS = {
    "events": "SELECT e.key, e.time, e.received, e.happened, e.origin, e.group_id, {columns} FROM events e "
    "WHERE e.key BETWEEN ? AND ? ORDER BY e.key",
    "predictions": "SELECT p.key, p.model, p.numbers, p.baselines, p.flags, p.step_us, g.prepared, g.durable, p.hash, "
    "p.group_id FROM predictions p JOIN groups g ON g.id = p.group_id WHERE p.key BETWEEN ? AND ? ORDER BY p.key",
    "scores": "SELECT key, resolved_by, actual, losses, flags, group_id FROM scores "
    "WHERE key BETWEEN ? AND ? ORDER BY key",
}
# those of the groups before the first one that reaches beyond a key
_RECORDS = """
SELECT * FROM records WHERE id > ? AND id < (
    SELECT min(id) FROM records WHERE id > ? AND group_id >= (
        SELECT group_id FROM events WHERE key > ? ORDER BY key LIMIT 1
    )
) ORDER BY id
"""

# groups ascend with the keys of what they hold
_SWEEP_GROUPS = """
DELETE FROM groups WHERE id <= (SELECT max(id) FROM (SELECT id FROM groups WHERE id < (SELECT min(id) FROM (
    SELECT * FROM (SELECT group_id AS id FROM events WHERE key > ? ORDER BY key LIMIT 1)
    UNION ALL SELECT * FROM (SELECT group_id AS id FROM predictions WHERE key > ? ORDER BY key LIMIT 1)
)) ORDER BY id LIMIT ?))
"""


class WrittenDay(NamedTuple):
    """A day whose files are on disk: its keys, rows and SHA-256 of each part, the hash of its last prediction."""

    day: str
    first: int
    last: int
    rows: dict[str, int]
    digests: dict[str, str]
    hash: bytes | None


def seal(store: Store, before: float) -> list[str]:
    """Seal all whole UTC days that end by ``before`` (seconds since the epoch); return their names.

    A day stays as long as a kept snapshot is older than its end, a prediction of it is unresolved, or it holds the last
    event. Parts, for an engine that cannot wait: ``write_day`` (any thread), ``record`` and ``sweep`` (the writer's).

    Raises:
        StoreFullError: the disk is full; the store is as it was.
        BrokenStoreError: the rows of a day are damaged: it stays where it is.
        StoreError: a group is open, or the folder cannot be written.
    """
    names = []
    while (written := write_day(store.path, before)) is not None:
        record(store, written)
        names.append(written.day)
    while sweep(store):
        pass
    return names


def write_day(path: Path, before: float) -> WrittenDay | None:
    """Write the files of the first day that can be sealed, by a connection of its own; None where there is none.

    Raises as ``seal``.
    """
    check_file(path)
    with sqlite_errors(path):
        connection = connect(path, "ro")
        try:
            head = read_header(connection, path)
            decoder = Decoder(head, path)
            connection.execute("BEGIN")  # one state of the store throughout
            span = _span(connection, before)
            if span is None:
                return None
            day, first, last = span
            _check_events(connection, decoder, first, last)
            rows, digests = dict[str, int](), dict[str, str]()
            folder = folder_of(path)
            with sqlite_errors(folder):
                make_folder(folder)
            for part in ALL_PARTS:
                frame = frame_of(part, _rows(connection, part, decoder, first, last), decoder, head.columns)
                buffer = io.BytesIO()
                frame.write_parquet(buffer, compression="zstd")
                with atomic_file(folder / file_name(day, part)) as file:
                    file.write(buffer.getbuffer())
                rows[part], digests[part] = len(frame), hashlib.sha256(buffer.getbuffer()).hexdigest()
            found = connection.execute(
                "SELECT hash FROM predictions WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
                (first, last),
            ).fetchone()
            return WrittenDay(day, first, last, rows, digests, None if found is None else bytes(found[0]))
        finally:
            connection.close()


def _rows(
    connection: sqlite3.Connection, part: str, decoder: Decoder, first: int, last: int
) -> list[tuple[Any, ...]]:
    if part == "records":
        until = records_until(connection)
        return connection.execute(_RECORDS, (until, until, last)).fetchall()
    return connection.execute(_ROWS[part].format(columns=decoder.columns), (first, last)).fetchall()


def is_day_over(store: Store, before: float) -> bool:
    """Return whether an unsealed day ends by ``before``: a cheap check before ``write_day`` looks closely.

    Raises:
        StoreError: the store cannot be read.
    """
    with sqlite_errors(store.path):
        start = _first(store._connection)
    return start is not None and _end(start[1]) <= before


def _first(connection: sqlite3.Connection) -> tuple[int, float] | None:
    """Key and time of the first unsealed event."""
    until = sealed_until(connection)
    after = -(1 << 63) if until is None else until
    found: tuple[int, float] | None = connection.execute(
        "SELECT key, time FROM events WHERE key > ? ORDER BY key LIMIT 1", (after,)
    ).fetchone()
    return found


def _end(time: float) -> float:
    """The end of the UTC day of a time."""
    return (time // DAY_SECONDS + 1) * DAY_SECONDS


def _span(connection: sqlite3.Connection, before: float) -> tuple[str, int, int] | None:
    """Name, first and last key of the first unsealed day, if it may be sealed."""
    one = lambda sql, *values: connection.execute(sql, values).fetchone()  # noqa: E731
    start = _first(connection)
    if start is None:
        return None
    end, before_it = _end(start[1]), start[0] - 1
    beyond = one("SELECT key FROM events WHERE key > ? AND time >= ? ORDER BY key LIMIT 1", start[0], end)
    if end > before or beyond is None:
        return None
    last = one("SELECT key FROM events WHERE key < ? ORDER BY key DESC LIMIT 1", beyond[0])[0]
    scored = one("SELECT max(key) FROM scores WHERE key > ?", before_it)[0]
    snapshot = one(
        "SELECT min(key) FROM snapshots WHERE model IN (SELECT id FROM models WHERE role <> 'retired')"
    )[0]
    waits = one(
        "SELECT 1 FROM predictions WHERE key > ? AND key <= ? LIMIT 1",
        before_it if scored is None else scored,
        last,
    )
    if waits is not None or snapshot is None or snapshot < last:
        return None
    # each day begins with the first event that is later than the last day, so that names ascend even if clocks do not
    return datetime.fromtimestamp(start[1], UTC).date().isoformat(), start[0], last


def _check_events(connection: sqlite3.Connection, decoder: Decoder, first: int, last: int) -> None:
    """Raise BrokenStoreError unless these events are the ones that were written."""
    digest = EventDigest(decoder.width)
    sql = _ROWS["events"].format(columns=decoder.columns)
    events = (decoder.event(row) for row in connection.execute(sql, (first, last)))
    for _, run in groupby(events, lambda event: event.group):
        check_group(connection, decoder, digest, list(run))


def record(store: Store, written: WrittenDay) -> None:
    """Record in the store that a day is sealed: from now on readers take it from its files.

    Raises:
        StoreError: a group is open, or the day was sealed meanwhile.
    """
    now = time.time()
    with store.transaction() as connection:
        until = sealed_until(connection)
        if until is not None and until >= written.first:
            raise StoreError(f"{store.path}: {written.day} is sealed already.")
        connection.executemany(
            "INSERT INTO sealed VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    written.day,
                    part,
                    file_name(written.day, part),
                    written.first,
                    written.last,
                    written.rows[part],
                    written.digests[part],
                    now,
                )
                for part in written.rows
            ],
        )
        append(connection, [entry(connection, "sealed", written.day, part) for part in written.rows])
        if written.hash is not None:
            connection.execute("INSERT OR REPLACE INTO head VALUES ('chain', ?)", (written.hash.hex(),))
        # half of such a group cannot be held against the digest of all of it
        connection.execute(
            "UPDATE groups SET digest = NULL WHERE id = (SELECT group_id FROM events WHERE key = ?) "
            "AND id = (SELECT group_id FROM events WHERE key > ? ORDER BY key LIMIT 1)",
            (written.last, written.last),
        )


def sweep(store: Store, rows: int = SWEPT) -> bool:
    """Delete some rows of sealed days in one short transaction; return True if there are more.

    Raises:
        StoreError: a group is open.
    """
    with store.transaction() as connection:
        until = sealed_until(connection)
        if until is None:
            return False
        more = False
        for table in (*PARTS, "shadows"):
            done = connection.execute(
                f"DELETE FROM {table} WHERE key <= "  # noqa: S608 - names of ours
                f"(SELECT max(key) FROM (SELECT key FROM {table} WHERE key <= ? ORDER BY key LIMIT ?))",
                (until, rows),
            ).rowcount
            more |= done >= rows
        records = "DELETE FROM records WHERE id <= (SELECT min(id) FROM records) + ? AND id <= ?"
        more |= connection.execute(records, (rows - 1, records_until(connection))).rowcount >= rows
        if not more:
            done = connection.execute(_SWEEP_GROUPS, (until, until, rows)).rowcount
        return more or done >= rows
