"""The server behind ``forkserver.py``: loads third-party libraries once and forks a process for each request.

It does not load ostinato. Each process imports our code anew from disk, so that late imports and missing imports behave
as in a new interpreter.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

# what commands import, and what the first training and the first evaluation import late
LOADED = """
    torch torch._dynamo torch.utils.data numpy scipy.linalg scipy.signal scipy.special scipy.stats sklearn.linear_model
    statsmodels.api polars narwhals pydantic safetensors typer.main rich.console rich.progress rich.table sqlite3
    httpx h11 websockets.asyncio.client websockets.asyncio.server starlette.applications starlette.websockets uvicorn
    prometheus_client structlog
"""


def serve(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork for each request and report exit codes. Returns in the child only: its request and its file descriptors."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([channel, ours], [], [])
        if ours in ready:
            ours.recv(4096)
            _tell_ended(channel)
        if channel in ready:
            message, files, *_ = socket.recv_fds(channel, 1 << 20, 3)
            if not message:  # the tests have finished
                os._exit(0)
            number = os.fork()
            if number == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (ours, theirs, channel):
                    end.close()
                return json.loads(message), files
            for file in files:
                os.close(file)
            channel.send(json.dumps({"number": number}).encode())


def _tell_ended(channel: socket.socket) -> None:
    while True:
        try:
            number, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if number == 0:
            return
        ended = {"number": number, "code": os.waitstatus_to_exitcode(status)}
        channel.send(json.dumps({"ended": ended}).encode())


def become(request: dict[str, Any], files: list[int]) -> Callable[[], object]:
    """Do what an interpreter does before the first line of code; return the program to run."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    if request["new_session"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    encoding = os.environ.get("PYTHONIOENCODING", "utf-8")
    sys.stdin, sys.stdout = os.fdopen(0, "r", encoding=encoding), os.fdopen(1, "w", encoding=encoding)
    sys.stderr = os.fdopen(2, "w", 1, encoding, "backslashreplace")
    return _program(request["arguments"])


def _program(arguments: list[str]) -> Callable[[], object]:
    """Parse the arguments of the interpreter: -W error, -P, -B, then -c CODE, -m MODULE or a file."""
    folder = True  # whether modules are imported from the folder of the program
    while arguments[0] in ("-W", "-P", "-B"):
        option, *arguments = arguments
        folder = folder and option != "-P"
        if option == "-W":
            assert arguments.pop(0) == "error"
            warnings.resetwarnings()
            warnings.simplefilter("error")
            sys.warnoptions[:] = ["error"]
    kind, *rest = arguments
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [path for path in paths if path and path not in sys.path]
    if kind == "-c":
        sys.argv, first = ["-c", *rest[1:]], ""
        code = compile(rest[0], "<string>", "exec")
        program: Callable[[], object] = functools.partial(exec, code, vars(main))
    elif kind == "-m":
        sys.argv, first = rest, os.getcwd()  # noqa: PTH109
        program = functools.partial(runpy.run_module, rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, first = arguments, str(Path(kind).absolute().parent)
        program = functools.partial(runpy.run_path, kind, run_name="__main__")
    sys.path[:0] = [first] if folder else []
    return program


def run_to_the_end(program: Callable[[], object]) -> NoReturn:
    """Run a program and exit as an interpreter does, but without tearing down modules, which takes 2 s."""
    code = 0
    try:
        program()
    except SystemExit as stop:
        code = _exit_code(stop.code)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # waits for threads that are not daemons
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        code = 120
    os._exit(code)


def _exit_code(said: object) -> int:
    """``sys.exit`` was given a number, nothing, or a message for standard error."""
    if said is None or isinstance(said, int):
        return said or 0
    print(said, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of the tests
    for name in LOADED.split():
        with contextlib.suppress(ImportError):  # optional packages
            importlib.import_module(name)
    assert not [name for name in sys.modules if name.startswith("ostinato")]
    gc.freeze()
    run_to_the_end(become(*serve(socket.socket(fileno=int(sys.argv[1])))))
