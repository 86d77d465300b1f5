"""Rows of a table as regular series: in order, at every step, on a clock that does not jump.

Axes: N rows of the source, M steps, S series.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..errors import DataError
from .grid import DAY, NO_STEP, OFF, Grid, Spacing, Step, check_spacing, decided, find_step, lay, onward
from .layout import UTC, WRITTEN
from .report import counted
from .series import Ids, Rows, in_order, read_ids
from .table import Column, Table
from .times import Times, read_times
from .zones import Clock

HOUR = 3600.0


@dataclass(frozen=True, eq=False)
class Timed:
    """The rows of a source in order, with their times.

    Args:
        column: the column of times.
        times: of all rows, in the order of the source.
        rows: which row of the source comes where.
    """

    column: Column
    times: Times
    rows: Rows

    @property
    def utc(self) -> np.ndarray:
        """(N,) seconds since the epoch, in the order of ``rows``."""
        return self.times.seconds[self.rows.source]

    @property
    def wall(self) -> np.ndarray:
        """(N,) the same on the local clock."""
        return self.utc if self.times.local is None else self.times.local[self.rows.source]


@dataclass(frozen=True, eq=False)
class Regular:
    """A row at every step.

    Args:
        time: (M,) seconds since the epoch; ``wall``: the same on the local clock.
        starts: (S,) int64, the first step of each series.
        source: (M,) int64, the row of the source whose values a step has: its own, or the last one observed.
        known: (M,) int64, the same where values are known in advance, so that an empty row tells them too.
        observed: (M,) bool, or None where all were.
        step: how far it is from row to row.
        notes: sentences on what is missing.
        spacing: what was decided of the rows; None where there are too few of them.
    """

    time: np.ndarray
    wall: np.ndarray
    starts: np.ndarray
    source: np.ndarray
    known: np.ndarray
    observed: np.ndarray | None
    step: Step
    notes: list[str]
    spacing: Spacing | None = None


def timed(table: Table, time: str, unit: str | None, zone: str | None, id: str) -> Timed:
    """Read the times and the ids of a table and bring its rows in order.

    Args:
        time: the name of the column of times; ``id``: that of the ids, "" where there is one series.
        unit: of numeric times; ``zone``: of times that name none.

    Raises:
        DataError: times repeat or go up and down.   ColumnError: a cell is no time, or an id is empty.
        ConfigError: the unit or the zone is unknown.
    """
    column = Column("time", table.cells(time), table)
    ids = read_ids(table.cells(id), table) if id else Ids()
    clock = Clock(zone, ids.codes) if zone else None
    times = read_times(column, unit, clock, ids.codes)
    try:
        rows = in_order(column, times.seconds, ids)
    except DataError as error:
        if times.naive:
            check_autumn(column, times.seconds, ids.codes)
        if ids.merged:
            raise DataError(f"{error} Note that {ids.merged}.") from None
        raise
    return Timed(column, times, rows)


def clock_of(times: Times) -> str:
    """Whose midnight begins a day, as ``Layout`` has it, by what the times say of their zone."""
    if times.zone and not times.zone.startswith(("+", "-")):
        return times.zone
    if times.local is None or bool((times.local == times.seconds).all()):
        return UTC
    return WRITTEN


def on_clock(found: Timed, clock: str, dated: bool) -> Timed:
    """The same rows on the clock that was decided for them.

    Args:
        clock: as ``Layout`` has it.
        dated: something depends on when a day begins.

    Raises:
        DataError: it is the one that times say themselves, and they do not.
    """
    times = found.times
    if clock == clock_of(times):
        return found
    if clock == WRITTEN:
        if dated and (times.local is None or times.naive):
            raise DataError(
                f"the times of {found.column.table.name} do not say how far they are from UTC, and by those that the "
                "run was fitted on its days begin. Write them like 2018-08-13T03:36:35+02:00."
            )
        return found
    if clock == UTC:
        return replace(found, times=times._replace(local=None, zone=""))
    return replace(found, times=times._replace(local=Clock(clock).wall(times.seconds), zone=clock))


def check_autumn(column: Column, seconds: np.ndarray, codes: np.ndarray | None) -> None:
    """Say so where the hour of an autumn night happens twice: these are times of a zone that was not named."""
    order = np.arange(len(seconds)) if codes is None else np.argsort(codes, kind="stable")
    time = seconds[order]
    changes = np.diff(time)
    usual = float(np.median(changes))
    back = np.abs(changes - (usual - np.copysign(HOUR, usual))) < OFF * HOUR
    at = np.flatnonzero(back & clock_night(time[1:], (9, 10, 11, 3, 4)))
    if 0 < abs(usual) <= HOUR and len(at):
        row = int(order[at[0] + 1])
        raise DataError(
            f"{column.at(row)}, an hour that happens twice as if clocks were put back{ZONE_ADVICE}"
        )


ZONE_ADVICE = (
    ": these look like times of a zone with summer time. Name it with --time-zone Europe/Berlin or the like "
    "(in Python time_zone=), or say UTC if they are not."
)


def check_spring(column: Column, seconds: np.ndarray, rows: Rows) -> None:
    """Refuse series in which nothing is missing but hours that clocks skip in spring."""
    changes = np.where(rows.within(), np.diff(seconds), np.nan)
    usual = float(np.nanmedian(changes)) if np.isfinite(changes).any() else 0.0
    if not 0 < usual <= HOUR:
        return
    gaps = changes > usual * (1 + OFF)
    skipped = (np.abs(changes - usual - HOUR) < OFF * HOUR) & clock_night(seconds[1:], (3, 4, 9, 10))
    if gaps.any() and (gaps <= skipped).all():
        row = int(rows.source[int(gaps.argmax()) + 1])
        raise DataError(
            f"{column.at(row)}, after an hour that is left out as if clocks were put forward{ZONE_ADVICE}"
        )


def clock_night(seconds: np.ndarray, months: tuple[int, ...]) -> np.ndarray:
    """Whether times lie in the small hours of a Sunday of such a month, when clocks are changed."""
    day = seconds // DAY
    month = day.astype("int64").astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    sunday = (day.astype(np.int64) + 4) % 7 == 0  # 1970 began on a Thursday
    return sunday & np.isin(month, months) & (seconds - day * DAY <= 4 * HOUR)


def regular(
    found: Timed, empty: np.ndarray, future: bool, pauses: bool = False, saved: Spacing | None = None
) -> Regular:
    """Give every step a row.

    Args:
        found: rows in order.
        empty: (N,) bool in the order of the source: the row has no values, so its step is missing.
        future: empty rows at the end of a series are rows of the future, which tell what is known in advance.
        pauses: too many missing steps are pauses, as of a market that closes.
        saved: what was decided of such rows before; None decides by these.

    Raises:
        DataError: a series has no values, times are not regular or not as they were saved, or too much is missing.
    """
    seen = ~empty[found.rows.source]
    kept, notes = trimmed(found, seen, future)
    found = Timed(found.column, found.times, found.rows.only(kept))
    seen = seen[kept]
    if found.times.naive:
        check_spring(found.column, found.utc, found.rows)
    spacing = saved or spacing_of(found, seen, pauses)
    if spacing is None:
        grid = Grid(NO_STEP, np.arange(len(seen)), len(seen), found.rows.starts, [])
        return filled(grid, found, seen, notes, spacing)
    if saved is not None:
        check_spacing(found.column, spacing.step, found.utc, found.wall, found.rows)
    grid = lay(found.column, spacing, found.utc, found.wall, found.rows)
    if seen.all():
        return filled(grid, found, seen, notes + grid.notes, spacing)
    observed_only = lay(found.column, spacing, found.utc[seen], found.wall[seen], found.rows.only(seen))
    return filled(grid, found, seen, notes + observed_only.notes, spacing)


def spacing_of(found: Timed, seen: np.ndarray, pauses: bool) -> Spacing | None:
    """What is to be decided of rows, (N,) of them ``seen``, by all of them; None where no series has two.

    Raises:
        DataError: times are not regular, or too much is missing.
    """
    step = find_step(found.utc, found.wall, found.rows)
    if step is None:
        return None
    return decided(found.column, step, found.utc[seen], found.wall[seen], found.rows.only(seen), pauses)


def trimmed(found: Timed, seen: np.ndarray, future: bool) -> tuple[np.ndarray, list[str]]:
    """Which rows to keep: a series begins with its first values, and ends with its last unless the rest is future.

    Args:
        seen: (N,) bool in the order of ``found.rows``.
    """
    rows = found.rows
    for series, count in enumerate(np.add.reduceat(seen.astype(np.int64), rows.starts)):
        if count == 0:
            own = f"the series {rows.ids[series]!r} of " if len(rows.ids) > 1 else ""
            raise DataError(f"{own}{found.column.table.name} has no row in which all values are given.")
    number = np.arange(len(seen))
    first = np.minimum.reduceat(np.where(seen, number, len(seen)), rows.starts)[rows.series]
    last = np.maximum.reduceat(np.where(seen, number, -1), rows.starts)[rows.series]
    early, late = number < first, number > last
    notes = [f"{counted(int(early.sum()), 'row')} before the first values left out"] if early.any() else []
    if future:
        if late.any():
            notes.append(
                f"{counted(int(late.sum()), 'row')} of the future, which tell what is known in advance"
            )
        return ~early, notes
    if late.any():
        notes.append(f"{counted(int(late.sum()), 'row')} after the last values left out")
    return ~(early | late), notes


def filled(grid: Grid, found: Timed, seen: np.ndarray, notes: list[str], spacing: Spacing | None) -> Regular:
    """Fill every step from the rows that there are; ``seen`` (N,) as in ``trimmed``."""
    rows, source = grid.rows(), found.rows.source
    own = np.zeros(grid.length, np.int64)
    own[grid.index[seen]] = np.flatnonzero(seen)
    own = np.maximum.accumulate(own)
    observed = np.zeros(grid.length, bool)
    observed[grid.index[seen]] = True
    utc, wall = found.utc, found.wall
    walls = walls_of(grid, wall[rows], rows)
    return Regular(
        time=np.where(np.isin(np.arange(grid.length), grid.index), utc[rows], walls - (wall - utc)[rows]),
        wall=walls,
        starts=grid.starts,
        source=source[own],
        known=source[rows],
        observed=None if observed.all() else observed,
        step=grid.step,
        notes=notes,
        spacing=spacing,
    )


def walls_of(grid: Grid, before: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The local time of each step, (M,): of the row ``before`` it (M,), and so many steps later."""
    later = np.arange(grid.length) - grid.index[rows]
    return onward(grid.step, before, later) if later.any() else before
