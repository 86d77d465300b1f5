"""Parse prices and amounts to float64; an error names the row of a cell that is not a number."""

import numpy as np
import polars as pl

from ..errors import ColumnError, DataError
from .table import Column

MOST = 1e30  # no price and no quantity is larger; float32, which networks compute in, ends at 3e38


def positive(column: Column, empty: np.ndarray | None = None) -> np.ndarray:
    """A column of finite numbers above 0, (N,) float64; NaN is allowed where a cell may be ``empty`` (N,).

    Raises:
        ColumnError: a cell is not a number.   DataError: a number is missing or out of range.
    """
    values = floats(column)
    refuse(column, ~(np.isfinite(values) & (values > 0) | _allowed(values, empty)), "a finite number above 0")
    refuse_huge(column, values)
    return values


def not_negative(column: Column, empty: np.ndarray | None = None) -> np.ndarray:
    """A column of finite numbers, 0 or above, (N,) float64; NaN is allowed where a cell may be ``empty`` (N,).

    Raises:
        ColumnError: a cell is not a number.   DataError: a number is missing or out of range.
    """
    values = floats(column)
    refuse(
        column,
        ~(np.isfinite(values) & (values >= 0) | _allowed(values, empty)),
        "a finite number, 0 or above",
    )
    refuse_huge(column, values)
    return values


def _allowed(values: np.ndarray, empty: np.ndarray | None) -> np.ndarray | bool:
    return False if empty is None else empty & np.isnan(values)


def floats(column: Column) -> np.ndarray:
    """The cells as float64, (N,); an empty cell is NaN.

    Raises:
        ColumnError: a cell is not a number.
    """
    cells = column.cells
    if cells.name in column.table.arrays:
        return column.table.arrays[cells.name]
    if cells.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Object):
        cells = parsed(column)
    elif not (cells.dtype.is_numeric() or cells.dtype == pl.Null):
        raise ColumnError(
            f"{column.table.name}: the {column.role} column {cells.name!r} holds {cells.dtype}, not numbers. "
            f"Choose {column.remedy()}."
        )
    return cells.cast(pl.Float64).fill_null(np.nan).to_numpy(writable=True)


def parsed(column: Column) -> pl.Series:
    """Text to numbers; an empty cell is null."""
    text = column.text().str.strip_chars()
    text = text.set(text == "", None)
    numbers = text.cast(pl.Float64, strict=False)
    wrong = (numbers.is_null() & text.is_not_null()).arg_true()
    if len(wrong):
        raise ColumnError(
            f"{column.at(wrong[0])}, which is not a number. Mend it, or choose {column.remedy()}."
        )
    return numbers


def refuse_huge(column: Column, values: np.ndarray) -> None:
    """Raise for the first number whose square could no longer be summed.

    Raises:
        DataError: there is one.
    """
    refuse(column, np.abs(values) > MOST, f"between -{MOST:g} and {MOST:g}")


def refuse(column: Column, bad: np.ndarray, allowed: str) -> None:
    """Raise for the first bad cell.

    Raises:
        DataError: there is one.
    """
    if bad.any():
        more = f" ({bad.sum() - 1:,} more like it)" if bad.sum() > 1 else ""
        raise DataError(
            f"{column.at(int(bad.argmax()))}{more}; it must be {allowed}. Mend or remove the row."
        )
