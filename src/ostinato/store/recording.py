"""The second hash chain: what each commit recorded that the chain of the ledger leaves out on purpose.

    link_0 = 32 zero bytes
    link_n = SHA-256(link_(n-1) | id | group | at | durable | events | predictions | scores | entries)

events, predictions, scores: SHA-256 over the commit's rows, flags, baselines and losses included; at: when it was
prepared; durable: when the group before it was known to be on the disk; entries: what else was written, in JSON. It
tells how this very store came to be, so that a run that was killed has another one than a run that was not.
"""

import hashlib
import json
import math
import sqlite3
import struct
import time
from collections.abc import Sequence
from typing import Any

from .group import Group
from .ledger import START

NONE = -1  # group of a record that is of none
MARK = 8  # bytes of each digest that are kept, to say which rows were changed
Entry = list[Any]

# one row of each table by its key; a snapshot's state is known by the SHA-256 in front of it
ROW = {
    "gaps": "SELECT * FROM gaps WHERE first = ? AND last = ?",
    "notes": "SELECT * FROM notes WHERE id = ?",
    "shadows": "SELECT * FROM shadows WHERE key = ? AND model = ?",
    "snapshots": "SELECT key, model, substr(CAST(state AS BLOB), 1, 32), taken FROM snapshots "
    "WHERE key = ? AND model = ?",
    "sealed": "SELECT * FROM sealed WHERE day = ? AND part = ?",
}
MODELS = "SELECT * FROM models ORDER BY id"
HEAD = "SELECT value FROM head WHERE name = 'head'"
GAPS, SEALED = "SELECT * FROM gaps ORDER BY first, last", "SELECT * FROM sealed ORDER BY day, part"


def rows_digest(rows: Sequence[Sequence[Any]]) -> str:
    """SHA-256 of rows of any table, in hex."""
    plain = [[cell.hex() if isinstance(cell, bytes) else cell for cell in row] for row in rows]
    return hashlib.sha256(json.dumps(plain).encode("utf-8", "surrogatepass")).hexdigest()


def predictions_digest(rows: Sequence[Sequence[Any]]) -> bytes:
    """Of key, model, numbers, baselines, flags, step_us, group, hash each.

    Raises:
        struct.error, TypeError: a cell is of another kind than its column.
    """
    found = hashlib.sha256()
    for key, model, numbers, baselines, flags, step, _, hashed, *_ in rows:
        found.update(
            struct.pack("<4qd", key, model, len(numbers), len(baselines), step) + numbers + baselines
        )
        found.update(struct.pack("<q", flags) + hashed)
    return found.digest()


def scores_digest(rows: Sequence[Sequence[Any]]) -> bytes:
    """Of key, resolved_by, actual, losses, flags each. Raises as ``predictions_digest``."""
    found = hashlib.sha256()
    for key, by, actual, losses, flags, *_ in rows:
        found.update(struct.pack("<5q", key, by, len(actual), len(losses), flags) + actual + losses)
    return found.digest()


def next_link(
    before: bytes,
    number: int,
    group: int | None,
    at: float,
    durable: float | None,
    digests: Sequence[bytes],
    entries: str,
) -> bytes:
    """The link of a record after ``before``. Raises as ``predictions_digest``."""
    facts = (number, NONE if group is None else group, at, math.nan if durable is None else durable)
    text = entries.encode("utf-8", "surrogatepass")
    return hashlib.sha256(before + struct.pack("<qqdd", *facts) + b"".join(digests) + text).digest()


EMPTY = hashlib.sha256(b"").digest()


def begin(connection: sqlite3.Connection, group: int, key: int | None, chain: bytes) -> None:
    """The first record: of a new store, or of one that an earlier version has written so far.

    Args:
        group, key, chain: the last group, event and hash of the ledger, which the second chain does not cover.
    """
    gaps, sealed = connection.execute(GAPS).fetchall(), connection.execute(SEALED).fetchall()
    last = connection.execute("SELECT max(id) FROM notes").fetchone()[0]
    entries: list[Entry] = [
        [
            "begin",
            group,
            key,
            chain.hex(),
            last or 0,
            len(gaps),
            rows_digest(gaps),
            len(sealed),
            rows_digest(sealed),
        ],
        ["head", rows_digest(connection.execute(HEAD).fetchall())],
        ["models", rows_digest(connection.execute(MODELS).fetchall())],
    ]
    append(connection, entries)


def of_group(connection: sqlite3.Connection, group: Group, at: float, events: bytes | None) -> None:
    """Record a group that was just written, within its transaction.

    Args:
        at: when it was prepared.
        events: the digest of its events; None where it is not counted as a group.
    """
    entries = _entries(connection, group)
    if events is None:
        if entries:
            append(connection, entries)
        return
    digests = (
        events,
        predictions_digest(group.predictions),
        scores_digest(group.scores),
    )
    number = group.tail.group
    before = connection.execute("SELECT durable FROM groups WHERE id = ?", (number - 1,)).fetchone()
    append(connection, entries, number, at, None if before is None else before[0], digests)


def append(
    connection: sqlite3.Connection,
    entries: list[Entry],
    group: int | None = None,
    at: float | None = None,
    durable: float | None = None,
    digests: Sequence[bytes] = (EMPTY, EMPTY, EMPTY),
) -> None:
    """Add a record, within a transaction that is open."""
    number, link = connection.execute("SELECT id, link FROM records ORDER BY id DESC LIMIT 1").fetchone() or (
        0,
        START,
    )
    at = time.time() if at is None else at
    text = json.dumps(entries) if entries else ""
    link = next_link(link, number + 1, group, at, durable, digests, text)
    marks = b"".join(digest[:MARK] for digest in digests)
    connection.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number + 1, group, at, durable, marks, text, link),
    )


def entry(connection: sqlite3.Connection, table: str, *key: Any) -> Entry:
    """Digest of the present row of a table."""
    return [table, *key, rows_digest(connection.execute(ROW[table], key).fetchall())]


def _entries(connection: sqlite3.Connection, group: Group) -> list[Entry]:
    """What a group wrote besides events, predictions and scores."""
    found = [entry(connection, "gaps", row[0], row[1]) for row in group.gaps]
    if group.notes:
        last = connection.execute("SELECT max(id) FROM notes").fetchone()[0]
        found += [entry(connection, "notes", last - back) for back in range(len(group.notes) - 1, -1, -1)]
    found += [entry(connection, "shadows", row[0], row[1]) for row in group.shadows]
    found += [entry(connection, "snapshots", row[0], row[1]) for row in group.snapshots]
    if group.others:
        found.append(["models", rows_digest(connection.execute(MODELS).fetchall())])
    return found
