"""Training progress: a bar in a terminal, a line for each epoch elsewhere."""

import math
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from ..training.progress import EpochRecord
from ..training.progress import Progress as State


class ProgressBar:
    """Shows loss, speed and time left. Use it in a ``with`` block, so that the terminal is always restored."""

    def __init__(self, name: str, console: Console) -> None:
        self.name, self.console = name, console
        self.live = console.is_terminal
        self.rows = 0
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[loss]}"),
            _Speed(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self.task = self.bar.add_task(name, total=None, loss="", rows=0)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def begin(self, progress: State, updates_in_epoch: int, epochs: int) -> None:
        """An epoch begins. The whole training is one bar; it may end early."""
        self.bar.update(
            self.task,
            description=f"{self.name} epoch {progress.epoch + 1}/{epochs}",
            total=updates_in_epoch * epochs,
            completed=progress.epoch * updates_in_epoch + progress.done,
        )

    def update(self, progress: State, rows: int) -> None:
        """One more update."""
        self.rows += rows
        if not self.live:
            return
        best = f", best validation {progress.best_loss:.4f}" if math.isfinite(progress.best_loss) else ""
        loss = f"loss {progress.loss:.4f}{best}"
        self.bar.update(self.task, advance=1, loss=loss, rows=self.rows)

    def evaluated(self, progress: State, evaluation: EpochRecord) -> None:
        """The end of an epoch: a line where nothing moves."""
        if not self.live:
            mark = " (best)" if evaluation.best else ""
            self.console.print(
                f"{self.name} epoch {evaluation.epoch + 1}: loss {evaluation.train_loss:.4f}, validation "
                f"{evaluation.validation_loss:.4f}{mark}, {evaluation.seconds:.0f} s",
                highlight=False,
            )

    def end(self, progress: State) -> None:
        """Print how the training ended."""
        reasons = {"early": "stopped early", "epochs": "all epochs done", "time": "out of time"}
        reason = reasons.get(progress.stopped, progress.stopped)
        best = (
            f"best validation loss {progress.best_loss:.4f}" if progress.best_epoch >= 0 else "not validated"
        )
        self.bar.stop()
        self.console.print(f"{self.name}: {reason} after {progress.seconds:.0f} s, {best}", highlight=False)


def progress_bars(console: Console) -> Callable[[str], ProgressBar]:
    """A factory of progress bars, one for each named training."""
    return lambda name: ProgressBar(name, console)


class _Speed(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        rows, elapsed = task.fields["rows"], task.elapsed or 0.0
        return Text(f"{rows / elapsed:,.0f} rows/s" if elapsed > 0 and rows else "")
