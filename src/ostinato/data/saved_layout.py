"""Read a source by the layout of an earlier one; see ``layout``."""

import numpy as np

from ..errors import ColumnError, ConfigError, DataError
from .bar_files import BarColumns, find_bars
from .bars import parse_bars
from .columns import ambiguous, listed
from .grid import Spacing, find_step, steady
from .layout import Kind, Layout, same_step
from .read_options import ReadOptions
from .regular import Timed
from .table import Table, flag
from .tables import ALL
from .time_pairs import named_pair
from .times import numbers_of

PRICES = {"open", "high", "low", "close", "price"}


def with_saved_time(header: Table, options: ReadOptions) -> dict[str, str]:
    """The columns named by role, and the time column of the layout if the source has it."""
    time = "" if options.layout is None else options.layout.columns.get("time", "")
    if "time" in options.columns or not (time in header.names or named_pair(header, {"time": time})):
        return options.columns
    return {**options.columns, "time": time}


def price_columns(
    header: Table, options: ReadOptions, given: set[str]
) -> tuple[BarColumns | None, ReadOptions]:
    """The columns of bars (None if the source has no bars), and the options completed from the layout.

    Args:
        given: roles whose columns the caller named.

    Bars may be built from another kind of source than in the run: a run fitted on trades can read shorter bars. The
    columns of such a source are found by their names, because the layout says nothing about them.

    Raises:
        ColumnError: a column of the layout is missing, or several columns could be the volume.
        ConfigError: the target needs another kind of source than the layout.
    """
    layout = options.layout
    if layout is None:
        return None if options.is_column else find_bars(header, options.columns), options
    if (layout.source == "table") != options.is_column:
        raise ConfigError(
            f"the layout is one of {layout.source}, which the target {options.target!r} is not of."
        )
    there = {role: name for role, name in layout.columns.items() if not name or name in header.names}
    if options.bars and not PRICES & set(there) and kind_of(header, options.columns) != layout.source:
        return unambiguous_bars(header, options), options
    if layout.source == "trades" and not PRICES & {*there, *given} and kind_of(header, {}) == "bars":
        raise ColumnError(
            f"the run reads trades, {header.name} holds bars. Bring trades, or fit a run on bars."
        )
    for role, name in layout.columns.items():
        if role not in there and role not in given:
            raise ColumnError(missing_saved_column(header, name, role))
    if ALL in options.covariates:
        options = options._replace(covariates=layout.covariates)
    options = options._replace(columns=layout.columns | options.columns)
    if layout.source != "bars":
        return None, options
    if "volume" not in options.columns:
        return unambiguous_bars(header, options), options
    prices = find_bars(header, options.columns)
    if prices is None or not layout.money or "volume" in given:
        return prices, options
    if layout.money not in header.names:
        raise ColumnError(missing_saved_column(header, layout.money, "volume"))
    return BarColumns(prices.columns, layout.money, from_layout=True), options


def kind_of(header: Table, columns: dict[str, str]) -> Kind:
    """What a source of prices holds, by the names of its columns."""
    return "trades" if find_bars(header, columns) is None else "bars"


def unambiguous_bars(header: Table, options: ReadOptions) -> BarColumns | None:
    """The columns of bars that the layout does not name.

    Raises:
        ColumnError: there are two columns of volume. Only all rows together show which one is in money, so rows that
            arrive later could change the answer.
    """
    prices = find_bars(header, options.columns)
    if prices is not None and prices.other:
        raise ColumnError(ambiguous("volume", [prices.columns["volume"], prices.other], header))
    return prices


def missing_saved_column(header: Table, name: str, role: str) -> str:
    """The message for a column of the layout that the source lacks."""
    return (
        f"{header.name} has no column {name!r}, which the run was fitted on as the {role}; it has {listed(header)}. "
        f"Bring it, or say which one to read with {flag(role)}."
    )


def saved_spacing(found: Timed, layout: Layout, bars: str) -> Spacing | None:
    """The spacing of the layout; None if the rows are shorter bars from which ``bars`` are built.

    Shorter bars have a step of their own, which is found anew. Rows exactly as long as ``bars`` use that step.
    """
    if not bars:
        return layout.spacing
    step, size = find_step(found.utc, found.wall, found.rows), parse_bars(bars)
    if step is not None and size.kind == "time" and same_step(steady(size.size), step):
        return Spacing(step)
    ours = layout.spacing if layout.source == "bars" else None
    return ours if ours is not None and step is not None and same_step(ours.step, step) else None


def depends_on_midnight(options: ReadOptions, layout: Layout) -> bool:
    """Whether anything depends on local midnight: holidays, or steps counted on the local clock."""
    return bool(options.holidays) or (layout.every is not None and layout.every.wall)


def check_numbers(name: str, seconds: np.ndarray, unit: str, layout: Layout) -> None:
    """Refuse times (N,) that are numbers of another kind than those of the layout.

    An integer such as 20180813 can be a date or a Unix time. Which of them is inferred from one source alone; where
    two sources of one run disagree, one of the two was read wrongly.

    Raises:
        DataError: one is a Unix time, the other a date written as digits.
    """
    numbers = numbers_of(seconds, unit)
    if {numbers, layout.numbers} == {"unix", "digits"}:
        words = {"unix": "numbers since 1970", "digits": "dates written as digits"}
        raise DataError(
            f"the times of {name} look like {words[numbers]} ({unit}), and those that the run was fitted on were "
            f"{words[layout.numbers]}. Bring times of the same kind, or write them like 2018-08-13T03:36:35Z."
        )
