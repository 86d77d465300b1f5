"""SQLite connections, and the translation of SQLite errors into ``StoreError``."""

import errno
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import BrokenStoreError, ForkError, StoreError, StoreFullError, shortened
from .header import StoreHeader, check_version, parse_header
from .schema import APPLICATION_ID, statements

MAX_LENGTH = 256 << 20  # bytes of one text or BLOB; a snapshot of a state is the largest
LITTLE_ROOM = 1 << 20  # bytes; with less, an error of writing is taken for a full disk
BUSY_SECONDS = 10.0
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_TOOBIG}
_CLOSED_TO_US = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_MODES = {
    "immutable": "mode=ro&immutable=1",
    # https://www.sqlite.org/wal.html#use_of_wal_without_shared_memory
    "private": f"mode=ro&vfs={'win32' if sys.platform == 'win32' else 'unix'}-none",
}


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Translate errors of SQLite and the operating system into errors of ours.

    Raises:
        StoreFullError: no room is left.
        BrokenStoreError: the file is damaged, or is no store.
        StoreError: anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(path, error) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _full(path) from error
        raise StoreError(f"cannot use {path}: {error.strerror or error}.") from error
    except (TypeError, ValueError, OverflowError) as error:  # a cell holds another type than its column
        raise BrokenStoreError(f"{path} is damaged: {shortened(str(error))}.") from error


def _translated(path: Path, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _no_room(path)):
        return _full(path)
    if code == sqlite3.SQLITE_NOTADB:
        return _no_database(path)
    if code in _BROKEN or (code in (0, sqlite3.SQLITE_ERROR) and isinstance(error, sqlite3.OperationalError)):
        return BrokenStoreError(f"{path} is damaged, or is no store of ostinato: {shortened(str(error))}.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(f"{path} is locked by another program. Close it, or name another --store.")
    if code in _CLOSED_TO_US:
        return StoreError(f"{path} cannot be opened here: {error}. Look at its permissions and its folder.")
    if code in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH):
        return StoreError(f"{path} cannot keep a row: {shortened(str(error))}.")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"the disk failed on {path}: {error}. What was committed before is kept.")
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.ProgrammingError):
        return BrokenStoreError(f"{path} is damaged: {shortened(str(error))}.")
    return StoreError(f"{path} cannot be used: {shortened(str(error))}.")


def _full(path: Path) -> StoreFullError:
    return StoreFullError(
        f"there is no room left for {path}: the last group was not written, all before it is kept. "
        "Make room and start again."
    )


def _no_room(path: Path) -> bool:
    """Return whether a write error that SQLite does not explain is likely due to a full disk."""
    with suppress(OSError, AttributeError):
        room = os.statvfs(path.parent)
        if room.f_bavail * room.f_frsize < LITTLE_ROOM:
            return True
    with suppress(ImportError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        sizes = [
            sibling_path(path, end).stat().st_size for end in ("", "-wal") if sibling_path(path, end).exists()
        ]
        return limit != resource.RLIM_INFINITY and max(sizes, default=0) + LITTLE_ROOM > limit
    return False


def sibling_path(path: Path, end: str) -> Path:
    """Path of a file next to the store: STORE-wal, STORE.lock."""
    return path.with_name(path.name + end)


def real_path(path: Path | str) -> Path:
    """Resolve links to the store, so that its log and its lock have one name each.

    A path without links is left as it was written.

    Raises:
        StoreError: links lead in a circle, or the path is none.
    """
    path = Path(path)
    try:
        found = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(f"{shortened(str(path))} is no path of a store: {shortened(str(error))}.") from None
    return path if found == path.absolute() else found


def check_one_name(path: Path) -> None:
    """Raise StoreError if the file has hard links: each name would have a log and a lock of its own."""
    with sqlite_errors(path):
        names = path.stat().st_nlink
    if names > 1:
        raise StoreError(
            f"{path} has {names} names (hard links), and a writer by each would destroy it. "
            f"Remove the others (`find . -samefile {path.name}` lists them), or name another --store."
        )


class ForkSafeConnection(sqlite3.Connection):
    """A connection that refuses to work in a forked child, where SQLite would damage the file."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._process = os.getpid()

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._check_process()
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._check_process()
        return super().executemany(*arguments)

    def close(self) -> None:
        """Do nothing in a forked child: closing there would act on the file that the parent has open."""
        if os.getpid() == self._process:
            super().close()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise ForkError(
                "this live store was opened by the process that this one was forked from, and SQLite would damage it. "
                "Open it again here, or start processes by spawn (multiprocessing.get_context('spawn'))."
            )


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a connection in explicit-commit mode that trusts nothing in the file.

    Args:
        mode: "rw" or "ro"; "immutable" for a file that nobody writes, as on a file system that cannot be written;
            "private" for one with a log that nobody writes: the index of the log is kept in memory, no file is made.
    """
    how = _MODES.get(mode, f"mode={mode}")
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{how}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
        cached_statements=64,
        factory=ForkSafeConnection,
    )
    try:
        if mode == "private":
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # before the first look: then no -shm is made
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_LENGTH)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        if mode == "rw":
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA fullfsync=ON")  # macOS keeps writes in the disk's cache otherwise
            connection.execute("PRAGMA wal_autocheckpoint=0")  # Checkpoints does it
            connection.execute("PRAGMA foreign_keys=OFF")
        else:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def check_file(path: Path) -> None:
    """Raise StoreError if the file does not exist, BrokenStoreError if SQLite would take it for a new database.

    The file is not opened. Closing any descriptor of it would release the locks of all connections that this process
    has to it (https://www.sqlite.org/howtocorrupt.html, section 2.2): the writer would then remove the log at its end,
    and other readers of this process would read a log that is gone.
    """
    if not path.exists():
        raise StoreError(f"there is no store {path}.")
    if not path.is_file():
        raise BrokenStoreError(f"{path} is no store of ostinato: it is no regular file.")
    with sqlite_errors(path):
        empty = path.stat().st_size == 0
    if empty:
        raise _no_database(path)


def _no_database(path: Path) -> BrokenStoreError:
    return BrokenStoreError(f"{path} is no store of ostinato: it is no SQLite file. Name another --store.")


def read_header(connection: sqlite3.Connection, path: Path) -> StoreHeader:
    """Read the header after checking version and tables.

    Raises:
        BrokenStoreError: it is another program's, damaged, or of a newer format.
    """
    with sqlite_errors(path):
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise BrokenStoreError(
                f"{path} is no store of ostinato, but another program's. Name another --store."
            )
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        check_version(version, path)
        row = connection.execute("SELECT value FROM head WHERE name = 'head'").fetchone()
        if row is None or not isinstance(row[0], str):
            raise BrokenStoreError(f"{path} is damaged: it has no header.")
        head = parse_header(row[0], path)
        # a view or a trigger of a stranger would run in our statements
        found = sorted(
            str(sql)
            for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 100")
        )
        if found != sorted(statements(head.columns, version)):
            raise BrokenStoreError(f"{path} is damaged: its tables are not those of a store.")
        return head
