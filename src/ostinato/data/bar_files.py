"""OHLCV bars from a table, and what is often wrong with them: volume columns that changed places, and prices.

Axes: N rows of the source, M bars.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from ..errors import ColumnError, DataError
from . import numbers
from .bars import COLUMNS, bars_report
from .columns import either, listed, plain
from .grid import Spacing
from .panel import Panel
from .regular import Timed, regular
from .report import counted
from .table import Column, Table, flag
from .tables import holidays_of, layout_of, with_holidays

NAMES = {
    "open": ("open", "o", "openprice", "priceopen"),
    "high": ("high", "h", "highprice", "pricehigh", "max"),
    "low": ("low", "l", "lowprice", "pricelow", "min"),
    "close": ("close", "c", "closeprice", "priceclose", "last"),
    "volume": ("volume", "v", "vol", "basevolume", "volumefrom", "amount", "qty", "quantity", "size"),
}
PRICES = COLUMNS[:4]
NEAR = np.log(1.25)  # a bar's mean price is as near to its close
APART = np.log(4.0)  # so much worse fits the other way round where volumes were swapped
AGREEING = 0.9  # of the rows: two columns are then the volume in units and in money


class BarColumns(NamedTuple):
    """Names of columns by role; ``other`` is a second column of volume, which may be in money, or "".

    ``from_layout``: an earlier source settled that ``other`` is in money.
    """

    columns: dict[str, str]
    other: str
    from_layout: bool = False


def find_bars(table: Table, wanted: Mapping[str, str]) -> BarColumns | None:
    """The columns of a table of bars; None where it has no prices that open, rise, fall and close.

    Raises:
        ColumnError: two columns could be the same price.
    """
    columns = {role: name for role, name in wanted.items() if role in COLUMNS and name}
    free = [name for name in table.names if name not in wanted.values()]
    for role in PRICES:
        found = [columns[role]] if role in columns else likeliest(role, free)
        if not found:
            return None
        if len(found) > 1:
            raise ColumnError(
                f"the {role} of {table.name} could be {either(found)}. Choose with {flag(role, found[0])}."
            )
        columns[role] = found[0]
    volumes = [name for name in free if "volume" in plain(name) and name not in columns.values()]
    if "volume" not in columns and wanted.get("volume") != "":
        named = likeliest("volume", free) or volumes
        if named:
            columns["volume"] = named[0]
    others = [name for name in volumes if name != columns.get("volume")]
    return BarColumns(columns, others[0] if len(others) == 1 and "volume" not in wanted else "")


def likeliest(role: str, names: list[str]) -> list[str]:
    """The columns that a role's names fit; only the plainest where several do."""
    found = [name for name in names if plain(name) in NAMES[role]]
    best = [name for name in found if plain(name) == role]
    exact = [name for name in best if name.lower() == role]
    return exact[:1] if len(exact) == 1 else best or found


def missing_prices(table: Table, wanted: Mapping[str, str]) -> str:
    """What to say of a table that has some of the prices of bars."""
    free = [name for name in table.names if name not in wanted.values()]
    absent = [role for role in PRICES if role not in wanted and not likeliest(role, free)]
    return (
        f"no column of {table.name} looks like the {absent[0]} of bars; it has {listed(table)}. "
        f"Name one with {flag(absent[0])}."
    )


def bars_of_table(
    found: Timed,
    choice: BarColumns,
    extras: Mapping[str, np.ndarray],
    columns: Mapping[str, str],
    known: tuple[str, ...] = (),
    holidays: str = "",
    future: np.ndarray | None = None,
    saved: Spacing | None = None,
) -> Panel:
    """Read bars.

    Args:
        found: the rows in order.
        choice: the columns of prices and volume.
        extras: further columns by name, (N,), NaN only in rows of the future, in the order of the source.
        columns: for the report, names of columns by role.
        known: which of the extras are known in advance.
        holidays: a country whose holidays become a known column, or "".
        future: (N,) bool, rows of the future by ``future_rows``; None: there are none.
        saved: how bars follow one another, where that was decided before.

    Missing bars are filled, flat at the close before and without volume, and are not observed. Where more is missing
    than a series can lack, the market is taken to close: bars follow one another and have no step.

    Raises:
        DataError: a price is not a finite number above 0, or times are not regular.
        ColumnError: a cell is not a number.
    """
    table = found.column.table
    empty = np.zeros(table.height, bool) if future is None else future
    arrays = {
        role: numbers.positive(Column(role, table.cells(choice.columns[role]), table), empty)
        for role in PRICES
    }
    notes = check_prices(table, arrays)
    arrays["volume"], money, volume_notes = read_volume(table, choice, arrays["close"], empty)
    notes += volume_notes
    laid = regular(found, empty, future=True, pauses=True, saved=saved)
    values = flat_where_missing({role: arrays[role][laid.source] for role in COLUMNS}, laid.observed)
    for name, array in extras.items():
        values[name] = array[laid.known if name in known else laid.source]
    known = with_holidays(table, values, laid, holidays, known)
    onward = holidays_of(found, laid, holidays)
    step = laid.step.seconds
    roles = {"time": columns["time"], "volume": ""} | choice.columns
    seen_beside = [name for name in extras if name not in known]
    report = bars_report(
        table.name,
        laid.time,
        values,
        laid.starts,
        dict(columns) | choice.columns,
        laid.step.words,
        laid.observed,
        (*table.notes, *found.times.notes, *found.rows.notes, *notes, *laid.notes),
        known,
    )
    return Panel(
        "bars",
        laid.time,
        values,
        report,
        laid.starts,
        found.rows.ids,
        laid.observed,
        step,
        laid.step.season,
        known=known,
        bars=size_text(step),
        holidays=onward,
        layout=layout_of("bars", found, laid, roles, seen_beside, money),
    )


