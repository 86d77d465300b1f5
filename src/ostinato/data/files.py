"""Open whatever holds trades: a CSV file, a parquet file, or a data frame of any library."""

import gzip
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from ..errors import ColumnError, DataError
from .csv_files import read_csv
from .table import Table

GZIP, PARQUET, ZIP = b"\x1f\x8b", b"PAR1", b"PK\x03\x04"
MOST_BYTES = 16 * 2**30  # of text, after unpacking: a small .gz can hold more than any memory


def load(source: object) -> Table:
    """Read a path or a data frame.

    Raises:
        DataError: there is no such file, or it holds no table.   ColumnError: two columns share a name.
    """
    if isinstance(source, str | PathLike):
        return load_file(Path(source))
    return load_frame(source)


def load_file(path: Path) -> Table:
    """Read a file by what it holds; its name matters only where the content is damaged."""
    try:
        check_is_file(path)
        with path.open("rb") as file:
            magic = file.read(4)
        if magic.startswith(ZIP):
            raise DataError(f"{path} is a zip archive or a spreadsheet. Unpack it, or save it as CSV.")
        if magic == PARQUET or path.suffix.lower() in {".parquet", ".pq"}:
            return load_parquet(path)
        return read_csv(read_bytes(path, magic.startswith(GZIP)), path.name)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def check_is_file(path: Path) -> None:
    """Refuse what is missing or is no file."""
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name a .csv, .csv.gz or .parquet file in it.")
    if not path.exists():
        raise DataError(f"there is no file {path}. Name a .csv, .csv.gz or .parquet file.")
    if not path.is_file():
        raise DataError(f"{path} is not a regular file. Name a .csv, .csv.gz or .parquet file.")


def read_bytes(path: Path, packed: bool) -> bytes:
    """The text of a file as bytes, unpacked. Python's gzip, for it checks the end and the checksum."""
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}). Fetch or pack it again.") from error
    if len(content) > MOST_BYTES:
        raise DataError(f"{path} holds more than {MOST_BYTES // 2**30} GiB of text. Save it as parquet.")
    return content


def load_parquet(path: Path) -> Table:
    """Read a parquet file; every way in which it can be damaged is one DataError."""
    try:
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    # polars panics on some damaged files, and a panic is no Exception
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(f"{path} is not a readable parquet file: it is damaged or cut short.") from error
    return Table(frame, path.name)


def load_frame(source: Any) -> Table:
    """Turn a pandas, polars or arrow table into ours."""
    name = "the data frame"
    try:
        frame = nw.from_native(with_time_index(source))
        eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
        return Table(eager.rename({column: str(column) for column in eager.columns}).to_polars(), name)
    except TypeError as error:
        kind = type(source).__name__
        raise DataError(f"trades are read from a path or a data frame, got {kind}.") from error
    except (nw.exceptions.DuplicateError, pl.exceptions.DuplicateError) as error:
        raise ColumnError(f"{name} has two columns of the same name. Rename one of them.") from error
    except (nw.exceptions.NarwhalsError, pl.exceptions.PolarsError, ImportError, ValueError) as error:
        raise DataError(f"{name} cannot be turned into a polars frame: {error}.") from error


def with_time_index(source: Any) -> Any:
    """Make the time index that pandas frames often have a column; narwhals would drop it."""
    if nw.dependencies.is_pandas_dataframe(source) and type(source.index).__name__ == "DatetimeIndex":
        return source.rename_axis(index="time").reset_index()
    return source
