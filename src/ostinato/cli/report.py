"""ostinato report: an HTML page of a run or a comparison."""

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
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output file.")] = False,
) -> None:
    """Write a page of tables and plots that reads offline, from a run or a comparison."""
    from ..report import write_report
    from .writing import check_target

    if out is not None:
        check_target(out, force)
    typer.echo(write_report(path, out))
