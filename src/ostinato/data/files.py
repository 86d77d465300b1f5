"""Open a table: a CSV file, a parquet file, or a data frame of any library."""

import gzip
import re
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import IO, Any, TypeVar

import narwhals as nw
import polars as pl

from ..errors import ColumnError, DataError
from ..files.forking import use_threads
from ..files.parquet import Batches, Limits, ParquetError
from . import blocks
from .blocks import TooLargeError, UnusualError, buffer_frames, read_blocks
from .column_buffers import TooMuchError, memory_limit, too_much_memory
from .csv_files import HEAD_BYTES, explain, find_dialect, no_rows, read_csv
from .digits import InexactError
from .report import counted
from .table import Table

# A larger text is never held as a whole: it is read block by block into numbers, and its first bytes
# are tried before, so that a file of rubbish is refused at once.
TRIED_BYTES = 8 * 2**20
GZIP, PARQUET, ZIP = b"\x1f\x8b", b"PAR1", b"PK\x03\x04"
PARQUET_LIMITS = Limits(rows=2_000_000_000, kept=0, seconds=1800.0)
T = TypeVar("T")


class Source:
    """A table whose columns are known before its rows are read.

    ``header`` is a table without rows, or with them if they are in memory already.
    """

    header: Table

    def read(self, names: Collection[str], numeric: Collection[str]) -> Table:
        """Read some columns; those in ``numeric`` become float64 arrays if they hold only numbers."""
        return self.read_all()

    def read_all(self) -> Table:
        """Read all columns without converting any cell."""
        return self.header

    def head(self) -> Table | None:
        """The beginning of a source that is too large for ``read_all``; None for others."""
        return None

    @property
    def fits_in_memory(self) -> bool:
        """Whether ``read_all`` may be called: unconverted text takes many times the memory of its numbers."""
        return True

    def rows_around(self, error: UnusualError) -> Table:
        """The block of rows with the cell that could not be read, unconverted.

        Raises:
            DataError: the block cannot be split into cells.
        """
        raise NotImplementedError


class Frame(Source):
    """A data frame."""

    def __init__(self, source: object) -> None:
        self.header = load_frame(source)


class Text(Source):
    """A CSV file, packed with gzip or not."""

    def __init__(self, path: Path, packed: bool) -> None:
        self.path, self.packed = path, packed
        with self._open() as file:
            self.dialect = find_dialect(file.read(HEAD_BYTES + 1), path.name)
        empty = pl.DataFrame(schema=dict.fromkeys(self.dialect.names, pl.String))
        self.header = Table(empty, path.name, self.dialect.first_row, True, self.dialect.notes)

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        """Open the text.

        Unpacked by Python's gzip rather than by polars, because it checks the end of the file and the checksum.
        """
        try:
            with gzip.open(self.path) if self.packed else self.path.open("rb") as file:
                yield file  # type: ignore[misc]
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{self.path} is a damaged gzip file ({error}). Fetch or pack it again."
            ) from error
        except OSError as error:
            raise DataError(unreadable(self.path, error)) from error

    def read(self, names: Collection[str], numeric: Collection[str]) -> Table:
        try:
            with self._open() as file:
                names = list(dict.fromkeys(names))
                frame, arrays = read_blocks(file, self.dialect, names, numeric, self._size)
        except TooLargeError:
            raise DataError(self._too_large()) from None
        except TooMuchError as error:
            # probably one long cell: reading all cells again gives a message that knows the role of its column
            if self.fits_in_memory:
                raise UnusualError from None
            raise DataError(f"{self.path}{error}") from None
        if frame.is_empty():
            raise DataError(no_rows(self.path.name))
        return replace(self.header, frame=frame, arrays=arrays, header=tuple(self.dialect.names))

    def read_all(self) -> Table:
        with self._open() as file:
            content = file.read()
        return read_csv(content, self.path.name)

    @property
    def fits_in_memory(self) -> bool:
        with self._open() as file:
            return len(file.read(TRIED_BYTES + 1)) <= TRIED_BYTES

    def rows_around(self, error: UnusualError) -> Table:
        first = self.dialect.first_row + error.first
        if isinstance(error.block, pl.DataFrame):
            return replace(self.header, frame=error.block, first_row=first)
        if len(error.block) > blocks.MOST_ROW * blocks.BLOCK_BYTES and error.block.count(b"\n") < 2:
            raise DataError(
                f"{self.path.name} is no CSV file that can be read: {self.header.row(error.row)} is longer than "
                f"{blocks.MOST_ROW * blocks.BLOCK_BYTES:,} bytes."
            )
        names, separator = self.dialect.names, self.dialect.separator
        raise DataError(explain(error.block, self.path.name, len(names), separator, first))

    def _size(self) -> int:
        """Bytes of the unpacked text, counted up to the limit.

        The size in the footer of a gzip file is modulo 4 GiB, and anybody can write another one there.
        """
        if not self.packed:
            return self.path.stat().st_size
        size = 0
        with self._open() as file:
            while (piece := len(file.read(blocks.BLOCK_BYTES))) and size <= blocks.MOST_BYTES:
                size += piece
        return size

    def head(self) -> Table | None:
        with self._open() as file:
            content = file.read(TRIED_BYTES + 1)
        if len(content) <= TRIED_BYTES:
            return None
        text = content[: blocks.end_of_rows(content)]
        return read_csv(text, self.path.name) if text.count(b"\n") > 1 else None

    def _too_large(self) -> str:
        return f"{self.path} holds more than {blocks.MOST_BYTES // 2**30} GiB of text. Save it as parquet."


