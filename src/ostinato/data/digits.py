"""Dates written as digits, 20230102 or 20230102090000, which are numbers too and look like Unix times.

Year, month and day, then hour, minute and second as far as they are told, then decimals of the second, all without
signs between. Axes: N rows.
"""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from ..errors import ColumnError, DataError
from .table import Column

WHOLE = 14  # digits down to the second
FORMS = {8: "YYYYMMDD", 10: "YYYYMMDDHH", 12: "YYYYMMDDHHMM", WHOLE: "YYYYMMDDHHMMSS"}
MOST = 20  # digits: down to the microsecond
# Numbers of 10, 16 and 19 digits are today's Unix times too, in s, µs and ns: those of 1900 are of 2030 then.
YEARS, YEARS_OF_UNIX_TIMES = (1600, 2399), (1900, 2399)
UNIX_WIDTHS = (10, 16, 19)
USUAL = 0.5  # of all numbers: where so many are dates, the others are mistakes
EXACT, EXACT_SINGLE = 2**53, 2**24  # float64 and float32 hold all whole numbers up to these
TEXT = r"^\+?([0-9]{8,20})(?:\.([0-9]*))?$"


class InexactError(DataError):
    """Numbers of a column were rounded when they were read; where they came from text, that still has their digits.

    ``column``: its name.
    """

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


class Form(NamedTuple):
    """How dates are written: the number of digits before the point."""

    width: int

    @property
    def words(self) -> str:
        """YYYYMMDD or the like; f for each digit below the second."""
        return FORMS.get(self.width) or FORMS[WHOLE] + "f" * (self.width - WHOLE)


