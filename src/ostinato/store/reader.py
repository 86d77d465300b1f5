"""The reading side: any number of processes, which never hold up the writer."""

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from ..errors import BrokenStoreError, StoreError
from .connection import beside, check_file, connect, read_head, told
from .head import Head
from .health import Health
from .queries import Decoder, events, models
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

MAX_ROWS = 100_000  # of one answer

_PREDICTIONS = """
SELECT p.key, p.model, p.numbers, p.baselines, p.flags, p.step_us, g.prepared, g.durable,
    e.time, e.received, e.happened, e.origin, {columns}
FROM predictions p JOIN events e ON e.key = p.key JOIN groups g ON g.id = p.group_id
WHERE p.key > ? ORDER BY p.key LIMIT ?
"""
_SCORES = """
SELECT s.key, s.resolved_by, s.actual, s.losses, s.flags, e.time, p.model, p.numbers, p.baselines, p.flags
FROM scores s JOIN predictions p ON p.key = s.key JOIN events e ON e.key = s.key
WHERE s.key > ? ORDER BY s.key LIMIT ?
"""
_FIRST = -(1 << 63)


class Reader:
    """A store as it was at its last commit; read-only, for one thread at a time.

    Every answer is a transaction of its own and has at most ``MAX_ROWS`` rows; a reader goes on from the last key or id
    it has seen.

    Attributes:
        path: the file.
        head: what the store is about.

    Raises, in each of its methods:
        BrokenStoreError: the file is damaged.
        StoreError: it cannot be read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, head: Head) -> None:
        self.path, self.head = path, head
        self._connection = connection
        self._decoder = Decoder(head, path)
        self._predictions = _PREDICTIONS.format(columns=self._decoder.columns)

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """A store, whether or not a process writes it.

        Raises:
            StoreError: there is none, or it cannot be read.
            BrokenStoreError: it is another program's, damaged, or of a newer ostinato.
        """
        path = Path(path)
        check_file(path)
        error: StoreError | None = None
        for mode in ("ro", "immutable"):
            # a file system that cannot be written: without a log nothing is missed
            if mode == "immutable" and not _empty(beside(path, "-wal")):
                break
            try:
                with told(path):
                    connection = connect(path, mode)
                try:
                    return cls(path, connection, read_head(connection, path))
                except BaseException:
                    connection.close()
                    raise
            except BrokenStoreError:
                raise
            except StoreError as failed:
                error = error or failed
        assert error is not None
        raise error

    def _rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with told(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def data_version(self) -> int:
        """A number that changes when something was committed; cheap, to be polled."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def models(self) -> list[StoredModel]:
        """All models, in the order they were added."""
        with told(self.path):
            return models(self._connection)

    def head_hash(self) -> bytes:
        """The hash of the last prediction, which covers all before it; 32 bytes."""
        from .opening import read_tail

        with told(self.path):
            return read_tail(self._connection).hash

    def latest_health(self) -> tuple[int, Health] | None:
        """The latest moment of feed and engine, and its id."""
        rows = self._rows("SELECT id, body FROM health ORDER BY id DESC LIMIT 1")
        return self._health(rows)[0] if rows else None

    def health_after(self, after: int = 0, limit: int = 1_000) -> list[tuple[int, Health]]:
        """Moments behind an id, with their ids; the latest 5,000 are kept."""
        return self._health(
            self._rows("SELECT id, body FROM health WHERE id > ? ORDER BY id LIMIT ?", (after, _some(limit)))
        )

    def _health(self, rows: list[tuple[Any, ...]]) -> list[tuple[int, Health]]:
        try:
            return [(int(number), Health.model_validate_json(body)) for number, body in rows]
        except (ValidationError, TypeError, ValueError):
            raise BrokenStoreError(f"{self.path} is damaged: a row of health makes no sense.") from None

    def notes_after(self, after: int = 0, limit: int = 1_000) -> list[StoredNote]:
        """Notes behind an id; the latest 100,000 are kept."""
        sql = "SELECT id, time, kind, text FROM notes WHERE id > ? ORDER BY id LIMIT ?"
        with told(self.path):
            return [
                StoredNote(int(number), float(at), str(kind), str(text))
                for number, at, kind, text in self._rows(sql, (after, _some(limit)))
            ]

    def gaps(self, after: int = _FIRST, limit: int = MAX_ROWS) -> list[StoredGap]:
        """Gaps whose first key lies behind ``after``, by first key."""
        sql = "SELECT * FROM gaps WHERE first > ? ORDER BY first, last LIMIT ?"
        with told(self.path):
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
        """What challengers said of the events behind a key."""
        sql = "SELECT key, model, numbers, loss FROM shadows WHERE key > ? ORDER BY key, model LIMIT ?"
        numbers = self._decoder.numbers
        with told(self.path):
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
        """Predictions on events behind ``key``, or from the first, by key."""
        rows = self._rows(self._predictions, (_after(key), _some(limit)))
        return [self._decoder.prediction(row) for row in rows]

    def scores_after(self, key: int | None = None, limit: int = 1_000) -> list[StoredScore]:
        """Scores of predictions on events behind ``key``, or from the first, by key: the order they came in."""
        return [self._decoder.score(row) for row in self._rows(_SCORES, (_after(key), _some(limit)))]

    def events_after(self, key: int | None = None, limit: int = 1_000) -> list[StoredEvent]:
        """Events behind ``key``, or from the first, by key."""
        return self._events("e.key > ?", (_after(key),), limit)

    def events_between(self, begin: float, end: float, limit: int = 1_000) -> list[StoredEvent]:
        """Events of a time from ``begin`` on and before ``end``, by key.

        Times are taken to ascend with the keys, so that the first one can be found quickly.
        """
        first = self._first_at(begin)
        return (
            []
            if first is None
            else self._events("e.key >= ? AND e.time >= ? AND e.time < ?", (first, begin, end), limit)
        )

    def _events(self, where: str, parameters: tuple[Any, ...], limit: int) -> list[StoredEvent]:
        with told(self.path):
            return events(self._connection, self._decoder, where, parameters, _some(limit))

    def _first_at(self, begin: float) -> int | None:
        """The first key of a time from ``begin`` on, by bisection."""
        low, high = self._rows("SELECT min(key), max(key) FROM events")[0]
        if low is None:
            return None
        while low < high:
            middle = (low + high) // 2
            row = self._rows("SELECT key, time FROM events WHERE key >= ? ORDER BY key LIMIT 1", (middle,))[0]
            if float(row[1]) < begin:
                low = row[0] + 1 if row[0] < high else high
            else:
                high = middle
            if low > high:
                break
        return int(low)

    def counts(self) -> Counts:
        """How many rows there are, sealed days included."""
        sealed = dict(self._rows("SELECT part, sum(rows) FROM sealed GROUP BY part"))
        present = self._rows(
            "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM predictions), "
            "(SELECT count(*) FROM scores), (SELECT count(*) FROM gaps), (SELECT max(id) FROM groups), "
            "(SELECT count(DISTINCT day) FROM sealed)"
        )[0]
        e, p, s, gaps, groups, days = (int(count or 0) for count in present)
        more = [int(sealed.get(part, 0)) for part in ("events", "predictions", "scores")]
        return Counts(e + more[0], p + more[1], s + more[2], gaps, groups, days)

    def wal_bytes(self) -> int:
        """The size of the log that is not yet in the file; it grows while a reader holds it."""
        log = beside(self.path, "-wal")
        return log.stat().st_size if log.exists() else 0

    def close(self) -> None:
        """Let go; safe to call twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _after(key: int | None) -> int:
    return _FIRST if key is None else key


def _some(limit: int) -> int:
    return max(0, min(limit, MAX_ROWS))


def _empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0
