"""Terminal output of ostinato live: a status line, and a summary at the end."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console

from ..errors import cut

if TYPE_CHECKING:
    from ..live.engine import Engine
    from ..store import Health, Reader

EVERY = 10.0  # seconds between two lines where there is no terminal
MOST_READ = 200_000  # predictions that are read again at the end; the page of a larger store has kept count
PAGE = 2000
WHY = {
    1: "were made on fetched events",
    2: "were made before the model had seen enough",
    4: "were committed after their outcome was known",
    8: "wait for what was never seen",
    16: "were made on what the run was fitted on",
}


class Terminal(Console):
    """A console that survives a closed pipe or a full disk: the output is lost then, and the run continues."""

    def on_broken_pipe(self) -> None:
        """Called when the reader of our output has closed it."""
        self._give_up()

    def print(self, *objects: Any, **how: Any) -> None:
        """As a console does."""
        try:
            super().print(*objects, **how)
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        self.quiet = True
        with suppress(OSError, ValueError):  # what is in the buffer must not fail at the very end
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


class StatusLine:
    """One status line; use it in a ``with`` block."""

    def __init__(self, engine: "Engine", console: "Console", show: bool) -> None:
        self.console, self.show = console, show
        self.status = console.status("starting") if show and console.is_terminal else None
        self.told = time.monotonic()
        engine.each_second.append(self.update)

    def __enter__(self) -> Self:
        if self.status is not None:
            self.status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status is not None:
            self.status.stop()

    def update(self, engine: "Engine") -> None:
        """Update the line."""
        if self.status is not None:
            self.status.update(status_text(engine))
        elif self.show and time.monotonic() - self.told >= EVERY:
            self.told = time.monotonic()
            self.console.print(status_text(engine), soft_wrap=True)


def status_text(engine: "Engine") -> str:
    """Position and rates of the engine."""
    told, meters = engine.feed.health, engine.meters
    parts = [told.state, f"{meters.events:,} events"]
    if engine.position is not None:
        parts.append(f"up to {engine.position.key:,}")
    if told.reconnects:
        parts.append(f"{told.reconnects} reconnects")
    if told.unfillable_gaps:
        parts.append(f"{told.unfillable_gaps} holes")
    if meters.training:
        parts.append(meters.training)
    if told.problem:
        parts.append(cut(told.problem, 200))
    return " · ".join(parts)


def _why_unscored(reader: "Reader") -> str:
    """Why the predictions of a store are not scored."""
    from collections import Counter

    from ..store import Flag

    found: Counter[str] = Counter()
    key = None
    while scores := reader.scores_after(key, PAGE):
        for score in scores:
            found.update(WHY[flag] for flag in Flag if flag in score.flags | score.prediction_flags)
        key = scores[-1].key
    if not found:
        return "no outcome is known yet, so no prediction is scored."
    return (
        "no prediction is scored: "
        + ", ".join(f"{count:,} {why}" for why, count in found.most_common())
        + "."
    )


def _left_out(health: "Health") -> str:
    """Rejected input by reason; "" if there is none."""
    from ..store.health import describe_rejections

    said = []
    if count := health.rejected:
        reasons = describe_rejections({why: n for why, n in health.left_out.items() if why != "duplicate"})
        more = f" (rejected: {reasons})" if reasons else ""
        said.append(
            f"{_messages(count, 'was no event', 'were no events')}{more}; the notes of the store say why."
        )
    if count := health.duplicates:
        said.append(
            f"{_messages(count, 'was', 'were')} dropped: {'it' if count == 1 else 'they'} had come already."
        )
    return " ".join(said)


def _messages(count: int, one: str, more: str) -> str:
    return f"1 message {one}" if count == 1 else f"{count:,} messages {more}"


def print_summary(console: "Console", store: Path) -> None:
    """Print what a store holds, and the scores of its predictions."""
    from rich.table import Table
    from rich.text import Text

    from ..dashboard.view import View
    from ..store import Reader

    with Reader.open(store) as reader:
        counts = reader.counts()
        console.print(
            f"{counts.events:,} events, {counts.predictions:,} predictions, {counts.scores:,} resolved, "
            f"{counts.gaps:,} gaps; the ledger's hash is {reader.head_hash().hex()[:16]}…",
            soft_wrap=True,
        )
        if counts.predictions > MOST_READ:
            return
        view = View(store.name)
        view.opened(reader)
        while view.read(reader, PAGE):
            pass
        if view.health is not None and (text := _left_out(view.health)):
            console.print(Text(text), soft_wrap=True)
        if view.scoring is None or not view.scoring.counted:
            console.print(_why_unscored(reader), soft_wrap=True)
            return
    told = view.scoring.sections()
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(told["scores"]["columns"]):
        table.add_column(Text(name), justify="right" if place else "left", no_wrap=True)
    for row in told["scores"]["rows"]:
        table.add_row(*(Text(cell, "bold" if row["ours"] else "") for cell in row["cells"]))
    console.print(table)
    for text in (told["verdict"]["words"], told["scores"]["note"]):
        console.print(Text(text), soft_wrap=True)