def find_form(values: np.ndarray) -> Form | None:
    """The form that most numbers (N,) have as dates; None where they are none.

    What looks like a date by chance is one in thirty numbers at most, so that half of them tell.
    """
    if not len(values) or not any(width_of(value) for value in values[[0, len(values) // 2, -1]]):
        return None
    finite = values[np.isfinite(values)]
    width = width_of(float(np.partition(finite, len(finite) // 2)[len(finite) // 2]))
    if not width or np.isfinite(seconds_of(*heads(finite, width))).mean() <= USUAL:
        return None
    return Form(width)


def one_date(value: object) -> float | None:
    """The seconds of a single date written as digits, a number or text, as ``seconds_of``; None for all else.

    Where a number is a Unix time of today too it is none: one alone does not tell.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = re.fullmatch(r"([0-9]{8,20})(?:\.([0-9]{0,9}))?", str(value).strip(), re.ASCII)
    if match is None:
        return None
    digits, decimals = match[1], (match[2] or "").rstrip("0")
    if not width_of(float(digits)) or len(digits) in UNIX_WIDTHS or (decimals and len(digits) != WHOLE):
        return None
    head = np.array([int(digits[:WHOLE].ljust(WHOLE, "0"))])
    moment = float(seconds_of(head, np.array([float(f"0.{digits[WHOLE:]}{decimals}0")]))[0])
    return moment if np.isfinite(moment) else None


def width_of(value: float) -> int:
    """How many digits a number has that may be a date; 0 for others."""
    if not 10 ** (min(FORMS) - 1) <= value < 10**MOST:
        return 0
    width = len(str(int(value)))
    if width not in FORMS and width < WHOLE:
        return 0
    least, most = YEARS_OF_UNIX_TIMES if width in UNIX_WIDTHS else YEARS
    return width if least <= int(value) // 10 ** (width - 4) <= most else 0


def heads(values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (N,) of so many digits as 14 digits (N,), -1 for others, and the fraction of a second, about (N,)."""
    other = ~((values >= 10.0 ** (width - 1)) & (values < 10.0**width))
    whole = np.where(other, 0.0, values)
    if width <= WHOLE:
        head, rest = np.divmod(whole, 1.0)
        other |= (rest > 0) & (width < WHOLE)
        head = head * 10.0 ** (WHOLE - width)
    else:
        head, rest = np.divmod(whole, 10.0 ** (width - WHOLE))
        rest = rest / 10.0 ** (width - WHOLE)
    return np.where(other, -1, head.astype(np.int64)), rest


def seconds_of(head: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Seconds since the first of January 1970 on the clock that was read, (N,); NaN where there is no such date.

    Args:
        head: (N,) int64, year to second in 14 digits.
        fraction: (N,) of a second.
    """
    date, clock = np.divmod(head, 10**6)
    year, month, day = date // 10**4, date // 100 % 100, date % 100
    hour, minute, second = clock // 10**4, clock // 100 % 100, clock % 100
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    length = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(np.int64)
    known = (head >= 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    known &= (hour < 24) & (minute < 60) & (second < 60)
    days = first.astype("datetime64[D]").astype(np.int64) + day - 1
    return np.where(known, days * 86_400.0 + (hour * 3600 + minute * 60 + second) + fraction, np.nan)


def read_digits(column: Column, values: np.ndarray, form: Form) -> np.ndarray:
    """The seconds of a column of dates, (N,), on the clock that was read; NaN for an empty cell.

    Args:
        values: (N,) the column as numbers.

    Raises:
        ColumnError: a cell is no date of this form.
        InexactError: numbers of floating point hold fewer digits than the dates have.
    """
    exact, most = is_exact(column, values)
    if not exact:
        held = "float64" if column.cells.name in column.table.arrays else str(column.cells.dtype)
        raise InexactError(
            f"{column.table.name}: the {column.role} column {column.cells.name!r} looks like dates written as digits "
            f"({form.words}), but {held} holds whole numbers up to {most:,} only and rounds these. "
            "Bring them as text, as whole numbers, or as datetimes.",
            column.cells.name,
        )
    if form.width <= WHOLE and is_whole(values):
        head, fraction = heads(values, form.width)
    else:
        head, fraction = heads_of_text(as_text(column), form.width)
    seconds = seconds_of(head, fraction)
    wrong = np.isnan(seconds) & ~np.isnan(values)
    if wrong.any():
        raise ColumnError(
            f"{column.at(int(wrong.argmax()))}, while most times are dates written as digits, {form.words}. "
            "Mend the row, or write times like 2018-08-13T03:36:35Z."
        )
    return seconds


def is_exact(column: Column, values: np.ndarray) -> tuple[bool, int]:
    """Whether no digit of a column of numbers was lost, and up to which whole number none is."""
    cells, held = column.cells, column.cells.name in column.table.arrays
    if not held and not cells.dtype.is_float():
        return True, 0
    most = EXACT if held or cells.dtype == pl.Float64 else EXACT_SINGLE
    return is_whole(values) and bool(np.fmax.reduce(values) <= most), most


def is_whole(values: np.ndarray) -> bool:
    """Whether numbers (N,) have no fraction; NaN has none."""
    return bool((np.isnan(values) | (np.floor(values) == values)).all())


def as_text(column: Column) -> pl.Series:
    """The digits of a column."""
    cells = column.cells
    return (
        cells.cast(pl.Int64).cast(pl.String) if cells.dtype.is_float() else column.text()
    ).str.strip_chars()


def heads_of_text(text: pl.Series, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Text of so many digits before the point, as ``heads``, exactly."""
    digits, decimals = text.str.extract(TEXT, 1), text.str.extract(TEXT, 2).fill_null("")
    decimals = decimals.str.strip_chars_end("0")
    fits = (digits.str.len_chars() == width) & ((decimals == "") | (width == WHOLE))
    head = digits.str.slice(0, WHOLE).str.pad_end(WHOLE, "0").cast(pl.Int64)
    rest = pl.select("0." + digits.str.slice(WHOLE) + decimals + "0").to_series().cast(pl.Float64)
    known = fits.fill_null(False).to_numpy()
    return np.where(known, head.fill_null(-1).to_numpy(), -1), rest.fill_null(0.0).to_numpy()
