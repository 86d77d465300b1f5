"""Parquet from outside, parsed in a process of its own.

One flipped bit in a page's size makes polars ask for terabytes and abort, which no `except` can see, and
a few kilobytes can stand for any number of rows. A process that may abort, and may only take so much
memory and time, turns both into a sentence. It costs about half a second.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from typing import IO, NamedTuple

import polars as pl

from ..errors import shortened

CHILD = Path(__file__).with_name("parquet_child.py")
# fewer threads reserve less memory; a panic's backtrace helps nobody here
ENVIRONMENT = {"POLARS_MAX_THREADS": "2", "RUST_BACKTRACE": "0"}
BATCH_ROWS = 1 << 18


class ParquetError(Exception):
    """The file cannot be parsed; the text says why, as the end of a sentence. For callers to turn into their own."""


class Limits(NamedTuple):
    """What a file may take: rows, bytes of memory, seconds."""

    rows: int
    memory: int
    seconds: float


def parse(data: bytes, limits: Limits) -> pl.DataFrame:
    """The frame in the bytes of a parquet file; with one row more than the limit, if there are.

    Raises:
        ParquetError: the bytes are damaged or hostile, or take too much memory or time.
    """
    with TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        with _child(limits, [], file) as child:
            frame = _message(child)
            _finish(child)
    assert frame is not None
    return frame


class _Child(NamedTuple):
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    limits: Limits
    alarm: Timer


class Batches:
    """A parquet file read in batches, within limits, without ever holding all of it.

    Args:
        path: a regular file.
        limits: what may be taken.

    ``header`` is a frame with the columns and no rows.

    Raises:
        ParquetError: this is no parquet, or it is damaged.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits = path, limits
        with self._open() as child:
            frame = _message(child)
            assert child.process.stdin is not None
            child.process.stdin.close()
            _finish(child)
        assert frame is not None
        self.header: pl.DataFrame = frame

    def read(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows of some columns, in batches.

        Raises:
            ParquetError: a page is damaged or hostile, or there are too many rows, or they take too much memory
                or time.
        """
        rows = 0
        with self._open() as child:
            _message(child)
            assert child.process.stdin is not None
            child.process.stdin.write(json.dumps(list(names)).encode() + b"\n")
            child.process.stdin.close()
            while (frame := _message(child, last=True)) is not None:
                rows += len(frame)
                if rows > self.limits.rows:
                    raise ParquetError(f"it has more than the {self.limits.rows:,} rows allowed")
                yield frame
            _finish(child)

    def _open(self) -> AbstractContextManager[_Child]:
        return _child(self.limits, [str(self.path.absolute())], subprocess.PIPE)


@contextmanager
def _child(limits: Limits, more: list[str], stdin: int | IO[bytes]) -> Iterator[_Child]:
    command = [
        sys.executable,
        "-P",
        str(CHILD),
        str(limits.rows + 1),
        str(limits.memory),
        str(BATCH_ROWS),
        *more,
    ]
    with TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=errors, env=os.environ | ENVIRONMENT
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


def _message(child: _Child, last: bool = False) -> pl.DataFrame | None:
    """The next frame; None where the child has no more and that is ``last`` allowed."""
    assert child.process.stdout is not None
    head = child.process.stdout.read(8)
    if not head and last:
        return None
    body = child.process.stdout.read(int.from_bytes(head, "little")) if len(head) == 8 else b""
    if len(head) < 8 or len(body) < int.from_bytes(head, "little"):
        _finish(child)
        raise ParquetError("the reader broke off")
    return pl.read_ipc_stream(io.BytesIO(body))


def _finish(child: _Child) -> None:
    """Wait for the end of the child, and pass on what it complained of."""
    assert child.process.stdout is not None
    child.process.stdout.close()
    status = child.process.wait()
    if status != 0 and child.alarm.finished.is_set():
        raise ParquetError(f"it was not read within {child.limits.seconds:g} seconds")
    if status != 0:
        child.errors.seek(0)
        raise ParquetError(_reason(child.errors.read()))


def _reason(errors: bytes) -> str:
    """The last line, which is the error's; Rust may add a note on backtraces."""
    lines = errors.decode(errors="replace").splitlines()
    said = [line for line in lines if line.strip() and not line.startswith("note:")]
    return shortened(said[-1] if said else "the reader broke off")
