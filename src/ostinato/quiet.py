"""Other libraries, kept from changing what belongs to the process: silenced and imported so that threads survive it."""

import random
import sys
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


@contextmanager
def first_import(library: str) -> Iterator[None]:
    """Within the block a library is imported; what doing so for the first time changes is put back.

    statsmodels adds filters of warnings, and what scikit-learn imports draws from Python's random numbers.
    """
    if library in sys.modules:
        yield
        return
    with _one, warnings.catch_warnings():
        state = random.getstate()
        try:
            yield
        finally:
            random.setstate(state)
