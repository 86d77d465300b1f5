"""Large CSV files in blocks of whole lines, straight to numbers.

A block is held as text only while it is read, so that a file takes little more memory than its numbers. Whatever is
out of the ordinary - a cell that is no number, a row with a cell too many, a line within quotes - ends the attempt:
the file is then read whole, as text, by those who can say what is wrong with which row.

Axes: N rows.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import IO

import numpy as np
import polars as pl

from .csv_files import Dialect, without_blank_end

BLOCK_BYTES = 4 * 2**20
MOST_BYTES = 16 * 2**30  # of text, after unpacking: a small .gz can hold more than any memory
MORE_ROWS = 2**20  # by which an array of numbers grows at least
MARK = b"\xef\xbb\xbf"  # the byte order mark of UTF-8


class UnusualError(Exception):
    """The file is not plain enough to be read in blocks."""


class TooLargeError(Exception):
    """The file holds more than MOST_BYTES of text."""


class Growing:
    """Numbers that come in pieces, in one array that grows in its place: pieces and their sum are never both there."""

    def __init__(self) -> None:
        self.array = np.empty(0)
        self.length = 0

    def append(self, part: np.ndarray) -> None:
        """Add numbers at the end."""
        end = self.length + len(part)
        if end > len(self.array):
            self.array.resize(end + max(MORE_ROWS, end // 8), refcheck=False)
        self.array[self.length : end] = part
        self.length = end

    def whole(self) -> np.ndarray:
        """All of them, (N,)."""
        self.array.resize(self.length, refcheck=False)
        return self.array


class Chunks:
    """Columns that grow by blocks, (N,) each: of numbers as arrays, of anything else as series."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names
        self.numbers: dict[str, Growing] = {}
        self.others: dict[str, list[pl.Series]] = {}

    def append(self, name: str, part: np.ndarray | pl.Series) -> None:
        """Add the next rows of a column.

        Raises:
            UnusualError: the rows before were of another type.
        """
        if isinstance(part, pl.Series):
            self.others.setdefault(name, []).append(part)
        else:
            self.numbers.setdefault(name, Growing()).append(part)
        if name in self.numbers and name in self.others:
            raise UnusualError

    def joined(self) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
        """The columns as a frame, and those of numbers as arrays in the same memory."""
        arrays = {name: growing.whole() for name, growing in self.numbers.items()}
        columns = [pl.Series(name, array) for name, array in arrays.items()]
        columns += [pl.concat(parts).alias(name) for name, parts in self.others.items()]
        frame = (
            pl.DataFrame(columns) if columns else pl.DataFrame(schema=dict.fromkeys(self.names, pl.String))
        )
        return frame, arrays


def read_blocks(
    file: IO[bytes], dialect: Dialect, names: Collection[str], numeric: Collection[str]
) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """Read some columns of a CSV file.

    Args:
        file: open at its beginning.
        names: of the columns to read; ``numeric`` are those of numbers where they hold nothing else.

    Raises:
        UnusualError: there is something that only the whole text can explain.
    """
    chunks = Chunks(names)
    schema = dict.fromkeys(dialect.names, pl.String)
    for block in blocks(file, skip=not dialect.headerless):
        frame = cut(block, schema, dialect.separator)
        for name in names:
            cells = frame[name]
            chunks.append(name, numbers(cells) if name in numeric else cells)
    return chunks.joined()


def blocks(file: IO[bytes], skip: bool) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time; the first line is left out where ``skip``."""
    rest = b""
    first = True
    total = 0
    while piece := file.read(BLOCK_BYTES):
        total += len(piece)
        if total > MOST_BYTES:
            raise TooLargeError
        whole, newline, after = piece.rpartition(b"\n")
        if not newline:
            rest += piece
            if len(rest) > 4 * BLOCK_BYTES:
                raise UnusualError
            continue
        block, rest = rest + whole + newline, after
        if first:
            block = block.partition(b"\n")[2] if skip else block.removeprefix(MARK)
            first = False
        if block:
            yield block
    if rest and not (first and skip):
        yield rest.removeprefix(MARK) if first else rest


def cut(
    block: bytes, schema: dict[str, pl.DataType] | dict[str, type[pl.String]], separator: str
) -> pl.DataFrame:
    """The cells of a block as text."""
    if block.count(b'"') % 2:
        raise UnusualError
    try:
        frame = pl.read_csv(block, has_header=False, separator=separator, schema=schema)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise UnusualError from None
    return without_blank_end(frame)


def numbers(cells: pl.Series) -> np.ndarray | pl.Series:
    """Text as finite numbers, NaN for an empty cell; the text itself where its first cell is none.

    Raises:
        UnusualError: another cell is not a finite number.
    """
    found = cells.cast(pl.Float64, strict=False)
    if found.null_count():
        text = cells.str.strip_chars()
        text = text.set(text == "", None)
        found = text.cast(pl.Float64, strict=False)
        if found.null_count() > text.null_count():
            if found.head(1).null_count():
                return cells
            raise UnusualError
    array = found.fill_null(np.nan).to_numpy()
    if np.isinf(array).any() or found.is_nan().any():
        raise UnusualError
    return array


def gathered(frames: Iterable[pl.DataFrame], names: Collection[str], numeric: Collection[str]) -> Chunks:
    """Columns of frames that come one after another, as ``read_blocks`` has them.

    Raises:
        UnusualError: a number is NaN or infinite.
    """
    chunks = Chunks(names)
    for frame in frames:
        for name in names:
            cells = frame[name]
            plain = name in numeric and cells.dtype.is_numeric() and not cells.dtype.is_decimal()
            if plain and cells.dtype.is_float() and not cells.drop_nulls().is_finite().all():
                raise UnusualError
            chunks.append(name, cells.cast(pl.Float64).fill_null(np.nan).to_numpy() if plain else cells)
    return chunks
