"""Open whatever holds a table: a CSV file, a parquet file, or a data frame of any library."""

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
from .blocks import TooLargeError, UnusualError, gathered, read_blocks
from .csv_files import HEAD_BYTES, explain, find_dialect, no_rows, read_csv
from .digits import InexactError
from .growing import TooMuchError, most_kept, too_much
from .report import counted
from .table import Table

TRIED_BYTES = 8 * 2**20  # of a large text, before all of it is read as it stands
GZIP, PARQUET, ZIP = b"\x1f\x8b", b"PAR1", b"PK\x03\x04"
PARQUET_LIMITS = Limits(rows=2_000_000_000, kept=0, seconds=1800.0)
T = TypeVar("T")


class Source:
    """Something that holds a table: its columns can be known before its rows are read.

    ``header`` is a table without rows, or with them where they are at hand.
    """

    header: Table

    def read(self, names: Collection[str], numeric: Collection[str]) -> Table:
        """Some of the columns; ``numeric`` ones as arrays of float64 where they hold nothing else."""
        return self.whole()

    def whole(self) -> Table:
        """All columns, as they stand in the source."""
        return self.header

    def head(self) -> Table | None:
        """The beginning of a source that is large as it stands; None for others."""
        return None

    @property
    def small(self) -> bool:
        """Whether all of it may be held as it stands."""
        return True

    def around(self, error: UnusualError) -> Table:
        """The rows in which something is wrong, as they stand.

        Raises:
            DataError: they cannot be cut into cells.
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
        """Python's gzip, for it checks the end and the checksum."""
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
            if self.small:  # a long cell: those who know its column may say more
                raise UnusualError from None
            raise DataError(f"{self.path}{error}") from None
        if frame.is_empty():
            raise DataError(no_rows(self.path.name))
        return replace(self.header, frame=frame, arrays=arrays, header=tuple(self.dialect.names))

    def whole(self) -> Table:
        with self._open() as file:
            content = file.read()
        return read_csv(content, self.path.name)

    @property
    def small(self) -> bool:
        with self._open() as file:
            return len(file.read(TRIED_BYTES + 1)) <= TRIED_BYTES

    def around(self, error: UnusualError) -> Table:
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
        """Bytes of all text, as far as they are allowed."""
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
        if needed > most_kept():
            about = f"has {self.batches.rows:,} rows, and {counted(len(held), 'column')} of them"
            raise DataError(f"{self.path} {about}{too_much(needed, most_kept())}")
        try:
            frame, arrays = gathered(self.batches.read(held), held, numeric).joined()
        except ParquetError as error:
            raise DataError(self._damaged(error)) from None
        except TooMuchError as error:
            raise DataError(f"{self.path}{error}") from None
        for name in (name for name in names if name not in held):  # nothing reads them: their type is refused
            frame = frame.with_columns(pl.lit(None, self.header.frame.schema[name]).alias(name))
        return replace(self.header, frame=frame.select(names), arrays=arrays, header=tuple(self.header.names))

    @property
    def small(self) -> bool:
        return False

    def around(self, error: UnusualError) -> Table:
        assert isinstance(error.block, pl.DataFrame)
        return replace(self.header, frame=error.block, first_row=error.first, header=tuple(self.header.names))

    def whole(self) -> Table:
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
    """Open a file by what it holds; its name matters only where the content is damaged."""
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


def understood(
    source: Source, names: Collection[str], numeric: Collection[str], read: Callable[[Table], T]
) -> T:
    """Read columns as numbers; where that goes wrong, read them again as they stand, to say what is wrong with them.

    Args:
        names: of the columns to read; ``numeric`` are those of numbers.
        read: what to make of the table.

    Raises:
        DataError: what ``read`` raises.
    """
    early = _try_beginning(source, read)
    try:
        table = source.read(names, numeric)
    except UnusualError as error:
        if source.small:
            return read(source.whole())
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
            if source.small:
                return read(source.whole())
            if early is not None and _rows_named(early)[:1] == _rows_named(error)[:1] != []:
                raise early from None  # with the cell as it stands
            raise
        del table
    return understood(source, names, exact, read)


def _explain(source: Source, error: UnusualError, read: Callable[[Table], T]) -> None:
    """Raise what is wrong with a cell, from the rows around it; nothing where its column may not be needed.

    Raises:
        DataError: what ``read`` says of that row, or that rows cannot be cut into cells.
    """
    try:
        read(source.around(error))
    except DataError as found:
        if not error.column or source.header.row(error.row) in str(found):
            raise
    assert error.column  # rows that cannot be cut are refused


def _rows_named(error: DataError) -> list[str]:
    """The rows of a file that a message names."""
    return re.findall(r"row \d+ of the file", str(error))


def _try_beginning(source: Source, read: Callable[[Table], T]) -> DataError | None:
    """Refuse a large file of rubbish by its beginning, before all of it takes minutes; what else is wrong there.

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
    """What to say of a file that the system does not give."""
    return f"{path} cannot be read: {error.strerror or error}."


def check_is_file(path: Path) -> None:
    """Refuse what is missing or is no file."""
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name a .csv, .csv.gz or .parquet file in it.")
    if not path.exists():
        raise DataError(f"there is no file {path}. Name a .csv, .csv.gz or .parquet file.")
    if not path.is_file():
        raise DataError(f"{path} is not a regular file. Name a .csv, .csv.gz or .parquet file.")


def load_frame(source: Any) -> Table:
    """Turn a pandas, polars or arrow table into ours."""
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
    """Python objects as text, which is all that polars can do with them."""
    return pl.Series(cells.name, [None if cell is None else str(cell) for cell in cells], pl.String)


def with_time_index(source: Any) -> Any:
    """Make the time index that pandas frames often have a column; narwhals would drop it."""
    if nw.dependencies.is_pandas_dataframe(source) and type(source.index).__name__ == "DatetimeIndex":
        return source.rename_axis(index="time").reset_index()
    return source
