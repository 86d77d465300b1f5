"""A connection for looking at a store without leaving a trace beside it.

SQLite in WAL mode makes STORE-wal and STORE-shm even for a reader. Where nobody has the store open, neither is needed:
without a log the file is read as one that does not change; with one, its index is kept in this process's memory.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..connection import beside, connect, read_head, told
from ..head import Head


class ChangedError(Exception):
    """Somebody began to write the store while it was read as one that does not change."""


@contextmanager
def opened(path: Path, shared: bool) -> Iterator[tuple[sqlite3.Connection, Head]]:
    """A connection in one transaction: all that is read is one state of the store. And the head.

    Args:
        shared: as any reader, beside a writer; otherwise without a trace, where that can be.

    Raises:
        ChangedError: a writer came meanwhile, and what was read may be of several states: begin again, ``shared``.
        BrokenStoreError: it is no store, damaged, or of a newer ostinato.
        StoreError: it cannot be read.
    """
    shared = shared or beside(path, "-shm").exists()
    before = _marks(path)
    mode = "ro" if shared else "immutable" if before[1] == 0 else "private"
    with told(path):
        connection = _connect(path, mode)
        try:
            head = read_head(connection, path)
            connection.execute("BEGIN")
            yield connection, head
            if not shared and (beside(path, "-shm").exists() or _marks(path) != before):
                raise ChangedError
        finally:
            connection.close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    try:
        connection = connect(path, mode)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        if mode != "private":
            raise
        return connect(path, "ro")  # a system without such a way to open files
    return connection


def _marks(path: Path) -> tuple[object, int]:
    """What changes when somebody writes: of the file and of its log."""
    with told(path):
        found = path.stat()
        log = beside(path, "-wal")
        size = log.stat().st_size if log.exists() else 0
        return (found.st_ino, found.st_size, found.st_mtime_ns), size
