"""Names that others can foresee: in a folder that they may write to, a link planted there would lead us elsewhere."""

import errno
import os
from pathlib import Path

NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
REFUSED = "it is a link, which is not followed: remove it, or name the file itself"


def open_no_link(path: Path, flags: int, mode: int = 0o666) -> int:
    """As os.open, of a file that is no link. For reading give NO_LINKS too, so that no pipe holds it up.

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
    """A folder, made where it is not there; one that a link of ours leads to will do, one of another's will not.

    Raises:
        OSError: somebody else's link has that name, or the system does not let us make it.
    """
    if path.is_symlink() and hasattr(os, "geteuid") and path.lstat().st_uid not in (os.geteuid(), 0):
        raise OSError(
            errno.ELOOP, "it is a link of another user, which is not followed: remove it", str(path)
        )
    path.mkdir(exist_ok=True)
