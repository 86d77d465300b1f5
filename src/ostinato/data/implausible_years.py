"""Implausible years: mostly a sign that numbers were read with the wrong unit.

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


def implausible_years(column: Column, seconds: np.ndarray, numeric: bool) -> list[str]:
    """Notes on times after the next year, and on times around 1970, which small numbers become.

    They are notes, not errors: simulations and forecasts have such times legitimately.

    Args:
        column: the column of the times, for the notes.
        seconds: (N,) since the epoch, all finite.
        numeric: the column holds numbers.
    """
    return [note for note in (future(column, seconds), past(column, seconds, numeric)) if note]


def future(column: Column, seconds: np.ndarray) -> str:
    """A note on times after the end of next year; "" if there are none."""
    end = end_of_next_year()
    if seconds.max() < end:
        return ""
    late = seconds >= end
    return (
        f"{counted(int(late.sum()), 'time')} after the year {this_year() + 1}, the first in "
        f"{first(column, seconds, late)}; {ADVICE}"
    )


def past(column: Column, seconds: np.ndarray, numeric: bool) -> str:
    """A note on numbers before 1971, or on dates that are all in 1970; "" if there are none."""
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
        # pandas reads bare numbers as nanoseconds: seconds of today become 1970-01-01 00:00:01.7
        return f"all times are of the year 1970, as numbers of another unit become when converted; {ADVICE}"
    return ""


def first(column: Column, seconds: np.ndarray, implausible: np.ndarray) -> str:
    """The row of the first implausible time, and that time."""
    row = int(implausible.argmax())
    return f"{column.table.row(row)}: {utc(float(seconds[row]))}"
