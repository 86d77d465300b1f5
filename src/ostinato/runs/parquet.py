"""Parquet from outside, parsed in a process of its own.

One flipped bit in a page's size makes polars ask for terabytes and abort, which no `except` can see, and
a few kilobytes can stand for any number of rows. A process that may abort, and may only take so much
memory and time, turns both into a sentence. It costs about half a second.
"""

import io
import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from ..errors import BrokenRunError
from .reading import read_bytes, shortened

MAX_BYTES = 1 << 30
MAX_ROWS = 20_000_000
MAX_MEMORY = 8 << 30
MAX_SECONDS = 120

CHILD = Path(__file__).with_name("parquet_child.py")
# fewer threads reserve less memory; a panic's backtrace helps nobody here
ENVIRONMENT = {"POLARS_MAX_THREADS": "2", "RUST_BACKTRACE": "0"}


def read_parquet(path: Path | str) -> pl.DataFrame:
    """The frame in a parquet file.

    Raises:
        BrokenRunError: the file is missing, too large, damaged or hostile.
        RunError: the system does not let us read it.
    """
    # bytes, since polars would expand *, ? and [ in a path
    frame = _parse(read_bytes(path, MAX_BYTES), str(path))
    if len(frame) > MAX_ROWS:
        raise BrokenRunError(f"{path} has more than the {MAX_ROWS:,} rows allowed.")
    return frame


def _parse(data: bytes, where: str) -> pl.DataFrame:
    command = [sys.executable, "-P", str(CHILD), str(MAX_ROWS + 1), str(MAX_MEMORY)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command, input=data, capture_output=True, timeout=MAX_SECONDS, env=os.environ | ENVIRONMENT
        )
    except subprocess.TimeoutExpired:
        raise BrokenRunError(f"{where} was not read within {MAX_SECONDS} seconds.") from None
    if done.returncode != 0:
        raise BrokenRunError(f"{where} is not usable parquet: {shortened(_reason(done.stderr))}.")
    return pl.read_ipc_stream(io.BytesIO(done.stdout))


def _reason(errors: bytes) -> str:
    """The last line, which is the error's; Rust may add a note on backtraces."""
    lines = errors.decode(errors="replace").splitlines()
    said = [line for line in lines if line.strip() and not line.startswith("note:")]
    return said[-1] if said else "the reader broke off"
