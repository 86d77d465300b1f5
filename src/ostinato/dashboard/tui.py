"""The same view in a terminal, for a machine that is only reachable by ssh."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..store import Reader
from .costs import FEE
from .status import span
from .view import View
from .watching import PIECE, RETRY, describe_error

APART = 0.5  # seconds between two looks
STYLES = {"live": "green", "waiting": "yellow", "stale": "bold red", "ended": "dim", "lost": "bold red"}
BAR = 24  # characters
SHOWN = 5  # gaps and notes


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def watch(
    path: Path,
    console: Console | None = None,
    fee: float = FEE,
    spread: float | None = None,
    *,
    wait: Callable[[float], bool] = _wait,
    clock: Callable[[], float] = time.time,
) -> None:
    """Show a store until interrupted. Blocks.

    Args:
        fee, spread: for the break-even move, fractions of the price; a spread of None is estimated.
        wait: waits so many seconds and says whether to end.

    Raises:
        StoreError: there is no store, or it is another version's.
    """
    with Reader.open(path):  # so that a wrong path is said now
        pass
    view, ended = View(path.name, fee, spread), False
    with _shown(console, clock) as show:
        while not ended:
            try:
                with Reader.open(path) as reader:
                    view = view.of(reader)
                    view.opened(reader)
                    ended = _follow(view, reader, show, wait)
            except Exception as error:  # whatever it is: the screen must say so
                view.fail(describe_error(error))
                show(view)
                ended = wait(RETRY)


def _follow(view: View, reader: Reader, show: Callable[[View], None], wait: Callable[[float], bool]) -> bool:
    """Show what comes; whether to end, or else another store has this name."""
    while reader.in_place():
        while view.read(reader, PIECE):
            show(view)
            if wait(0.0):
                return True
        view.fail("")
        show(view)
        if wait(APART):
            return True
    return False


def screen(view: View, now: float) -> Group:
    """What is shown: strip, forecast, scores, reliability, gaps and notes. Text of the store is text, not markup."""
    shown, _ = view.changes(0, "auto")
    found = view.status(now)
    parts: list[Any] = []
    if run := shown.get("run"):
        parts += [_text(run["title"], "bold"), _text(run["kicker"], "dim")]
    parts.append(_text(found.words, STYLES[found.kind]))
    if head := shown.get("headline"):
        grey = found.kind in ("stale", "lost")
        price = "–" if head["price"] is None else f"{head['price']:,.8g}"
        parts += [
            Text.assemble(
                (_clean(head["label"]) + "  ", "dim"),
                (_clean(head["value"]), "dim" if grey else "bold cyan"),
                ("  " + _clean(head["note"]), "dim"),
            ),
            Text.assemble((_clean(head["price_label"]) + "  ", "dim"), (price, "dim" if grey else "bold")),
        ]
    if verdict := shown.get("verdict"):
        parts.append(_text(verdict["words"], ""))
    if health := shown.get("health"):
        parts.append(_strip(health, found.age))
    if shown.get("scores", {}).get("rows"):
        parts += [_scores(shown["scores"]), _text(shown["scores"]["note"], "dim")]
        parts += [_text(shown["costs"]["words"], "dim")] if shown.get("costs") else []
        parts.append(_calibration(shown["calibration"]))
    parts += [_text(f"gap {row['first']:,} to {row['last']:,}: {row['outcome']}, {row['reason']}, {row['why']}", "dim")
              for row in shown.get("gaps", [])[:SHOWN]]  # fmt: skip
    parts += [_text(f"{row['kind']}: {row['text']}", "dim") for row in shown.get("notes", [])[:SHOWN]]
    return Group(*parts)


@contextmanager
def _shown(console: Console | None, clock: Callable[[], float]) -> Iterator[Callable[[View], None]]:
    whole = console or Console()
    with Live(console=whole, auto_refresh=False, screen=whole.is_terminal, vertical_overflow="crop") as live:
        yield lambda view: live.update(screen(view, clock()), refresh=True)


def _strip(health: dict[str, Any], age: float | None) -> Panel:
    items = {
        "state": health["state"],
        "age": _or_none(age, span),
        "lag": _or_none(health["lag"], _millis),
        "gaps": f"{health['unfillable_gaps']:,} (+{health['filled_gaps']:,} filled)",
        "reconnects": f"{health['reconnects']:,}",
        "clock": _or_none(health["clock_offset"], _millis),
        "queue": f"{health['queue']:,}",
        "rate": _or_none(health["events_per_second"], lambda rate: f"{rate:.3g}/s"),
        "latency": _or_none(health["latency_ms"], lambda ms: f"{ms:.3g} ms"),
        "99 %": _or_none(health["latency_ms_p99"], lambda ms: f"{ms:.3g} ms"),
        "memory": f"{health['memory_bytes'] / 1e6:,.0f} MB",
        "store": f"{health['store_bytes'] / 1e6:,.1f} MB",
    }
    words = Text()
    for name, value in items.items():
        words.append(f"{name} ", "dim").append(
            _clean(f"{value}  ").replace(" ", "\N{NO-BREAK SPACE}")[:-1] + " "
        )
    if health["problem"]:
        words.append("\n" + _clean(health["problem"]), "yellow")
    return Panel(words, padding=(0, 1))


def _scores(scores: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(scores["columns"]):
        table.add_column(_text(name, "dim"), justify="right" if place else "left", no_wrap=True)
    for row in scores["rows"]:
        table.add_row(*(_text(cell, "bold" if row["ours"] else "") for cell in row["cells"]))
    return table


def _calibration(now: dict[str, Any]) -> Table:
    """What was said, and as a bar what was; | marks where the bar should end."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("said", "was", ""):
        table.add_column(_text(name, "dim"), no_wrap=True)
    for said, was in zip(now["p"], now["seen"], strict=True):
        if said is None or was is None:
            continue
        bar = ["█" if place < round(BAR * was) else "·" for place in range(BAR + 1)]
        bar[min(BAR, round(BAR * said))] = "|"
        table.add_row(f"{said:.3f}", f"{was:.3f}", "".join(bar))
    return table


def _or_none(value: float | None, told: Callable[[float], str]) -> str:
    return "–" if value is None else told(value)


def _millis(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def _text(words: str, style: str) -> Text:
    return Text(_clean(words), style)


def _clean(words: str) -> str:
    """Without control characters, which could drive the terminal."""
    return "".join(
        c if c.isprintable() or c == "\N{NO-BREAK SPACE}" else "\N{REPLACEMENT CHARACTER}" for c in words
    )
