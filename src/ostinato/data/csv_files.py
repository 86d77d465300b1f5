"""Read the text of a CSV file into a table of text.

Cells stay text here: whether a column holds numbers or times is for those who know its role, and they
can name the row of a cell that does not. blocks.py is for files that are large and hold no such cell.
"""

import csv
import io
from typing import NamedTuple

import polars as pl

from ..errors import ColumnError, DataError
from .table import Table

SEPARATORS = (",", ";", "\t", "|")
HEAD_BYTES = 2**16  # a header line longer than this is no header
UTF16 = (b"\xff\xfe", b"\xfe\xff")
BARE_NAMES = ["time", "price", "amount"]  # the columns of a file without a header, as bitcoincharts has them
BLANK_LINES = 1000  # so many empty lines at the end of a file are forgiven


class Dialect(NamedTuple):
    """How the text of a CSV file is to be cut: names of the columns, the letter between cells, a header or none."""

    names: list[str]
    separator: str
    headerless: bool

    @property
    def first_row(self) -> int:
        """The line of the first row of data."""
        return 1 if self.headerless else 2

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was guessed."""
        taken = f"the file has no header; its columns were taken as {', '.join(self.names)}"
        cut = f"columns are separated by {self.separator!r}"
        return (taken,) * self.headerless + (cut,) * (self.separator != ",")


def find_dialect(head: bytes, name: str) -> Dialect:
    """Understand the first line: a header, or three columns of numbers without one.

    Args:
        head: the beginning of the text, HEAD_BYTES of it and one more where there are so many.
        name: of the file, for messages.

    Raises:
        DataError: this is no text, not UTF-8, or empty.   ColumnError: the header is unusable.
    """
    line = first_line(head, name)
    separator = max(SEPARATORS, key=line.count)
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
    headerless = all(is_number(cell) for cell in cells)
    names = bare_names(cells, name) if headerless else header_names(cells, name)
    return Dialect(names, separator, headerless)


def read_csv(content: bytes, name: str) -> Table:
    """Read CSV text as a table of text.

    Args:
        content: UTF-8 text, with or without a byte order mark.
        name: of the file, for messages.

    Raises:
        DataError: this is no text, not UTF-8, or has no rows.   ColumnError: the header is unusable.
    """
    dialect = find_dialect(content[: HEAD_BYTES + 1], name)
    frame = parse(content, name, dialect.names, dialect.separator, skip=dialect.first_row - 1)
    return Table(frame, name, dialect.first_row, True, dialect.notes)


def first_line(content: bytes, name: str) -> str:
    """The header, or the first row of a file without one."""
    head = content[:HEAD_BYTES]
    if head.startswith(UTF16):
        raise DataError(f"{name} is UTF-16 text. Save it as UTF-8.")
    if b"\0" in head:
        raise DataError(f"{name} is neither text nor parquet. Name a .csv, .csv.gz or .parquet file.")
    if not head.strip():
        raise DataError(f"{name} is empty. A table needs a header and at least one row.")
    line, newline, _ = head.partition(b"\n")
    if not newline and len(content) > HEAD_BYTES:
        raise DataError(f"{name} is no CSV file: its first line is longer than {HEAD_BYTES:,} bytes.")
    try:
        return line.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError as error:
        raise DataError(not_utf8(line, name)) from error


def is_number(cell: str) -> bool:
    """Whether a cell of the first line is data, so that the line is no header."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def bare_names(cells: list[str], name: str) -> list[str]:
    """Name the columns of a file without a header; only three can be told apart."""
    if len(cells) != len(BARE_NAMES):
        raise ColumnError(
            f"{name} has no header and {len(cells)} columns; without a header it must have three: time, "
            "price, amount. Add a first line with the names of the columns."
        )
    return BARE_NAMES


def header_names(cells: list[str], name: str) -> list[str]:
    """The names in a header; a column without one is called as pandas calls it."""
    names = [cell or f"Unnamed: {position}" for position, cell in enumerate(cells)]
    twice = [cell for position, cell in enumerate(names) if cell in names[:position]]
    if twice:
        raise ColumnError(f"{name} has two columns named {twice[0]!r}. Rename one of them.")
    return names


def parse(content: bytes, name: str, names: list[str], separator: str, skip: int) -> pl.DataFrame:
    """Cut the text into cells."""
    schema = dict.fromkeys(names, pl.String)
    try:
        frame = pl.read_csv(content, has_header=False, skip_rows=skip, separator=separator, schema=schema)
    except pl.exceptions.NoDataError as error:
        raise DataError(no_rows(name)) from error
    except pl.exceptions.PolarsError as error:
        raise DataError(explain(content, name, len(names), separator)) from error
    frame = without_blank_end(frame)
    if frame.is_empty():
        raise DataError(no_rows(name))
    return frame


def no_rows(name: str) -> str:
    """What is wrong with a header alone."""
    return f"{name} has a header but no rows. At least one is needed."


def without_blank_end(frame: pl.DataFrame) -> pl.DataFrame:
    """Drop empty lines at the end, which editors leave there."""
    return frame.head(frame.height - min(blank_rows(frame.tail(BLANK_LINES)), BLANK_LINES))


def blank_rows(frame: pl.DataFrame) -> int:
    """How many empty lines there are at the end."""
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    kept = blank.not_().arg_true()
    last = kept[-1] if len(kept) else -1
    return len(blank) - 1 - int(last)


def explain(content: bytes, name: str, columns: int, separator: str, first: int = 1) -> str:
    """Find out, slowly, why polars could not read the text, whose first row has the number ``first``.

    Its own words name no row.
    """
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    try:
        for row, cells in enumerate(csv.reader(text, delimiter=separator), start=first):
            if cells and len(cells) != columns:
                return f"{name}: row {row} of the file has {len(cells)} cells, not {columns}. Mend the row."
    except UnicodeDecodeError:
        return not_utf8(content, name, first)
    except csv.Error:
        pass  # a cell beyond csv's limit: an open quote that swallowed the rest
    return f"{name} is no CSV file that can be read. A quotation mark may never be closed."


def not_utf8(content: bytes, name: str, first: int = 1) -> str:
    """Name the row and the byte that are not UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + first
        byte = f"byte 0x{content[error.start]:02x}"
        return f"{name} is not UTF-8 text: row {row} of the file holds {byte}. Save it as UTF-8."
    return f"{name} is not UTF-8 text. Save it as UTF-8."
