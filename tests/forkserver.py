"""A replacement for ``subprocess`` in tests: processes are forked from one that has loaded torch.

Loading torch, and the libraries that fitting needs, takes seconds per process; a fork takes a tenth of a second.
A forked process is a real one: it has its own pid, arguments, streams, working directory and environment,
and can be signalled and killed. It imports our own packages anew (``forkserver_main.py``).

Use ``subprocess`` itself to test what only a new interpreter shows: which modules are loaded, missing packages,
arguments visible in /proc, how an interpreter exits, how much memory it takes.
"""

import atexit
import contextlib
import functools
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

OSTINATO = str(Path(sys.executable).with_name("ostinato"))


_INTERPRETER = subprocess.Popen  # a test may replace it by ``Popen`` below


class Server:
    """The process that forks: one per worker of pytest-xdist, started when it is first needed."""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        main = Path(__file__).with_name("forkserver_main.py")
        self.process = _INTERPRETER(
            [sys.executable, str(main), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C must not reach it
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        theirs.close()
        self.codes: dict[int, int] = {}
        self.lock = threading.Lock()
        atexit.register(self.close)

    def start(self, request: dict[str, Any], files: list[int]) -> int:
        """Start a process; return its pid."""
        with self.lock:
            socket.send_fds(self.channel, [json.dumps(request).encode()], files)
            while (number := self._hear(None)) is None:
                pass
            return number

    def code(self, number: int, seconds: float | None) -> int | None:
        """Exit code of a process, None while it runs. Threads take turns to listen."""
        end = math.inf if seconds is None else time.monotonic() + seconds
        while number not in self.codes:
            left = end - time.monotonic()
            with self.lock, contextlib.suppress(TimeoutError, BlockingIOError):
                self._hear(max(0.0, min(left, 0.05)))
            if left <= 0.0:
                break
        return self.codes.get(number)

    def _hear(self, seconds: float | None) -> int | None:
        """Read one message of the server: a process was started, whose pid is returned, or one has exited."""
        self.channel.settimeout(seconds)
        message = self.channel.recv(1 << 16)
        assert message, "the fork server has exited"
        told = json.loads(message)
        if "ended" not in told:
            return int(told["number"])
        self.codes[told["ended"]["number"]] = told["ended"]["code"]
        return None

    def close(self) -> None:
        self.channel.close()
        self.process.wait(20)


@functools.cache
def _server() -> Server:
    return Server()


class Popen(_INTERPRETER):
    """A ``subprocess.Popen`` of this Python or of ``ostinato`` whose process is a fork.

    Pipes and ``communicate`` are those of the library. Only the start and the exit code come from the server.
    """

    def _execute_child(
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
        stdin, our_stdin, our_stdout, stdout, our_stderr, stderr, restore, gid, gids, uid, umask, start_new_session,
        *_process_group,
    ):  # fmt: skip
        request = {
            "arguments": _python_arguments([os.fsdecode(part) for part in args]),
            "folder": os.fsdecode(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
            "new_session": start_new_session,
        }
        files = [ours if file == -1 else file for ours, file in enumerate((stdin, stdout, stderr))]
        self.pid = _server().start(request, files)
        self._child_created = True
        self._close_pipe_fds(stdin, our_stdin, our_stdout, stdout, our_stderr, stderr)

    def poll(self):
        self.returncode = _server().code(self.pid, 0.0) if self.returncode is None else self.returncode
        return self.returncode

    def wait(self, timeout=None):
        self.returncode = _server().code(self.pid, timeout) if self.returncode is None else self.returncode
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def _internal_poll(self, *_unused, **__unused):  # __del__ calls it, perhaps after the server has gone
        return self.returncode


def _python_arguments(words: list[str]) -> list[str]:
    """The arguments of the interpreter."""
    program, *rest = words
    if program == OSTINATO:
        return ["-m", "ostinato.cli", *rest]
    assert program == sys.executable, f"{program} is not this Python: start it with subprocess"
    return rest


def run(
    arguments: list[Any], *, input: str | None = None, timeout: float = 240.0, **options: Any
) -> subprocess.CompletedProcess[str]:
    """``subprocess.run`` that captures the output as text."""
    pipe = subprocess.PIPE
    options = {
        "stdin": None if input is None else pipe,
        "stdout": pipe,
        "stderr": pipe,
        "text": True,
    } | options
    with Popen(list(map(str, arguments)), **options) as process:
        try:
            out, errors = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


if sys.platform != "linux":  # on macOS a fork is not safe once frameworks are loaded
    Popen = subprocess.Popen  # type: ignore[misc]
