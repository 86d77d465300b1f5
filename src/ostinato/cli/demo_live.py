"""The last step of the demo: a trained run, live on an exchange."""

import contextlib
import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ..data.trades import Trades

PACKAGES = ("httpx", "websockets", "starlette", "uvicorn")
REAL = "binance:BTCUSDT"
PING = "https://data-api.binance.vision/api/v3/ping"
PATIENCE = 2.0  # seconds for the real exchange to answer
TRADES = 60_000  # of the real exchange, to train on
RATE = 15.0  # trades a second that a replay shows
PAGE = 1000
HISTORY = 2000  # trades that warm the state up


def missing() -> str | None:
    """A package that live running needs and that is not installed."""
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            return name
    return None


def reachable() -> bool:
    """Return whether the real exchange answers."""
    try:
        import httpx
    except ImportError:
        return False
    with contextlib.suppress(httpx.HTTPError, OSError):
        return httpx.get(PING, timeout=PATIENCE).status_code == 200
    return False


def latest(feed: str, console: "Console") -> "Trades":
    """The latest trades of an exchange.

    Raises:
        ConfigError: the feed is not one with a history.   FeedError: the exchange refuses.
    """
    import asyncio

    import numpy as np

    from ..data.trades import make_trades
    from ..errors import ConfigError
    from ..live.feeds.address import binance_address, parse_address
    from ..live.feeds.binance import RestClient
    from ..live.feeds.binance.opening import timeouts_for

    address = parse_address(feed)
    if address.scheme != "binance":
        raise ConfigError(f"the demo trains on a binance feed, such as {REAL}, got {address.scheme}.")

    where = binance_address(address)

    async def fetch() -> list[tuple[int, float, float, float]]:
        client = RestClient(where.rest, timeouts_for(where.speed), attempts=5)
        try:
            newest = (await client.agg_trades(where.symbol, limit=1))[-1].id
            first, rows = max(newest - TRADES, 0), list[tuple[int, float, float, float]]()
            with console.status(f"fetching the last {newest - first:,} trades of {where.symbol}"):
                while page := await client.agg_trades(where.symbol, from_id=first, limit=PAGE):
                    rows += [(one.id, one.time, one.price, one.amount) for one in page if one.id <= newest]
                    first = page[-1].id + 1
                    if first > newest:
                        break
            return rows
        finally:
            await client.aclose()

    ids, time, price, amount = (np.array(column) for column in zip(*asyncio.run(fetch()), strict=True))
    return make_trades(feed.partition("?")[0], time, price, amount, ids.astype(np.int64))


def show(
    out: Path, trades: "Trades", feed: str | None, seconds: float | None, port: int, console: "Console"
) -> None:
    """Live for some seconds, or until Ctrl-C, on a feed or on a replay of what the run was not fitted on."""
    from ..live import Since
    from ..tasks.forecasting.live import Settings
    from .live import run_live
    from .serving import Pages

    store = out / "live.sqlite"
    for old in out.glob(f"{store.name}*"):  # of the demo before: days, models, cursors of webhooks
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    with contextlib.nullcontext(feed) if feed else _replayed(out, trades, console) as address:
        assert address is not None
        pages = Pages(store, ["--port", str(port)], None, browse=console.is_terminal)
        run_live(
            out / "lstm", address, store, Settings(since=Since(HISTORY)), pages, console, seconds=seconds
        )


@contextlib.contextmanager
def _replayed(out: Path, trades: "Trades", console: "Console") -> Iterator[str]:
    """Address of a loopback exchange that replays the test part of the trades."""
    import polars as pl

    from ..errors import ListenError
    from ..live.children import ChildProcess
    from ..tasks.forecasting import open_run

    begin = open_run(out / "lstm").recipe.rows_fitted
    span = max(float(trades.time[-1] - trades.time[begin]), 1.0)
    speed = max(round(RATE * span / (len(trades) - begin), 1), 1.0)
    file = out / "trades.parquet"
    columns = {"time": trades.time, "price": trades.price, "amount": trades.amount}
    pl.DataFrame(columns).write_parquet(file)
    console.print(
        f"a loopback exchange replays the {len(trades) - begin:,} trades that nothing was fitted on, {speed:g} times "
        "as fast as they happened.",
        highlight=False,
    )
    options = ["--quiet", "--wait", "--until-eof", "--port", "0", "--trades", str(file)]
    options += ["--begin", str(begin), "--speed", str(speed)]
    exchange = ChildProcess("ostinato.cli", "exchange", *options)
    try:
        address = exchange.line()
        if not address:
            exchange.process.wait()
            said = exchange.error_text().removeprefix("ostinato: ")
            raise ListenError(f"the loopback exchange could not be started: {said}")
        yield address
    finally:
        exchange.close()
