"""Warnings of other libraries, silenced in a way that threads survive."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_one = threading.RLock()


@contextmanager
def without_warnings() -> Iterator[None]:
    """Within the block nothing warns.

    The filters belong to the process: of two blocks that overlap in threads, the first to end would put back those that
    the second then leaves behind for ever. So there is one at a time.
    """
    with _one, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
