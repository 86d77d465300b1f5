"""Making the file of a store, and finding out how the last writer left it."""

import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..errors import BrokenStoreError, StoreError, shortened
from ..files.whole import sync_folder
from . import recording
from .connection import beside, connect, read_head, told
from .group import Tail
from .head import Head
from .ledger import START
from .locking import LastCommit, WriterLock
from .schema import APPLICATION_ID, FORMAT_VERSION, RECORDS, statements
from .sealed import sealed_until
from .wal import Log, committed_frames, look

CHECKED_BYTES = 64 << 20  # a store up to this size is checked whenever it is opened: about 0.1 s


# what lies beside a store NAME is called NAME and one of these
TAKEN = ("-wal", "-shm", "-journal", "-sealed", "-models", ".lock", ".new")


def check_name(path: Path) -> None:
    """Raises StoreError where a name is one of what lies beside another store."""
    for end in TAKEN:
        if path.name.lower().endswith(end):
            raise StoreError(
                f"a store must not be called {shortened(path.name)}: names that end in {end} are of what lies beside a "
                "store. Name another --store, such as live.sqlite."
            )


def refuse_leftovers(path: Path) -> None:
    """Raises StoreError where a log or sealed days lie there without their store: SQLite would replay such a log."""
    for end in ("-wal", "-sealed"):
        if beside(path, end).exists():
            raise StoreError(
                f"{beside(path, end)} belongs to a store that is gone. Move it away, or name another --store."
            )
    with told(path):
        beside(path, "-shm").unlink(missing_ok=True)


def make_file(path: Path, head: Head) -> None:
    """An empty store under a temporary name, then renamed: it is whole or not there."""
    temporary = beside(path, ".new")
    with told(path):
        temporary.unlink(missing_ok=True)
        beside(temporary, "-journal").unlink(missing_ok=True)
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


def _fill(connection: sqlite3.Connection, head: Head) -> None:
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


class Opened(NamedTuple):
    """A writing connection, the head, in words what the last writer's end cost, and whether commits were lost."""

    connection: sqlite3.Connection
    head: Head
    said: str | None
    lost: bool


def recover(path: Path, lock: WriterLock) -> Opened:
    """Open a store to write on it, and find out how the last writer left it.

    Raises:
        BrokenStoreError: it is damaged.
    """
    before = look(beside(path, "-wal"))
    with told(path):
        connection = connect(path, "rw")
        try:
            head = read_head(connection, path)
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
    return Opened(connection, head, said, lost is not None)


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring a store of an earlier format to this one, in one transaction; its rows stay as they are."""
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
    """Groups that the last writer knew to be on the disk, and that are not there, in words."""
    if noted.group <= tail.group:
        return None
    groups, gone = noted.group - tail.group, noted.events - tail.events
    after = "all of them" if tail.event is None else f"those after key {tail.event}"
    return (
        f"the log was cut: the last {groups} group{'s' * (groups > 1)} with {gone} event{'s' * (gone != 1)} "
        f"({after}, up to key {noted.key}) are lost"
    )


def _torn(before: Log | None, whole: int, known: bool) -> str | None:
    """The end of a log that SQLite passed over; ``known``: all groups that are known to be committed are there."""
    if before is None or (before.frame_bytes and before.frames <= max(whole, 0)):
        return None
    torn = before.bytes - (32 + max(whole, 0) * before.frame_bytes if before.frame_bytes else 0)
    lost = "nothing that was committed is lost" if known else "at most the last group is lost"
    return f"the last {torn} bytes of the log were not whole, of a group that was being written: {lost}"


def torn_end(log: Path) -> str | None:
    """What of a log that nobody writes, and whose writer noted nothing, SQLite passes over; in words."""
    return _torn(look(log), committed_frames(log), known=False)


def read_tail(connection: sqlite3.Connection) -> Tail:
    """Where the store ends, sealed days included."""
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
