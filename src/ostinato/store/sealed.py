"""Sealed days: days moved to STORE-sealed/DAY-PART.parquet, each file identified by its SHA-256.

events        key, time, received, happened, origin, group_id, and the feed's columns (null is NaN)
predictions   key, model, numbers, baselines, flags, step_us, prepared, durable, hash, group_id
scores        key, resolved_by, actual, losses, flags, group_id
records       id, group_id, at, durable, marks, entries, link

Days that an earlier version has sealed have no records, and no group_id but of events.
"""

import hashlib
import os
import re
import sqlite3
from collections import OrderedDict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import BrokenStoreError, StoreError, shortened
from .connection import sibling_path, sqlite_errors
from .queries import Decoder
from .rows import Numbers, pack_numbers

if TYPE_CHECKING:
    import polars as pl

PARTS = ("events", "predictions", "scores")
ALL_PARTS = (*PARTS, "records")
MAX_SECONDS = 300.0
MAX_KEPT = 2 << 30  # bytes of a part in memory
KEPT = 4  # frames of parts in memory, if they are no more than MAX_KEPT together
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LAST = "SELECT max(last_key) FROM sealed"


class SealedDay(NamedTuple):
    """A sealed day: its first and last key, and the rows and SHA-256 of each part."""

    name: str
    first: int
    last: int
    rows: dict[str, int]
    digests: dict[str, str]


def sealed_until(connection: sqlite3.Connection) -> int | None:
    """The last sealed key; rows up to it that are still in the tables are about to be deleted."""
    last = connection.execute(_LAST).fetchone()[0]
    return None if last is None else int(last)


def days(connection: sqlite3.Connection, path: Path) -> list[SealedDay]:
    """All sealed days, by key.

    Raises:
        BrokenStoreError: what the store says of them makes no sense.
    """
    found: dict[str, SealedDay] = {}
    sql = "SELECT day, part, file, first_key, last_key, rows, sha256 FROM sealed ORDER BY first_key, part"
    for name, part, file, first, last, rows, digest in connection.execute(sql):
        # a store from a stranger may name any file
        if part not in ALL_PARTS or not _DAY.fullmatch(str(name)) or file != file_name(name, part):
            raise BrokenStoreError(f"{path} is damaged: it names a sealed day {shortened(name)}.")
        day = found.setdefault(name, SealedDay(name, int(first), int(last), {}, {}))
        day.rows[part], day.digests[part] = int(rows), str(digest)
    return list(found.values())


def folder_of(path: Path) -> Path:
    """The folder of the sealed days of a store."""
    return sibling_path(path, "-sealed")


def file_name(day: str, part: str) -> str:
    """The file name of a part of a day."""
    return f"{day}-{part}.parquet"


