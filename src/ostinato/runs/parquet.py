"""Parquet of a run folder: limited, parsed in a process of its own, and refused in a sentence."""

from pathlib import Path

import polars as pl

from ..errors import BrokenRunError
from ..files.parquet import Limits, ParquetError, parse
from .reading import read_bytes

MAX_BYTES = 1 << 30
MAX_ROWS = 20_000_000
MAX_MEMORY = 8 << 30
MAX_SECONDS = 120.0


def read_parquet(path: Path | str) -> pl.DataFrame:
    """The frame in a parquet file.

    Raises:
        BrokenRunError: the file is missing, too large, damaged or hostile.
        RunError: the system does not let us read it.
    """
    # bytes, since polars would expand *, ? and [ in a path
    data = read_bytes(path, MAX_BYTES)
    try:
        frame = parse(data, Limits(MAX_ROWS, MAX_MEMORY, MAX_SECONDS))
    except ParquetError as error:
        raise BrokenRunError(f"{path} is not usable parquet: {error}.") from None
    if len(frame) > MAX_ROWS:
        raise BrokenRunError(f"{path} has more than the {MAX_ROWS:,} rows allowed.")
    return frame
