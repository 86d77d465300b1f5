"""The unit of numeric times, s, ms, µs or ns, by their size; files change it half-way, as Binance's did in 2025.

Axes: N rows.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .implausible_years import end_of_next_year
from .report import utc
from .table import Column

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UNITS = tuple(PER_SECOND)
# A number below each bound has the unit of the same position: 1e11 s is the year 5138, 1e11 ms was 1973.
BOUNDS = np.array([1e11, 1e14, 1e17])
NEAR = 7 * 86_400.0  # s, between the last time in one unit and the first in the next
APART = "Mend the row, or, if the unit changes there for good, read each part by itself."


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numeric times of a column.

    Args:
        column: where they come from.
        values: (N,) float64, NaN for an empty cell.
        codes: (N,) the number of the series of each row; None: there is one.
    """

    column: Column
    values: np.ndarray
    codes: np.ndarray | None = None

    @property
    def common(self) -> str:
        """The unit that all have by their size; "" where they differ, or where a number is negative."""
        # without temporary arrays where all are alike
        least, most = np.fmin.reduce(self.values), np.fmax.reduce(self.values)
        ends = np.searchsorted(BOUNDS, [least, most], side="right")
        return UNITS[int(ends[0])] if least >= 0 and ends[0] == ends[1] else ""

    def sizes(self) -> np.ndarray:
        """The position in UNITS that each number has by its size, (N,); -1 for an empty cell."""
        return np.where(
            np.isfinite(self.values), np.searchsorted(BOUNDS, np.abs(self.values), side="right"), -1
        )

    def seconds(self, unit: str) -> np.ndarray:
        """Seconds since the epoch, (N,), of numbers in one unit."""
        return self.values if unit == "s" else self.values / PER_SECOND[unit]


def by_size(numbers: Numbers) -> tuple[np.ndarray, str, list[str]]:
    """Seconds since the epoch, (N,), the unit or units by the size of the numbers, and notes.

    Where sizes differ each number has its own unit if times then go on without a jump to no later than next year, else
    all have that of the largest if they do so then: what is small lies near 1970.

    Raises:
        DataError: they jump either way.
    """
    if numbers.common:
        return numbers.seconds(numbers.common), numbers.common, [unit_note(numbers.common)]
    sizes = numbers.sizes()
    there = np.unique(sizes[sizes >= 0])
    if len(there) < 2:
        unit = UNITS[int(there[0])] if len(there) else "s"
        return numbers.seconds(unit), unit, [unit_note(unit)]
    own = each_by_size(numbers, sizes)
    jump = first_jump(own, sizes, numbers.codes)
    largest = UNITS[int(there[-1])]
    if jump is not None or np.fmax.reduce(own) >= end_of_next_year():
        one = numbers.seconds(largest)
        if np.fmax.reduce(one) < end_of_next_year() and first_jump(one, sizes, numbers.codes) is None:
            return one, largest, [f"{unit_note(largest)}; smaller ones too, which go before without a jump"]
    if jump is None:
        units = " and ".join(UNITS[position] for position in there)
        note = f"times were taken as {units} since 1970, each by its size: {changes(numbers, sizes)}"
        return own, units, [note]
    usual = int(np.bincount(sizes[sizes >= 0]).argmax())
    row = jump if sizes[jump] != usual else int(((sizes >= 0) & (sizes != usual)).argmax())
    raise DataError(
        f"{numbers.column.at(row)}, by its size in {UNITS[sizes[row]]}, while most times are in {UNITS[usual]}, and "
        f"the times do not go on from row to row ({utc_or_far(own[row])} here). {APART}"
    )


def unit_note(unit: str) -> str:
    """The note on a unit that was inferred."""
    return f"times were taken as {unit} since 1970, by their size"


