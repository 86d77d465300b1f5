"""Stop at a safe point on Ctrl-C: the first one requests it, the second one interrupts at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class StopRequest:
    """Whether someone asked to stop."""

    def __init__(self) -> None:
        self.made = False


@contextmanager
def stop_on_request() -> Iterator[StopRequest]:
    """Within the block the first Ctrl-C only records the request; a second one interrupts at once.

    Outside the main thread Python allows no signal handlers, and Ctrl-C behaves as usual.
    """
    request = StopRequest()

    def ask(signum: int, frame: Any) -> None:
        if request.made:
            raise KeyboardInterrupt
        request.made = True

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    former = signal.signal(signal.SIGINT, ask)
    try:
        yield request
    finally:
        if former is not None:  # a handler that was not set by Python cannot be put back by it
            signal.signal(signal.SIGINT, former)
