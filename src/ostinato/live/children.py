"""A child process of the engine that ends with it, even if the engine is killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from ..errors import OstinatoError
from ..files.links import open_no_link

MAX_LINE = 1 << 16  # bytes
PATIENCE = 5.0  # seconds for a child to clean up
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS"), "1")  # the engine comes first


class ChildProcess:
    """``python -m`` a module that calls ``end_with_parent``; it writes little to its standard output.

    Args:
        module: dotted.
        arguments: of it.
        log: where its standard error goes; None: nowhere that stays.

    Raises:
        OSError: the system has no room for it.
    """

    def __init__(self, module: str, *arguments: str, log: Path | None = None) -> None:
        self.module = module
        self.errors: IO[bytes] = _file(log)
        try:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,  # its end is ours
                stdout=subprocess.PIPE,
                stderr=self.errors,
                env=os.environ | ONE_THREAD,
                start_new_session=True,  # Ctrl-C is for us
            )
        except BaseException:
            self.errors.close()
            raise

    def code(self) -> int | None:
        """Exit code; None while it runs."""
        return self.process.poll()

    def line(self) -> str:
        """The next line of its output, "" at the end; blocks.

        Raises:
            OstinatoError: the line is too long.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise OstinatoError(
                f"{self.module} wrote a line of more than {MAX_LINE:,} bytes, where it should say one thing. "
                "Whatever stands in its place is not ours: install ostinato again."
            )
        return line.decode(errors="replace").strip()

    def error_text(self) -> str:
        """The last line of its standard error, or its exit code."""
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(self.errors.tell() - 2000, 0))
        said = self.errors.read().decode(errors="replace").strip()
        return said.splitlines()[-1] if said else f"it ended with {self.code()}"

    def close(self) -> None:
        """Terminate it if it still runs; safe to call twice."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def _file(log: Path | None) -> IO[bytes]:
    if log is None:
        return tempfile.TemporaryFile()
    return os.fdopen(open_no_link(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC), "w+b")
