"""Times of day, as text, digits or datetimes' times: 09:00:00, 090000, 0900, 900.

Axes: N rows.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from ..errors import ColumnError, DataError
from .columns import plain
from .table import Column

CLOCK = r"^([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]*)?)?$"
DIGITS = r"^([0-9]{1,9})(\.[0-9]*)?$"
MILLISECONDS = 9  # digits of HHMMSSfff
FORMS = {2: "HH", 4: "HHMM", 6: "HHMMSS", MILLISECONDS: "HHMMSSfff"}  # by digits
USUAL = 0.9  # of all cells: where so many are times of day, the others are mistakes; of 0, 1, 2 ... 60 % look like it
HOURS = ("hour", "hours", "hr")  # names of columns whose numbers up to 23 are hours


class TimesOfDay(NamedTuple):
    """``seconds`` (N,) since midnight, NaN for an empty cell; ``form``: how they were written."""

    seconds: np.ndarray
    form: str


def read_times_of_day(column: Column, saved_form: str = "") -> TimesOfDay | None:
    """The times of day of a column; None where it holds something else.

    Args:
        saved_form: the form that was decided, one of ``FORMS``, "" where none was.

    Raises:
        ColumnError: a cell is none while most are, or numbers could be hours or minutes.
    """
    cells = column.cells
    if cells.dtype in (pl.Time, pl.Duration):
        seconds = cells.cast(pl.Int64).cast(pl.Float64).fill_null(np.nan).to_numpy() / per_second(cells.dtype)
        return checked(column, seconds, cells.is_null().to_numpy(), "times")
    if cells.dtype.is_temporal() or cells.dtype.is_nested() or cells.dtype == pl.Boolean:
        return None
    decimal = cells.cast(pl.Decimal(38, 6), strict=False).cast(pl.String) if cells.dtype.is_float() else None
    text = (column.text() if decimal is None else decimal).str.strip_chars()
    empty = (text.is_null() | (text == "").fill_null(True)).to_numpy()
    clock = text.str.contains(CLOCK).fill_null(False).to_numpy()
    if clock.sum() > USUAL * (~empty).sum():
        return checked(column, seconds_of_clock(text), empty, "HH:MM:SS")
    times = read_digits_of_day(column, text, empty)
    if saved_form in FORMS.values() and times is not None and times.form != saved_form:
        check_form(column, text, times.form, saved_form)
    return times


def check_form(column: Column, text: pl.Series, form: str, saved_form: str) -> None:
    """Refuse digits of another form than the one that was decided, unless all are written with their zeros.

    Raises:
        ColumnError: they could be of either form.
    """
    if not padded(text.str.extract(DIGITS, 1), len(form)):
        raise ColumnError(
            f"{column.table.name}: the times of day in {column.cells.name!r} look like {form}, and those that the run "
            f"was fitted on were {saved_form}. Write them like 09:00:00."
        )


def per_second(dtype: pl.DataType) -> int:
    """Ticks of a time or a duration."""
    unit = dtype.time_unit if isinstance(dtype, pl.Duration) else "ns"
    return {"ms": 10**3, "us": 10**6, "ns": 10**9}[unit]


def seconds_of_clock(text: pl.Series) -> np.ndarray:
    """Seconds since midnight of text like 9:00 or 09:00:00.5, (N,); NaN for other text."""
    parts = [text.str.extract(CLOCK, group).cast(pl.Float64) for group in (1, 2, 3)]
    hour, minute, second = (part.fill_null(np.nan).to_numpy(writable=True) for part in parts)
    second[np.isnan(second) & ~np.isnan(minute)] = 0.0
    return of_parts(hour, minute, second, fraction_of(text, CLOCK, 4))


def fraction_of(text: pl.Series, pattern: str, group: int) -> np.ndarray:
    """The decimals of a second, (N,)."""
    decimals = text.str.extract(pattern, group).fill_null(".")
    return pl.select("0" + decimals + "0").to_series().cast(pl.Float64).to_numpy()


def of_parts(hour: np.ndarray, minute: np.ndarray, second: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Seconds since midnight, (N,); NaN where no clock shows it."""
    known = (hour < 24) & (minute < 60) & (second < 60)
    return np.where(known, hour * 3600 + minute * 60 + second + fraction, np.nan)


def read_digits_of_day(column: Column, text: pl.Series, empty: np.ndarray) -> TimesOfDay | None:
    """Times of day written as digits.

    Raises:
        ColumnError: a cell is none while most are, or numbers could be hours or minutes.
    """
    digits = text.str.extract(DIGITS, 1)
    number = digits.cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = np.isfinite(number)
    if known.sum() <= USUAL * (~empty).sum():
        return None
    if 0 < number[known].max() < 100 and not padded(digits, 4):
        return read_hours(column, number, empty, padded(digits, 2))
    fraction = fraction_of(text, DIGITS, 2)
    length = int(digits.drop_nulls().str.len_chars().median())  # type: ignore[arg-type]
    for width in (width for width in FORMS if width >= max(length, 4)):
        if width == MILLISECONDS and number[known].max() < 10**6 and not padded(digits, width):
            continue  # a counter, 0, 1, 2 ..., fits too
        seconds = seconds_of_digits(number, fraction, width)
        if np.isfinite(seconds).sum() > USUAL * (~empty).sum() and number[known].max() < 10**width:
            return checked(column, seconds, empty, FORMS[width])
    return None


def padded(digits: pl.Series, width: int) -> bool:
    """Whether text has so many digits or more throughout, and zeros before some."""
    there = digits.drop_nulls()
    return bool(there.str.starts_with("0").any() and (there.str.len_chars() >= width).all())


def seconds_of_digits(number: np.ndarray, fraction: np.ndarray, width: int) -> np.ndarray:
    """Seconds since midnight of numbers (N,) of up to so many digits; decimals only after a second."""
    if width == MILLISECONDS:
        number, thousandths = np.divmod(number, 1000)
        fraction = thousandths / 1000 + fraction / 1000
    elif width == 4:
        number = np.where(fraction > 0, np.nan, number * 100)
    return of_parts(number // 10_000, number // 100 % 100, number % 100, fraction)


def read_hours(column: Column, number: np.ndarray, empty: np.ndarray, padded: bool) -> TimesOfDay:
    """Numbers below 100.

    Raises:
        ColumnError: neither the name nor a leading zero says that they are hours.
    """
    if padded or plain(column.cells.name) in HOURS:
        return checked(column, np.where(number < 24, number * 3600.0, np.nan), empty, "HH")
    raise ColumnError(
        f"{column.table.name}: the times of day in {column.cells.name!r} go up to {np.fmax.reduce(number):g}, which "
        "may be hours or minutes. Write them like 09:00."
    )


def checked(column: Column, seconds: np.ndarray, empty: np.ndarray, form: str) -> TimesOfDay:
    """Times of day without a mistake among them.

    Raises:
        ColumnError: a cell is none.   DataError: a cell is empty.
    """
    if empty.any():
        raise DataError(
            f"{column.at(int(empty.argmax()))}; every row needs a time of day. Mend or remove the row."
        )
    wrong = ~((seconds >= 0) & (seconds < 86_400))
    if wrong.any():
        raise ColumnError(
            f"{column.at(int(wrong.argmax()))}, while most are times of day ({form}). "
            "Mend it, or write it like 09:00:00."
        )
    return TimesOfDay(seconds, form)
