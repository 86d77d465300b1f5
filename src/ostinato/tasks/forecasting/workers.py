"""Processes that train trials side by side; this one alone keeps the journal.

A worker is told of an order on its standard input and answers on its standard output, a line of JSON each:

    {"order": {...}}            train this
    {"step": 25, "loss": 0.6}   an epoch has ended; is the trial to end?   {"end": false}
    {"outcome": {...}}          done

It has its own standard error, hears no Ctrl-C, and ends when its input does, however this process died.
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

import numpy as np

from ...data.calendar import Holidays
from ...data.grid import Step
from ...data.layout import Layout
from ...data.panel import Panel
from ...errors import RunError
from ...runs.reading import read_bytes
from .choosing import column_names, read_lines
from .trials import Order, Outcome

PANEL = ".panel"  # in the folder of a search, while workers read it
ARRAYS = ("time", "starts", "observed")
MAX_PANEL_BYTES = 1 << 26  # of the page of JSON: it names each series
PLAIN = ("kind", "ids", "step", "season", "targets", "known", "bars")


@dataclass(frozen=True)
class Event:
    """What a worker said: a loss to be answered, or how a trial ended."""

    number: int  # of the trial
    step: int = 0
    loss: float = 0.0
    outcome: Outcome | None = None


class Workers:
    """Some processes. Use it in a ``with`` block: they end with it.

    Raises:
        RunError: the folder cannot be written, or a process cannot be started.
    """

    def __init__(self, count: int, folder: Path, panel: Panel, device: str, threads: int) -> None:
        self.folder, self.device, self.threads = folder / PANEL, device, threads
        self.heard: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
        self.processes: dict[int, subprocess.Popen[str]] = {}
        self.listeners: dict[int, threading.Thread] = {}
        self.orders: dict[int, Order] = {}  # under way, by the number of the worker
        self.free: list[int] = []
        self.count, self.begun = count, 0
        write_panel(self.folder, panel)

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
            self._bury(worker)
        remove_panel(self.folder)

    def begin(self, order: Order) -> None:
        """Give an order to a free worker."""
        worker = self.free.pop()
        self.orders[worker] = order
        self._say(worker, {"order": asdict(order)})

    def wait(self) -> Event:
        """The next thing that a worker says.

        Raises:
            RunError: a worker could not write.
        """
        while True:
            worker, said = self.heard.get()
            if said is not None and "step" in said:
                return Event(self.orders[worker].number, said["step"], said["loss"])
            if said is not None and "unwritable" in said:
                raise RunError(said["unwritable"])
            if said is None:
                outcome = self._replace(worker)
            else:
                outcome = Outcome(**said["outcome"])
                self.free.append(worker)
            if worker in self.orders:
                return Event(self.orders.pop(worker).number, outcome=outcome)

    def answer(self, number: int, end: bool) -> None:
        """Whether a trial is to end."""
        worker = next(worker for worker, order in self.orders.items() if order.number == number)
        self._say(worker, {"end": end})

    def _say(self, worker: int, message: dict[str, Any]) -> None:
        pipe = self.processes[worker].stdin
        assert pipe is not None
        with contextlib.suppress(OSError):  # it died; its reader will say so
            pipe.write(json.dumps(message) + "\n")
            pipe.flush()

    def _start(self) -> None:
        begin = {"panel": str(self.folder.resolve()), "device": self.device, "threads": self.threads}
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
                self.heard.put((worker, json.loads(line)))
        self.heard.put((worker, None))

    def _replace(self, worker: int) -> Outcome:
        """A worker died, of too little memory perhaps: its trial failed, and another one takes its place.

        Raises:
            RunError: it died without having been given anything to do.
        """
        code = self._bury(worker)
        if worker in self.free:
            raise RunError(f"a process that was to train ended by itself (exit code {code}).")
        self._start()
        return Outcome("failed", failed=f"the process that trained it ended by itself (exit code {code})")

    def _bury(self, worker: int) -> int:
        """Let go of a process that has ended, or was told to; its exit code."""
        process = self.processes.pop(worker)
        code = process.wait()
        self.listeners.pop(worker).join()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what it was to be told is lost, as it should be
                pipe.close()
        return code


def write_panel(folder: Path, panel: Panel) -> None:
    """Lay a panel down for other processes: plain arrays, and a page of JSON.

    Raises:
        RunError: the system does not let us write there.
    """
    remove_panel(folder)
    facts = {name: getattr(panel, name) for name in PLAIN}
    facts |= {
        "columns": list(panel.values),
        "source": panel.report.source,
        "lines": read_lines(panel),
        "roles": column_names(panel),
        "layout": None if panel.layout is None else panel.layout.model_dump(mode="json"),
    }
    arrays = {name: getattr(panel, name) for name in ARRAYS}
    if panel.holidays is not None:
        known = panel.holidays
        facts["holidays"] = [known.place, list(known.step), known.zone]
        arrays |= {"holidays_time": known.time, "holidays_wall": known.wall}
    arrays |= {f"value{place}": column for place, column in enumerate(panel.values.values())}
    try:
        folder.mkdir()
        for name, array in arrays.items():
            if array is not None:
                np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / "panel.json").write_text(json.dumps(facts), encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}.") from error


def remove_panel(folder: Path) -> None:
    """Remove what ``write_panel`` made, if it is there."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Told:
    """The report of a panel, as far as other processes are told of it."""

    source: str
    read: list[str]
    columns: dict[str, str]

    def lines(self) -> list[str]:
        """For a person to read."""
        return self.read


def read_panel(folder: Path) -> Panel:
    """What ``write_panel`` laid down; the memory of the arrays is shared with all who read them.

    Raises:
        RunError: its page of JSON is missing or too large.
    """
    facts = json.loads(read_bytes(folder / "panel.json", MAX_PANEL_BYTES))

    def array(name: str) -> np.ndarray | None:
        path = folder / f"{name}.npy"
        # copy on write: nobody's changes reach the file
        return np.asarray(np.lib.format.open_memmap(path, mode="c")) if path.exists() else None

    plain = {name: tuple(v) if isinstance(v := facts[name], list) else v for name in PLAIN}
    values = {name: array(f"value{place}") for place, name in enumerate(facts["columns"])}
    arrays = {name: array(name) for name in ARRAYS}
    report = Told(facts["source"], facts["lines"], facts["roles"])
    holidays = None
    if "holidays" in facts:
        place, step, zone = facts["holidays"]
        time, wall = array("holidays_time"), array("holidays_wall")
        assert time is not None
        assert wall is not None
        holidays = Holidays(place, Step(*step), time, wall, zone)
    layout = None if facts["layout"] is None else Layout.model_validate(facts["layout"])
    return Panel(values=values, report=report, holidays=holidays, layout=layout, **plain, **arrays)  # type: ignore[arg-type]
