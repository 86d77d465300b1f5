"""ostinato report: a page for people."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A run folder, or one of a comparison.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; unset: PATH/report.html.")
    ] = None,
) -> None:
    """Write a page of tables and plots that reads offline, from a run or a comparison."""
    from ..report import write_report

    typer.echo(write_report(path, out))