class Parquet(Source):
    """A parquet file; every way in which it can be damaged is one DataError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.batches = Batches(path, PARQUET_LIMITS)
        except ParquetError as error:
            raise DataError(self._damaged(error)) from None
        self.header = Table(self.batches.header, path.name)

    def read(self, names: Collection[str], numeric: Collection[str]) -> Table:
        names = list(dict.fromkeys(names))
        held = [name for name in names if not _is_nested(self.header.frame.schema[name])]
        needed = self.batches.rows * len(held) * 8
        if needed > memory_limit():
            about = f"has {self.batches.rows:,} rows, and {counted(len(held), 'column')} of them"
            raise DataError(f"{self.path} {about}{too_much_memory(needed, memory_limit())}")
        try:
            frame, arrays = buffer_frames(self.batches.read(held), held, numeric).to_frame()
        except ParquetError as error:
            raise DataError(self._damaged(error)) from None
        except TooMuchError as error:
            raise DataError(f"{self.path}{error}") from None
        # lists and structs are not read, but keep their type, which the next reader of the column refuses by name
        for name in (name for name in names if name not in held):
            frame = frame.with_columns(pl.lit(None, self.header.frame.schema[name]).alias(name))
        return replace(self.header, frame=frame.select(names), arrays=arrays, header=tuple(self.header.names))

    @property
    def fits_in_memory(self) -> bool:
        return False

    def rows_around(self, error: UnusualError) -> Table:
        assert isinstance(error.block, pl.DataFrame)
        return replace(self.header, frame=error.block, first_row=error.first, header=tuple(self.header.names))

    def read_all(self) -> Table:
        return self.read(self.header.names, ())

    def _damaged(self, error: ParquetError) -> str:
        return f"{self.path} is not a readable parquet file: {error}. Write or fetch it again."


def _is_nested(dtype: pl.DataType) -> bool:
    return dtype.is_nested() or dtype in (pl.Binary, pl.Object)


def open_source(source: object) -> Source:
    """Open a path or a data frame.

    Raises:
        DataError: there is no such file, or it holds no table.   ColumnError: two columns share a name.
        ForkError: this process was forked from one that had read before.
    """
    use_threads()
    if isinstance(source, str | PathLike):
        return open_file(Path(source))
    return Frame(source)


def open_file(path: Path) -> Source:
    """Open a file by its first bytes. Its name matters only if the content is damaged."""
    try:
        check_is_file(path)
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    if magic.startswith(ZIP):
        raise DataError(f"{path} is a zip archive or a spreadsheet. Unpack it, or save it as CSV.")
    if magic == PARQUET or path.suffix.lower() in {".parquet", ".pq"}:
        return Parquet(path)
    return Text(path, magic.startswith(GZIP))


def read_or_explain(
    source: Source, names: Collection[str], numeric: Collection[str], read: Callable[[Table], T]
) -> T:
    """Read columns as numbers; if that fails, read the cells unconverted, so that the message can quote them.

    Numbers are fast and small but have lost the original text. A failure is therefore explained from the text: of the
    whole source if it is small, of the failing block or the beginning if it is large. If the cell turns out to be
    valid (dates in a column that was expected to hold numbers), the column is read as text in a next attempt, so the
    recursion ends after at most one call for each column.

    Args:
        names: columns to read; ``numeric`` are expected to hold numbers.
        read: makes the result from the table.

    Raises:
        DataError: raised by ``read``.
    """
    early = _try_beginning(source, read)
    try:
        table = source.read(names, numeric)
    except UnusualError as error:
        if source.fits_in_memory:
            return read(source.read_all())
        _explain(source, error, read)
        exact = [name for name in numeric if name != error.column]
    else:
        try:
            return read(table)
        except InexactError as error:
            if error.column not in table.arrays:
                raise
            exact = [name for name in numeric if name != error.column]
        except DataError as error:
            if not (table.arrays and table.in_file):
                raise
            if source.fits_in_memory:
                return read(source.read_all())
            if early is not None and _rows_named(early)[:1] == _rows_named(error)[:1] != []:
                raise early from None  # with the cell as it stands
            raise
        del table
    return read_or_explain(source, names, exact, read)


def _explain(source: Source, error: UnusualError, read: Callable[[Table], T]) -> None:
    """Raise what is wrong with a cell, from the rows around it.

    An error about another row than the failing one is dropped: the block alone may be too short, or out of order,
    where the whole file is not.

    Raises:
        DataError: raised by ``read`` for that row, or the rows cannot be split into cells.
    """
    try:
        read(source.rows_around(error))
    except DataError as found:
        if not error.column or source.header.row(error.row) in str(found):
            raise
    assert error.column  # rows that cannot be cut are refused


def _rows_named(error: DataError) -> list[str]:
    """The rows of the file that are named in a message."""
    return re.findall(r"row \d+ of the file", str(error))


def _try_beginning(source: Source, read: Callable[[Table], T]) -> DataError | None:
    """Try the beginning of a large file, so that rubbish is refused before reading takes minutes.

    Returns any other error of the beginning, which the caller may raise later.

    Raises:
        ColumnError: there is text where numbers or times should be.
    """
    head = source.head()
    try:
        if head is not None:
            read(head)
    except ColumnError:
        raise
    except DataError as error:  # the beginning may be too short by itself
        return error
    return None


def unreadable(path: Path, error: OSError) -> str:
    """The message for a file that the operating system does not open."""
    return f"{path} cannot be read: {error.strerror or error}."


def check_is_file(path: Path) -> None:
    """Refuse a path that does not exist or is not a regular file."""
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name a .csv, .csv.gz or .parquet file in it.")
    if not path.exists():
        raise DataError(f"there is no file {path}. Name a .csv, .csv.gz or .parquet file.")
    if not path.is_file():
        raise DataError(f"{path} is not a regular file. Name a .csv, .csv.gz or .parquet file.")


def load_frame(source: Any) -> Table:
    """Turn a data frame of pandas, polars or arrow into a ``Table``."""
    name = "the data frame"
    try:
        frame = nw.from_native(with_time_index(source))
        eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
        polars = eager.rename({column: str(column) for column in eager.columns}).to_polars()
        return Table(polars.with_columns(*map(spelled, polars.select(pl.col(pl.Object)))), name)
    except TypeError as error:
        kind = type(source).__name__
        raise DataError(f"trades are read from a path or a data frame, got {kind}.") from error
    except (nw.exceptions.DuplicateError, pl.exceptions.DuplicateError) as error:
        raise ColumnError(f"{name} has two columns of the same name. Rename one of them.") from error
    except (nw.exceptions.NarwhalsError, pl.exceptions.PolarsError, ImportError, ValueError) as error:
        raise DataError(f"{name} cannot be turned into a polars frame: {error}.") from error


def spelled(cells: pl.Series) -> pl.Series:
    """Python objects as text: polars has no other operation for its Object type."""
    return pl.Series(cells.name, [None if cell is None else str(cell) for cell in cells], pl.String)


def with_time_index(source: Any) -> Any:
    """Turn the time index of a pandas frame into a column; narwhals would drop it."""
    if nw.dependencies.is_pandas_dataframe(source) and type(source.index).__name__ == "DatetimeIndex":
        return source.rename_axis(index="time").reset_index()
    return source
