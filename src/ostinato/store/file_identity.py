"""Check that the file names of a store still lead to the files that its writer has open, and locate the rows if not.

SQLite writes to what it has open, wherever that is moved, and joins a file and its log by their names alone: a store
that is renamed while it is written leaves its newest groups in a log of the old name. And who makes a new ``.lock``
gets in beside the writer. So the writer looks at the names now and then, and closes the store in good order.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import gettempdir

from .connection import connect, sibling_path
from .locking import is_locked

FILES = ("", ".lock", "-wal", "-shm")
FOLDERS = ("-sealed", "-models")  # made when they are needed
Identity = tuple[int, int]  # device and inode


class OpenFiles:
    """The files of a store that this process writes, identified by device and inode.

    Args:
        path: of the store.
        lock: identity of its lock.
    """

    def __init__(self, path: Path, lock: Identity) -> None:
        self.path = path.absolute()
        self._names = {end: sibling_path(self.path, end) for end in (*FILES, *FOLDERS)}
        self._known = {".lock": lock}
        self.changed()

    def changed(self) -> str:
        """Describe what happened to a file; "" if all are in place. Takes tens of µs.

        What the system does not tell, such as that of a network disk that is away, is no change.
        """
        for end, name in self._names.items():
            try:
                found = name.stat()
            except (FileNotFoundError, NotADirectoryError):
                if end in self._known:
                    return self._gone(end)
                continue
            except OSError:
                continue
            if self._known.setdefault(end, (found.st_dev, found.st_ino)) != (found.st_dev, found.st_ino):
                return f"{name} was replaced by another {'folder' if end in FOLDERS else 'file'}"
        return ""

    def _gone(self, end: str) -> str:
        here = self.where(end) if end in FILES else None
        if here is None:
            return f"{sibling_path(self.path, end)} was removed or moved"
        if here.parent != self.path.parent and not self.path.parent.exists():
            return f"the folder of {self.path} was moved to {here.parent}, or renamed"
        return f"{sibling_path(self.path, end)} was moved to {here}"

    def is_ours(self, path: Path, end: str) -> bool:
        """Return whether a path leads to the file with this suffix that this process has open."""
        with suppress(OSError):
            found = path.stat()
            return (found.st_dev, found.st_ino) == self._known.get(end)
        return False

    def where(self, end: str = "") -> Path | None:
        """Current path of a file; None if it has none or the system does not say."""
        if self.is_ours(sibling_path(self.path, end), end):
            return sibling_path(self.path, end)
        with suppress(OSError):
            for link in Path("/proc/self/fd").iterdir():
                with suppress(OSError):
                    path = link.readlink()
                    if path.is_absolute() and self.is_ours(path, end):
                        return path
        return None

    def sweep(self) -> None:
        """Remove the empty log and its index that a renamed store left behind."""
        with suppress(OSError):
            log = sibling_path(self.path, "-wal")
            if self.is_ours(log, "-wal") and log.stat().st_size == 0:
                log.unlink()
                if self.is_ours(sibling_path(self.path, "-shm"), "-shm"):
                    sibling_path(self.path, "-shm").unlink()


def close_and_locate(connection: sqlite3.Connection, files: OpenFiles, copy: bool) -> str:
    """Close the connection so that every committed row can be found; return where, and how to continue.

    Args:
        copy: whether to copy the rows into a new file where the file is removed, or another log lies next to it.
    """
    here = files.where()
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    if here is None or _foreign(files, here):
        said = _copied(connection, files) if copy else ""
        _close_beside(connection, files.path)
        return said
    lock = sibling_path(here, ".lock")
    if not files.is_ours(lock, ".lock") and is_locked(lock):
        connection.close()
        return f"Another process writes {here} now, and all that was committed is in it. Let one of them write it."
    whole = _emptied(connection)
    connection.close()
    if here == files.path:
        return f"All that was committed is in {here}. Start again to go on."
    files.sweep()
    if not whole:
        log = sibling_path(files.path, "-wal")
        return f"All that was committed is in {here} and {log}. Give both the same name before anything is opened."
    return (
        f"All that was committed is in {here}. Go on with --store {here}, or give it its old name again; "
        "folders that end in -sealed and -models must have the name of the store."
    )


def _foreign(files: OpenFiles, here: Path) -> bool:
    """Return whether a log that is not ours lies next to the file."""
    log = sibling_path(here, "-wal")
    return log.exists() and not files.is_ours(log, "-wal")


def _emptied(connection: sqlite3.Connection) -> bool:
    """Return whether the log is fully checkpointed into the file."""
    with suppress(sqlite3.Error):
        return int(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]) == 0
    return False


def _copied(connection: sqlite3.Connection, files: OpenFiles) -> str:
    stem, suffix = files.path.stem, files.path.suffix
    for folder in (files.path.parent, Path.cwd(), Path(gettempdir())):
        for number in range(1, 100):
            target = folder / f"{stem}-rescued{'' if number == 1 else f'-{number}'}{suffix}"
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644))
            except FileExistsError:
                continue
            except OSError:
                break
            try:
                with closing(connect(target, "rw")) as to:
                    connection.backup(to)
            except sqlite3.Error:
                target.unlink(missing_ok=True)
                break
            return (
                f"All that was committed was copied to {target}. Go on with --store {target}; "
                "folders that end in -sealed and -models must have the name of the store."
            )
    return "What was committed could not be copied: there is no room, or no place."


def _close_beside(connection: sqlite3.Connection, path: Path) -> None:
    """Close while another connection holds the file: the last one to close would delete a log that is not ours."""
    other = None
    with suppress(sqlite3.Error):
        other = connect(path, "ro")
        other.execute("SELECT count(*) FROM head").fetchone()
    connection.close()
    if other is not None:
        other.close()
