"""ostinato runs: what lies in a folder."""

from pathlib import Path
from typing import Annotated

import typer

from . import options as opt


def runs(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to look.")] = Path("runs"),
    json: opt.AsJson = False,
) -> None:
    """List the runs in a folder and in the folders it holds."""
    import json as json_module

    from ..errors import RunError
    from ..runs.listing import list_runs

    if not directory.is_dir():
        raise RunError(f"{directory} is no folder. Name the folder that holds the runs: ostinato runs DIR.")
    found = list_runs(directory)
    if json:
        rows = [vars(run) | {"path": str(run.path)} for run in found]
        typer.echo(json_module.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not found:
        typer.echo(f"no runs in {directory}.")
        return
    table = Table("run", "task", "model", "created", "test", header_style="bold")
    for run in found:
        metrics = ", ".join(
            f"{name} {value:.4f}" for name, value in (run.test or {}).items() if value is not None
        )
        test = f"broken: {run.broken}" if run.broken else metrics or "not finished"
        table.add_row(*(escape(text) for text in (run.name, run.task, run.model, run.created, test)))
    Console().print(table)
