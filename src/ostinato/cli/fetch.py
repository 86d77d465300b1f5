"""ostinato fetch: history from an exchange to a parquet file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as opt

if TYPE_CHECKING:
    from ..live.history import FetchResult
    from ..live.parts import FetchRequest

EXCHANGES = ("binance",)
SHOWN_HOLES = 5


def fetch(
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="binance.", show_default=False)],
    symbol: Annotated[
        str, typer.Argument(metavar="SYMBOL", help="Symbol, such as BTCUSDT.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="A parquet file to write.", show_default=False)],
    days: Annotated[
        float | None,
        typer.Option("--days", help="Days until now, until --to, or since --from.", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Begin, such as 2026-07-01 or 2026-07-01T12:00Z.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="End, exclusive; unset: now.", show_default=False),
    ] = None,
    bars: Annotated[
        str | None,
        typer.Option("--bars", help="Closed bars, such as 1m, instead of trades.", show_default=False),
    ] = None,
    rest: Annotated[
        str | None,
        typer.Option("--rest", metavar="URL", help="Another address of the exchange.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing file, and parts of another request.")
    ] = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> None:
    """Fetch trades (or bars) into a parquet file that fit, compare and the others read.

    Ended early, by Ctrl-C or by force, the same command goes on where it was: what came in is kept in OUT.parts.
    """
    import asyncio

    from rich.console import Console

    from .fetching import FetchBar

    request = _request(exchange, symbol, days, since, until, bars, rest)
    console = Console(quiet=quiet or as_json)
    from ..live.feeds.binance.rest import RestClient
    from ..live.feeds.feed import Timeouts
    from ..live.history import fetch_history

    async def run(bar: FetchBar) -> "FetchResult":
        async with RestClient(request.rest, Timeouts(), attempts=ATTEMPTS, on_note=bar.waiting) as client:
            return await fetch_history(client, request, out, bar, force)

    with FetchBar(f"{exchange} {request.symbol}", "bar" if bars else "trade", console) as bar:
        try:
            fetched = asyncio.run(run(bar))
        except KeyboardInterrupt:
            _interrupted(out)
    _print_result(console, fetched, out, bool(bars), as_json)


ATTEMPTS = 9  # the last of them a minute or so after the first


def _request(
    exchange: str,
    symbol: str,
    days: float | None,
    since: str | None,
    until: str | None,
    bars: str | None,
    rest: str | None,
) -> "FetchRequest":
    import math

    from ..errors import ConfigError, did_you_mean, shortened
    from ..live.feeds.address import Address, binance_address
    from ..live.history import parse_time
    from ..live.pages import interval_of
    from ..live.parts import FetchRequest

    if exchange not in EXCHANGES:
        near = did_you_mean(exchange, EXCHANGES)
        raise ConfigError(
            f"there is no exchange {shortened(exchange)} to fetch from, but {EXCHANGES[0]}.{near}"
        )
    if days is not None and not (math.isfinite(days) and 0 < days <= 36_600):
        raise ConfigError(f"--days must be above 0 and at most 36,600, got {days:g}.")
    if days is None and since is None:
        raise ConfigError("say how much to fetch, with --days 7 or --from 2026-07-01.")
    if days is not None and since is not None and until is not None:
        raise ConfigError("--days, --from and --to do not go together; give two of them.")
    address = binance_address(Address(exchange, symbol, {} if rest is None else {"rest": rest}))
    return FetchRequest(
        exchange=exchange,
        rest=address.rest,
        symbol=address.symbol,
        interval="" if bars is None else interval_of(bars),
        days=days,
        since=None if since is None else parse_time(since, "--from"),
        until=None if until is None else parse_time(until, "--to"),
    )


def _interrupted(out: Path) -> None:
    import sys

    from ..live.parts import folder_of

    folder = folder_of(out)
    kept = f": what came in is in {folder}, and the same command goes on" if folder.exists() else ""
    print(f"ostinato: interrupted{kept}.", file=sys.stderr)  # noqa: T201
    raise typer.Exit(130)


def _print_result(console: Any, fetched: "FetchResult", out: Path, bars: bool, as_json: bool) -> None:
    from ..data.report import counted
    from ..live.history import report_path, utc

    if as_json:
        typer.echo(report_path(out).read_text(encoding="utf-8"), nl=False)
        return

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    thing, name = ("bar", "bar") if bars else ("trade", "id")
    span = "" if bars else f" of {fetched.first} to {fetched.last}"
    say(
        f"{counted(fetched.rows, thing)} from {utc(fetched.first_time)} to {utc(fetched.last_time)} UTC in {out}"
    )
    if not fetched.holes:
        say(f"every {name}{span} is there once")
        return
    say(
        f"{counted(fetched.missing, name)}{span} missing in {counted(len(fetched.holes), 'hole')}, for the exchange "
        f"does not have them (all in {report_path(out)}):"
    )
    for hole in fetched.holes[:SHOWN_HOLES]:
        keys = "" if bars else f"{hole.first} to {hole.last}, "
        say(f"  {keys}between {utc(hole.after)} and {utc(hole.before)} UTC")
    if len(fetched.holes) > SHOWN_HOLES:
        say(f"  and {len(fetched.holes) - SHOWN_HOLES:,} more")
