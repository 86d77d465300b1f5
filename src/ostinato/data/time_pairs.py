"""A date in one column and the time of day in another, as MetaTrader, Stooq and Metastock write them, as one time.

Axes: N rows.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from ..errors import ColumnError, DataError
from .blocks import UnusualError
from .columns import plain
from .files import Source
from .implausible_years import FIRST_USUAL
from .table import Column, Table
from .times import read_times
from .times_of_day import HOURS, read_times_of_day
from .zones import as_stamps

DATES = ("date", "day", "tradedate", "tradingday", "tradingdate", "ymd", "yyyymmdd", "dtyyyymmdd")
CLOCKS = ("time", "timeofday", "tradetime", "hms", "hhmmss", "hhmm", *HOURS)
PLUS = " + "
DAY = 86_400.0


class Pair(NamedTuple):
    """Names of a column of dates and of one of times of day."""

    date: str
    clock: str

    @property
    def name(self) -> str:
        """How the two are named as one column: DATE + TIME."""
        return self.date + PLUS + self.clock


class Paired(Source):
    """A source whose two columns are one, of datetimes without a zone, called as in ``Pair.name``.

    Args:
        saved_form: how times of day were written when that was decided, "" where it was not.

    ``form``: how those that were read last are written.
    """

    form = ""

    def __init__(self, source: Source, pair: Pair, saved_form: str = "") -> None:
        self.source, self.pair, self.saved_form = source, pair, saved_form
        empty = replace(source.header, frame=with_stamps(source.header.frame.clear(), pair, pl.Series([])))
        self.header = self._joined(source.header) if source.header.height else empty

    def read(self, names: Collection[str], numeric: Collection[str]) -> Table:
        """Some of the columns; see ``Source``."""
        if self.pair.name not in names:
            return self.source.read(names, numeric)
        others = [name for name in names if name != self.pair.name]
        table = self.source.read([*self.pair, *others], [name for name in numeric if name != self.pair.name])
        return self._joined(table)

    def read_all(self) -> Table:
        """All columns, as they stand in the source, but for the two."""
        return self._joined(self.source.read_all())

    @property
    def fits_in_memory(self) -> bool:
        """Whether all of it may be held as it stands."""
        return self.source.fits_in_memory

    def rows_around(self, error: UnusualError) -> Table:
        """The rows in which something is wrong; see ``Source``."""
        return self._joined(self.source.rows_around(error))

    def head(self) -> Table | None:
        """The beginning of a large source; None where that does not tell how times of day are written."""
        head = self.source.head()
        try:
            return None if head is None else self._joined(head)
        except DataError:
            return None

    def _joined(self, table: Table) -> Table:
        table, self.form = joined(table, self.pair, self.saved_form)
        return table


def with_paired_times(
    source: Source, columns: Mapping[str, str], taken: Collection[str] = (), saved_form: str = ""
) -> tuple[Source, dict[str, str]]:
    """A source in which a date and a time of day are one column, and the columns by role, which then name it.

    Args:
        columns: names by role; the time may be named as DATE + TIME.
        taken: columns that have another use.
        saved_form: as in ``Paired``.

    Both are given back as they are where the source has no such two columns.

    Raises:
        ColumnError: a named column is not there, or a cell is no date or no time of day.
    """
    columns = dict(columns)
    pair = named_pair(source.header, columns)
    if pair is None:
        pair = likely_pair(source, columns, taken)
    if pair is None:
        return source, columns
    return Paired(source, pair, saved_form), columns | {"time": pair.name}


def named_pair(header: Table, columns: Mapping[str, str]) -> Pair | None:
    """The two columns that the caller names as DATE + TIME."""
    name = columns.get("time", "")
    if name in header.names or PLUS not in name:
        return None
    pairs = [
        Pair(date, clock)
        for date in header.names
        for clock in header.names
        if Pair(date, clock).name == name and date != clock
    ]
    return pairs[0] if pairs else None


def likely_pair(source: Source, columns: Mapping[str, str], taken: Collection[str]) -> Pair | None:
    """The two columns whose names and cells say that they are date and time of day."""
    given = columns.get("time")
    others = {*taken, *(name for role, name in columns.items() if role != "time")}
    free = [name for name in source.header.names if name not in others]
    dates = [name for name in by_name(free, DATES) if name != given]
    clocks = [name for name in by_name(free, CLOCKS) if given in (None, name)]
    if not dates or not clocks:
        return None
    pair = Pair(dates[0], clocks[0])
    table = beginning(source, pair)
    if (
        not table.height
        or counts_rows(table, pair)
        or read_times_of_day(Column("time", table.cells(pair.clock), table)) is None
    ):
        return None
    return pair if are_dates(Column("time", table.cells(pair.date), table), pair, given is not None) else None


def beginning(source: Source, pair: Pair) -> Table:
    """Two columns of a source, of a large text those of its beginning."""
    if source.header.height:
        return source.header
    try:
        return source.head() or source.read(pair, ())
    except UnusualError:
        return source.read_all()


def by_name(names: list[str], known: tuple[str, ...]) -> list[str]:
    """Names that are known, the most telling first."""
    return sorted((name for name in names if plain(name) in known), key=lambda name: known.index(plain(name)))


def counts_rows(table: Table, pair: Pair) -> bool:
    """Whether what may be times of day only numbers the rows, going on from date to date: 101, 102, 103."""
    dates, cells = table.cells(pair.date), table.cells(pair.clock)
    if not cells.dtype.is_numeric() and cells.dtype != pl.String:
        return False
    numbers = cells.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    changes = np.diff(numbers)
    return bool((dates[1:] != dates[:-1]).any()) and bool((np.abs(changes) == 1).all())


def are_dates(column: Column, pair: Pair, named: bool) -> bool:
    """Whether the dates of a pair are dates, and stand without a time of day.

    Args:
        named: the caller named the column of times of day as the time.

    Raises:
        ColumnError: the time of day stands beside dates that have one of their own.   DataError: a cell is no date.
    """
    seconds = read_times(column, None).seconds
    if not (seconds % DAY).any():
        return True
    if named or np.abs(seconds).max() < FIRST_USUAL:  # the number of a day, as it may be of a month
        return False
    raise ColumnError(
        f"{column.table.name} has times of day in {pair.clock!r} and dates with times in {pair.date!r}. Choose with "
        f"--column time={pair.date} (in Python columns={{'time': {pair.date!r}}})."
    )


def joined(table: Table, pair: Pair, saved_form: str) -> tuple[Table, str]:
    """A table whose date and time of day are one column of datetimes, and how times of day are written.

    Raises:
        ColumnError: a cell is no date or no time of day.   DataError: one is empty.
    """
    date, clock = (Column("time", table.cells(name), table) for name in pair)
    times = read_times_of_day(clock, saved_form)
    if times is None:
        raise ColumnError(
            f"{clock.at(0)}, which is no time of day like 09:00:00, 090000 or 0900. "
            f"Name the columns with --column 'time=DATE{PLUS}TIME' (in Python columns=)."
        )
    days = read_times(date, None)
    if (days.seconds % DAY).any():
        row = int((days.seconds % DAY != 0).argmax())
        raise ColumnError(
            f"{date.at(row)}, which has a time of day already, beside that in {pair.clock!r}. "
            f"Name the one that is the time with --column time=NAME (in Python columns=)."
        )
    note = f"the time was joined from {pair.date!r} and {pair.clock!r} (times of day written as {times.form})"
    paired = replace(
        table,
        frame=with_stamps(table.frame, pair, as_stamps(days.seconds + times.seconds)),
        header=tuple(name for name in table.header if name not in pair) + (pair.name,) * bool(table.header),
        notes=(*table.notes, note),
    )
    return paired, times.form


def with_stamps(frame: pl.DataFrame, pair: Pair, stamps: pl.Series) -> pl.DataFrame:
    """A frame with datetimes (N,) in place of two columns."""
    return frame.drop(pair.date, pair.clock).with_columns(stamps.cast(pl.Datetime("us")).alias(pair.name))
