"""Checkpoint the write-ahead log into the database file at intervals."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from .connection import BUSY_SECONDS, sibling_path

GROUPS = 128  # between two checkpoints: 4 MB of log for single events, 10 MB for groups of 50
LARGEST = 64 << 20  # bytes that the log keeps once it is empty


class Checkpoints:
    """Checkpoint the write-ahead log after every so many committed groups.

    The log's file is not cut but written over from its start: growing it again would cost each commit a fifth more.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._log = connection, sibling_path(path, "-wal")
        self._groups = 0
        connection.execute(f"PRAGMA journal_size_limit={LARGEST}")

    def wal_bytes(self) -> int:
        """Size of the log file in bytes; beyond ``LARGEST`` a reader is blocking its checkpoint."""
        with suppress(OSError):
            return self._log.stat().st_size
        return 0

    def is_due(self) -> bool:
        """Return whether a checkpoint follows the next commit."""
        return self._groups + 1 >= GROUPS

    def after_commit(self) -> bool:
        """Checkpoint if due; retry later where a reader blocks it or the disk is full.

        True where all of the log is in the file. Something is to be written then: until the log is begun anew, its old
        frames, cut off by a crash of the disk, would lay old pages over new ones.
        """
        self._groups += 1
        if self._groups < GROUPS:
            return False
        self._groups, busy = 0, 1
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA busy_timeout=0")
            busy = self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0]
        self._connection.execute(f"PRAGMA busy_timeout={int(1000 * BUSY_SECONDS)}")
        return not busy
