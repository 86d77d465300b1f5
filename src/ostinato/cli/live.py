"""ostinato live: a trained run on a market, as it happens."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options as opt

if TYPE_CHECKING:
    from rich.console import Console

    from ..live import Since
    from ..live.engine import Engine, EngineWatcher, Settings
    from .serving import Pages


Feed = Annotated[
    str,
    typer.Option(
        "--feed",
        help="binance:BTCUSDT, file:trades.csv?speed=60, stdin: or ccxt:kraken:BTC/USD; addresses may follow: "
        "binance:BTCUSDT?rest=http://127.0.0.1:9000&ws=ws://127.0.0.1:9000",
    ),
]
Store = Annotated[
    Path,
    typer.Option("--store", help="SQLite file for events, predictions and scores; resumed if it exists."),
]
History = Annotated[
    int, typer.Option("--history", min=0, max=1_000_000, help="Past events to warm up the state.")
]
Begin = Annotated[
    str | None, typer.Option("--since", help='Begin with this id instead, or with the "first" that is kept.')
]
OnGap = Annotated[
    str, typer.Option("--on-gap", help="At a gap that cannot be filled: carry the state on, or reset it.")
]
Retrain = Annotated[
    str | None,
    typer.Option(
        "--retrain", help="hourly, daily, weekly or a number of events such as 50000; unset: never."
    ),
]
Keep = Annotated[
    float,
    typer.Option(
        "--keep-days",
        min=1,
        help="Days to keep in the store; older days are sealed as parquet files next to it.",
    ),
]
Fee = Annotated[float, typer.Option("--fee", min=0, max=1, help="Share of the price that a trade costs.")]
Spread = Annotated[
    float | None, typer.Option("--spread", min=0, max=1, help="Share of the price; unset: estimated.")
]
Seconds = Annotated[float | None, typer.Option("--for", min=0, help="Stop after so many seconds.")]
Page = Annotated[bool, typer.Option("--dashboard/--no-dashboard", help="Serve a page.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the page; 0: any free port.")]
Host = Annotated[
    str, typer.Option("--host", help="Address of the page; other than loopback requires a token.")
]
Token = Annotated[
    str | None, typer.Option("--token", envvar="OSTINATO_TOKEN", help="Access token of the page.")
]
Webhook = Annotated[
    list[str] | None,
    typer.Option(
        "--webhook",
        help="Predictions are posted there; @FILE reads addresses, one a line. One with a secret belongs there, or "
        "into OSTINATO_WEBHOOK.",
    ),
]
Tui = Annotated[bool, typer.Option("--tui", help="Show the page in this terminal.")]
Log = Annotated[Path | None, typer.Option("--log", help="Log file of events, as JSON lines.")]


def live(
    run: opt.RunPath,
    feed: Feed,
    store: Store = Path("live.sqlite"),
    history: History = 2000,
    since: Begin = None,
    on_gap: OnGap = "carry",
    retrain: Retrain = None,
    keep_days: Keep = 7.0,
    fee: Fee = 0.001,
    spread: Spread = None,
    seconds: Seconds = None,
    dashboard: Page = True,
    port: Port = 8765,
    host: Host = "127.0.0.1",
    token: Token = None,
    webhook: Webhook = None,
    tui: Tui = False,
    log: Log = None,
    threads: opt.Threads = None,
    quiet: opt.Quiet = False,
) -> None:
    """Predict as it happens: each prediction is committed before it is shown, and scored together with baselines."""
    from .machine import prepare

    prepare(threads, "cpu")
    from ..live.sealing import Sealer
    from ..tasks.forecasting.live import Settings, schedule
    from .live_output import Terminal
    from .serving import Pages

    console = Terminal(quiet=quiet, highlight=False)
    costs = costs_of(fee, spread)
    arguments = ["--host", host, "--port", str(port), *costs]
    settings = Settings(policy=policy_of(on_gap), since=since_of(history, since))
    pages = Pages(
        store, arguments if dashboard else None, token, costs if tui else None, webhooks=webhook or []
    )
    watchers: list[EngineWatcher] = [Sealer(keep_days), *schedule(retrain, store)]
    run_live(run, feed, store, settings, pages, console, watchers, seconds, log)
    console.print(f"to go on: ostinato live {run} --feed '{feed}' --store {store}", soft_wrap=True)


def run_live(
    run: Path,
    feed: str,
    store: Path,
    settings: "Settings",
    pages: "Pages",
    console: "Console",
    watchers: "Sequence[EngineWatcher]" = (),
    seconds: float | None = None,
    log: Path | None = None,
) -> None:
    """From the opened run to the summary; raises the errors of opening and running."""
    from contextlib import ExitStack

    from ..errors import ConfigError
    from ..tasks.forecasting import open_run
    from ..tasks.forecasting.live import engine_of, feed_of
    from .live_output import print_summary

    opened = open_run(run)
    pages.check()
    check_log(log, store)
    try:
        source = feed_of(feed, opened.recipe)
    except ImportError as error:
        raise ConfigError(
            f"this feed needs the package {error.name}: pip install 'ostinato[live]'."
        ) from None
    with ExitStack() as ending:  # whatever fails in it, each is closed
        engine = engine_of(opened, source, store, settings, log)
        for watcher in reversed(watchers):
            ending.callback(watcher.close)
        ending.callback(engine.close)
        for watcher in watchers:
            watcher.watch(engine)
        with pages:
            _begin(console, engine, pages, store)
            _run(engine, seconds, console, show=not pages.in_terminal and not console.quiet)
    if not console.quiet:
        print_summary(console, store)


def costs_of(fee: float, spread: float | None) -> list[str]:
    """Arguments of the page."""
    return ["--fee", repr(fee)] + ([] if spread is None else ["--spread", repr(spread)])


def policy_of(text: str) -> Literal["carry", "reset"]:
    """The policy for the state at a gap."""
    from ..errors import ConfigError, shortened

    if text not in ("carry", "reset"):
        raise ConfigError(f"--on-gap must be carry or reset, got {shortened(text)}.")
    return text  # type: ignore[return-value]


def check_log(log: Path | None, store: Path) -> None:
    """Refuse to write a log into a store."""
    from ..errors import ConfigError

    if (
        log is not None
        and log.resolve().name.startswith(store.resolve().name)
        and log.resolve().parent == store.resolve().parent
    ):
        raise ConfigError(
            f"--log {log} is the store, or stands where it keeps files of its own. Name another file."
        )


def since_of(history: int, since: str | None) -> "Since":
    """Where a feed begins."""
    from ..errors import ConfigError, shortened
    from ..live import Since

    if since is None:
        return Since(history)
    if since == "first":
        return Since(0, "first")
    if not re.fullmatch(r"[0-9]{1,18}", since):
        raise ConfigError(f"--since must be an id such as 123456, or first, got {shortened(since)}.")
    return Since(0, int(since))


def _begin(console: "Console", engine: "Engine", pages: "Pages", store: Path) -> None:
    position = engine.store.position()
    on = "begins" if position is None else f"goes on after event {position.key:,}"
    console.print(f"{engine.feed.name} → {engine.store.head.run}: {store} {on}.", soft_wrap=True)
    if engine.store.recovered:
        console.print(engine.store.recovered, soft_wrap=True)
    if pages.address:
        console.print(f"the page: {pages.address}", soft_wrap=True)


def _run(engine: "Engine", seconds: float | None, console: "Console", show: bool) -> None:
    """Run until the feed ends, the time is over, or Ctrl-C."""
    import asyncio
    import contextlib
    import logging
    import signal

    from .live_output import StatusLine

    async def work() -> None:
        task = asyncio.create_task(engine.run())
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows lacks the last, and handlers
            with contextlib.suppress(NotImplementedError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), task.cancel)
        if seconds is not None:
            loop.call_later(seconds, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    logging.getLogger("asyncio").addHandler(logging.NullHandler())  # a lost socket is told of by the feed
    with StatusLine(engine, console, show):
        asyncio.run(work())
