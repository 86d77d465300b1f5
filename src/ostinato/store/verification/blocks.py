"""All rows of a store by key, in blocks: sealed days from their files, the others from the tables.

    events        key, time, received, happened, origin, group_id, and the feed's columns
    predictions   key, model, numbers, baselines, flags, step_us, group_id, hash, prepared, durable
    scores        key, resolved_by, actual, losses, flags, group_id

Numbers are bytes, as in the tables. group_id is None where an earlier version has sealed a day.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import StoreError
from ..queries import Decoder
from ..rows import pack_numbers
from ..sealed import ALL_PARTS, PARTS, SealedDay, SealedDays, records_until
from ..table import FIRST_KEY
from .findings import Findings

if TYPE_CHECKING:
    import polars as pl

Row = tuple[Any, ...]
BLOCK = 2_000
LAST_KEY = (1 << 63) - 1

_EVENTS = """
SELECT e.key, e.time, e.received, e.happened, e.origin, e.group_id, {columns} FROM events e
WHERE e.key > ? ORDER BY e.key LIMIT ?
"""
_PREDICTIONS = """
SELECT p.key, p.model, p.numbers, p.baselines, p.flags, p.step_us, p.group_id, p.hash, g.prepared, g.durable
FROM predictions p LEFT JOIN groups g ON g.id = p.group_id WHERE p.key > ? AND p.key <= ? ORDER BY p.key
"""
_SCORES = """
SELECT key, resolved_by, actual, losses, flags, group_id FROM scores WHERE key > ? AND key <= ? ORDER BY key
"""


class Block(NamedTuple):
    """The rows of a range of keys; ``lost``: a sealed day that cannot be read, and that has no rows here."""

    events: list[Row]
    predictions: list[Row]
    scores: list[Row]
    lost: SealedDay | None = None


class Blocks:
    """Reads a store once, from the first key to the last."""

    def __init__(
        self, connection: sqlite3.Connection, decoder: Decoder, columns: tuple[str, ...], findings: Findings
    ) -> None:
        self._connection, self._decoder, self._findings = connection, decoder, findings
        self._sealed, self._columns = SealedDays(decoder.path, columns), columns

    def all(self, known: list[SealedDay]) -> Iterator[Block]:
        """Every row once; rows of sealed days that are not deleted yet are skipped, as readers do."""
        for day in known:
            yield from self._of_day(day)
        yield from self._of_tables(known[-1].last if known else FIRST_KEY)

    def records(self, known: list[SealedDay]) -> Iterator[Row]:
        """The records of all commits, in order; what cannot be read was reported already."""
        for day in known:
            if "records" in day.rows:
                with suppress(StoreError):
                    yield from self._sealed.frame(day, "records").iter_rows()
        sql = "SELECT * FROM records WHERE id > ? ORDER BY id"
        # not "yield from": that closes the cursor with the generator, which fails once the connection is closed
        for row in self._connection.execute(sql, (records_until(self._connection),)):  # noqa: UP028
            yield row

    def _of_day(self, day: SealedDay) -> Iterator[Block]:
        try:
            frames = [self._sealed.frame(day, part) for part in ALL_PARTS if part in {*PARTS, *day.rows}][:3]
            problem = next(
                (_misfit(part, frame, day) for part, frame in zip(PARTS, frames, strict=True)), None
            )
        except StoreError as error:
            problem = str(error)
        if problem is not None:
            self._findings.add("sealed", problem)
            yield Block([], [], [], day)
            return
        keys, after = frames[0]["key"], FIRST_KEY
        for start in range(0, len(keys), BLOCK):
            last = LAST_KEY if start + BLOCK >= len(keys) else keys[min(start + BLOCK, len(keys)) - 1]
            events, predictions, scores = (_between(frame, after, last) for frame in frames)
            yield Block(events.rows(), _predictions(predictions), _scores(scores))
            after = last

    def _of_tables(self, after: int) -> Iterator[Block]:
        events = _EVENTS.format(columns=self._decoder.columns)
        fetch = lambda sql, *values: self._connection.execute(sql, values).fetchall()  # noqa: E731
        more = True
        while more:
            rows = fetch(events, after, BLOCK)
            more = len(rows) == BLOCK
            last = rows[-1][0] if more else LAST_KEY
            yield Block(rows, fetch(_PREDICTIONS, after, last), fetch(_SCORES, after, last))
            after = last


def _misfit(part: str, frame: "pl.DataFrame", day: SealedDay) -> str | None:
    """Describe why the keys of a file differ from those in the store."""
    keys = frame["key"]
    if keys.null_count() or not keys.is_sorted() or keys.n_unique() < len(keys):
        return f"the {part} of the sealed day {day.name} do not ascend."
    first, last = (keys[0], keys[-1]) if len(keys) else (day.first, day.last)
    wrong = (
        (first, last) != (day.first, day.last) if part == "events" else first < day.first or last > day.last
    )
    if not wrong:
        return None
    return (
        f"the {part} of the sealed day {day.name} are of the keys {first} to {last}, "
        f"the store says {day.first} to {day.last}."
    )


def _between(frame: "pl.DataFrame", after: int, last: int) -> "pl.DataFrame":
    keys = frame["key"]
    begin, end = int(keys.search_sorted(after, side="right")), int(keys.search_sorted(last, side="right"))
    return frame.slice(begin, end - begin)


def _predictions(frame: "pl.DataFrame") -> list[Row]:
    names = [
        "key",
        "model",
        "numbers",
        "baselines",
        "flags",
        "step_us",
        "group_id",
        "hash",
        "prepared",
        "durable",
    ]
    return [(*row[:2], _bytes(row[2]), _bytes(row[3]), *row[4:]) for row in _select(frame, names)]


def _scores(frame: "pl.DataFrame") -> list[Row]:
    names = ["key", "resolved_by", "actual", "losses", "flags", "group_id"]
    return [(*row[:2], _bytes(row[2]), _bytes(row[3]), *row[4:]) for row in _select(frame, names)]


def _select(frame: "pl.DataFrame", names: list[str]) -> Iterator[Row]:
    import polars as pl

    if "group_id" not in frame.columns:
        frame = frame.with_columns(group_id=pl.lit(None, dtype=pl.Int64))
    return frame.select(names).iter_rows()


def _bytes(numbers: list[float] | None) -> bytes | None:
    return None if numbers is None or None in numbers else pack_numbers(numbers)
