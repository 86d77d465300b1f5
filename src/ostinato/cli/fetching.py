"""Progress of a fetch: a bar in a terminal, a line for every tenth elsewhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..data.report import counted

if TYPE_CHECKING:
    from ..live.parts import Manifest

LONGEST = 60  # characters of what keeps it waiting


class FetchBar:
    """Shows the share of the time asked for, rows, their rate and the time left. Use it in a ``with`` block."""

    def __init__(self, name: str, thing: str, console: Console) -> None:
        self.name, self.thing, self.console = name, thing, console
        self.live = console.is_terminal
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rows]}"),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[held]}", markup=False),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self.task = self.bar.add_task(name, total=1.0, rows="", held="")
        self.before, self.began, self.tenth = 0, time.monotonic(), 0

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def begin(self, manifest: "Manifest") -> None:
        """The fetch starts or resumes parts; print which."""
        from ..live.history import utc

        span = f"{utc(manifest.start)} to {utc(manifest.end)} UTC"
        if manifest.rows:
            words = (
                f"going on with {counted(manifest.rows, self.thing)} that an earlier fetch left, of {span}"
            )
        else:
            words = f"{self.name}, {span}"
        self.console.print(words, highlight=False, markup=False)
        self.before, self.began = manifest.rows, time.monotonic()

    def update(self, share: float, rows: int) -> None:
        """Update the progress: fraction 0 to 1, and the number of rows."""
        elapsed = time.monotonic() - self.began
        rate = f", {(rows - self.before) / elapsed:,.0f}/s" if elapsed > 0 else ""
        words = f"{rows:,} {self.thing}s{rate}"
        self.bar.update(self.task, completed=share, rows=words, held="")
        if not self.live and int(share * 10) > self.tenth:
            self.tenth = int(share * 10)
            self.console.print(f"{self.name}: {share:.0%}, {words}", highlight=False, markup=False)

    def waiting(self, kind: str, text: str) -> None:
        """Print what the fetch is waiting for."""
        words = "".join(letter for letter in text if letter.isprintable())
        self.bar.update(self.task, held=words[:LONGEST])
        if not self.live:
            self.console.print(f"{self.name}: {words}", highlight=False, markup=False)
