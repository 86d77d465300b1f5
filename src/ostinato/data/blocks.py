"""Large CSV files in blocks of whole lines, straight to numbers.

Only one block is held as text at a time, so a file takes little more memory than its numbers. A cell that is not a
number, or a row with too many cells, ends the attempt with ``UnusualError``; the caller explains it from the text of
that block.

Axes: N rows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import IO

import numpy as np
import polars as pl

from .column_buffers import ColumnBuffers, too_much_memory
from .csv_files import BLANK_LINES, Dialect, blank_rows

BLOCK_BYTES = 4 * 2**20
MOST_ROW = 4  # blocks in one row: longer text is not a CSV file
MOST_BYTES = 64 * 2**30  # of text, after unpacking: a small .gz can hold more than any memory
ASK_AT = 2**30  # bytes of numbers, after which the total is estimated and refused early if too large
MARK = b"\xef\xbb\xbf"  # the byte order mark of UTF-8


class UnusualError(Exception):
    """A source cannot be read in blocks: a cell is not a number, or a block cannot be split into cells.

    Args:
        row: the failing row of the source, counted from 0; the first row of the block if it is not known.
        column: the column of the failing cell; "" if the block cannot be split into cells.
        first: the first row of the block.
        block: its text, or its cells.
    """

    def __init__(
        self, row: int = 0, column: str = "", first: int = 0, block: bytes | pl.DataFrame = b""
    ) -> None:
        super().__init__()
        self.row, self.column, self.first, self.block = row, column, first, block


class TooLargeError(Exception):
    """The file holds more than MOST_BYTES of text."""


def read_blocks(
    file: IO[bytes],
    dialect: Dialect,
    names: Collection[str],
    numeric: Collection[str],
    size: Callable[[], int] | None = None,
) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """Read some columns of a CSV file.

    Args:
        file: open at its beginning.
        names: of the columns to read; ``numeric`` are those of numbers where they hold nothing else.
        size: returns the bytes of the text; called once for a large file, to estimate the memory that it needs.

    Raises:
        UnusualError: a cell is not a number, or a block cannot be split into cells.
        TooMuchError: the columns need more memory than allowed.   TooLargeError: more than MOST_BYTES of text.
    """
    buffers = ColumnBuffers(names)
    schema = dict.fromkeys(dialect.names, pl.String)
    rows = blank = read = 0
    for block in blocks(file, skip=not dialect.headerless):
        try:
            frame = cut(block, schema, dialect.separator)
        except UnusualError:
            raise UnusualError(rows, "", rows, block) from None
        for name in names:
            cells = frame[name]
            buffers.append(name, _part(buffers, name, frame, rows) if name in numeric else cells)
        behind = blank_rows(frame)
        blank = behind + (blank if behind == len(frame) else 0)
        rows, read = rows + len(frame), read + len(block)
        if size is not None and buffers.kept > ASK_AT:
            expected = buffers.kept * max(size() / read, 1.0)
            size = None
            if expected > buffers.most:
                raise too_much_memory(int(expected), buffers.most, "about ")
    return buffers.to_frame(min(blank, BLANK_LINES))


def _part(buffers: ColumnBuffers, name: str, frame: pl.DataFrame, rows: int) -> np.ndarray | pl.Series:
    """The cells of a column as numbers, or as text if its first filled cell is not a number."""
    cells = frame[name]
    if name in buffers.others:
        return cells
    found, wrong = numbers(cells)
    if wrong is None:
        return found
    if name not in buffers.numbers and not len(
        cells.head(wrong).str.strip_chars().replace("", None).drop_nulls()
    ):
        return cells
    raise UnusualError(rows + wrong, name, rows, frame)


def blocks(file: IO[bytes], skip: bool) -> Iterator[bytes]:
    """Yield complete rows, some megabytes at a time; with ``skip``, without the first line.

    A line break within quotes does not end a row. Quotes are doubled inside a quoted cell, so the number of quotes up
    to a true end of a row is even; counting them is all the parsing that finding the end needs.
    """
    rest: list[bytes] = []  # the beginning of the next block: text after the last complete row
    first = True
    total = quotes = 0
    while piece := file.read(BLOCK_BYTES):
        total += len(piece)
        if total > MOST_BYTES:
            raise TooLargeError
        whole, newline, after = piece.rpartition(b"\n")
        inside = quotes + whole.count(b'"')
        if not newline or inside % 2:
            rest.append(piece)
            quotes += piece.count(b'"')
            if len(rest) > MOST_ROW:
                break
            continue
        block, rest, quotes = b"".join((*rest, whole, newline)), [after], after.count(b'"')
        if first:
            block, first = _without_head(block, skip), False
        if block:
            yield block
    last = b"".join(rest)
    if first:
        last = _without_head(last, skip)
    if last:
        yield last


def end_of_rows(text: bytes) -> int:
    """The end of the last complete row of a text; 0 if there is none."""
    end = text.rfind(b"\n") + 1
    quotes = text.count(b'"', 0, end)
    while end and quotes % 2:  # this line break is inside a quoted cell
        before = text.rfind(b"\n", 0, end - 1) + 1
        quotes -= text.count(b'"', before, end)
        end = before
    return end


def _without_head(block: bytes, skip: bool) -> bytes:
    return block.partition(b"\n")[2] if skip else block.removeprefix(MARK)


def cut(
    block: bytes, schema: dict[str, pl.DataType] | dict[str, type[pl.String]], separator: str
) -> pl.DataFrame:
    """The cells of a block as text."""
    if block.count(b'"') % 2 or len(block) > MOST_ROW * BLOCK_BYTES:
        raise UnusualError
    if not block.strip(b"\r\n"):  # polars raises for a text of blank lines
        return pl.DataFrame(schema=schema).clear(block.count(b"\n"))
    try:
        return pl.read_csv(block, has_header=False, separator=separator, schema=schema)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise UnusualError from None


def numbers(cells: pl.Series) -> tuple[np.ndarray, int | None]:
    """Text as numbers (NaN for an empty cell), and the first cell that is not a finite number, or None."""
    found = cells.cast(pl.Float64, strict=False)
    wrong = None
    if found.null_count():
        text = cells.str.strip_chars()
        text = text.set(text == "", None)
        found = text.cast(pl.Float64, strict=False)
        if found.null_count() > text.null_count():
            wrong = int((found.is_null() & text.is_not_null()).arg_true()[0])
    array = found.fill_null(np.nan).to_numpy()
    invalid = (found.is_nan() | found.is_infinite()).fill_null(False).arg_true()
    if len(invalid):
        wrong = int(invalid[0]) if wrong is None else min(wrong, int(invalid[0]))
    return array, wrong


def buffer_frames(
    frames: Iterable[pl.DataFrame], names: Collection[str], numeric: Collection[str]
) -> ColumnBuffers:
    """Collect the columns of consecutive frames, as ``read_blocks`` does for text.

    Raises:
        UnusualError: a number is NaN or infinite.   TooMuchError: the columns need more memory than allowed.
    """
    buffers = ColumnBuffers(names)
    rows = 0
    for frame in frames:
        for name in names:
            cells = frame[name]
            plain = name in numeric and cells.dtype.is_numeric() and not cells.dtype.is_decimal()
            if plain and cells.dtype.is_float():
                invalid = (~cells.is_finite()).fill_null(False).arg_true()
                if len(invalid):
                    raise UnusualError(rows + int(invalid[0]), name, rows, frame)
            buffers.append(name, cells.cast(pl.Float64).fill_null(np.nan).to_numpy() if plain else cells)
        rows += len(frame)
    return buffers
