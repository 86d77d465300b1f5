"""Implausible years, which mostly mean that a number was read as the wrong kind of time.

Axes: N rows.
"""

from datetime import UTC, datetime

import numpy as np

from .report import counted, utc
from .table import Column

FIRST_USUAL = 365 * 86_400.0  # the first of January 1971
BEFORE_MARKETS = 1e8  # s, 1973: a smaller number is hardly a date
ADVICE = "check that the time column and its unit are right"


def this_year() -> int:
    """The year by the clock of this machine."""
    return datetime.now(UTC).year


def end_of_next_year() -> int:
    """The first second after next year, since the epoch."""
    return int(np.datetime64(f"{this_year() + 2}-01-01", "s").astype(np.int64))


def odd_years(column: Column, seconds: np.ndarray, numeric: bool) -> list[str]:
    """Notes on times after the next year, and on those of about 1970, which is what small numbers become.

    Args:
        column: where the times come from.
        seconds: (N,) since the epoch, all finite.
        numeric: they were numbers.
    """
    return [note for note in (future(column, seconds), past(column, seconds, numeric)) if note]


def future(column: Column, seconds: np.ndarray) -> str:
    """A sentence on times after the end of next year, "" where there are none."""
    end = end_of_next_year()
    if seconds.max() < end:
        return ""
    late = seconds >= end
    return (
        f"{counted(int(late.sum()), 'time')} after the year {this_year() + 1}, the first in "
        f"{first(column, seconds, late)}; {ADVICE}"
    )


def past(column: Column, seconds: np.ndarray, numeric: bool) -> str:
    """A sentence on numbers before 1971, and on dates that are all of 1970, "" where there are none."""
    least, most = seconds.min(), seconds.max()
    if numeric and most < BEFORE_MARKETS and least > -BEFORE_MARKETS:
        return f"all times are before 1973, the first is {utc(float(seconds[0]))}; {ADVICE}"
    if numeric and least < FIRST_USUAL:
        early = seconds < FIRST_USUAL
        return (
            f"{counted(int(early.sum()), 'time')} before the year 1971, the first in {first(column, seconds, early)}; "
            f"{ADVICE}"
        )
    if not numeric and least >= 0 and most < FIRST_USUAL:
        return f"all times are of the year 1970, as numbers of another unit become when converted; {ADVICE}"
    return ""


def first(column: Column, seconds: np.ndarray, odd: np.ndarray) -> str:
    """The row of the first odd time, and that time."""
    row = int(odd.argmax())
    return f"{column.table.row(row)}: {utc(float(seconds[row]))}"
