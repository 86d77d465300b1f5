"""The step of a regular series, and the rows that are missing in it.

Axes: N rows of the source, M steps, S series.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import DataError
from .report import counted, duration, utc
from .series import Rows
from .table import Column

DAY = 86_400.0
MOST_MISSING = 0.2  # of the steps of all series
LONGEST_GAP = 0.1  # of the steps of its series
MOST_STEPS, MOST_EMPTY = (
    1_000_000,
    100,
)  # a grid that was decided may be larger only where it has rows: 1 of 100 steps
OFF = 1e-3  # of a step, that a time may be beside the grid
SHORTEST_DAY = 23 * 3600.0  # when the clock is put forward
MOST_ROWS_A_DAY = 2000  # a longer season teaches nothing
MONTHS = {1: (28, 31), 3: (89, 92), 6: (181, 184), 12: (365, 366)}  # days in so many months
SEASONS = {1: 12, 3: 4}
WORDS = {1: "month", 3: "quarter", 6: "half year", 12: "year"}


class Step(NamedTuple):
    """How far it is from row to row.

    ``seconds`` is None where months or working days differ in length; then ``months`` is above 0, or ``working`` is
    true. ``wall``: steps are counted on the local clock, so that a day is a day when clocks are changed.
    """

    seconds: float | None
    season: int | None
    words: str
    months: int = 0
    working: bool = False
    wall: bool = False

    @property
    def regular(self) -> bool:
        """Whether the time of the next row is known."""
        return self.seconds is not None or self.months > 0 or self.working


NO_STEP = Step(None, None, "")


class Spacing(NamedTuple):
    """How rows follow one another, as it was decided.

    ``pauses``: the market closes, so that rows are taken one after another; otherwise what is missing is filled.
    """

    step: Step
    pauses: bool = False


@dataclass(frozen=True, eq=False)
class Grid:
    """Rows at every step.

    Args:
        step: what was found.
        index: (N,) int64, the step of each row, counted through all series.
        length: M, steps in all.
        starts: (S,) int64, the first step of each series.
        notes: sentences on what is missing.
    """

    step: Step
    index: np.ndarray
    length: int
    starts: np.ndarray
    notes: list[str]

    @property
    def observed(self) -> np.ndarray | None:
        """Whether there was a row, (M,); None where there always was."""
        if len(self.index) == self.length:
            return None
        seen = np.zeros(self.length, bool)
        seen[self.index] = True
        return seen

    def rows(self) -> np.ndarray:
        """The row whose values each step has, (M,): its own, or the one before."""
        own = np.zeros(self.length, np.int64)
        own[self.index] = np.arange(len(self.index))
        return np.maximum.accumulate(own)


def season_of(seconds: float) -> int | None:
    """Rows after which a series with steps of so many seconds is likely to look alike; None: none is known."""
    if seconds >= 7 * DAY:
        return 52 if seconds == 7 * DAY else None
    if seconds >= DAY:
        return 7 if seconds == DAY else None
    for period in (DAY, 3600.0, 60.0):
        number = round(period / seconds)
        if 1 < number <= MOST_ROWS_A_DAY and abs(number * seconds - period) < OFF * seconds:
            return number
    return None


def steady(seconds: float, wall: bool = False) -> Step:
    """The step of rows that are so many seconds apart."""
    return Step(seconds, season_of(seconds), duration(seconds), wall=wall)


def monthly(months: int) -> Step:
    """The step of rows that are so many calendar months apart, one of ``MONTHS``."""
    return Step(None, SEASONS.get(months), f"1 {WORDS[months]}", months=months, wall=True)


WORKING_DAY = Step(None, 5, "1 working day", working=True, wall=True)


def find_step(utc_seconds: np.ndarray, wall: np.ndarray, rows: Rows) -> Step | None:
    """The step of series, from the median of the differences; None where no series has two rows.

    Args:
        utc_seconds: (N,) times in the order of ``rows``.
        wall: (N,) the same on the local clock.
    """
    within = rows.within()
    gaps = np.diff(utc_seconds)[within]
    if not len(gaps):
        return None
    usual = float(np.partition(gaps, len(gaps) // 2)[len(gaps) // 2])
    if usual < SHORTEST_DAY:
        return steady(usual)
    gaps = np.diff(wall)[within]
    usual = float(np.partition(gaps, len(gaps) // 2)[len(gaps) // 2])
    months = months_of(wall, rows, usual)
    if months:
        return monthly(months)
    if usual == DAY and working_days(wall, rows):
        return WORKING_DAY
    return steady(usual, wall=True)


def months_of(wall: np.ndarray, rows: Rows, usual: float) -> int:
    """How many calendar months a step has; 0 where it has none."""
    fitting = [n for n, (least, most) in MONTHS.items() if least <= usual / DAY <= most]
    if not fitting:
        return 0
    day, rest = np.divmod(wall, DAY)
    days = day.astype("int64").astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    of_month = (days - months).astype(np.int64)
    longest = ((months + 1).astype("datetime64[D]") - months).astype(np.int64) - 1
    first = rows.starts[rows.series]
    wanted = np.maximum.reduceat(of_month, rows.starts)[rows.series]
    same = (of_month == np.minimum(wanted, longest)) & (rest == rest[first])
    steps = np.diff(months.astype(np.int64))[rows.within()]
    return fitting[0] if same.all() and not (steps % fitting[0]).any() else 0


def working_days(wall: np.ndarray, rows: Rows) -> bool:
    """Whether daily rows leave out the weekends, and only so."""
    day, rest = np.divmod(wall, DAY)
    days = day.astype("int64").astype("datetime64[D]")
    weekend = ~np.is_busday(days)
    over = np.diff(day)[rows.within()] == 3
    return not weekend.any() and bool(over.any()) and bool((rest == rest[rows.starts[rows.series]]).all())


def steps_from_start(step: Step, time: np.ndarray, rows: Rows) -> np.ndarray:
    """Steps of each row since the first one of its series, (N,) float64; a fraction off the grid."""
    if step.working:
        counted_days = np.busday_count("1970-01-01", (time // DAY).astype("int64").astype("datetime64[D]"))
        number = counted_days.astype(float)
    elif step.months:
        days = (time // DAY).astype("int64").astype("datetime64[D]")
        number = days.astype("datetime64[M]").astype(np.int64) / step.months
    else:
        assert step.seconds is not None
        return (time - time[rows.starts[rows.series]]) / step.seconds
    return number - number[rows.starts[rows.series]]


def onward(step: Step, before: np.ndarray, later: np.ndarray) -> np.ndarray:
    """The local times that come so many steps ``later`` (M,) than those ``before`` (M,)."""
    if step.seconds is not None:
        return before + later * step.seconds
    day, rest = np.divmod(before, DAY)
    days = day.astype(np.int64).astype("datetime64[D]")
    if step.working:
        days = np.busday_offset(days, later)
    else:
        months = days.astype("datetime64[M]")
        longest = ((months + later * step.months + 1).astype("datetime64[D]")) - 1
        days = np.minimum((months + later * step.months).astype("datetime64[D]") + (days - months), longest)
    return days.astype(np.int64) * DAY + rest


def numbered(column: Column, step: Step, utc_seconds: np.ndarray, wall: np.ndarray, rows: Rows) -> np.ndarray:
    """The step of each row since the first one of its series, (N,) whole numbers as float64.

    Args:
        column: the column of times, for messages.
        utc_seconds: (N,) times in the order of ``rows``; ``wall``: the same on the local clock.

    Raises:
        DataError: a time is beside the grid, or two are at the same step.
    """
    exact = steps_from_start(step, wall if step.wall else utc_seconds, rows)
    index = np.rint(exact)
    late = np.abs(exact - index)
    # what float64 cannot hold is not the source's fault
    allowed = OFF if step.seconds is None else OFF + 1e-6 / step.seconds
    off = late > allowed
    off[1:] |= gaps_of(index, rows) < 1
    if off.any():
        raise DataError(irregular(column, step, utc_seconds, rows, int(off.argmax())))
    return index


def gaps_of(index: np.ndarray, rows: Rows) -> np.ndarray:
    """Steps from each row to the next one of its series, (N - 1,); 1 from one series to another."""
    return np.where(rows.within(), np.diff(index), 1)


def lengths_of(index: np.ndarray, rows: Rows) -> np.ndarray:
    """Steps of each series, (S,)."""
    return index[rows.starts + rows.lengths - 1] + 1


def decided(
    column: Column, step: Step, utc_seconds: np.ndarray, wall: np.ndarray, rows: Rows, pauses: bool = False
) -> Spacing:
    """Whether what is missing is to be filled, by how much of all rows that is.

    Args:
        column, step, utc_seconds, wall: as ``numbered``.
        pauses: where too much is missing, take the rows one after another, as those of a market that closes.

    Raises:
        DataError: a time is beside the grid, or too much is missing.
    """
    index = numbered(column, step, utc_seconds, wall, rows)
    refusal = too_many(column, step, utc_seconds, rows, gaps_of(index, rows), lengths_of(index, rows))
    if refusal and not pauses:
        raise DataError(refusal)
    return Spacing(step, bool(refusal))


def check_spacing(column: Column, step: Step, utc_seconds: np.ndarray, wall: np.ndarray, rows: Rows) -> None:
    """Refuse rows that are usually another step apart than the one that was decided for them.

    Raises:
        DataError: they are.
    """
    exact = steps_from_start(step, wall if step.wall else utc_seconds, rows)
    gaps = np.diff(exact)[rows.within()]
    if not len(gaps):
        return
    middle = (len(gaps) - 1) // 2  # of two the smaller one: a pause tells nothing
    usual = float(np.partition(gaps, middle)[middle])
    if usual < 1 - OFF or (usual > 1 + OFF and len(gaps) > 1):
        own = find_step(utc_seconds, wall, rows)
        assert own is not None
        raise DataError(
            f"{column.table.name}: most {column.table.thing}s are {own.words} apart, and the run was fitted on "
            f"{column.table.thing}s {step.words} apart. Bring {column.table.thing}s of the same step."
        )


def lay(column: Column, spacing: Spacing, utc_seconds: np.ndarray, wall: np.ndarray, rows: Rows) -> Grid:
    """Find the index of each row: on the grid of its series, or after the row before it.

    Args:
        column, utc_seconds, wall: as ``numbered``.
        spacing: what was decided.

    Raises:
        DataError: a time is beside the grid, or the grid would be all but empty.
    """
    step = spacing.step
    index = numbered(column, step, utc_seconds, wall, rows)
    gaps = gaps_of(index, rows)
    if spacing.pauses:
        notes = paused(step, utc_seconds, gaps)
        return Grid(NO_STEP, np.arange(len(index)), len(index), rows.starts, notes)
    lengths = lengths_of(index, rows)
    if lengths.sum() > max(MOST_STEPS, MOST_EMPTY * len(index)):
        raise DataError(sparse(column, step, utc_seconds, rows, gaps))
    starts = np.append(0, np.cumsum(lengths)[:-1]).astype(np.int64)
    index = index.astype(np.int64) + starts[rows.series]
    return Grid(step, index, int(lengths.sum()), starts, missing_steps_note(step, utc_seconds, gaps))


def irregular(column: Column, step: Step, seconds: np.ndarray, rows: Rows, at: int) -> str:
    """What to say of the first row beside the grid."""
    thing = column.table.thing
    return (
        f"{column.at(int(rows.source[at]))}, {duration(seconds[at] - seconds[at - 1])} after the {thing} before "
        f"({utc(seconds[at - 1])}), while the usual step is {step.words}; {thing}s must be at regular times. "
        "Mend the row, or resample the table to one row a step; trades become regular with --bars 1m."
    )


def too_many(
    column: Column, step: Step, seconds: np.ndarray, rows: Rows, gaps: np.ndarray, lengths: np.ndarray
) -> str:
    """What to say where too much is missing to call series regular; "" where it is not."""
    missing = gaps - 1
    if not missing.any():
        return ""
    share = missing.sum() / lengths.sum()
    most = np.maximum(1, LONGEST_GAP * lengths)[rows.series[1:]]
    if share <= MOST_MISSING and not (missing > most).any():
        return ""
    at = int(missing.argmax()) if share > MOST_MISSING else int((missing - most).argmax())
    why = (
        f"{share:.0%} of the steps are missing, more than the {MOST_MISSING:.0%} that are filled"
        if share > MOST_MISSING
        else f"that is more than {LONGEST_GAP:.0%} of the series"
    )
    return (
        f"{column.at(int(rows.source[at + 1]))}, {counted(int(missing[at]), 'step')} of {step.words} after the one "
        f"before ({utc(seconds[at])}) without a {column.table.thing}: {why}. Use the part after the gap, or "
        "resample to a longer step."
    )


def paused(step: Step, seconds: np.ndarray, gaps: np.ndarray) -> list[str]:
    """A sentence on pauses between rows at ``seconds`` (N,), ``gaps`` (N - 1,) steps apart."""
    pauses = gaps > 1
    if not pauses.any():
        return []
    lengths = np.where(pauses, np.diff(seconds), 0.0)
    at = int(lengths.argmax())
    return [
        f"pauses between bars of {step.words}: {int(pauses.sum()):,}, the longest {duration(float(lengths[at]))} "
        f"after {utc(seconds[at])}; bars were taken one after another, as if there were none"
    ]


def sparse(column: Column, step: Step, seconds: np.ndarray, rows: Rows, gaps: np.ndarray) -> str:
    """What to say of a grid that memory would have to hold for nothing."""
    at = int(gaps.argmax())
    return (
        f"{column.at(int(rows.source[at + 1]))}, {counted(int(gaps[at] - 1), 'step')} of {step.words} after the one "
        f"before ({utc(seconds[at])}) without a {column.table.thing}: too many to fill. Use the part after the gap, or "
        "mend the time."
    )


def missing_steps_note(step: Step, seconds: np.ndarray, gaps: np.ndarray) -> list[str]:
    """Sentences on missing steps."""
    missing = (gaps - 1).astype(np.int64)
    if not missing.any():
        return []
    at = int(missing.argmax())
    return [
        f"{counted(int(missing.sum()), 'step')} of {step.words} missing in the source, filled with the values before "
        f"and counted as not observed; the longest gap is {counted(int(missing[at]), 'step')} after {utc(seconds[at])}"
    ]
