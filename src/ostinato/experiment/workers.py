"""A pool of worker processes that train trials in parallel; this process alone writes the journal.

A worker is started with the address of its task, reads requests from standard input and writes messages to standard
output, one line of JSON each:

    {"order": {...}}            train this trial
    {"step": 25, "loss": 0.6}   an epoch has ended; the reply says whether to prune: {"end": false}
    {"outcome": {...}}          the trial has ended

It has its own standard error, gets no Ctrl-C, and ends when its standard input ends, however this process died.
"""

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import RunError
from .task import AnyTask
from .trial import TrialRequest, TrialResult

DATA = ".data"  # in the folder of a search, while workers read it


@dataclass(frozen=True)
class WorkerMessage:
    """A message of a worker: a loss that wants a reply, or the result of a trial."""

    number: int  # of the trial
    step: int = 0
    loss: float = 0.0
    outcome: TrialResult | None = None


class Workers:
    """A pool of processes, for a ``with`` block: they end with it.

    Raises:
        RunError: the folder cannot be written, or a process cannot be started.
    """

    def __init__(self, count: int, task: AnyTask, folder: Path, data: Any, device: str, threads: int) -> None:
        self.task, self.folder, self.device, self.threads = task, folder / DATA, device, threads
        self.messages: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
        self.processes: dict[int, subprocess.Popen[str]] = {}
        self.listeners: dict[int, threading.Thread] = {}
        self.orders: dict[int, TrialRequest] = {}  # running trials, by the number of the worker
        self.free: list[int] = []
        self.count, self.begun = count, 0
        remove_data(self.folder)
        task.write_data(self.folder, data)

    def __enter__(self) -> Self:
        try:
            for _ in range(self.count):
                self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes.values():
            process.kill()
        for worker in list(self.processes):
            self._release(worker)
        remove_data(self.folder)

    def begin(self, order: TrialRequest) -> None:
        """Start a trial on a free worker."""
        worker = self.free.pop()
        self.orders[worker] = order
        self._send(worker, {"order": asdict(order)})

    def wait(self) -> WorkerMessage:
        """The next message of a worker.

        Raises:
            RunError: a worker could not write.
        """
        while True:
            worker, message = self.messages.get()
            if message is not None and "step" in message:
                return WorkerMessage(self.orders[worker].number, message["step"], message["loss"])
            if message is not None and "unwritable" in message:
                raise RunError(message["unwritable"])
            if message is None:
                outcome = self._replace(worker)
            else:
                outcome = TrialResult(**message["outcome"])
                self.free.append(worker)
            if worker in self.orders:
                return WorkerMessage(self.orders.pop(worker).number, outcome=outcome)

    def answer(self, number: int, end: bool) -> None:
        """Tell a worker whether to end its trial."""
        worker = next(worker for worker, order in self.orders.items() if order.number == number)
        self._send(worker, {"end": end})

    def _send(self, worker: int, message: dict[str, Any]) -> None:
        pipe = self.processes[worker].stdin
        assert pipe is not None
        with contextlib.suppress(OSError):  # it died, which the listener reports
            pipe.write(json.dumps(message) + "\n")
            pipe.flush()

    def _start(self) -> None:
        begin = {
            "task": self.task.address,
            "data": str(self.folder.resolve()),
            "device": self.device,
            "threads": self.threads,
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", f"{__package__}.worker", json.dumps(begin)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=os.environ | {"OMP_NUM_THREADS": str(self.threads)},
                start_new_session=True,
            )
        except OSError as error:
            raise RunError(f"cannot start a process: {error.strerror or error}.") from error
        worker = self.begun
        self.begun += 1
        self.processes[worker] = process
        self.free.append(worker)
        self.listeners[worker] = threading.Thread(target=self._listen, args=(worker, process), daemon=True)
        self.listeners[worker].start()

    def _listen(self, worker: int, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in process.stdout:
                self.messages.put((worker, json.loads(line)))
        self.messages.put((worker, None))

    def _replace(self, worker: int) -> TrialResult:
        """Replace a worker that died, perhaps of too little memory; its trial has failed.

        Raises:
            RunError: it died without having been given anything to do.
        """
        code = self._release(worker)
        if worker in self.free:
            raise RunError(f"a process that was to train ended by itself (exit code {code}).")
        self._start()
        return TrialResult("failed", failed=f"the process that trained it ended by itself (exit code {code})")

    def _release(self, worker: int) -> int:
        """Remove a process that has ended or was killed; returns its exit code."""
        process = self.processes.pop(worker)
        code = process.wait()
        self.listeners.pop(worker).join()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # a request that was not read is dropped
                pipe.close()
        return code


def remove_data(folder: Path) -> None:
    """Remove what ``Task.write_data`` wrote, if it is there."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
