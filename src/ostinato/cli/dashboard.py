"""ostinato dashboard: the page of a live store."""

from pathlib import Path
from typing import Annotated

import typer

WEBHOOK = (
    "Predictions are posted there; @FILE reads addresses, one a line. Others can see the arguments of a process: an "
    "address with a secret belongs into a file, or into OSTINATO_WEBHOOK."
)


def dashboard(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="The SQLite file of a live run.", show_default=False)
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0: any free port.")] = 8765,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; other than loopback requires a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="OSTINATO_TOKEN",
            help="What a browser shows once, as /?token=...",
            show_default=False,
        ),
    ] = None,
    webhook: Annotated[
        list[str] | None,
        typer.Option("--webhook", metavar="URL", help=WEBHOOK, show_default=False),
    ] = None,
    fee: Annotated[
        float, typer.Option("--fee", min=0, max=1, help="Share of the price that a trade costs.")
    ] = 0.001,
    spread: Annotated[
        float | None,
        typer.Option("--spread", min=0, max=1, help="Share of the price; unset: estimated."),
    ] = None,
    tui: Annotated[bool, typer.Option("--tui", help="Show it in this terminal, without a server.")] = False,
) -> None:
    """Show a live store, running or ended: forecast, scores and baselines, health of the data. It only reads."""
    if tui:
        from ..dashboard.tui import watch

        watch(store, fee=fee, spread=spread)
        return
    from ..dashboard.starting import start

    start(store, host, port, token, webhook or [], fee, spread, tell=typer.echo)
