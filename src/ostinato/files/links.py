"""Open files without following links: a link planted in a shared folder would redirect us to another file."""

import errno
import os
from pathlib import Path

NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
REFUSED = "it is a link, which is not followed: remove it, or name the file itself"


def open_no_link(path: Path, flags: int, mode: int = 0o666) -> int:
    """Like os.open, but refuses links. For reading pass NO_LINKS too, so that a named pipe does not block.

    Raises:
        OSError: it is a link, or the system does not let us open it.
    """
    try:
        return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), mode)
    except OSError as error:
        if error.errno != errno.ELOOP and not path.is_symlink():
            raise
        raise OSError(errno.ELOOP, REFUSED, str(path)) from None


def make_folder(path: Path) -> None:
    """Make a folder unless it exists. A link of this user to a folder is accepted, a link of another user is not.

    Raises:
        OSError: somebody else's link has that name, or the system does not let us make it.
    """
    if path.is_symlink() and hasattr(os, "geteuid") and path.lstat().st_uid not in (os.geteuid(), 0):
        raise OSError(
            errno.ELOOP, "it is a link of another user, which is not followed: remove it", str(path)
        )
    path.mkdir(exist_ok=True)
