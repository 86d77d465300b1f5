"""The writing side of a store: one process, one group of rows a transaction."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import BrokenStoreError, StoreError
from .connection import check_file, told
from .group import Group, Statements
from .head import Head, differences
from .health import Health
from .ledger import EventDigest, next_hash
from .locking import LastCommit, WriterLock
from .opening import make_file, read_tail, recover, refuse_leftovers
from .queries import Decoder, models
from .rows import EventLike, GapLike, Position, StoredEvent, StoredModel, packed
from .schema import Flag
from .table import Table

CHECK_BYTES = 32  # SHA-256 in front of a snapshot


class Store:
    """A store that this process writes; made by ``create`` or ``open``, to be used by one thread at a time.

    Rows are added to a group, between ``begin`` and ``commit``, and written by ``commit`` in one transaction.

    Attributes:
        path: the file.
        head: what the store is about.
        recovered: what the last writer's end cost, in words; None where it ended well.

    Raises, in each of its methods:
        StoreFullError: the disk is full; the group is dropped, what was committed before is kept.
        BrokenStoreError: the file is damaged.
        StoreError: the disk failed, or the store is closed.
    """

    def __init__(self, path: Path, lock: WriterLock, head: Head | None) -> None:
        self.path = path
        self._lock = lock
        self._group: Group | None = None
        self._durable: tuple[int, float] | None = None  # of the last group, for the next one to write
        try:
            self._connection, self.head, self.recovered = recover(path, lock)
        except BaseException:
            lock.close()
            raise
        try:
            with told(path):
                self._decoder = Decoder(self.head, path)
                self._tail = read_tail(self._connection)
                self._models = models(self._connection)
            self._check(head)
        except BaseException:
            self.close()
            raise
        self._digests = {model.id: model.digest for model in self._models}
        self._statements = Statements(self.head.columns)
        self._table = Table(self._connection, self._decoder, self.head.columns)
        self._of_events = EventDigest(len(self.head.columns))

    @classmethod
    def create(cls, path: Path | str, head: Head) -> Self:
        """A new store; its first model, number 1, is the head's.

        Raises:
            StoreError: there is a file of this name, or it cannot be written.
        """
        path = Path(path)
        if path.exists() or path.is_symlink():
            raise StoreError(f"there is already a file {path}. Name another --store.")
        refuse_leftovers(path)
        lock = WriterLock(path)
        try:
            make_file(path, head)
        except BaseException:
            lock.close()
            raise
        return cls(path, lock, head)

    @classmethod
    def open(cls, path: Path | str, head: Head | None = None) -> Self:
        """A store that exists, to go on with.

        Args:
            head: what it must be about.

        Raises:
            StoreError: there is none, or another process writes it.
            BrokenStoreError: it is about something else, damaged, or of a newer ostinato.
        """
        path = Path(path)
        check_file(path)
        return cls(path, WriterLock(path), head)

    @classmethod
    def open_or_create(cls, path: Path | str, head: Head) -> Self:
        """The store at ``path``, new if there is none. Raises as ``create`` and ``open``."""
        return cls.open(path, head) if Path(path).exists() else cls.create(path, head)

    def _check(self, head: Head | None) -> None:
        if head is None:
            return
        differ = differences(self.head, head)
        if head.digest not in {model.digest.hex() for model in self._models}:
            differ.append("its predictions are those of other weights")
        if differ:
            raise BrokenStoreError(
                f"{self.path} is another run's: {'; '.join(differ)}. Name another --store."
            )

    # what is stored

    def position(self) -> Position | None:
        """The last event of the last commit."""
        return None if self._tail.event is None else Position(self._tail.event, self._tail.time)

    def head_hash(self) -> bytes:
        """The hash of the last prediction that was committed, which covers all before it; 32 bytes."""
        return self._tail.hash

    def last_prediction(self) -> int | None:
        """The key of the last prediction that was committed."""
        return self._tail.prediction

    def last_score(self) -> int | None:
        """The key of the last score that was committed."""
        return self._tail.score

    def models(self) -> list[StoredModel]:
        """All models, in the order they were added."""
        with told(self.path):
            return models(self._connection)

    def latest_snapshot(self, model: int, at_or_before: int | None = None) -> tuple[int, bytes] | None:
        """The newest whole snapshot of a model: the key of the event it was taken after, and the state."""
        until = (1 << 63) - 1 if at_or_before is None else at_or_before
        with told(self.path):
            rows = self._connection.execute(
                "SELECT key, state FROM snapshots WHERE model = ? AND key <= ? ORDER BY key DESC",
                (model, until),
            ).fetchall()
        for key, state in rows:
            if isinstance(state, bytes) and hashlib.sha256(state[32:]).digest() == state[:32]:
                return int(key), state[CHECK_BYTES:]
        return None

    def events_after(self, key: int | None = None, limit: int | None = None) -> Iterator[StoredEvent]:
        """Events behind ``key``, or all, in order; each group's are held against its digest."""
        return self._table.replay(key, limit)

    # a group

    def begin(self) -> None:
        """Open a group."""
        if self._group is not None:
            raise StoreError("a group is open already: commit it, or roll it back.")
        self._group = Group(self._tail._replace(group=self._tail.group + 1))

    def _open(self) -> Group:
        if self._group is None:
            raise StoreError("no group is open: begin one.")
        return self._group

    def add_event(self, event: EventLike) -> bool:
        """Add an event; False, and nothing done, unless its key lies behind the last."""
        group = self._open()
        tail = group.tail
        if tail.event is not None and event.key <= tail.event:
            return False
        if len(event.values) != len(self.head.columns):
            raise StoreError(
                f"event {event.key} has {len(event.values)} values for {len(self.head.columns)} columns."
            )
        origin = int(event.origin)
        group.events.append(
            (event.key, event.time, event.received, event.happened, origin, tail.group, *event.values)
        )
        group.tail = tail._replace(event=event.key, time=event.time, events=tail.events + 1)
        return True

    def add_prediction(
        self,
        key: int,
        model: int,
        numbers: object,
        baselines: object,
        flags: Flag | int = 0,
        step_us: float = 0.0,
    ) -> bool:
        """Add a prediction made on an event to the ledger; False, and nothing done, unless it is behind the last.

        Args:
            key: of the event, which is stored already or in this group.
            model: its number.
            numbers: one for each of the head's outputs.
            baselines: flat, in the order of the head's; a multiple of their number.
            step_us: the model's step, in microseconds.
        """
        group = self._open()
        tail = group.tail
        if tail.prediction is not None and key <= tail.prediction:
            return False
        if tail.event is None or key > tail.event:
            raise StoreError(f"event {key} is not stored: a prediction comes after its event.")
        if model not in self._digests:
            raise StoreError(f"there is no model {model}: add it first.")
        data, beside = packed(numbers), packed(baselines)
        self._fits(key, data, beside)
        chained = next_hash(tail.hash, key, self._digests[model], data)
        group.predictions.append((key, model, data, beside, int(flags), float(step_us), tail.group, chained))
        group.tail = tail._replace(prediction=key, hash=chained)
        return True

    def _fits(self, key: int, numbers: bytes, baselines: bytes | None = None) -> None:
        if len(numbers) != 8 * len(self.head.outputs):
            raise StoreError(f"event {key}: {len(numbers) // 8} numbers for the outputs {self.head.outputs}.")
        count = len(self.head.baselines)
        if baselines is not None and (len(baselines) // 8 % count if count else len(baselines)):
            raise StoreError(
                f"event {key}: {len(baselines) // 8} numbers for the baselines {self.head.baselines}."
            )

    def add_score(
        self, key: int, resolved_by: int, actual: object, losses: object, flags: Flag | int = 0
    ) -> bool:
        """Add what became of a prediction; scores come in the order of their keys.

        False, and nothing done, unless it is behind the last score.
        """
        group = self._open()
        tail = group.tail
        if tail.score is not None and key <= tail.score:
            return False
        if tail.prediction is None or key > tail.prediction:
            raise StoreError(f"there is no prediction on event {key} to be scored.")
        group.scores.append((key, resolved_by, packed(actual), packed(losses), int(flags), tail.group))
        group.tail = tail._replace(score=key)
        return True

    def add_shadow(self, key: int, model: int, numbers: object, loss: float | None = None) -> None:
        """Add what a challenger says of an event, or, later, the same with its loss."""
        data = packed(numbers)
        self._fits(key, data)
        self._open().shadows.append((key, model, data, None if loss is None else float(loss)))

    def add_gap(self, gap: GapLike, policy: str = "") -> None:
        """Add keys that were missing, and what was done with the state; the same gap again is passed over."""
        row = (gap.first, gap.last, gap.reason, gap.outcome, gap.why, policy, gap.opened, gap.closed)
        self._open().gaps.append(row)

    def add_note(self, kind: str, text: str, at: float | None = None) -> None:
        """Add something that happened beside the data; ``at`` is now, unless given."""
        self._open().notes.append((time.time() if at is None else at, kind, text))

    def add_health(self, health: Health) -> None:
        """Add a moment of feed and engine."""
        self._open().health.append((health.time, health.model_dump_json()))

    def add_snapshot(self, key: int, model: int, state: bytes) -> None:
        """Add a model's state after an event; the newest three of each model are kept, a retired one's none."""
        self._open().snapshots.append((key, model, hashlib.sha256(state).digest() + state, time.time()))

    def add_model(
        self, digest: bytes | str, path: str, role: str = "challenger", since_key: int | None = None
    ) -> int:
        """Add weights by SHA-256 of them; return their number, the old one if they are known."""
        group = self._open()
        digest = bytes.fromhex(digest) if isinstance(digest, str) else digest
        for number, known in self._digests.items():
            if known == digest:
                return number
        number = group.tail.model + 1
        group.tail = group.tail._replace(model=number)
        self._digests[number] = digest
        row = (number, digest, path, role, since_key, time.time())
        group.others.append(("INSERT INTO models VALUES (?, ?, ?, ?, ?, ?)", row))
        return number

    def set_role(self, model: int, role: str, since_key: int | None = None) -> None:
        """Give a model another role ("champion", "challenger", "retired"), and the first event it answers."""
        self._open().others.append(
            (
                "UPDATE models SET role = ?, since_key = coalesce(?, since_key) WHERE id = ?",
                (role, since_key, model),
            )
        )

    def swap(self, model: int, since_key: int) -> None:
        """Make a model the champion from an event on; the one before retires."""
        retire = "UPDATE models SET role = 'retired' WHERE role = 'champion' AND id <> ?"
        self._open().others.append((retire, (model,)))
        self.set_role(model, "champion", since_key)

    def rollback(self) -> None:
        """Drop the group; the store is as it was at the last commit."""
        group, self._group = self._group, None
        if group is not None:
            self._digests = {n: d for n, d in self._digests.items() if n <= self._tail.model}

    def commit(self) -> float:
        """Write the group; return when it was known to be on the disk, in seconds since the epoch."""
        group = self._open()
        if group.empty():
            self._group = None
            return time.time()
        try:
            with told(self.path):
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
        return durable

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What is done on the connection within is done wholly, or not at all; for sealing, between two groups."""
        if self._group is not None:
            raise StoreError("a group is open: commit it, or roll it back.")
        with told(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def _write(self, group: Group) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        self._statements.write(connection, group)
        self._note_durable(connection)
        if group.counts():
            rows = [(e[0], e[1], e[2], e[3], e[4], e[6:]) for e in group.events]
            connection.execute(
                "INSERT INTO groups VALUES (?, ?, NULL, ?, ?)",
                (group.tail.group, time.time(), len(rows), self._of_events.of(rows)),
            )
        connection.execute("COMMIT")

    def _note_durable(self, connection: sqlite3.Connection) -> None:
        if self._durable is not None:
            number, at = self._durable
            connection.execute("UPDATE groups SET durable = ? WHERE id = ?", (at, number))

    def close(self) -> None:
        """Drop an open group, note when the last one was durable, and let go; safe to call twice."""
        self._group = None
        with suppress(sqlite3.Error):  # that note is not worth an error
            self._note_durable(self._connection)
        self._durable = None
        with suppress(sqlite3.Error):
            self._connection.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
