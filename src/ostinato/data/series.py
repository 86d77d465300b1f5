"""The rows of a table as series laid end to end, each from its oldest row to its newest.

Axes: N rows, S series.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from ..errors import ColumnError, DataError
from .table import SHOWN_CHARACTERS, Column, Table, show

MOST_SERIES = 1_000_000
SHOWN_IDS = 5


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


class Ids(NamedTuple):
    """Which series each row belongs to.

    Args:
        codes: (N,) the number of the series of each row, in the order in which they appear; None: there is one.
        names: of the series, (S,).
        merged: a sentence on spellings that were taken for one name, "" where there are none.
        alike: a sentence on names that only look alike.
    """

    codes: np.ndarray | None = None
    names: tuple[str, ...] = ("",)
    merged: str = ""
    alike: str = ""

    @property
    def notes(self) -> list[str]:
        """What there is to tell."""
        return [note for note in (self.merged, self.alike) if note]


def read_ids(cells: pl.Series, table: Table) -> Ids:
    """Tell series apart by a column of ids.

    Ids that differ only by spaces, characters without a width, or their Unicode normal form cannot be told apart when
    they are read: they are one, called as it appears first.

    Raises:
        ColumnError: a row has no id, or there are too many ids.
    """
    text = Column("id of the series", cells, table).text()
    texts = text.unique(maintain_order=True)
    if len(texts) > MOST_SERIES:
        raise ColumnError(
            f"{table.name} has {len(texts):,} different ids in {cells.name!r}; is it the id of a row?"
        )
    spellings: dict[str, list[str]] = {}
    for name in texts.drop_nulls():
        spellings.setdefault(seen_as(name), []).append(name)
    empty = (text.is_null() | text.is_in(spellings.pop("", [])).fill_null(True)).arg_true()
    if len(empty):
        raise ColumnError(
            f"{table.name}: {table.row(empty[0])} has no id in {cells.name!r}. Mend or remove the row."
        )
    numbers = {name: code for code, names in enumerate(spellings.values()) for name in names}
    codes = text.replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
    names = tuple(several[0].strip() for several in spellings.values())
    return Ids(codes, names, merged_note(list(spellings.values())), alike_note(names))


def seen_as(name: str) -> str:
    """What a reader sees of a name: one spelling of each letter, single spaces within, none around."""
    if not name.isascii() or not name.isprintable():
        name = unicodedata.normalize("NFC", name)
        name = "".join(
            letter for letter in name if letter.isspace() or unicodedata.category(letter) not in ("Cf", "Cc")
        )
    return " ".join(name.split())


def merged_note(spellings: Sequence[Sequence[str]]) -> str:
    """A sentence on ids of more than one spelling, "" where there are none."""
    several = [names for names in spellings if len(names) > 1]
    if not several:
        return ""
    return (
        f"the ids {shown(several[0], 'and')} differ only in spaces, invisible characters or the Unicode form, and were "
        f"taken for one series{more(len(several))}"
    )


def alike_note(names: Sequence[str]) -> str:
    """A sentence on names of different series that differ only in case or width, "" where there are none."""
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(unicodedata.normalize("NFKC", name).casefold(), []).append(name)
    several = [alike for alike in folded.values() if len(alike) > 1]
    if not several:
        return ""
    return (
        f"the ids {shown(several[0], 'and')} differ only in case or the form of letters, and are "
        f"{len(several[0])} series{more(len(several))}"
    )


def shown(names: Sequence[str], last: str) -> str:
    """Some names, quoted so that spaces and invisible characters are seen: 'A' and 'A\\u200b'."""
    quoted = [ascii(name[:SHOWN_CHARACTERS]) for name in names[:SHOWN_IDS]]
    if len(names) > SHOWN_IDS:
        quoted.append(f"{len(names) - SHOWN_IDS:,} more")
    return ", ".join(quoted[:-1]) + f" {last} {quoted[-1]}" if len(quoted) > 1 else quoted[0]


def more(number: int) -> str:
    """How many others there are like the one that was told of."""
    return f"; {number - 1:,} more ids likewise" if number > 1 else ""


def in_order(column: Column, seconds: np.ndarray, ids: Ids) -> Rows:
    """Lay series end to end, oldest row first.

    Args:
        column: the column of times, for messages.
        seconds: (N,) times of all rows.
        ids: which series each row belongs to.

    Raises:
        DataError: a time happens twice in a series, or times go up and down.
    """
    codes = ids.codes
    source = np.arange(len(seconds)) if codes is None else np.argsort(codes, kind="stable")
    lengths = np.array([len(seconds)]) if codes is None else np.bincount(codes, minlength=len(ids.names))
    rows = Rows(source, np.append(0, np.cumsum(lengths)[:-1]), ids.names, ids.notes)
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
        rows = Rows(
            source, rows.starts, ids.names, [*ids.notes, "the source was newest first and was reversed"]
        )
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
