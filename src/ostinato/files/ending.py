"""Child processes that end with their parent, however the parent ends."""

import os
import signal
import threading


def end_with_parent() -> None:
    """Terminate this process when its standard input ends: a pipe that the parent holds, and that no kill leaves open.

    A handler of SIGTERM cleans up, where there is one.
    """
    threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    try:
        # not sys.stdin, whose lock a waiting thread would still hold when the interpreter ends
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    os.kill(os.getpid(), signal.SIGTERM)
