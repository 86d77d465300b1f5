"""ostinato exchange: a loopback exchange to test against."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import ConfigError, shortened
from . import options as opt

if TYPE_CHECKING:
    from ..exchange.clock import VirtualClock
    from ..exchange.faults import Fault
    from ..exchange.market import Market


UntilEof = Annotated[bool, typer.Option("--until-eof", hidden=True, help="Exit when standard input closes.")]


def exchange(
    trades: Annotated[
        Path | None,
        typer.Option(
            "--trades", help="Trades to serve: CSV or parquet; none: a simulated market.", show_default=False
        ),
    ] = None,
    simulate: Annotated[int, typer.Option("--simulate", min=1, help="Simulated trades.")] = 60_000,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Seed of the simulated market and of random faults.")
    ] = 0,
    symbol: Annotated[str, typer.Option("--symbol", help="Symbol on the exchange.")] = "BTCUSDT",
    speed: Annotated[
        str, typer.Option("--speed", help="Virtual seconds a second, or max: as fast as clients take trades.")
    ] = "60",
    begin: Annotated[
        str | None,
        typer.Option(
            "--begin",
            help="How much is past when the clock starts: trades (5000), a share (0.5) or a time; unset: nothing of "
            "a file, a quarter of a simulated market.",
            show_default=False,
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="The clock stands until a websocket subscribes; always so at max.")
    ] = False,
    faults: Annotated[
        Path | None,
        typer.Option("--faults", help="A fault script: TOML or JSON lines.", show_default=False),
    ] = None,
    random: Annotated[
        float,
        typer.Option("--random-faults", min=0.0, help="Duration of random faults, in virtual minutes."),
    ] = 0.0,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="List all faults and exit.")] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port; 0: any free port.")] = 9000,
    host: Annotated[str, typer.Option("--host", help="A loopback address.")] = "127.0.0.1",
    until_eof: UntilEof = False,
    quiet: opt.Quiet = False,
) -> None:
    """Serve the public market data protocol of Binance spot on this machine, on a virtual clock, faults included.

    The first line of the output is the address that `ostinato live --feed` takes. It runs until Ctrl-C.
    """
    if list_faults:
        _list_faults()
        return
    import asyncio

    from ..exchange import VirtualClock, open_market, random_faults, read_faults, start_of
    from ..exchange.listening import check_loopback
    from ..files.ending import end_with_parent

    if until_eof:
        end_with_parent()
    check_loopback(host)
    script = (read_faults(faults) if faults else []) + (random_faults(seed, random) if random else [])
    market = open_market(trades, simulate, seed, symbol)
    past = "0.25" if begin is None and trades is None else begin
    clock = VirtualClock(start_of(market, past), _speed(speed))
    with contextlib.suppress(KeyboardInterrupt):  # the usual end
        asyncio.run(_serve(market, clock, script, host, port, wait, quiet))


async def _serve(
    market: "Market",
    clock: "VirtualClock",
    script: "list[Fault]",
    host: str,
    port: int,
    wait: bool,
    quiet: bool,
) -> None:
    from ..exchange import Exchange

    async with Exchange(market, clock, script, host, port, wait=wait) as server:
        print(server.feed_address(), flush=True)  # noqa: T201 - a parent process waits for this line
        if not quiet:
            past = market.known(clock.start)
            _print_flushed(
                f"{len(market) - past:,} trades of {market.symbol} to come, {past:,} past, {len(script):,} faults; "
                f"REST {server.url}/api/v3, websockets {server.ws_url}/ws. Ctrl-C ends it."
            )
        await server.serve()


def _print_flushed(text: str) -> None:
    typer.echo(text, err=True)


def _speed(text: str) -> float | Literal["max"]:
    if text == "max":
        return "max"
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--speed must be a number above 0, or max, got {shortened(text)}.") from None


def _list_faults() -> None:
    from ..exchange.catalogue import KINDS

    for name, kind in KINDS.items():
        lasts = f"for {kind.length:g} s" if kind.length else "at once"
        settings = "".join(f", {key} = {value!r}" for key, value in kind.parameters.items())
        typer.echo(f"{name:18} {kind.family:10} {kind.does} ({lasts}{settings})")
