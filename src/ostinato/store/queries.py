"""Rows read from a connection and decoded; a row that does not decode is damage."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BrokenStoreError
from .header import StoreHeader
from .rows import Numbers, StoredEvent, StoredModel, StoredPrediction, StoredScore
from .schema import Flag, Origin


class Decoder:
    """Decodes the rows of one store.

    Raises, in each of its methods:
        BrokenStoreError: a BLOB has a wrong length, or a cell a wrong type.
    """

    def __init__(self, head: StoreHeader, path: Path) -> None:
        self.path = path
        self.outputs, self.baselines = len(head.outputs), len(head.baselines)
        self.columns = ", ".join('e."' + name.replace('"', '""') + '"' for name in head.columns)
        self.width = len(head.columns)

    def numbers(
        self, blob: Any, what: str, key: int, length: int | None = None, multiple: int = 1
    ) -> Numbers:
        """Decode a BLOB of float64 of a given ``length``, or a multiple of ``multiple``."""
        if not isinstance(blob, bytes) or len(blob) % 8:
            raise BrokenStoreError(f"{self.path} is damaged: the {what} of event {key} are no numbers.")
        count = len(blob) // 8
        if (length is not None and count != length) or (count % multiple if multiple else count):
            raise BrokenStoreError(f"{self.path} is damaged: event {key} has {count} {what}.")
        return np.frombuffer(blob, dtype="<f8").astype(np.float64, copy=False)

    def event(self, row: tuple[Any, ...]) -> StoredEvent:
        """Decode key, time, received, happened, origin, group, values."""
        nan = float("nan")
        try:
            return StoredEvent(
                _whole(row[0]),
                _real(row[1]),
                tuple(nan if value is None else _real(value) for value in row[6:]),
                _real(row[2]),
                None if row[3] is None else _real(row[3]),
                Origin(row[4]),
                _whole(row[5]),
            )
        except (TypeError, ValueError) as error:
            raise self.damaged("event", row[0]) from error

    def prediction(self, row: tuple[Any, ...]) -> StoredPrediction:
        """Of key, model, numbers, baselines, flags, step_us, the group's prepared and durable, then the event's
        time, received, happened, origin and values.
        """
        nan = float("nan")
        try:
            key = _whole(row[0])
            return StoredPrediction(
                key,
                _whole(row[1]),
                self.numbers(row[2], "numbers of a prediction", key, self.outputs),
                self.numbers(row[3], "baselines", key, None, self.baselines),
                Flag(_whole(row[4])),
                _real(row[5]),
                _real(row[8]),
                tuple(nan if value is None else _real(value) for value in row[12:]),
                _real(row[9]),
                None if row[10] is None else _real(row[10]),
                Origin(row[11]),
                _real(row[6]),
                None if row[7] is None else _real(row[7]),
            )
        except (TypeError, ValueError) as error:
            raise self.damaged("prediction", row[0]) from error

    def score(self, row: tuple[Any, ...]) -> StoredScore:
        """Decode key, resolved_by, actual, losses, flags, time, model, numbers, baselines, the prediction's flags."""
        try:
            key = _whole(row[0])
            return StoredScore(
                key,
                _whole(row[1]),
                self.numbers(row[2], "actual values", key),
                self.numbers(row[3], "losses", key),
                Flag(_whole(row[4])),
                _real(row[5]),
                _whole(row[6]),
                self.numbers(row[7], "numbers of a prediction", key, self.outputs),
                self.numbers(row[8], "baselines", key, None, self.baselines),
                Flag(_whole(row[9])),
            )
        except (TypeError, ValueError) as error:
            raise self.damaged("score", row[0]) from error

    def damaged(self, what: str, key: object) -> BrokenStoreError:
        """The error for a row that does not decode."""
        return BrokenStoreError(f"{self.path} is damaged: the {what} of event {key!r:.20} makes no sense.")


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} where a whole number belongs")
    return value


def _real(value: Any) -> float:
    if not isinstance(value, float):
        raise TypeError(f"{type(value).__name__} where a number belongs")
    return value


def models(connection: sqlite3.Connection) -> list[StoredModel]:
    """All models, in the order in which they were added."""
    rows = connection.execute("SELECT id, digest, path, role, since_key, added FROM models ORDER BY id")
    return [
        StoredModel(
            _whole(one), bytes(digest), str(path), str(role), None if key is None else _whole(key), _real(at)
        )
        for one, digest, path, role, key, at in rows
    ]


def events(
    connection: sqlite3.Connection, decoder: Decoder, where: str, parameters: Iterable[Any], limit: int
) -> list[StoredEvent]:
    """Events by key, where ``where`` holds."""
    rows = connection.execute(  # the names of columns are quoted, and where is ours
        f"SELECT e.key, e.time, e.received, e.happened, e.origin, e.group_id, {decoder.columns} FROM events e "  # noqa: S608
        f"WHERE {where} ORDER BY e.key LIMIT ?",
        (*parameters, limit),
    )
    return [decoder.event(row) for row in rows]
