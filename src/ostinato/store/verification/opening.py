"""Open a store for verification without leaving files next to it.

SQLite in WAL mode makes STORE-wal and STORE-shm even for a reader. Where nobody has the store open, neither is needed:
without a log the file is read as one that does not change; with one, its index is kept in this process's memory.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..connection import connect, read_header, sibling_path, sqlite_errors
from ..header import StoreHeader


class ChangedError(Exception):
    """Another process wrote to the store while it was read as immutable."""


@contextmanager
def opened(path: Path, shared: bool) -> Iterator[tuple[sqlite3.Connection, StoreHeader]]:
    """A connection in one transaction, so that all reads see one state of the store; and the header.

    Args:
        shared: as any reader, concurrently with a writer; otherwise without new files, where possible.

    Raises:
        ChangedError: a writer came meanwhile, and what was read may be of several states: begin again, ``shared``.
        BrokenStoreError: it is no store, damaged, or of a newer ostinato.
        StoreError: it cannot be read.
    """
    shared = shared or sibling_path(path, "-shm").exists()
    before = _marks(path)
    mode = "ro" if shared else "immutable" if before[1] == 0 else "private"
    with sqlite_errors(path):
        connection = _connect(path, mode)
        try:
            head = read_header(connection, path)
            connection.execute("BEGIN")
            yield connection, head
            if not shared and (sibling_path(path, "-shm").exists() or _marks(path) != before):
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
    """Values of the file and its log that change on every write."""
    with sqlite_errors(path):
        found = path.stat()
        log = sibling_path(path, "-wal")
        size = log.stat().st_size if log.exists() else 0
        return (found.st_ino, found.st_size, found.st_mtime_ns), size
