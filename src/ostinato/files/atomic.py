"""Atomic writing: a file is complete or does not change, whatever kills the process. Callers translate OSError."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write to; when the block ends, it replaces `path` in one step and is synced to disk.

    If the block raises, `path` stays what it was. If the process is killed, `path` stays what it was
    and a file `.NAME.PID.RANDOM.tmp` is left.

    Raises:
        OSError: the system does not let us write there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that renames in it are durable."""
    if os.name == "nt":  # Windows cannot open a folder, and its renames are journalled
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems know no such thing
            raise
    finally:
        os.close(number)
