"""The writing side of a store: one process, one transaction for each group of rows."""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import BrokenStoreError, StoreError, StoreFullError, StoreMovedError
from .appending import RowAppender
from .checkpoints import Checkpoints
from .connection import check_file, check_one_name, real_path, sqlite_errors
from .file_identity import OpenFiles, close_and_locate
from .group import Group, Statements
from .header import StoreHeader, differences
from .ledger import EventDigest
from .locking import LastCommit, WriterLock
from .opening import check_name, make_file, read_tail, recover, refuse_leftovers, upgrade
from .queries import Decoder, models
from .recording import of_group
from .rows import StoredEvent, StoredModel, StorePosition
from .table import StoreTable
from .verifying import verify

CHECK_BYTES = 32  # SHA-256 in front of a snapshot


class Store(RowAppender):
    """A store that this process writes; built by ``create`` or ``open``, used by one thread at a time.

    Rows are added to a group, between ``begin`` and ``commit``, and written by ``commit`` in one transaction.

    Attributes:
        path: the file, where links lead to.
        head: what the store is about.
        recovered: what the last writer's crash lost, as text; None after a clean end.

    Raises, in each of its methods:
        StoreFullError: the disk is full; the group is dropped, what was committed before is kept.
        BrokenStoreError: the file is damaged.
        StoreError: the disk failed, or the store is closed.
    """

    def __init__(self, path: Path, lock: WriterLock, head: StoreHeader | None) -> None:
        self.path = path
        self._lock = lock
        self._group = None
        self._durable: tuple[int, float] | None = None  # of the last group, for the next one to write
        self._files: OpenFiles | None = None
        self._moved: StoreMovedError | None = None
        try:
            self._connection, self.head, self.recovered, lost = recover(path, lock)
        except BaseException:
            lock.close()
            raise
        try:
            with sqlite_errors(path):
                self._decoder = Decoder(self.head, path)
                self._tail = read_tail(self._connection)
                self._digests = {model.id: model.digest for model in models(self._connection)}
            self._statements = Statements(self.head.columns)
            self._table = StoreTable(self._connection, self._decoder, self.head.columns)
            self._of_events = EventDigest(len(self.head.columns))
            self._checkpoints = Checkpoints(self._connection, path)
            self._files = OpenFiles(path, lock.identity())
            self._version = self._data_version()
            self._check(head)
            with sqlite_errors(path):
                upgrade(self._connection)
            self._note_recovery(lost)
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, path: Path | str, head: StoreHeader) -> Self:
        """Create a store; its first model, number 1, is the header's.

        Raises:
            StoreError: the file exists, its name is reserved for a file next to a store, or it cannot be written.
        """
        check_name(Path(path))
        if os.path.lexists(path):
            raise StoreError(f"there is already a file {path}. Name another --store.")
        path = real_path(path)
        refuse_leftovers(path)
        lock = WriterLock(path)
        try:
            make_file(path, head)
        except BaseException:
            lock.close()
            raise
        return cls(path, lock, head)

    @classmethod
    def open(cls, path: Path | str, head: StoreHeader | None = None) -> Self:
        """Open an existing store to continue it.

        Args:
            head: what it must be about.

        Raises:
            StoreError: there is none, it has a second name (a hard link), or another process writes it.
            BrokenStoreError: it is about something else, damaged, or of a newer ostinato.
        """
        path = real_path(path)
        check_file(path)
        check_one_name(path)
        return cls(path, WriterLock(path), head)

    @classmethod
    def open_or_create(cls, path: Path | str, head: StoreHeader) -> Self:
        """Open the store at ``path``, or create it. Raises as ``create`` and ``open``."""
        return cls.open(path, head) if Path(path).exists() else cls.create(path, head)

    def _check(self, head: StoreHeader | None) -> None:
        if head is None:
            return
        differ = differences(self.head, head)
        if head.digest not in {digest.hex() for digest in self._digests.values()}:
            differ.append("its predictions are those of other weights")
        if differ:
            raise BrokenStoreError(
                f"{self.path} is another run's: {'; '.join(differ)}. Name another --store."
            )

    def _note_recovery(self, lost: bool) -> None:
        """Add a note on what was lost. If commits were lost, the rest of the store must still be consistent."""
        if self.recovered is None:
            return
        if lost:
            rest = [finding.text for finding in verify(self.path).findings if finding.kind != "log"]
            if rest:
                raise BrokenStoreError(f"{self.path} is damaged: {self.recovered}; {rest[0]}")
        with suppress(StoreFullError):
            self.begin()
            self.add_note("recovered", self.recovered)
            self.commit()

    # what is stored

    def position(self) -> StorePosition | None:
        """The last committed event."""
        return None if self._tail.event is None else StorePosition(self._tail.event, self._tail.time)

    def events(self) -> int:
        """Number of committed events, those of sealed days included."""
        return self._tail.events

    def head_hash(self) -> bytes:
        """The hash of the last committed prediction, which covers all before it; 32 bytes."""
        return self._tail.hash

    def last_prediction(self) -> int | None:
        """The key of the last committed prediction."""
        return self._tail.prediction

    def last_score(self) -> int | None:
        """The key of the last committed score."""
        return self._tail.score

    def wal_bytes(self) -> int:
        """Size in bytes of the log that is not checkpointed; it grows while a reader blocks it."""
        return self._checkpoints.wal_bytes()

    def models(self) -> list[StoredModel]:
        """All models, in the order in which they were added."""
        with sqlite_errors(self.path):
            return models(self._connection)

    def latest_snapshot(self, model: int, at_or_before: int | None = None) -> tuple[int, bytes] | None:
        """The newest intact snapshot of a model: the key of the event it follows, and the state."""
        until = (1 << 63) - 1 if at_or_before is None else at_or_before
        with sqlite_errors(self.path):
            rows = self._connection.execute(
                "SELECT key, CAST(state AS BLOB) FROM snapshots WHERE model = ? AND key <= ? ORDER BY key DESC",
                (model, until),
            ).fetchall()
        for key, state in rows:
            if hashlib.sha256(state[32:]).digest() == state[:32]:
                return int(key), state[CHECK_BYTES:]
        return None

    def events_after(self, key: int | None = None, limit: int | None = None) -> Iterator[StoredEvent]:
        """Events after ``key``, or all, in order; each group is verified against its digest."""
        return self._table.replay(key, limit)

    def check_files(self) -> None:
        """Check that the names of the store's files still lead to the open ones; tens of µs, between groups.

        Raises:
            StoreMovedError: one was moved, removed or replaced; the store is closed, the text says where its rows are.
        """
        self._look_at_files(copy=True)
        if self._moved is not None:
            raise self._moved

    def _look_at_files(self, copy: bool) -> None:
        """Close them if they are not in place."""
        files = self._files
        if files is None or not (what := files.changed()):
            return
        self._files = self._group = None
        with suppress(sqlite3.Error):
            self._note_durable()
        where = close_and_locate(self._connection, files, copy)
        self._lock.close()
        self._moved = StoreMovedError(f"{what}, while it was written. {where}".strip())

    def begin(self) -> None:
        """Open a group."""
        if self._moved is not None:
            raise self._moved
        super().begin()

    def commit(self) -> float:
        """Write the group; return the time when it was known to be durable, in seconds since the epoch."""
        group = self._open()
        if group.empty():
            self._group = None
            return time.time()
        try:
            with sqlite_errors(self.path):
                self._write(group)
        except BaseException:
            with suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            self.rollback()
            raise
        durable = time.time()
        self._group = None
        if group.counts():
            self._tail, self._durable = group.tail, (group.tail.group, durable)
        else:
            self._tail = group.tail._replace(group=self._tail.group)
        self._lock.note(LastCommit(self._tail.group, self._tail.event or 0, self._tail.events))
        self._checkpoint()
        return durable

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements on the connection atomically; for sealing, between two groups."""
        if self._group is not None:
            raise StoreError("a group is open: commit it, or roll it back.")
        with sqlite_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
        self._checkpoint()

    def _write(self, group: Group) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        self._check_alone()
        self._statements.write(connection, group)
        self._note_durable()
        at, digest = time.time(), None
        if group.counts():
            digest = self._of_events.of([(e[0], e[1], e[2], e[3], e[4], e[6:]) for e in group.events])
            row = (group.tail.group, at, len(group.events), digest)
            connection.execute("INSERT INTO groups VALUES (?, ?, NULL, ?, ?)", row)
        of_group(connection, group, at, digest)
        connection.execute("COMMIT")

    def _check_alone(self) -> None:
        """Raise StoreMovedError if another process has written, which the lock prevents unless it was removed."""
        version = self._data_version()
        if version == self._version:
            return
        self._version = version
        last = self._connection.execute("SELECT max(id) FROM groups").fetchone()[0] or 0
        if last != self._tail.group:
            raise StoreMovedError(
                f"another process has written {self.path} meanwhile: its lock was removed. The last group was not "
                "written, all before it is kept. Let one process write it."
            )

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _checkpoint(self) -> None:
        # what was committed is on the disk already; the next group reports what is wrong
        if self._checkpoints.is_due() and self._files is not None and self._files.changed():
            return  # another log may stand there; what to do about it is settled by ``check_files``
        with suppress(sqlite3.Error):
            if self._checkpoints.after_commit():
                self._note_durable()

    def _note_durable(self) -> None:
        if self._durable is not None:
            number, at = self._durable
            # once there is a next group, that has recorded what was known
            sql = "UPDATE groups SET durable = ? WHERE id = ? AND id = (SELECT max(id) FROM groups)"
            self._connection.execute(sql, (at, number))

    def close(self) -> None:
        """Discard an open group, record when the last one was durable, and close; safe to call twice."""
        self._group = None
        self._look_at_files(copy=False)
        self._files = None
        with suppress(sqlite3.Error):  # that note is not worth an error
            self._note_durable()
        with suppress(sqlite3.Error):
            self._connection.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
