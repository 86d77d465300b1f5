"""Open feeds by address: ``binance:BTCUSDT``, ``file:trades.csv?speed=60``, ``stdin:``, ``ccxt:kraken:BTC/USD``."""

from pathlib import Path
from typing import Literal

from ...data.bar_files import size_text
from ...data.bars import COLUMNS
from ...data.panel import Panel
from ...errors import ConfigError, FeedError, did_you_mean, shortened
from .address import SCHEMES, Address, parse_address
from .feed import Feed

EXAMPLES = {
    "binance": "binance:BTCUSDT",
    "file": "file:trades.csv?speed=60",
    "stdin": "stdin:",
    "ccxt": "ccxt:kraken:BTC/USD",
}
Kind = Literal["trades", "bars", "table"]


def open_feed(
    text: str,
    kind: Kind,
    columns: tuple[str, ...],
    step: float | None = None,
    *,
    panel: Panel | None = None,
) -> Feed:
    """Open the feed of an address; no network request is sent before its ``batches`` run.

    Args:
        text: the address.
        kind, columns: what an event must be, and the names of its values.
        step: seconds from row to row; of bars, how long they are. None where rows have none.
        panel: the rows of a file, where they were read by a recipe already.

    Raises:
        ConfigError: there is no such scheme or option, or a package is not installed.
        FeedError: the feed has no such events.   DataError: a file cannot be used.
    """
    scheme = text.partition(":")[0]
    if scheme not in SCHEMES or ":" not in text:
        raise ConfigError(_unknown(text, scheme))
    address = parse_address(text)
    if scheme == "file":
        return _file(text, address, kind, columns, step, panel)
    if scheme == "stdin":
        from .stdin import StdinFeed

        return StdinFeed(text, kind, columns, step)
    _check_exchange(address.scheme, kind, columns, step)
    assert kind != "table"
    if scheme == "binance":
        from .binance import open_binance

        return open_binance(address, kind, step)
    return _ccxt(address, kind, step)


def _unknown(text: str, scheme: str) -> str:
    examples = ", ".join(EXAMPLES.values())
    near = did_you_mean(scheme, SCHEMES) if ":" in text else ""
    if not near and len(text) < 1000 and text.isprintable() and Path(text).suffix and Path(text).exists():
        near = f" Did you mean 'file:{text}'?"
    return f"there is no feed {shortened(text)}.{near} Feeds are written like {examples}."


def _check_exchange(scheme: str, kind: Kind, columns: tuple[str, ...], step: float | None) -> None:
    """Refuse kinds of events that no exchange provides."""
    if kind == "table":
        raise FeedError(
            f"a {scheme} feed gives trades and bars, and this run reads the columns of a table. "
            "Replay a file with file:, or pipe lines into stdin:."
        )
    if kind == "bars" and step is None:
        raise FeedError(
            f"a {scheme} feed gives bars by time, such as 1m, and this run reads bars by number of trades or volume, "
            "or of a market that closes. Replay a file with file:, or pipe bars into stdin:."
        )
    given = ("price", "amount") if kind == "trades" else COLUMNS
    if tuple(columns) != given:
        more = [name for name in columns if name not in given]
        what = f"the columns {', '.join(map(repr, more))} too" if more else f"only {', '.join(columns)}"
        raise FeedError(f"the {kind} of a {scheme} feed have {', '.join(given)}, and this run reads {what}.")


def _file(
    text: str, address: Address, kind: Kind, columns: tuple[str, ...], step: float | None, panel: Panel | None
) -> Feed:
    from .file import FileFeed, panel_of_file, parse_speed

    speed = parse_speed(address.options.get("speed", "max"))
    if panel is None:
        bars = size_text(step) if kind == "bars" else ""
        panel = panel_of_file(address.name, kind, columns, bars, {})
    if panel.kind != kind:
        raise FeedError(f"{address.name} holds {panel.kind}, and {kind} are asked for.")
    if step is not None and panel.step is not None and panel.step != step:
        raise FeedError(f"rows of {address.name} are {panel.step:g} s apart, and {step:g} s are asked for.")
    which = f"?id={address.options['id']}" if "id" in address.options else ""
    # without the speed, which may be another when a store is gone on with
    return FileFeed(f"file:{address.name}{which}", panel, speed, columns, address.options.get("id"))


def _ccxt(address: Address, kind: Literal["trades", "bars"], step: float | None) -> Feed:
    exchange, _, symbol = address.name.partition(":")
    if not symbol:
        raise ConfigError(
            f"the feed ccxt:{shortened(address.name)} lacks a symbol; write it like {EXAMPLES['ccxt']}."
        )
    from .address import check_url
    from .ccxt_feed import CcxtFeed

    options = address.options
    rest = check_url("rest", options["rest"], "http") if "rest" in options else None
    ws = check_url("ws", options["ws"], "ws") if "ws" in options else None
    return CcxtFeed(exchange, symbol, kind, step, rest=rest, ws=ws)
