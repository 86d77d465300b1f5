"""Large CSV files in blocks of whole lines, straight to numbers.

A block is held as text only while it is read, so that a file takes little more memory than its numbers. Whatever is
out of the ordinary - a cell that is no number, a row with a cell too many - ends the attempt, and is explained from the
block that it is in.

Axes: N rows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import IO

import numpy as np
import polars as pl

from .csv_files import BLANK_LINES, Dialect, blank_rows
from .growing import Chunks, too_much

BLOCK_BYTES = 4 * 2**20
MOST_ROW = 4  # blocks: a longer row is none
MOST_BYTES = 64 * 2**30  # of text, after unpacking: a small .gz can hold more than any memory
ASK_AT = 2**30  # bytes of numbers: then it is asked how many there will be
MARK = b"\xef\xbb\xbf"  # the byte order mark of UTF-8


class UnusualError(Exception):
    """A source is not plain enough to be read in blocks.

    Args:
        row: of the source, counted from 0, that is wrong, or with which the block begins.
        column: whose cell is wrong; "" where the block cannot be cut into cells.
        first: the row with which the block begins.
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
        size: how many bytes the text has, asked of a large one, so that one that is too large is refused early.

    Raises:
        UnusualError: there is something that its block must explain.
        TooMuchError: the columns take more memory than may be had.   TooLargeError: there is no end.
    """
    chunks = Chunks(names)
    schema = dict.fromkeys(dialect.names, pl.String)
    rows = blank = read = 0
    for block in blocks(file, skip=not dialect.headerless):
        try:
            frame = cut(block, schema, dialect.separator)
        except UnusualError:
            raise UnusualError(rows, "", rows, block) from None
        for name in names:
            cells = frame[name]
            chunks.append(name, _part(chunks, name, frame, rows) if name in numeric else cells)
        behind = blank_rows(frame)
        blank = behind + (blank if behind == len(frame) else 0)
        rows, read = rows + len(frame), read + len(block)
        if size is not None and chunks.kept > ASK_AT:
            expected = chunks.kept * max(size() / read, 1.0)
            size = None
            if expected > chunks.most:
                raise too_much(int(expected), chunks.most, "about ")
    return chunks.joined(min(blank, BLANK_LINES))


def _part(chunks: Chunks, name: str, frame: pl.DataFrame, rows: int) -> np.ndarray | pl.Series:
    """The cells of a column as numbers, or as text where its first filled cell is none."""
    cells = frame[name]
    if name in chunks.others:
        return cells
    found, wrong = numbers(cells)
    if wrong is None:
        return found
    if name not in chunks.numbers and not len(
        cells.head(wrong).str.strip_chars().replace("", None).drop_nulls()
    ):
        return cells
    raise UnusualError(rows + wrong, name, rows, frame)


def blocks(file: IO[bytes], skip: bool) -> Iterator[bytes]:
    """Whole rows, some megabytes at a time; the first line is left out where ``skip``."""
    rest: list[bytes] = []  # of the next block: text behind the last line, or within quotes
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
    """Where the last whole row of a text ends; 0 where none does."""
    end = text.rfind(b"\n") + 1
    quotes = text.count(b'"', 0, end)
    while end and quotes % 2:  # the end of a line within a cell
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
    if not block.strip(b"\r\n"):  # polars has no data then
        return pl.DataFrame(schema=schema).clear(block.count(b"\n"))
    try:
        return pl.read_csv(block, has_header=False, separator=separator, schema=schema)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise UnusualError from None


def numbers(cells: pl.Series) -> tuple[np.ndarray, int | None]:
    """Text as numbers, NaN for an empty cell, and the first cell that is no finite number; None: all are."""
    found = cells.cast(pl.Float64, strict=False)
    wrong = None
    if found.null_count():
        text = cells.str.strip_chars()
        text = text.set(text == "", None)
        found = text.cast(pl.Float64, strict=False)
        if found.null_count() > text.null_count():
            wrong = int((found.is_null() & text.is_not_null()).arg_true()[0])
    array = found.fill_null(np.nan).to_numpy()
    odd = (found.is_nan() | found.is_infinite()).fill_null(False).arg_true()
    if len(odd):
        wrong = int(odd[0]) if wrong is None else min(wrong, int(odd[0]))
    return array, wrong


def gathered(frames: Iterable[pl.DataFrame], names: Collection[str], numeric: Collection[str]) -> Chunks:
    """Columns of frames that come one after another, as ``read_blocks`` has them.

    Raises:
        UnusualError: a number is NaN or infinite.   TooMuchError: they take more memory than may be had.
    """
    chunks = Chunks(names)
    rows = 0
    for frame in frames:
        for name in names:
            cells = frame[name]
            plain = name in numeric and cells.dtype.is_numeric() and not cells.dtype.is_decimal()
            if plain and cells.dtype.is_float():
                odd = (~cells.is_finite()).fill_null(False).arg_true()
                if len(odd):
                    raise UnusualError(rows + int(odd[0]), name, rows, frame)
            chunks.append(name, cells.cast(pl.Float64).fill_null(np.nan).to_numpy() if plain else cells)
        rows += len(frame)
    return chunks
