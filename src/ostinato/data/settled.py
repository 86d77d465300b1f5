"""Read a source by the layout of an earlier one; see ``layout``."""

import numpy as np

from ..errors import ColumnError, ConfigError, DataError
from .bar_files import BarColumns, find_bars
from .bars import parse_bars
from .columns import ambiguous, listed
from .grid import Spacing, find_step, steady
from .layout import Kind, Layout, same_step
from .regular import Timed
from .table import Table, flag
from .tables import ALL
from .time_pairs import named_pair
from .times import numbers_of
from .wanted import Wanted

PRICES = {"open", "high", "low", "close", "price"}


def with_time(header: Table, wanted: Wanted) -> dict[str, str]:
    """The columns that are named by role, with that of the time if it was decided and is there."""
    time = "" if wanted.layout is None else wanted.layout.columns.get("time", "")
    if "time" in wanted.columns or not (time in header.names or named_pair(header, {"time": time})):
        return wanted.columns
    return {**wanted.columns, "time": time}


def prices_of(header: Table, wanted: Wanted, given: set[str]) -> tuple[BarColumns | None, Wanted]:
    """The columns of bars, None where a source holds none, and what is wanted with the columns that were decided.

    Args:
        given: roles whose columns the caller named.

    Where bars are built, they may be built of another kind of source than before; its columns are then those that
    their names tell.

    Raises:
        ColumnError: a column that was decided is not there, or it is open which one to read.
        ConfigError: what is wanted is of another kind.
    """
    layout = wanted.layout
    if layout is None:
        return None if wanted.is_column else find_bars(header, wanted.columns), wanted
    if (layout.source == "table") != wanted.is_column:
        raise ConfigError(
            f"the layout is one of {layout.source}, which the target {wanted.target!r} is not of."
        )
    there = {role: name for role, name in layout.columns.items() if not name or name in header.names}
    if wanted.bars and not PRICES & set(there) and kind_of(header, wanted.columns) != layout.source:
        return without_choice(header, wanted), wanted
    if layout.source == "trades" and not PRICES & {*there, *given} and kind_of(header, {}) == "bars":
        raise ColumnError(
            f"the run reads trades, {header.name} holds bars. Bring trades, or fit a run on bars."
        )
    for role, name in layout.columns.items():
        if role not in there and role not in given:
            raise ColumnError(lost(header, name, role))
    if ALL in wanted.covariates:
        wanted = wanted._replace(covariates=layout.covariates)
    wanted = wanted._replace(columns=layout.columns | wanted.columns)
    if layout.source != "bars":
        return None, wanted
    if "volume" not in wanted.columns:
        return without_choice(header, wanted), wanted
    prices = find_bars(header, wanted.columns)
    if prices is None or not layout.money or "volume" in given:
        return prices, wanted
    if layout.money not in header.names:
        raise ColumnError(lost(header, layout.money, "volume"))
    return BarColumns(prices.columns, layout.money, settled=True), wanted


def kind_of(header: Table, columns: dict[str, str]) -> Kind:
    """What a source of prices holds, by the names of its columns."""
    return "trades" if find_bars(header, columns) is None else "bars"


def without_choice(header: Table, wanted: Wanted) -> BarColumns | None:
    """The columns of bars, where nothing was decided about them.

    Raises:
        ColumnError: there are two columns of volume, which only all rows together would tell apart.
    """
    prices = find_bars(header, wanted.columns)
    if prices is not None and prices.other:
        raise ColumnError(ambiguous("volume", [prices.columns["volume"], prices.other], header))
    return prices


def lost(header: Table, name: str, role: str) -> str:
    """What to say of a column that was decided and is not there."""
    return (
        f"{header.name} has no column {name!r}, which the run was fitted on as the {role}; it has {listed(header)}. "
        f"Bring it, or say which one to read with {flag(role)}."
    )


def settled_spacing(found: Timed, layout: Layout, bars: str) -> Spacing | None:
    """How rows were decided to follow one another; None where these are parts of the ``bars`` that are built of them.

    Parts are on a grid of their own step, or cannot be built of; those as long as the bars are on the grid of the bars.
    """
    if not bars:
        return layout.spacing
    step, size = find_step(found.utc, found.wall, found.rows), parse_bars(bars)
    if step is not None and size.kind == "time" and same_step(steady(size.size), step):
        return Spacing(step)
    ours = layout.spacing if layout.source == "bars" else None
    return ours if ours is not None and step is not None and same_step(ours.step, step) else None


def is_dated(wanted: Wanted, layout: Layout) -> bool:
    """Whether something depends on when a day begins."""
    return bool(wanted.holidays) or (layout.every is not None and layout.every.wall)


def check_numbers(name: str, seconds: np.ndarray, unit: str, layout: Layout) -> None:
    """Refuse times (N,) that are taken for something else than those of which a layout was decided.

    Raises:
        DataError: they are.
    """
    numbers = numbers_of(seconds, unit)
    if {numbers, layout.numbers} == {"unix", "digits"}:
        words = {"unix": "numbers since 1970", "digits": "dates written as digits"}
        raise DataError(
            f"the times of {name} look like {words[numbers]} ({unit}), and those that the run was fitted on were "
            f"{words[layout.numbers]}. Bring times of the same kind, or write them like 2018-08-13T03:36:35Z."
        )
