"""The writer lock, released when its process ends, and a record of the last commit."""

import os
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from weakref import WeakSet

from ..errors import StoreError
from .connection import sibling_path, sqlite_errors

_RECORD = struct.Struct("<8sqqqI")
_MAGIC = b"ostlock1"
_OFFSET = 4096  # Windows locks a range of bytes against reading too: the lock is on the first byte


class LastCommit(NamedTuple):
    """The last group known to be on disk: its id, the key of its last event, the number of events so far."""

    group: int
    key: int
    events: int


class WriterLock:
    """STORE.lock, held until ``close`` or the end of the process.

    Raises:
        StoreError: another process writes the store.
    """

    def __init__(self, path: Path) -> None:
        self.path = sibling_path(path, ".lock")
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        if self.path.is_dir() or self.path.is_symlink():
            kind = "a folder" if self.path.is_dir() else "a link"
            raise StoreError(
                f"{self.path} is {kind}, where the lock of {path} must be. Move it away, or name another --store."
            )
        with sqlite_errors(self.path):
            self._file: int | None = os.open(self.path, flags, 0o644)
        if not _locked(self._file):
            self.close()
            raise StoreError(
                f"another process is writing {path}. Stop it, or name another --store; "
                "`ostinato dashboard` may read it meanwhile."
            )
        _open.add(self)

    def last_commit(self) -> LastCommit | None:
        """The commit that the last writer recorded; None if it cannot be read."""
        assert self._file is not None
        os.lseek(self._file, _OFFSET, os.SEEK_SET)
        return _commit_of(os.read(self._file, _RECORD.size))

    def identity(self) -> tuple[int, int]:
        """Device and inode of the locked file, whatever its name is now."""
        assert self._file is not None
        found = os.fstat(self._file)
        return found.st_dev, found.st_ino

    def note(self, commit: LastCommit) -> None:
        """Record a durable commit. Not synced: the record may lag behind the store, never run ahead of it."""
        assert self._file is not None
        data = _RECORD.pack(_MAGIC, *commit, 0)[:-4]
        with suppress(OSError):  # without it only the words after a crash are fewer
            os.lseek(self._file, _OFFSET, os.SEEK_SET)
            os.write(self._file, data + zlib.crc32(data).to_bytes(4, "little"))

    def close(self) -> None:
        """Release the lock; safe to call twice."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None


def is_locked(path: Path) -> bool:
    """Return whether any process, this one included, holds the lock."""
    try:
        file = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        return not _locked(file)
    finally:
        os.close(file)


def last_commit(path: Path) -> LastCommit | None:
    """Read the last writer's record of its last commit without the lock; None if it cannot be read."""
    with suppress(OSError), sibling_path(path, ".lock").open("rb") as file:
        file.seek(_OFFSET)
        return _commit_of(file.read(_RECORD.size))
    return None


def _commit_of(data: bytes) -> LastCommit | None:
    if len(data) < _RECORD.size:
        return None
    magic, group, key, events, check = _RECORD.unpack(data)
    good = magic == _MAGIC and check == zlib.crc32(data[:-4])
    return LastCommit(group, key, events) if good else None


_open: WeakSet[WriterLock] = WeakSet()


def _close_all() -> None:
    for lock in list(_open):
        lock.close()


if hasattr(os, "register_at_fork"):  # a child that lives on would hold the lock of a parent that was killed
    os.register_at_fork(after_in_child=_close_all)


def _locked(file: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
