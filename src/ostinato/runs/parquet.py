"""Read untrusted parquet of a run folder: in a child process, with limits, and one clear error message."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from ..errors import BrokenRunError
from ..files.parquet import Limits, ParquetError, read_frame
from .reading import open_limited

MAX_BYTES = 1 << 30
MAX_ROWS = 20_000_000
MAX_KEPT = 1 << 30  # bytes of all rows in memory
MAX_SECONDS = 120.0


def read_parquet(path: Path | str, check: Callable[[pl.Schema], None] | None = None) -> pl.DataFrame:
    """The frame in a parquet file.

    Args:
        check: raises what it likes where the columns are not those expected, before any row is read.

    Raises:
        BrokenRunError: the file is missing, too large, damaged or hostile.
        RunError: the system does not let us read it.
    """
    with open_limited(path, MAX_BYTES):  # says in words what the process would not: missing, a folder, a pipe
        pass
    try:
        return read_frame(Path(path), Limits(MAX_ROWS, MAX_KEPT, MAX_SECONDS), check)
    except ParquetError as error:
        raise BrokenRunError(f"{path} is not usable parquet: {error}.") from None
