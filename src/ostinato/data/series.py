"""The rows of a table as series laid end to end, each from its oldest row to its newest.

Axes: N rows, S series.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..errors import ColumnError, DataError
from .table import Column, Table, show

MOST_SERIES = 1_000_000


@dataclass(frozen=True, eq=False)
class Rows:
    """Which row of the source comes where.

    Args:
        source: (N,) int64, the row of the source.
        starts: (S,) int64, the first row of each series.
        ids: the names of the series, (S,).
        notes: sentences on what was done to bring the rows in order.
    """

    source: np.ndarray
    starts: np.ndarray
    ids: tuple[str, ...]
    notes: list[str]

    @property
    def lengths(self) -> np.ndarray:
        """Rows of each series, (S,)."""
        return np.diff(np.append(self.starts, len(self.source)))

    @property
    def series(self) -> np.ndarray:
        """The number of the series of each row, (N,)."""
        return np.repeat(np.arange(len(self.starts)), self.lengths)

    def within(self) -> np.ndarray:
        """Whether each row but the first belongs to the series of the row before, (N - 1,)."""
        same = np.ones(max(len(self.source) - 1, 0), bool)
        same[self.starts[1:] - 1] = False
        return same

    def only(self, kept: np.ndarray) -> "Rows":
        """Some of the rows, kept (N,) bool; each series must keep one."""
        lengths = np.add.reduceat(kept.astype(np.int64), self.starts)
        return Rows(self.source[kept], np.append(0, np.cumsum(lengths)[:-1]), self.ids, self.notes)


def read_ids(cells: pl.Series, table: Table) -> tuple[np.ndarray, tuple[str, ...]]:
    """The number of the series of each row, (N,), in the order in which they appear, and the names of the series.

    Raises:
        ColumnError: a row has no id.
    """
    text = Column("id of the series", cells, table).text()
    empty = (text.is_null() | (text.str.strip_chars() == "").fill_null(True)).arg_true()
    if len(empty):
        raise ColumnError(
            f"{table.name}: {table.row(empty[0])} has no id in {cells.name!r}. Mend or remove the row."
        )
    names = text.unique(maintain_order=True)
    if len(names) > MOST_SERIES:
        raise ColumnError(
            f"{table.name} has {len(names):,} different ids in {cells.name!r}; is it the id of a row?"
        )
    codes = text.replace_strict(names, pl.Series(np.arange(len(names))), return_dtype=pl.Int64)
    return codes.to_numpy(), tuple(names.str.strip_chars().to_list())


def in_order(column: Column, seconds: np.ndarray, codes: np.ndarray | None, ids: tuple[str, ...]) -> Rows:
    """Lay series end to end, oldest row first.

    Args:
        column: the column of times, for messages.
        seconds: (N,) times of all rows.
        codes: (N,) the number of the series of each row; None: there is one.
        ids: the names of the series, (S,).

    Raises:
        DataError: a time happens twice in a series, or times go up and down.
    """
    source = np.arange(len(seconds)) if codes is None else np.argsort(codes, kind="stable")
    lengths = np.array([len(seconds)]) if codes is None else np.bincount(codes, minlength=len(ids))
    rows = Rows(source, np.append(0, np.cumsum(lengths)[:-1]), ids, [])
    within = rows.within()
    changes = np.where(within, np.diff(seconds[source]), np.nan)
    falling = int((changes < 0).sum()) > int((changes > 0).sum())
    wrong = changes >= 0 if falling else changes <= 0
    if wrong.any():
        at = int(wrong.argmax()) + 1
        raise DataError(disorder(column, rows, at, changes[at - 1], "newest" if falling else "oldest"))
    if falling:
        # end to end, backwards, and the series in their old order
        ends = np.append(rows.starts[1:], len(source)) - 1
        source = source[np.repeat(ends + rows.starts, lengths) - np.arange(len(source))]
        rows = Rows(source, rows.starts, ids, ["the source was newest first and was reversed"])
    return rows


def disorder(column: Column, rows: Rows, at: int, change: float, order: str) -> str:
    """What to say of a row that repeats the time of the row before or breaks the order."""
    row, before = int(rows.source[at]), int(rows.source[at - 1])
    own = f" of {rows.ids[rows.series[at]]!r}" if len(rows.ids) > 1 else ""
    if change == 0:
        return (
            f"{column.at(row)}, the same time as in {column.table.row(before)}{own}; each step can have one row. "
            f"{separator(column.table, row, before)}"
        )
    thing = column.table.thing
    return (
        f"{column.at(row)}, after {show(column.cells[before])}, while other {thing}s{own} are {order} first. "
        f"Sort {column.table.name} by time, or remove the row."
    )


def separator(table: Table, row: int, before: int) -> str:
    """The column of text that tells two rows at the same time apart, as advice."""
    for name in table.frame.columns:
        cells = table.cells(name)
        if cells.dtype in (pl.String, pl.Categorical, pl.Enum) and cells[row] != cells[before]:
            text = cells.cast(pl.String)
            is_text = text.str.strip_chars().cast(pl.Float64, strict=False).null_count() == len(text)
            if is_text and text.n_unique() <= len(text) // 2:
                return f"If {name!r} tells several series apart, name it with --id {name} (in Python id={name!r})."
    return "Remove one of them, or name the column that tells series apart with --id (in Python id=)."