def future_rows(found: Timed, choice: BarColumns) -> np.ndarray:
    """The rows after the last price of each series, which only tell what is known in advance, (N,) bool.

    Raises:
        ColumnError: a cell is not a number.
    """
    table, rows = found.column.table, found.rows
    prices = [numbers.floats(Column(role, table.cells(choice.columns[role]), table)) for role in PRICES]
    empty = np.logical_and.reduce(
        [
            np.isnan(price) & is_empty(table, choice.columns[role])
            for role, price in zip(PRICES, prices, strict=True)
        ]
    )
    number = np.arange(len(empty))
    last = np.maximum.reduceat(np.where(empty[rows.source], -1, number), rows.starts)[rows.series]
    future = np.zeros(len(empty), bool)
    future[rows.source] = number > last
    return future


def is_empty(table: Table, name: str) -> np.ndarray:
    """Whether cells of a column are empty, (N,) bool."""
    if name in table.arrays:
        return np.isnan(table.arrays[name])
    cells = table.cells(name)
    empty = cells.is_null()
    if cells.dtype == pl.String:
        empty |= (cells.str.strip_chars() == "").fill_null(True)
    return empty.to_numpy()


def flat_where_missing(values: dict[str, np.ndarray], observed: np.ndarray | None) -> dict[str, np.ndarray]:
    """Bars (M,) each whose missing ones are flat at the close before and without volume."""
    if observed is None:
        return values
    flat = {role: np.where(observed, values[role], values["close"]) for role in PRICES}
    return flat | {"volume": np.where(observed, values["volume"], 0.0)}


def size_text(step: float | None) -> str:
    """How bars of so many seconds are asked for: "1h"; "" where there is no way."""
    for letter, seconds in (("d", 86_400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        if step is not None and step >= seconds and step % seconds == 0:
            return f"{step / seconds:.0f}{letter}"
    return ""


def check_prices(table: Table, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """A note on bars whose high is not the highest price, or whose low is not the lowest; they are kept as they are."""
    high, low = np.maximum(arrays["open"], arrays["close"]), np.minimum(arrays["open"], arrays["close"])
    notes = []
    for wrong, words in (
        (arrays["high"] < high, "have a high below their open or close"),
        (arrays["low"] > low, "have a low above their open or close"),
    ):
        if wrong.any():
            first = table.row(int(wrong.argmax()))
            notes.append(
                f"{counted(int(wrong.sum()), 'bar')} {words}, the first in {first}; read as they are"
            )
    return notes


def read_volume(
    table: Table, choice: BarColumns, close: np.ndarray, empty: np.ndarray
) -> tuple[np.ndarray, str, list[str]]:
    """The volume in units of what is traded, (N,), the column of volume in money or "", and notes.

    In rows that may be ``empty`` (N,) the volume is NaN.

    Raises:
        DataError: a volume is missing, infinite or below 0.   ColumnError: a cell is not a number.
    """
    name = choice.columns.get("volume")
    if not name:
        return np.zeros(len(close)), "", ["there is no column of volume; it was taken as 0"]
    volume = numbers.not_negative(Column("volume", table.cells(name), table), empty)
    if not choice.other:
        return volume, "", []
    try:
        other = numbers.not_negative(Column("volume", table.cells(choice.other), table), empty)
    except DataError:
        if choice.from_layout:
            raise
        return volume, "", []
    if not (choice.from_layout or is_money(volume, other, close)):
        return volume, "", []
    volume, notes = unswapped(volume, other, close, (name, choice.other))
    return volume, choice.other, notes


def misfits(volume: np.ndarray, money: np.ndarray, close: np.ndarray) -> np.ndarray:
    """How far, in logarithms, each row is from money being volume times close, (N,); NaN without trades."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((volume > 0) & (money > 0), np.abs(np.log(money / (volume * close))), np.nan)


def is_money(volume: np.ndarray, other: np.ndarray, close: np.ndarray) -> bool:
    """Whether of two columns (N,) one is the volume in units and the other in money, in most rows (N,)."""
    fits = (misfits(volume, other, close) < NEAR) | (misfits(other, volume, close) < NEAR)
    traded = int(((volume > 0) & (other > 0)).sum())
    return traded > 0 and bool(fits.sum() >= AGREEING * traded)


def unswapped(
    volume: np.ndarray, other: np.ndarray, close: np.ndarray, names: tuple[str, str]
) -> tuple[np.ndarray, list[str]]:
    """Put right the rows in which the volume in units and the one in money have changed places.

    The volume in money is that in units times a price near the close, so a row tells which is which unless the price
    is about 1.

    Args:
        volume: (N,) what should be in units; ``other`` what should be in money; ``close`` the prices.
        names: of the two columns.
    """
    direct, crossed = misfits(volume, other, close), misfits(other, volume, close)
    swapped = (crossed < NEAR) & (direct > crossed + APART)
    if not swapped.any():
        return volume, []
    rows = f"{int(swapped.sum()):,} row" + ("s" if swapped.sum() > 1 else "")
    note = (
        f"the two volume columns {names[0]!r} and {names[1]!r} look swapped in {rows}, where the first is the second "
        "times the price; they were read the other way round there"
    )
    return np.where(swapped, other, volume), [note]