class SealedDays:
    """The rows of sealed days in the form of SQLite rows; the latest few files are cached in memory.

    Args:
        path: of the store.
        columns: of the feed.
    """

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path, self.columns = path, columns
        self._frames: OrderedDict[tuple[str, str], pl.DataFrame] = OrderedDict()

    def frame(self, day: SealedDay, part: str) -> "pl.DataFrame":
        """A part of a day.

        Raises:
            StoreError: the file is gone.
            BrokenStoreError: it is not the one that was sealed.
        """
        found = self._frames.get((day.name, part))
        if found is None:
            found = self._frames[day.name, part] = self._read(day, part)
            while len(self._frames) > KEPT or (len(self._frames) > 1 and self._size() > MAX_KEPT):
                self._frames.popitem(last=False)
        self._frames.move_to_end((day.name, part))
        return found

    def _size(self) -> int:
        return sum(int(frame.estimated_size()) for frame in self._frames.values())

    def _read(self, day: SealedDay, part: str) -> "pl.DataFrame":
        from ..files.parquet import Limits, ParquetError, read_frame

        path = folder_of(self.path) / file_name(day.name, part)
        if not path.is_file():
            raise StoreError(f"{path} is missing: {self.path} has moved a day there. Put it back.")

        def check(schema: "pl.Schema") -> None:
            if dict(schema) != schema_of(part, self.columns, "records" in day.rows):
                raise _other_rows(path)

        with sqlite_errors(path), path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != day.digests.get(part):
                raise BrokenStoreError(f"{path} is damaged: it is not the file that was sealed.")
            try:
                frame = read_frame(path, Limits(day.rows[part], MAX_KEPT, MAX_SECONDS), check)
            except ParquetError as error:
                raise BrokenStoreError(f"{path} is not usable parquet: {error}.") from None
            if len(frame) != day.rows[part] or not _unchanged(file, path):
                raise _other_rows(path)
        return frame

    def events(self, day: SealedDay, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Rows for ``Decoder.event``."""
        return _behind(self.frame(day, "events"), after, limit).rows()

    def predictions(self, day: SealedDay, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Rows for ``Decoder.prediction``."""
        some = _behind(self.frame(day, "predictions"), after, limit)
        order = ("key", "model", "numbers", "baselines", "flags", "step_us", "prepared", "durable")
        events = self.frame(day, "events").drop("group_id").rename({n: f"e.{n}" for n in self.columns})
        joined = some.select(order).join(events, on="key", how="inner", maintain_order="left")
        return [
            (*row[:2], pack_numbers(row[2]), pack_numbers(row[3]), *row[4:]) for row in joined.iter_rows()
        ]

    def scores(self, day: SealedDay, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Rows for ``Decoder.score``."""
        some = _behind(self.frame(day, "scores"), after, limit)
        some = some.select("key", "resolved_by", "actual", "losses", "flags")
        times = self.frame(day, "events").select("key", "time")
        said = self.frame(day, "predictions").select("key", "model", "numbers", "baselines", said="flags")
        joined = some.join(times, on="key", maintain_order="left").join(said, on="key", maintain_order="left")
        return [
            (
                *row[:2],
                pack_numbers(row[2]),
                pack_numbers(row[3]),
                *row[4:7],
                pack_numbers(row[7]),
                pack_numbers(row[8]),
                row[9],
            )
            for row in joined.iter_rows()
        ]

    def ledger(self, day: SealedDay, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Rows of key, model, numbers and hash."""
        some = _behind(self.frame(day, "predictions"), after, limit).select("key", "model", "numbers", "hash")
        return [
            (key, model, pack_numbers(numbers), chained) for key, model, numbers, chained in some.iter_rows()
        ]


def _other_rows(path: Path) -> BrokenStoreError:
    return BrokenStoreError(f"{path} is damaged: it does not hold the rows that were sealed.")


def _unchanged(file: IO[bytes], path: Path) -> bool:
    """Return whether a file that was hashed is still in place and unmodified."""
    then, now = os.fstat(file.fileno()), path.stat()
    return (then.st_ino, then.st_size, then.st_mtime_ns) == (now.st_ino, now.st_size, now.st_mtime_ns)


def _behind(frame: "pl.DataFrame", after: int, limit: int) -> "pl.DataFrame":
    start = int(frame["key"].search_sorted(after, side="right"))
    return frame.slice(start, limit)


def records_until(connection: sqlite3.Connection) -> int:
    """The last sealed record, 0 for none: records are numbered from 1 without gaps."""
    return int(
        connection.execute("SELECT coalesce(sum(rows), 0) FROM sealed WHERE part = 'records'").fetchone()[0]
    )


def schema_of(part: str, columns: tuple[str, ...], recorded: bool = True) -> "dict[str, Any]":
    """The columns of a part's file; ``recorded``: of a day that has records."""
    import polars as pl

    numbers = pl.List(pl.Float64)
    if part == "events":
        names: dict[str, Any] = {
            "key": pl.Int64,
            "time": pl.Float64,
            "received": pl.Float64,
            "happened": pl.Float64,
        }
        return names | {"origin": pl.Int64, "group_id": pl.Int64} | dict.fromkeys(columns, pl.Float64)
    if part == "records":
        times = {"at": pl.Float64, "durable": pl.Float64}
        return {
            "id": pl.Int64,
            "group_id": pl.Int64,
            **times,
            "marks": pl.Binary,
            "entries": pl.String,
            "link": pl.Binary,
        }
    group = {"group_id": pl.Int64} if recorded else {}
    if part == "predictions":
        return {
            "key": pl.Int64,
            "model": pl.Int64,
            "numbers": numbers,
            "baselines": numbers,
            "flags": pl.Int64,
            "step_us": pl.Float64,
            "prepared": pl.Float64,
            "durable": pl.Float64,
            "hash": pl.Binary,
        } | group
    ends = {"actual": numbers, "losses": numbers, "flags": pl.Int64}
    return {"key": pl.Int64, "resolved_by": pl.Int64} | ends | group


def frame_of(
    part: str, rows: list[tuple[Any, ...]], decoder: Decoder, columns: tuple[str, ...]
) -> "pl.DataFrame":
    """Rows of a table as the frame of a part; BLOBs of numbers become lists.

    Raises:
        BrokenStoreError: a BLOB holds no numbers.
    """
    import polars as pl

    schema = schema_of(part, columns)
    cells: list[list[Any]] = [list(cell) for cell in zip(*rows, strict=True)] or [[] for _ in schema]
    series = []
    for (name, kind), cell in zip(schema.items(), cells, strict=True):
        if isinstance(kind, pl.List):
            numbers = [
                decoder.numbers(blob, f"{part} cells", key) for key, blob in zip(cells[0], cell, strict=True)
            ]
            series.append(_lists(name, numbers, kind))
        else:
            series.append(pl.Series(name, cell, dtype=kind))
    return pl.DataFrame(series)


def _lists(name: str, numbers: "list[Numbers]", kind: "pl.List") -> "pl.Series":
    """Arrays as a column of lists; in one call where they have one length, since polars takes 15 µs for each."""
    import polars as pl

    lengths = {len(one) for one in numbers}
    if len(lengths) == 1 and lengths != {0}:
        return pl.Series(name, np.stack(numbers)).cast(kind)
    return pl.Series(name, [one.tolist() for one in numbers], dtype=kind)
