"""Atomic writing of files and JSON.

A file is written under a temporary name in its own folder, flushed to the disk and renamed, so that a
reader, or the next process after a crash, finds the old file or the new one and never a part. A
symbolic link in the way is replaced, not followed.
"""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import BrokenRunError, RunError
from ..files.atomic import atomic_file
from ..files.links import NO_LINKS  # a hostile run folder may hold metrics.jsonl -> a file of ours


@contextmanager
def replace_file(path: Path | str) -> Iterator[BinaryIO]:
    """A binary file to write to; when the block ends it becomes `path`, in one step.

    If the block raises, `path` stays what it was. If the process is killed, `path` stays what it was
    and a file `.NAME.PID.RANDOM.tmp` is left, which `leftovers` finds.

    Raises:
        RunError: the system does not let us write there.
    """
    path = Path(path)
    try:
        with atomic_file(path) as file:
            yield file
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}.") from error


def leftovers(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Temporary files of these names that killed processes left."""
    return [
        path
        for path in folder.iterdir()
        if path.suffix == ".tmp" and any(path.name.startswith(f".{name}.") for name in names)
    ]


def write_bytes(path: Path | str, data: bytes) -> None:
    """Replace the file by these bytes. Raises RunError."""
    with replace_file(path) as file:
        file.write(data)


def write_json(path: Path | str, value: Any) -> None:
    """Replace the file by this value as JSON, for people to read too.

    JSON has no NaN and no infinity: both become null, as a metric that does not exist here. NumPy's
    numbers become plain ones. Raises RunError.
    """
    write_bytes(path, (json.dumps(plain(value), indent=2, allow_nan=False) + "\n").encode())


def append_line(path: Path | str, record: dict[str, Any]) -> int:
    """Add one line of JSON, on the disk before this returns; return the offset of its end in bytes.

    NaN becomes null as in `write_json`.

    Raises:
        RunError: the system does not let us write there, or the path is a link.
    """
    line = (json.dumps(plain(record), allow_nan=False) + "\n").encode()
    try:
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_LINKS, 0o666)
        with os.fdopen(number, "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}.") from error


def truncate(path: Path | str, offset: int) -> None:
    """Forget what was appended after `offset` bytes.

    Raises:
        BrokenRunError: the file ends before the offset.
        RunError: the system does not let us write there, or the path is a link.
    """
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINKS, 0o666)
        with os.fdopen(number, "r+b") as file:
            size = os.fstat(number).st_size
            if size < offset:
                raise BrokenRunError(f"{path} has {size} bytes, {offset} were written. Lines are lost.")
            file.truncate(offset)
            os.fsync(number)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}.") from error


def plain(value: Any) -> Any:
    """The same value of Python's own types, with None where a number is not finite."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
