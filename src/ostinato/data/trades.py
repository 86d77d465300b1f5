"""Trades from files and data frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ColumnError, DataError
from . import numbers, optional
from .columns import REQUIRED, ColumnChoice, choose, pick
from .files import Source, open_source, read_or_explain
from .report import TradesReport, describe
from .table import Column, Table
from .time_pairs import with_paired_times
from .times import read_times
from .zones import Clock

READERS = {"id": optional.read_id, "side": optional.read_side}


@dataclass(frozen=True, eq=False)
class Trades:
    """Trades in the order in which they happened, as arrays of N.

    time    float64, seconds since the Unix epoch; resolves today's time to 0.24 µs
    price   float64, above 0
    amount  float64, 0 or above
    id      int64 or str, or None where the source has none
    side    int8, +1 where the buyer took the initiative, -1 the seller; or None
    report  what was read and what was guessed
    """

    time: np.ndarray
    price: np.ndarray
    amount: np.ndarray
    id: np.ndarray | None
    side: np.ndarray | None
    report: TradesReport

    def __len__(self) -> int:
        return len(self.time)


def read_trades(
    source: Any, columns: Mapping[str, str] | None = None, time_unit: str | None = None
) -> Trades:
    """Read trades, oldest first.

    Args:
        source: a path to CSV (also gzipped) or parquet, or a data frame of pandas, polars or arrow.
        columns: names of columns by role (time, price, amount, id, side) where they are not to be
            guessed; an empty name does without an id or a side. The time may be a date and a time of day in two
            columns, "DATE + TIME".
        time_unit: of numeric times: s, ms, us or ns. None decides by their size.

    Trades at the same time keep the order of the source. A newest-first source is reversed as a whole.

    Raises:
        DataError: there is nothing to read, or a row has an impossible value or is out of order.
        ColumnError: a column is missing, ambiguous or not numeric.
        ConfigError: ``columns`` or ``time_unit`` say something that cannot be.
    """
    opened, named = with_paired_times(open_source(source), columns or {})
    return trades_of_source(opened, named, time_unit)


def trades_of_source(
    source: Source, columns: Mapping[str, str] | None, time_unit: str | None, time_zone: str | None = None
) -> Trades:
    """Trades from a source that is open; see ``read_trades``. ``time_zone`` is that of times that name none."""
    choice = choose(source.header, columns)
    numeric = [choice.columns[role] for role in REQUIRED]
    return read_or_explain(
        source,
        choice.columns.values(),
        numeric,
        lambda table: trades_of_table(table, choice, set(columns or {}), time_unit, time_zone),
    )


def trades_of_table(
    table: Table, choice: ColumnChoice, named: set[str], time_unit: str | None, time_zone: str | None
) -> Trades:
    """Trades from columns that were read; ``named`` are the roles whose columns the caller named."""
    if not table.height:
        raise DataError(f"{table.name} has no rows. At least one trade is needed.")
    cells = {role: pick(table, role, name) for role, name in choice.columns.items()}
    times = read_times(cells["time"], time_unit, Clock(time_zone, distinct=False) if time_zone else None)
    arrays = {"time": times.seconds, "price": numbers.positive(cells["price"])}
    arrays["amount"] = numbers.not_negative(cells["amount"])
    extras, left_out = read_optional(cells, explicit=named)
    arrays, is_reversed = oldest_first(cells["time"], arrays | extras)
    notes = [*table.notes, *choice.notes, *times.notes, *left_out]
    if is_reversed:
        notes.append("the source was newest first and was reversed")
    kept = {role: name for role, name in choice.columns.items() if role in arrays}
    return make_trades(
        table.name, **arrays, columns=kept, unit=times.unit, is_reversed=is_reversed, notes=notes
    )


def make_trades(
    name: str,
    time: np.ndarray,
    price: np.ndarray,
    amount: np.ndarray,
    id: np.ndarray | None = None,
    side: np.ndarray | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    unit: str = "s",
    is_reversed: bool = False,
    notes: Sequence[str] = (),
) -> Trades:
    """Put checked arrays, oldest first, together with their report. See Trades for what they hold."""
    if columns is None:
        given = {"time": time, "price": price, "amount": amount, "id": id, "side": side}
        columns = {role: role for role, array in given.items() if array is not None}
    report = describe(name, time, price, columns, unit, is_reversed, notes)
    return Trades(time, price, amount, id, side, report)


def read_optional(cells: Mapping[str, Column], explicit: set[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Ids and sides, or a note on why they were left out."""
    arrays, notes = {}, []
    for role, reader in READERS.items():
        try:
            if role in cells:
                arrays[role] = reader(cells[role])
        except ColumnError as error:
            if role in explicit:
                raise
            notes.append(f"the column {cells[role].cells.name!r} was left out: {error}")
    return arrays, notes


def oldest_first(column: Column, arrays: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], bool]:
    """Reverse a source that is newest first throughout; refuse one that is neither.

    Raises:
        DataError: times go up and down. Sorting would hide that trades are missing or mixed.
    """
    time = arrays["time"]
    rises, falls = time[1:] > time[:-1], time[1:] < time[:-1]
    if not falls.any():
        return arrays, False
    if not rises.any():
        return {role: np.ascontiguousarray(array[::-1]) for role, array in arrays.items()}, True
    newest_first = falls.sum() > rises.sum()
    row = int((rises if newest_first else falls).argmax()) + 1
    raise DataError(out_of_order(column.table, column, row, "newest" if newest_first else "oldest"))


def out_of_order(table: Table, column: Column, row: int, order: str) -> str:
    """What to say of the first row that breaks the order of the others."""
    return (
        f"{column.at(row)}, after {column.cells[row - 1]!r}, while other trades are {order} first. "
        f"Sort {table.name} by time, or remove the row."
    )
