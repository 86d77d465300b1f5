"""Emptying the log into the file, now and then."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from .connection import BUSY_SECONDS, beside

GROUPS = 128  # between two checkpoints: 4 MB of log for single events, 10 MB for groups of 50
LARGEST = 64 << 20  # bytes that the log keeps once it is empty


class Checkpoints:
    """Empties the log each time so many groups were committed.

    The log's file is not cut but written over from its start: growing it again would cost each commit a fifth more.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._log = connection, beside(path, "-wal")
        self._groups = 0
        connection.execute(f"PRAGMA journal_size_limit={LARGEST}")

    def wal_bytes(self) -> int:
        """The size of the log's file; beyond ``LARGEST`` a reader holds it."""
        with suppress(OSError):
            return self._log.stat().st_size
        return 0

    def is_due(self) -> bool:
        """Whether the next commit is one after which the log is emptied."""
        return self._groups + 1 >= GROUPS

    def after_commit(self) -> bool:
        """Empty the log if it is time; where a reader holds it, or the disk is full, that is tried again later.

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
