"""The reading side of a store: any number of processes, which never block the writer."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from ..errors import LONGEST_TEXT, BrokenStoreError, StoreError
from .connection import check_file, connect, read_header, real_path, sibling_path, sqlite_errors
from .header import StoreHeader
from .health import Health
from .opening import read_tail
from .queries import Decoder, models
from .rows import (
    Counts,
    StoredEvent,
    StoredGap,
    StoredModel,
    StoredNote,
    StoredPrediction,
    StoredScore,
    StoredShadow,
)
from .sealed import PARTS, days
from .table import FIRST_KEY, StoreTable, snapshot

MAX_ROWS = 100_000  # of one answer
_BODY = "substr(body, 1, 65536)"  # of a moment; one that is longer makes no sense
_COUNTS = "SELECT (SELECT count(*) FROM gaps), (SELECT max(id) FROM groups)"


class Reader:
    """A store as of its last commit; read-only, for one thread at a time.

    Every answer is a transaction of its own and has at most ``MAX_ROWS`` rows; a reader goes on from the last key or id
    it has seen.

    Attributes:
        path: the file, where links lead to.
        head: what the store is about.
        identity: of the file, whatever its name: device and inode.

    Raises, in each of its methods:
        BrokenStoreError: the file is damaged.
        StoreError: it cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self._named, self.path = Path(path), real_path(path)
        check_file(self.path)
        self.identity = _identity(self._named)  # before it is opened, so that a change meanwhile is noticed
        self._connection, self.head = _connected(self.path)
        self._decoder = Decoder(self.head, self.path)
        self._counted = dict.fromkeys(PARTS, (FIRST_KEY, 0))  # rows up to a key, not to be counted again
        self._table = StoreTable(self._connection, self._decoder, self.head.columns)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a store, whether or not a process writes it.

        Raises:
            StoreError: there is none, or it cannot be read.
            BrokenStoreError: it is another program's, damaged, or of a newer ostinato.
        """
        return cls(path)

    def _rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with sqlite_errors(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def in_place(self) -> bool:
        """Return whether the name still leads to the file that is read; cheap enough to poll.

        Raises:
            StoreError: nothing has that name any more.
        """
        return _identity(self._named) == self.identity

    def data_version(self) -> int:
        """A number that changes with every commit; cheap enough to poll."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def models(self) -> list[StoredModel]:
        """All models, in the order in which they were added."""
        with sqlite_errors(self.path):
            return models(self._connection)

    def head_hash(self) -> bytes:
        """The hash of the last prediction, which covers all before it; 32 bytes."""
        with sqlite_errors(self.path):
            return read_tail(self._connection).hash

    def latest_health(self) -> tuple[int, Health] | None:
        """The latest health record and its id."""
        rows = self._rows(f"SELECT id, {_BODY} FROM health ORDER BY id DESC LIMIT 1")  # noqa: S608 - ours
        return self._health(rows)[0] if rows else None

    def health_after(self, after: int = 0, limit: int = 1_000) -> list[tuple[int, Health]]:
        """Health records after an id, with their ids; the latest 5,000 are kept."""
        return self._health(
            self._rows(
                f"SELECT id, {_BODY} FROM health WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 - ours
                (after, _some(limit)),
            )
        )

    def _health(self, rows: list[tuple[Any, ...]]) -> list[tuple[int, Health]]:
        try:
            return [(int(number), Health.model_validate_json(body)) for number, body in rows]
        except (ValidationError, TypeError, ValueError):
            raise BrokenStoreError(f"{self.path} is damaged: a row of health makes no sense.") from None

    def notes_after(self, after: int = 0, limit: int = 1_000) -> list[StoredNote]:
        """Notes after an id; the latest 100,000 are kept."""
        columns = f"id, time, {_shown('kind')}, {_shown('text')}"
        sql = f"SELECT {columns} FROM notes WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 - ours
        with sqlite_errors(self.path):
            return [
                StoredNote(int(number), float(at), str(kind), str(text))
                for number, at, kind, text in self._rows(sql, (after, _some(limit)))
            ]

    def gaps(self, after: int = FIRST_KEY, limit: int = MAX_ROWS) -> list[StoredGap]:
        """Gaps whose first key is greater than ``after``, by first key."""
        columns = (
            f"first, last, {', '.join(map(_shown, ('reason', 'outcome', 'why', 'policy')))}, opened, closed"
        )
        sql = f"SELECT {columns} FROM gaps WHERE first > ? ORDER BY first, last LIMIT ?"  # noqa: S608 - ours
        with sqlite_errors(self.path):
            return [
                StoredGap(
                    int(first),
                    int(last),
                    str(reason),
                    str(outcome),
                    str(why),
                    str(policy),
                    float(t),
                    float(u),
                )
                for first, last, reason, outcome, why, policy, t, u in self._rows(sql, (after, _some(limit)))
            ]

    def shadows_after(self, key: int | None = None, limit: int = 1_000) -> list[StoredShadow]:
        """Predictions of challengers on events after a key."""
        sql = "SELECT key, model, numbers, loss FROM shadows WHERE key > ? ORDER BY key, model LIMIT ?"
        numbers = self._decoder.numbers
        with sqlite_errors(self.path):
            return [
                StoredShadow(
                    int(at),
                    int(model),
                    numbers(blob, "numbers of a shadow", at, self._decoder.outputs),
                    None if loss is None else float(loss),
                )
                for at, model, blob, loss in self._rows(sql, (_after(key), _some(limit)))
            ]

    def predictions_after(self, key: int | None = None, limit: int = 1_000) -> list[StoredPrediction]:
        """Predictions on events after ``key``, or from the first, by key."""
        return self._table.predictions(_after(key), _some(limit))

    def scores_after(self, key: int | None = None, limit: int = 1_000) -> list[StoredScore]:
        """Scores of predictions on events after ``key``, or from the first, by key: the order of arrival."""
        return self._table.scores(_after(key), _some(limit))

    def events_after(self, key: int | None = None, limit: int = 1_000) -> list[StoredEvent]:
        """Events after ``key``, or from the first, by key."""
        return self._table.events(_after(key), _some(limit))

    def events_between(self, begin: float, end: float, limit: int = 1_000) -> list[StoredEvent]:
        """Events with begin ≤ time < end, by key.

        Times are taken to ascend with the keys, so that the first one can be found quickly.
        """
        return self._table.events_between(begin, end, _some(limit))

    def replay(self, after: int | None = None) -> Iterator[StoredEvent]:
        """All events after a key, or all there are, a block at a time; each is verified against its digest."""
        return self._table.replay(after)

    def ledger_after(self, key: int | None = None, limit: int = 1_000) -> list[tuple[Any, ...]]:
        """Key, the model's SHA-256, numbers and hash of predictions after a key, all but the key as bytes."""
        with sqlite_errors(self.path):
            return self._table.ledger(_after(key), _some(limit))

    def counts(self) -> Counts:
        """Number of rows of each kind, sealed days included."""
        with sqlite_errors(self.path), snapshot(self._connection):
            known = days(self._connection, self.path)
            until = known[-1].last if known else FIRST_KEY
            for part in PARTS:
                after, count = self._counted[part]
                if after < until:  # days were sealed since: the sum stays, but not its places
                    after, count = until, sum(day.rows.get(part, 0) for day in known)
                more, last = self._connection.execute(
                    f"SELECT count(*), max(key) FROM {part} WHERE key > ?",  # noqa: S608 - names of ours
                    (after,),
                ).fetchone()
                self._counted[part] = (after if last is None else last, count + more)
            gaps, groups = self._connection.execute(_COUNTS).fetchone()
        events, predictions, scores = (self._counted[part][1] for part in PARTS)
        return Counts(events, predictions, scores, gaps, groups or 0, len(known))

    def wal_bytes(self) -> int:
        """Size in bytes of the log that is not checkpointed; it grows while a reader blocks it."""
        log = sibling_path(self.path, "-wal")
        return log.stat().st_size if log.exists() else 0

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        raise StoreError(f"{path} is gone: it was moved away or removed. Put it back.") from None
    return found.st_dev, found.st_ino


