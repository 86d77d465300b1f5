"""Create the file of a store, or recover it after its last writer."""

import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..errors import BrokenStoreError, StoreError, shortened
from ..files.atomic import sync_folder
from . import recording
from .connection import connect, read_header, sibling_path, sqlite_errors
from .group import Tail
from .header import StoreHeader
from .ledger import START
from .locking import LastCommit, WriterLock
from .schema import APPLICATION_ID, FORMAT_VERSION, RECORDS, statements
from .sealed import sealed_until
from .wal import WalFile, committed_frames, inspect_log

CHECKED_BYTES = 64 << 20  # a store up to this size is checked whenever it is opened: about 0.1 s


# files next to a store NAME are called NAME and one of these
TAKEN = ("-wal", "-shm", "-journal", "-sealed", "-models", ".lock", ".new")


def check_name(path: Path) -> None:
    """Raise StoreError if the name is reserved for a file next to another store."""
    for end in TAKEN:
        if path.name.lower().endswith(end):
            raise StoreError(
                f"a store must not be called {shortened(path.name)}: names that end in {end} are reserved for files "
                "next to a store. Name another --store, such as live.sqlite."
            )


def refuse_leftovers(path: Path) -> None:
    """Raise StoreError if a log or sealed days lie there without their store: SQLite would replay such a log."""
    for end in ("-wal", "-sealed"):
        if sibling_path(path, end).exists():
            raise StoreError(
                f"{sibling_path(path, end)} belongs to a store that is gone. Move it away, or name another --store."
            )
    with sqlite_errors(path):
        sibling_path(path, "-shm").unlink(missing_ok=True)


def make_file(path: Path, head: StoreHeader) -> None:
    """Create an empty store under a temporary name and rename it: it is complete or absent."""
    temporary = sibling_path(path, ".new")
    with sqlite_errors(path):
        temporary.unlink(missing_ok=True)
        sibling_path(temporary, "-journal").unlink(missing_ok=True)
        temporary.touch(exist_ok=False)
        try:
            connection = connect(temporary, "rw")
            try:
                _fill(connection, head)
            finally:
                connection.close()
            temporary.rename(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def _fill(connection: sqlite3.Connection, head: StoreHeader) -> None:
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")
    for statement in statements(head.columns):
        connection.execute(statement)
    connection.execute("INSERT INTO head VALUES ('head', ?)", (head.model_dump_json(),))
    connection.execute(
        "INSERT INTO models VALUES (1, ?, ?, 'champion', NULL, ?)",
        (bytes.fromhex(head.digest), head.run, time.time()),
    )
    recording.begin(connection, 0, None, START)
    connection.execute("COMMIT")
    if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
        raise StoreError(
            "this file system cannot hold a store: SQLite's log needs shared memory. Name another --store."
        )


class RecoveredStore(NamedTuple):
    """A writing connection, the header, a description of what was lost, and whether commits were lost."""

    connection: sqlite3.Connection
    head: StoreHeader
    said: str | None
    lost: bool


def recover(path: Path, lock: WriterLock) -> RecoveredStore:
    """Open a store for writing and determine how the last writer left it.

    Raises:
        BrokenStoreError: it is damaged.
    """
    before = inspect_log(sibling_path(path, "-wal"))
    with sqlite_errors(path):
        connection = connect(path, "rw")
        try:
            head = read_header(connection, path)
            if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
                raise BrokenStoreError(f"{path} is damaged: it has lost its log.")
            whole = int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
            noted = lock.last_commit()
            lost = None if noted is None else lost_groups(noted, read_tail(connection))
            said = lost or _torn(before, whole, known=noted is not None)
            if said or path.stat().st_size <= CHECKED_BYTES:
                _check(connection, path)
        except BaseException:
            connection.close()
            raise
    return RecoveredStore(connection, head, said, lost is not None)


def upgrade(connection: sqlite3.Connection) -> None:
    """Upgrade a store of an earlier format in one transaction; its rows are unchanged."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == FORMAT_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(RECORDS.strip())
        tail = read_tail(connection)
        recording.begin(connection, tail.group, tail.event, tail.hash)
        connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _check(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise BrokenStoreError(f"{path} is damaged: {str(found).splitlines()[-1][:200]}.")


def lost_groups(noted: LastCommit, tail: Tail) -> str | None:
    """Describe groups that the last writer recorded as durable and that are missing."""
    if noted.group <= tail.group:
        return None
    groups, gone = noted.group - tail.group, noted.events - tail.events
    after = "all of them" if tail.event is None else f"those after key {tail.event}"
    return (
        f"the log was cut: the last {groups} group{'s' * (groups > 1)} with {gone} event{'s' * (gone != 1)} "
        f"({after}, up to key {noted.key}) are lost"
    )


def _torn(before: WalFile | None, whole: int, known: bool) -> str | None:
    """Describe the end of a log that SQLite skipped; ``known``: all groups known to be committed are there."""
    if before is None or (before.frame_bytes and before.frames <= max(whole, 0)):
        return None
    torn = before.bytes - (32 + max(whole, 0) * before.frame_bytes if before.frame_bytes else 0)
    lost = "nothing that was committed is lost" if known else "at most the last group is lost"
    return f"the last {torn} bytes of the log were not whole, of a group that was being written: {lost}"


def torn_end(log: Path) -> str | None:
    """Describe what SQLite skips at the end of a log that has no writer and no record of its last commit."""
    return _torn(inspect_log(log), committed_frames(log), known=False)


def read_tail(connection: sqlite3.Connection) -> Tail:
    """Read the end of the store, sealed days included."""
    one = lambda sql, *values: connection.execute(sql, values).fetchone()  # noqa: E731
    until = sealed_until(connection)
    after = -(1 << 63) if until is None else until
    event = one("SELECT key, time FROM events ORDER BY key DESC LIMIT 1")
    prediction = one("SELECT key, hash FROM predictions WHERE key > ? ORDER BY key DESC LIMIT 1", after)
    if prediction is None:
        chain = one("SELECT value FROM head WHERE name = 'chain'")
        prediction = (until, START if chain is None else bytes.fromhex(chain[0]))
    score = one("SELECT max(key) FROM scores WHERE key > ?", after)[0]
    return Tail(
        group=one("SELECT max(id) FROM groups")[0] or 0,
        model=one("SELECT max(id) FROM models")[0] or 0,
        event=None if event is None else int(event[0]),
        time=0.0 if event is None else float(event[1]),
        prediction=prediction[0],
        score=until if score is None else score,
        hash=bytes(prediction[1]),
        events=one("SELECT count(*) FROM events WHERE key > ?", after)[0]
        + (one("SELECT sum(rows) FROM sealed WHERE part = 'events'")[0] or 0),
    )
