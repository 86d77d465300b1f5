"""Regular series from the columns of a table.

Axes: N rows of the source, M steps.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from ..errors import ColumnError, did_you_mean
from . import numbers
from .calendar import HOLIDAY, Holidays, holiday_column
from .columns import listed
from .grid import Spacing
from .layout import Every, Kind, Layout
from .panel import Panel
from .regular import Regular, Timed, clock_of, regular
from .report import TableReport, counted, future_rows
from .table import Column, Table
from .times import numbers_of

ALL = "*"


class TableColumns(NamedTuple):
    """Names of columns: targets, other observed columns, and columns known in advance."""

    targets: tuple[str, ...]
    covariates: tuple[str, ...]
    known: tuple[str, ...]


def find_columns(
    table: Table, target: str, covariates: Sequence[str], known: Sequence[str], taken: Sequence[str]
) -> TableColumns:
    """Look the columns up.

    Args:
        target: one name or several with commas between.
        covariates: names, or "*" for all other columns of numbers.
        known: names.
        taken: columns that have another use, the time and the id.

    Raises:
        ColumnError: there is no such column, or one is named for two uses.
    """
    whole = target.strip() in table.names
    targets = (
        (target.strip(),) if whole else tuple(name.strip() for name in target.split(",") if name.strip())
    )
    if not targets:
        raise ColumnError(f"name the column to forecast with --target; {table.name} has {listed(table)}.")
    for role, names in (("target", targets), ("covariates", covariates), ("known", known)):
        for name in names:
            if name != ALL or role != "covariates":
                check_name(table, role, name)
    known = tuple(known)
    chosen = tuple(name for name in covariates if name != ALL)
    if ALL in covariates:
        used = {*targets, *known, *taken, *chosen}
        chosen += tuple(name for name in table.names if name not in used and looks_numeric(table.cells(name)))
    uses = [*targets, *chosen, *known, *taken]
    twice = [name for index, name in enumerate(uses) if name in uses[:index]]
    if twice:
        raise ColumnError(f"the column {twice[0]!r} of {table.name} is named for two uses. Name it once.")
    return TableColumns(targets, chosen, known)


def check_name(table: Table, role: str, name: str) -> None:
    """Refuse a column that is not there."""
    if name not in table.names:
        prices = ("direction", "return") if role == "target" else ()
        near = did_you_mean(name, (*table.names, *prices))
        what = {"target": "for the target", "known": "that is known", "covariates": "for the covariates"}[
            role
        ]
        words = " (direction and return are targets of trades and bars)" if role == "target" else ""
        raise ColumnError(f"{table.name} has no column {name!r} {what}{words}.{near} It has {listed(table)}.")


def looks_numeric(cells: pl.Series) -> bool:
    """Whether a column holds numbers, or text that could be, in its first filled cell."""
    if cells.dtype.is_numeric():
        return True
    if cells.dtype != pl.String:
        return False
    filled = cells.drop_nulls().head(1).str.strip_chars().cast(pl.Float64, strict=False)
    return len(filled) == 1 and filled.null_count() == 0


def table_panel(
    found: Timed,
    choice: TableColumns,
    columns: Mapping[str, str],
    holidays: str = "",
    saved: Spacing | None = None,
) -> Panel:
    """Read regular series.

    Args:
        found: the rows in order.
        choice: the columns to read.
        columns: for the report, names of columns by role.
        holidays: a country whose holidays become a known column, or "".
        saved: how rows follow one another, where that was decided before.

    A row with an empty target or covariate is a missing step. Where columns are known in advance, rows at the end
    without any target are rows of the future.

    Raises:
        DataError: a number is infinite or beyond 1e30, or the rows are not regular.
        ColumnError: a cell is not a number.
    """
    table = found.column.table
    seen_columns = {name: read(table, "target", name) for name in choice.targets}
    empty = np.logical_or.reduce([np.isnan(array) for array in seen_columns.values()])
    others = {name: read(table, "covariates", name) for name in choice.covariates}
    notes = []
    for name, array in others.items():
        lost = np.isnan(array)
        if (lost & ~empty).any():
            notes.append(f"{counted(int((lost & ~empty).sum()), 'row')} without {name!r} taken as missing")
        empty = empty | lost
    laid = regular(found, empty, future=bool(choice.known or holidays), saved=saved)
    values = {name: array[laid.source] for name, array in (seen_columns | others).items()}
    for name in choice.known:
        values[name] = known_values(table, name, laid.known)
    known = with_holidays(table, values, laid, holidays, choice.known)
    onward = holidays_of(found, laid, holidays)
    notes += constant(table, choice, values)
    all_notes = (*table.notes, *found.times.notes, *found.rows.notes, *notes, *laid.notes)
    report = report_of(table.name, laid, choice._replace(known=known), values, columns, all_notes)
    return Panel(
        "table",
        laid.time,
        values,
        report,
        laid.starts,
        found.rows.ids,
        laid.observed,
        laid.step.seconds,
        laid.step.season,
        choice.targets,
        known,
        holidays=onward,
        layout=layout_of("table", found, laid, {"time": columns["time"]}, choice.covariates),
    )


def layout_of(
    source: Kind,
    found: Timed,
    laid: Regular,
    columns: Mapping[str, str],
    covariates: Sequence[str],
    money: str = "",
) -> Layout:
    """What was decided while rows were read; the recipe of a run holds it to its bounds."""
    return Layout.model_construct(
        source=source,
        columns=dict(columns),
        money=money,
        covariates=tuple(covariates),
        every=None if laid.spacing is None else Every.of(laid.spacing.step),
        pauses=laid.spacing is not None and laid.spacing.pauses,
        numbers=numbers_of(found.times.seconds, found.times.unit),
        clock=clock_of(found.times),
    )


def report_of(
    source: str,
    laid: Regular,
    choice: TableColumns,
    values: Mapping[str, np.ndarray],
    columns: Mapping[str, str],
    notes: tuple[str, ...],
) -> TableReport:
    """What to tell of series with columns (M,)."""
    roles = {f"target {index + 1}" if index else "target": name for index, name in enumerate(choice.targets)}
    return TableReport(
        source=source,
        thing="row",
        rows=len(laid.time),
        series=len(laid.starts),
        first_time=float(laid.time.min()),
        last_time=float(laid.time.max()),
        columns=dict(columns) | roles,
        step=laid.step.words,
        missing=0 if laid.observed is None else int((~laid.observed).sum()),
        values={name: (float(values[name].min()), float(values[name].max())) for name in choice.targets},
        notes=notes,
        covariates=choice.covariates,
        known=choice.known,
        future=future_rows(laid.observed, laid.starts),
    )


def with_holidays(
    table: Table, values: dict[str, np.ndarray], laid: Regular, place: str, known: tuple[str, ...]
) -> tuple[str, ...]:
    """Add the column ``holiday``, 1.0 on public holidays of a place by the local date; the columns known in advance.

    Raises:
        ColumnError: there is such a column.   ConfigError: the place is unknown.
    """
    if not place:
        return known
    if HOLIDAY in values:
        raise ColumnError(
            f"{table.name} already has a column {HOLIDAY!r}. Rename it, or leave --holidays out."
        )
    values[HOLIDAY] = holiday_column(laid.wall, place)
    return (*known, HOLIDAY)


def holidays_of(found: Timed, laid: Regular, place: str) -> Holidays | None:
    """What tells holidays beyond the end; None where there are none, or no step to go on by."""
    if not place or not laid.step.regular:
        return None
    lasts = np.append(laid.starts[1:], len(laid.time)) - 1
    return Holidays(place, laid.step, laid.time[lasts], laid.wall[lasts], found.times.zone)


def read(table: Table, role: str, name: str) -> np.ndarray:
    """A column of finite numbers, (N,); NaN where a cell is empty.

    Raises:
        ColumnError: a cell is not a number.   DataError: a number is NaN or infinite.
    """
    cells = table.cells(name)
    column = Column(role, cells, table)
    if name in table.arrays:
        numbers.refuse_huge(column, table.arrays[name])
        return table.arrays[name]
    values = numbers.floats(column)
    filled = cells.is_not_null()
    if cells.dtype == pl.String:
        filled &= cells.str.strip_chars() != ""
    numbers.refuse(
        column, ~np.isfinite(values) & filled.fill_null(False).to_numpy(), "a finite number or empty"
    )
    numbers.refuse_huge(column, values)
    return values


def known_values(table: Table, name: str, rows: np.ndarray) -> np.ndarray:
    """A column known in advance at rows (M,) of the source."""
    values = read(table, "known", name)
    bad = np.zeros(len(values), bool)
    bad[rows] = np.isnan(values[rows])
    numbers.refuse(Column("known", table.cells(name), table), bad, "a number, for it is known in advance")
    return values[rows]


def constant(table: Table, choice: TableColumns, values: Mapping[str, np.ndarray]) -> list[str]:
    """Notes on targets that never change."""
    still = [name for name in choice.targets if len(values[name]) > 1 and not np.ptp(values[name])]
    return [f"{name!r} never changes: there is nothing to forecast" for name in still]
