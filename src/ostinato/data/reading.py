"""read_panel: trades, bars or the columns of a table, from a file or a data frame, as one Panel."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ColumnError, ConfigError, DataError, did_you_mean
from . import columns as trade_columns
from . import numbers
from .bar_files import BarColumns, bars_of_table, future_rows, likeliest, missing_prices
from .bars import COLUMNS, bars_of_trades, parse_bars
from .columns import ambiguous, missing
from .csv_files import is_number
from .files import Source, open_source, read_or_explain
from .layout import Layout
from .panel import Panel
from .read_options import ReadOptions
from .regular import on_clock, timed
from .report import TableReport, utc
from .resampling import coarser
from .saved_layout import check_numbers, depends_on_midnight, price_columns, saved_spacing, with_saved_time
from .table import Column, Table, flag
from .tables import ALL, TableColumns, find_columns, read, table_panel
from .time_pairs import Paired, with_paired_times
from .times import numbers_of, read_times
from .times_of_day import FORMS
from .trades import Trades, trades_of_source
from .zones import Clock

ROLES = ("time", *COLUMNS, "price", "amount", "id", "side")
OF_TRADES = Layout(source="trades")  # that are at hand: no columns were read


def read_panel(
    source: Any,
    *,
    target: str = "direction",
    bars: str = "",
    id: str = "",
    known: Sequence[str] = (),
    covariates: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    time_unit: str | None = None,
    time_zone: str | None = None,
    holidays: str = "",
    layout: Layout | None = None,
) -> Panel:
    """Read what a forecast is made from.

    Args:
        source: a path to CSV (also gzipped) or parquet, a data frame of pandas, polars or arrow, Trades, or a Panel.
        target: "direction" or "return" of a price, or the names of columns of a table, with commas between.
        bars: size of bars to build from trades or from shorter bars: 1m, 100t, 10v; "" takes what there is.
        id: a column that tells several series apart.
        known: columns that are known in advance.
        covariates: further columns of numbers, each seen when its row is; "*" for all.
        columns: names of columns by role (time, open, high, low, close, volume, price, amount) where they are not to
            be guessed. The time may be a date and a time of day in two columns, "DATE + TIME".
        time_unit: of numeric times: s, ms, us or ns. None decides by their size.
        time_zone: of times that name none, like Europe/Berlin; None takes them as UTC.
        holidays: a country whose public holidays become the known column ``holiday``.
        layout: what was decided when an earlier source was read, the ``layout`` of its panel; None decides by this one.

    Where columns are known in advance (or holidays are), rows at the end with an empty target, or empty prices of bars,
    are rows of the future. In steps that are missing in the source columns hold the values before, those that are known
    in advance too; holidays are told there from the time, and after the last row as well where rows are regular.

    A target that is a column makes the source a table; a source with open, high, low and close holds bars; any other
    holds trades.

    Raises:
        DataError: there is nothing to read, a value is impossible, or times are not regular, or not as was decided.
        ColumnError: a column is missing, ambiguous or not numeric.
        ConfigError: options are unknown or do not go together.
    """
    options = ReadOptions(
        target,
        bars,
        id,
        listed_names(known),
        listed_names(covariates),
        dict(columns or {}),
        time_unit,
        time_zone,
        holidays,
        layout,
    )
    if bars:
        parse_bars(bars)
    if bars and options.is_column:
        raise ConfigError(
            f"bars are for the direction and the return of a price, not for the target {target!r}."
        )
    if isinstance(source, Trades | Panel):
        return built(source, bars)
    return panel_of_source(open_source(source), options)


def panel_of_source(source: Source, options: ReadOptions) -> Panel:
    """Decide what a source holds, from the names of its columns, and read it."""
    given = set(options.columns)
    saved_form = "" if options.layout is None else options.layout.time_of_day
    source, columns = with_paired_times(
        source, with_saved_time(source.header, options), options.named, saved_form
    )
    panel = panel_of_columns(source, options._replace(columns=columns), given)
    if not isinstance(source, Paired) or panel.layout is None or source.form not in FORMS.values():
        return panel
    return replace(panel, layout=panel.layout.model_copy(update={"time_of_day": source.form}))


def panel_of_columns(source: Source, options: ReadOptions, given: set[str]) -> Panel:
    """The same of a source whose date and time of day are one column; ``given`` are roles that the caller named."""
    header = source.header
    check_roles(header, options.columns)
    prices, options = price_columns(header, options, given)
    if prices is None and not options.is_column:
        return read_as_trades(source, options)
    times = time_columns(header, options)
    check_id(header, options.id, times)
    names = [*times, *([options.id] if options.id else [])]
    if prices is None:
        names += chosen(find_columns(header, options.target, options.covariates, options.known, names))
    else:
        names += chosen(bar_columns(header, prices, options, names))
        names += [*prices.columns.values(), *([prices.other] if prices.other else [])]
    if ALL in options.covariates:
        names = header.names
    numeric = [name for name in names if name != options.id]
    return read_or_explain(
        source, names, numeric, lambda table: panel_of_table(table, prices, times, options)
    )


def panel_of_table(table: Table, prices: BarColumns | None, times: list[str], options: ReadOptions) -> Panel:
    """Bars, or the columns of a table, from columns that were read; one of ``times`` is to be taken."""
    if not table.height:
        raise DataError(f"{table.name} has no rows. At least one is needed.")
    table = replace(table, thing="row" if prices is None else "bar")
    time, notes = (times[0], []) if len(times) == 1 else choose_time(table, times, options.unit, options.zone)
    rows = timed(table, time, options.unit, options.zone, options.id)
    rows.times.notes.extend(notes)
    if options.layout is not None:
        if options.layout.source == ("table" if prices is None else "bars"):
            check_numbers(table.name, rows.times.seconds, rows.times.unit, options.layout)
        rows = on_clock(rows, options.layout.clock, depends_on_midnight(options, options.layout))
    spacing = None if options.layout is None else saved_spacing(rows, options.layout, options.bars)
    roles = {"time": time} | ({"id": options.id} if options.id else {})
    taken = [*times, *([options.id] if options.id else [])]
    if prices is None:
        choice = find_columns(table, options.target, options.covariates, options.known, taken)
        return spans_noted(table_panel(rows, choice, roles, options.holidays, spacing))
    choice = bar_columns(table, prices, options, taken)
    future = future_rows(rows, prices) if choice.known or options.holidays else None
    extras = {name: complete(table, "covariates", name, future) for name in choice.covariates}
    extras |= {name: complete(table, "known", name) for name in choice.known}
    panel = bars_of_table(rows, prices, extras, roles, choice.known, options.holidays, future, spacing)
    return built(spans_noted(panel), options.bars)


def bar_columns(table: Table, prices: BarColumns, options: ReadOptions, taken: Sequence[str]) -> TableColumns:
    """The columns beside the bars."""
    close, *others = [prices.columns["close"], *(n for role, n in prices.columns.items() if role != "close")]
    others += [prices.other] if prices.other else []
    choice = find_columns(table, close, options.covariates, options.known, [*taken, *others])
    for name in (*choice.covariates, *choice.known):
        if name in COLUMNS:
            raise ColumnError(f"bars of {table.name} already have a column {name!r}. Rename the other one.")
    return choice


def chosen(choice: TableColumns) -> list[str]:
    """All the columns of a choice."""
    return [*choice.targets, *choice.covariates, *choice.known]


def panel_of_trades(trades: Trades) -> Panel:
    """Trades as a panel of one series, with the columns price and amount; a row is a trade."""
    return Panel(
        "trades",
        trades.time,
        {"price": trades.price, "amount": trades.amount},
        trades.report,
        row_ids=trades.id,
        layout=OF_TRADES,
    )


def built(source: Trades | Panel, bars: str) -> Panel:
    """Bars of the size that was asked for, if one was."""
    if isinstance(source, Trades):
        return replace(bars_of_trades(source, bars), layout=OF_TRADES) if bars else panel_of_trades(source)
    if not bars:
        return source
    if source.kind == "bars":
        return coarser(source, bars)
    if source.kind == "trades":
        return replace(bars_of_trades(trades_of_panel(source), bars), layout=source.layout)
    raise ConfigError(f"{source.report.source} is a table; bars are made from trades or from shorter bars.")


def trades_of_panel(panel: Panel) -> Trades:
    """The trades that a panel of trades was made from, without their sides."""
    report: Any = panel.report
    return Trades(panel.time, panel.values["price"], panel.values["amount"], panel.row_ids, None, report)


def read_as_trades(source: Source, options: ReadOptions) -> Panel:
    """Trades, or bars from them."""
    table = source.header
    columns = {role: name for role, name in options.columns.items() if role in trade_columns.NAMES}
    if "price" not in columns and not trade_columns.likeliest("price", table.names):
        raise ColumnError(no_price(table, options.columns))
    for given, option in (
        (options.id, "--id"),
        (options.known, "--known"),
        (options.covariates, "--covariates"),
        (options.holidays, "--holidays"),
    ):
        if given:
            raise ConfigError(
                f"{option} is for bars and tables, and {table.name} was taken for trades, without open, high, low and "
                "close. Name a column to forecast with --target, or leave the option out."
            )
    notes: list[str] = []
    times = trade_columns.likeliest("time", [name for name in table.names if name not in columns.values()])
    if "time" not in columns and len(times) > 1:
        columns["time"], notes = read_or_explain(
            source, times, times, lambda table: choose_time(table, times, options.unit, options.zone)
        )
    trades = trades_of_source(source, columns, options.unit, options.zone)
    if options.layout is not None and options.layout.source == "trades":
        check_numbers(table.name, trades.time, trades.report.time_unit, options.layout)
    report = replace(trades.report, notes=(*notes, *trades.report.notes))
    panel = built(replace(trades, report=report), options.bars)
    named = {role: trades.report.columns[role] for role in trade_columns.REQUIRED}
    numbers = numbers_of(trades.time, trades.report.time_unit)
    return replace(panel, layout=Layout.model_construct(source="trades", columns=named, numbers=numbers))


def no_price(table: Table, columns: Mapping[str, str]) -> str:
    """What to say of a table without prices when the target is made from prices."""
    free = [name for name in table.names if name not in columns.values()]
    there = [role for role in COLUMNS[:4] if role in columns or likeliest(role, free)]
    if 2 <= len(there) < 4:
        return missing_prices(table, columns)
    return (
        f"no column of {table.name} looks like a price; it has {trade_columns.listed(table)}. Name the price with "
        f"{flag('price')}, or forecast any column with --target NAME (in Python target=)."
    )


def complete(table: Table, role: str, name: str, empty: np.ndarray | None = None) -> np.ndarray:
    """A column beside bars, (N,), without empty cells but where they may be ``empty`` (N,)."""
    values = read(table, role, name)
    bad = np.isnan(values) if empty is None else np.isnan(values) & ~empty
    numbers.refuse(Column(role, table.cells(name), table), bad, "a finite number")
    return values


def listed_names(names: Sequence[str] | str) -> tuple[str, ...]:
    """Names, each once; one text is one name, or several with commas between."""
    several = names.split(",") if isinstance(names, str) else names
    return tuple(dict.fromkeys(str(name).strip() for name in several if str(name).strip()))


def check_roles(table: Table, columns: Mapping[str, str]) -> None:
    """Refuse roles that no column has, and columns that are not there."""
    for role, name in columns.items():
        if role not in ROLES:
            raise ConfigError(f"there is no role {role!r}; columns can be named for {', '.join(ROLES)}.")
        if name and name not in table.names:
            raise ColumnError(
                f"{table.name} has no column {name!r} for the {role}; it has {trade_columns.listed(table)}."
            )
        if role == "time" and not name:
            raise ConfigError("rows cannot do without a time. Name its column with --column time=NAME.")


def check_id(table: Table, id: str, times: list[str]) -> None:
    """Refuse a column of ids that is not there, or that is the time."""
    if id and id not in table.names:
        near = did_you_mean(id, table.names)
        raise ColumnError(
            f"{table.name} has no column {id!r} for the id.{near} It has {trade_columns.listed(table)}."
        )
    if id in times:
        raise ColumnError(f"the column {id!r} of {table.name} cannot be both the time and the id.")


def time_columns(table: Table, options: ReadOptions) -> list[str]:
    """The columns that may be the time.

    Raises:
        ColumnError: there is none.
    """
    if "time" in options.columns:
        return [options.columns["time"]]
    taken = options.named | set(options.columns.values())
    found = trade_columns.likeliest("time", [name for name in table.names if name not in taken])
    if not found:
        raise ColumnError(missing("time", table))
    return found


def choose_time(table: Table, names: list[str], unit: str | None, zone: str | None) -> tuple[str, list[str]]:
    """The one to read of several columns of times: they must tell the same time in every row.

    Raises:
        ColumnError: they do not.
    """
    try:
        seconds = [instants(Column("time", table.cells(name), table), unit, zone) for name in names]
    except (DataError, ConfigError):
        raise ColumnError(ambiguous("time", names, table)) from None
    if any((np.abs(seconds[0] - other) >= 1).any() for other in seconds[1:]):
        raise ColumnError(ambiguous("time", names, table))
    numeric = [name for name in names if is_numeric(table, name)]
    chosen = (numeric or names)[0]
    others = [name for name in names if name != chosen]
    return chosen, [
        f"the time is in {trade_columns.either(others)} too, the same in every row; {chosen!r} was read"
    ]


def instants(column: Column, unit: str | None, zone: str | None) -> np.ndarray:
    """Times of a column that may be numbers or text, in seconds since the epoch, (N,)."""
    text = column.cells.dtype.is_temporal() or not is_numeric(column.table, column.cells.name)
    return read_times(column, None if text else unit, Clock(zone) if zone else None).seconds


def is_numeric(table: Table, name: str) -> bool:
    """Whether the first cell of a column is a number."""
    if not table.height:
        raise DataError(f"{table.name} has no rows. At least one is needed.")
    cell = table.cells(name)[0]
    return isinstance(cell, int | float) or (isinstance(cell, str) and is_number(cell))


def spans_noted(panel: Panel) -> Panel:
    """Say so where series begin or end at different times."""
    first, last = panel.time[panel.starts], panel.time[panel.stops - 1]
    if len(first) < 2 or (np.ptp(first) == 0 and np.ptp(last) == 0):
        return panel
    note = (
        f"the series have different spans: they begin from {utc(first.min())} to {utc(first.max())} and end from "
        f"{utc(last.min())} to {utc(last.max())}"
    )
    return noted(panel, note)


def noted(panel: Panel, note: str) -> Panel:
    """A panel whose report says one thing more."""
    assert isinstance(panel.report, TableReport)
    return replace(panel, report=replace(panel.report, notes=(*panel.report.notes, note)))
