"""Untrusted parquet, parsed in a child process.

One flipped bit in a page's size makes polars ask for terabytes and abort, which no `except` can see, and
a few kilobytes can stand for any number of rows. A child process that may abort, with limits on
memory and time, turns both into an error message. It costs about half a second.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, NamedTuple

import polars as pl

from ..errors import shortened
from .forking import use_threads

CHILD = Path(__file__).with_name("parquet_child.py")
# fewer threads reserve less memory; a panic's backtrace helps nobody here
ENVIRONMENT = {"POLARS_MAX_THREADS": "2", "RUST_BACKTRACE": "0"}
BATCH_ROWS = 1 << 18
CHILD_MEMORY = (
    7 << 28
)  # bytes that the process may reserve beside the size of the file; it uses about half of them
MOST_ALLOWED = 32 << 30
MESSAGE_BYTES = 1 << 30  # of one batch
ERROR_BYTES = 1 << 16  # of the error output that is kept


class ParquetError(Exception):
    """The file cannot be parsed; the text is the reason, as the end of a sentence that callers complete."""


class Limits(NamedTuple):
    """Limits of one file: rows, bytes of the frame, seconds, and bytes of the child process beside the file's own."""

    rows: int
    kept: int
    seconds: float
    memory: int = CHILD_MEMORY


def read_frame(path: Path, limits: Limits, check: Callable[[pl.Schema], None] | None = None) -> pl.DataFrame:
    """Read a parquet file.

    Args:
        path: a regular file.
        limits: of rows, memory and time.
        check: called with the schema before any row is read; raises where the columns are not those expected.

    Raises:
        ParquetError: the file is damaged or hostile, or takes more than the limits.
    """
    use_threads()
    with _child(path, limits) as child:
        header, rows = _read_header(child)
        if check is not None:
            check(header.schema)
        _check_rows(rows, limits)
        parts, kept = [header], 0
        for part in _rows(child, header.columns):
            kept += int(part.estimated_size())
            if kept > limits.kept:
                raise ParquetError(f"its rows take more than the {limits.kept:,} bytes allowed")
            parts.append(part)
    return pl.concat(parts)


class Batches:
    """A parquet file read in batches within limits; it is never held in memory as a whole.

    Args:
        path: a regular file.
        limits: of rows, memory and time.

    ``header`` is a frame with the columns and no rows; ``rows`` the number of rows that the file declares.

    Raises:
        ParquetError: the file is not parquet, or it is damaged.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        use_threads()
        self.path, self.limits = path, limits
        with _child(path, limits) as child:
            self.header, self.rows = _read_header(child)
            _stdin(child).close()
            _finish(child)

    def read(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows of some columns, in batches.

        Raises:
            ParquetError: a page is damaged or hostile, or there are too many rows, or they take too much memory
                or time.
        """
        _check_rows(self.rows, self.limits)
        with _child(self.path, self.limits) as child:
            _read_header(child)
            yield from _rows(child, names)


class _Child(NamedTuple):
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    limits: Limits
    alarm: Timer


def _rows(child: _Child, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The rows of some columns from a process that waits for their names."""
    _stdin(child).write(json.dumps(list(names)).encode() + b"\n")
    _stdin(child).close()
    rows = 0
    while (frame := _message(child, last=True)) is not None:
        rows += len(frame)
        _check_rows(rows, child.limits)
        yield frame
    _finish(child)


def _check_rows(rows: int, limits: Limits) -> None:
    if rows > limits.rows:
        raise ParquetError(f"it has more than the {limits.rows:,} rows allowed")


def _stdin(child: _Child) -> IO[bytes]:
    assert child.process.stdin is not None
    return child.process.stdin


@contextmanager
def _child(path: Path, limits: Limits) -> Iterator[_Child]:
    memory = min(limits.memory + _stored(path), MOST_ALLOWED)
    command = [sys.executable, "-P", str(CHILD), str(memory), str(BATCH_ROWS), str(path.absolute())]
    with TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | ENVIRONMENT,
        )
        alarm = Timer(limits.seconds, process.kill)
        alarm.start()
        try:
            yield _Child(process, errors, limits, alarm)
        finally:
            alarm.cancel()
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()


def _stored(path: Path) -> int:
    """Bytes of a file on the disk; holes of a sparse file do not count."""
    try:
        status = path.stat()
    except OSError:  # the process will say why
        return 0
    return min(status.st_size, getattr(status, "st_blocks", status.st_size) * 512)


def _read_header(child: _Child) -> tuple[pl.DataFrame, int]:
    """Read an empty frame with the columns, and the number of rows."""
    header = _message(child)
    assert header is not None
    return header, _number(child)


def _message(child: _Child, last: bool = False) -> pl.DataFrame | None:
    """The next frame; None where the child has no more and that is ``last`` allowed."""
    assert child.process.stdout is not None
    if last and not child.process.stdout.peek(1):  # type: ignore[attr-defined]
        return None
    length = _number(child)
    if length > MESSAGE_BYTES:
        raise ParquetError(f"{BATCH_ROWS:,} rows of it take {length:,} bytes")
    body = child.process.stdout.read(length)
    if len(body) < length:
        raise _broken_off(child)
    return pl.read_ipc_stream(io.BytesIO(body))


def _number(child: _Child) -> int:
    assert child.process.stdout is not None
    data = child.process.stdout.read(8)
    if len(data) < 8:
        raise _broken_off(child)
    return int.from_bytes(data, "little")


def _broken_off(child: _Child) -> ParquetError:
    _finish(child)
    return ParquetError("the reader broke off")


def _finish(child: _Child) -> None:
    """Wait for the end of the child, and raise its error."""
    assert child.process.stdout is not None
    child.process.stdout.close()
    status = child.process.wait()
    if status != 0 and child.alarm.finished.is_set():
        raise ParquetError(f"it was not read within {child.limits.seconds:g} seconds")
    if status != 0:
        child.errors.seek(max(child.errors.seek(0, os.SEEK_END) - ERROR_BYTES, 0))
        raise ParquetError(_reason(child.errors.read(ERROR_BYTES)))


def _reason(errors: bytes) -> str:
    """The last line, which holds the error; Rust may add a note on backtraces."""
    lines = errors.decode(errors="replace").splitlines()
    messages = [line for line in lines if line.strip() and not line.startswith("note:")]
    return shortened(messages[-1] if messages else "the reader broke off")