def _connected(path: Path) -> tuple[sqlite3.Connection, StoreHeader]:
    """Open a reading connection; return it with the header.

    On a file system that cannot be written SQLite cannot share its index of the log; without a log nothing is missed.
    """
    try:
        return _opened(path, "ro")
    except BrokenStoreError:
        raise
    except StoreError:
        if os.access(path.parent, os.W_OK):
            raise
    if _empty(sibling_path(path, "-wal")):
        return _opened(path, "immutable")
    raise StoreError(
        f"a crash left the log of {path}, which cannot be read where nothing can be written. "
        f"Copy {path.name} and {path.name}-wal together to a folder that can be written."
    )


def _opened(path: Path, mode: str) -> tuple[sqlite3.Connection, StoreHeader]:
    with sqlite_errors(path):
        connection = connect(path, mode)
    try:
        return connection, read_header(connection, path)
    except BaseException:
        connection.close()
        raise


def _shown(column: str) -> str:
    """SQL that truncates a text as `errors.cut` does: a foreign store may hold one of any length."""
    kept = f"substr({column}, 1, {LONGEST_TEXT - 40}) || ' … (cut: ' || length({column}) || ' characters)'"
    return f"CASE WHEN length({column}) > {LONGEST_TEXT} THEN {kept} ELSE {column} END"


def _after(key: int | None) -> int:
    return FIRST_KEY if key is None else key


def _some(limit: int) -> int:
    return max(0, min(limit, MAX_ROWS))


def _empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0
