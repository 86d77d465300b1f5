"""A table of raw cells, and columns that can report the position of a bad cell."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ..errors import ColumnError

SHOWN_CHARACTERS = 40  # a cell of a hostile file may be megabytes long


@dataclass(frozen=True, eq=False)
class Table:
    """A table that was read but not yet understood.

    Args:
        frame: the cells that were read.
        name: what messages call it, "trades.csv" or "the data frame".
        first_row: the number that a reader of the source gives to the first row of data.
        in_file: rows are lines of a text file, not rows of a table counted from 0.
        notes: sentences on what was guessed while reading.
        thing: what a row is: "trade", "bar" or "row".
        header: the names of all columns of the source; () where all were read.
        arrays: columns that were read as numbers, (N,) float64, finite, or NaN for an empty cell.
    """

    frame: pl.DataFrame
    name: str
    first_row: int = 0
    in_file: bool = False
    notes: tuple[str, ...] = ()
    thing: str = "trade"
    header: tuple[str, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the columns of the source."""
        return list(self.header) or self.frame.columns

    @property
    def height(self) -> int:
        """The number of rows."""
        return self.frame.height

    def cells(self, name: str) -> pl.Series:
        """The cells of one column."""
        return self.frame[name]

    def row(self, index: int) -> str:
        """Name the row at ``index`` as its reader would find it."""
        number = self.first_row + index
        return f"row {number} of the file" if self.in_file else f"row {number} of the table (counted from 0)"


@dataclass(frozen=True, eq=False)
class Column:
    """The cells of a table that play one role: time, price, target and so on."""

    role: str
    cells: pl.Series
    table: Table

    def at(self, index: int) -> str:
        """Name a cell as the beginning of a message: file, role, row and what it holds."""
        cell = self.cells[index]
        if self.cells.name in self.table.arrays and cell != cell:  # NaN stands for an empty cell there
            cell = None
        return f"{self.table.name}: the {self.role} in {self.table.row(index)} is {show(cell)}"

    def text(self) -> pl.Series:
        """The cells as text.

        Raises:
            ColumnError: they hold lists or the like.
        """
        try:
            return self.cells.cast(pl.String)
        except pl.exceptions.PolarsError:
            raise ColumnError(
                f"{self.table.name}: the {self.role} column {self.cells.name!r} holds {self.cells.dtype}, not text. "
                f"Choose {self.remedy()}."
            ) from None

    def remedy(self) -> str:
        """Say how to choose another column for this role."""
        return f"another column with {flag(self.role)}"


OPTIONS = ("target", "covariates", "known", "id of the series")  # roles that have an option of their own


def flag(role: str, name: str = "NAME") -> str:
    """How a column is chosen, on the command line and in Python."""
    if role in OPTIONS:
        option = role.split()[0]
        return f"--{option} {name} (in Python {option}=)"
    return f"--column {role}={name} (in Python columns={{{role!r}: {name!r}}})"


def show(value: object) -> str:
    """A cell, short enough for a message."""
    if value is None:
        return "empty"
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