def check_unit_fits(numbers: Numbers, unit: str) -> None:
    """Refuse a unit given for all where sizes differ and times then jump, as from 1970 to 2025.

    Raises:
        DataError: they do.
    """
    if numbers.common:
        return
    sizes = numbers.sizes()
    if len(np.unique(sizes[sizes >= 0])) < 2:
        return
    seconds, own = numbers.seconds(unit), each_by_size(numbers, sizes)
    own_fits = first_jump(own, sizes, numbers.codes) is None
    row = int(size_changes(sizes)[0]) if own_fits else first_jump(seconds, sizes, numbers.codes)
    if row is None:
        return
    remedy = "Leave --time-unit (in Python time_unit=) out: then each time is read by its own size."
    raise DataError(
        f"{numbers.column.at(row)}: there the size of the times changes, and if all are in {unit} they jump to "
        f"{utc_or_far(seconds[row])}. {remedy if own_fits else APART}"
    )


def each_by_size(numbers: Numbers, sizes: np.ndarray) -> np.ndarray:
    """Seconds since the epoch, (N,), of numbers whose units are at ``sizes`` (N,); NaN for an empty cell."""
    return numbers.values / np.array([*PER_SECOND.values(), 1])[sizes]  # the last one for -1


def first_jump(seconds: np.ndarray, sizes: np.ndarray, codes: np.ndarray | None) -> int | None:
    """The first row whose time is of another size and far from the time before, None where there is none.

    Far: more than a week, and more than twice the longest change between times of the same size. A series all of whose
    times are of one size must overlap with the others as far as these reach, or follow them as closely.

    Args:
        seconds: (N,) times; ``sizes`` (N,) of the numbers, -1 for an empty cell; ``codes`` (N,) of series or None.
    """
    order = np.flatnonzero(sizes >= 0)
    if codes is not None:
        order = order[np.argsort(codes[order], kind="stable")]
    steps = np.abs(np.diff(seconds[order]))
    within = np.ones(len(steps), bool) if codes is None else np.diff(codes[order]) == 0
    changed = (np.diff(sizes[order]) != 0) & within
    reach = max(NEAR, 2 * float(steps[within & ~changed].max(initial=0.0)))
    far = changed & ~(steps <= reach)
    if far.any():
        return int(order[1:][far].min())
    return None if codes is None else strange_series(seconds[order], sizes[order], codes[order], order)


def strange_series(seconds: np.ndarray, sizes: np.ndarray, codes: np.ndarray, rows: np.ndarray) -> int | None:
    """The first row of a series that lies far from the series whose numbers have the usual size; None: there is none.

    All arguments are (N,), sorted by ``codes``; ``rows`` says where they come from.
    """
    usual = seconds[sizes == np.bincount(sizes).argmax()]
    reach = max(NEAR, float(np.ptp(usual)))
    firsts = np.flatnonzero(np.diff(codes, prepend=-1))
    late = np.minimum.reduceat(seconds, firsts) > usual.max() + reach
    early = np.maximum.reduceat(seconds, firsts) < usual.min() - reach
    strange = firsts[late | early]
    return int(rows[strange].min()) if len(strange) else None


def changes(numbers: Numbers, sizes: np.ndarray) -> str:
    """Where the unit changes, in the order of the source."""
    at = size_changes(sizes)
    first = int(at[0])
    before = int(np.flatnonzero(sizes[:first] >= 0)[-1])
    more = f", and {len(at) - 1:,} more times" if len(at) > 1 else ""
    table = numbers.column.table
    return (
        f"the unit changes from {UNITS[sizes[before]]} to {UNITS[sizes[first]]} in {table.row(first)}{more}"
    )


def size_changes(sizes: np.ndarray) -> np.ndarray:
    """The rows whose numbers have another size than the ones before, in the order of the source."""
    rows = np.flatnonzero(sizes >= 0)
    changed: np.ndarray = rows[1:][np.diff(sizes[rows]) != 0]
    return changed


def utc_or_far(seconds: float) -> str:
    """A time as text, if a calendar has it."""
    return utc(float(seconds)) if abs(seconds) < 2e11 else "beyond the year 8000"
