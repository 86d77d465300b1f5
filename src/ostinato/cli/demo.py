"""ostinato demo: from trades to a live run."""

import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as opt

if TYPE_CHECKING:
    from rich.console import Console

    from ..data.trades import Trades
    from ..runs.results import Results

MODELS = ("cnn", "tcn", "lstm")
SECONDS = 45.0  # for each model at most, so that the demo stays under three minutes whatever the file


def demo(
    data: Annotated[
        Path | None,
        typer.Argument(help="Trades: CSV or parquet; none: a simulated market.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the runs; it is replaced.")] = Path(
        "runs/demo"
    ),
    seed: opt.Seed = 0,
    column: opt.Column = None,
    time_unit: opt.TimeUnit = None,
    threads: opt.Threads = None,
    feed: Annotated[
        str | None,
        typer.Option(
            "--feed",
            help="Train and live on this exchange, such as binance:BTCUSDT; unset: without DATA the real one where it "
            "can be reached, otherwise the unseen part of the trades, replayed by a loopback exchange.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[float, typer.Option("--for", min=0, help="Seconds of the live run; 0: none.")] = 60.0,
    stay: Annotated[bool, typer.Option("--stay", help="Keep running until Ctrl-C.")] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the page; 0: any free port.")
    ] = 8765,
) -> None:
    """Read trades, train the lecture's CNN, a TCN and an LSTM, compare them with baselines, and run one live."""
    from ..errors import ConfigError
    from . import demo_live
    from .live_output import Terminal
    from .machine import prepare

    prepare(threads, "cpu")
    console = Terminal()
    missing = demo_live.missing()
    if feed is not None and missing:
        raise ConfigError(f"--feed needs the package {missing}: pip install 'ostinato[live]'.")
    if data is None and feed is None and not missing and demo_live.reachable():
        feed = demo_live.REAL
    trades = _trades(data, seed, column, time_unit) if feed is None else demo_live.latest(feed, console)
    console.rule("Input data")
    for line in trades.report.lines():
        console.print(line, highlight=False)
    console.rule("Training: will the next price be strictly higher?")
    results = {name: _fit(name, trades, out / name, seed, console) for name in MODELS}
    _judge(results, trades, data is None and feed is None, console)
    if stay or seconds > 0:
        console.rule("Live: the LSTM, one trade at a time")
        if missing:
            console.print(
                f"left out: it needs the package {missing}: pip install 'ostinato\\[live]'", highlight=False
            )
        else:
            with contextlib.suppress(
                KeyboardInterrupt
            ):  # while it begins or ends; in between the engine sees to it
                demo_live.show(out, trades, feed, None if stay else seconds, port, console)
    _next(data, out, console)


def _trades(data: Path | None, seed: int, column: list[str] | None, time_unit: str | None) -> "Trades":
    if data is not None:
        from ..data.trades import read_trades

        return read_trades(data, opt.pairs(column, "--column") or None, time_unit)
    from ..data.simulator import simulate_trades

    return simulate_trades(seed=seed)


def _fit(name: str, trades: "Trades", out: Path, seed: int, console: "Console") -> "Results":
    from ..tasks.forecasting import fit
    from .progress import ProgressBar

    with ProgressBar(name, console) as watcher:
        done = fit(
            trades, out, name, training={"max_seconds": SECONDS}, seed=seed, force=True, watcher=watcher
        )
    if done.results is None:
        console.print(f"interrupted: what {name} had learnt is in {out}.", highlight=False)
        raise typer.Exit(130)
    return done.results


def _judge(results: dict[str, "Results"], trades: "Trades", simulated: bool, console: "Console") -> None:
    from .tables import Scores, show

    console.rule(f"Judged on the last fifth of {trades.report.source}")
    show(console, {name: Scores.of(found) for name, found in results.items()})
    if simulated:
        console.print("This market is simulated: these numbers say nothing about a real one.")
    rate = results["lstm"].baselines["base_rate"]["accuracy"]
    console.print(
        f'Always saying "not higher" is right {rate:.0%} of the time: accuracy alone shows nothing here.'
    )


def _next(data: Path | None, out: Path, console: "Console") -> None:
    console.rule("Next steps")
    file = "trades.csv" if data is None else data
    command = "ostinato" if shutil.which("ostinato") else os.path.relpath(sys.argv[0])
    if data is None:
        console.print("make demo DATA=trades.csv   (on your own trades)", highlight=False)
    for step in (
        f"runs {out}",
        f"dashboard {out / 'live.sqlite'}",
        f"predict {out / 'lstm'} {file} -o predictions.parquet",
        f"fit forecast {file} --target direction --model gru --out runs/gru",
    ):
        console.print(f"{command} {step}", highlight=False, soft_wrap=True)
