"""ostinato runs: list the runs in a folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as opt

if TYPE_CHECKING:
    from ..runs.listing import RunSummary


def runs(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder to search.")] = Path("runs"),
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
    from rich.text import Text

    if not found:
        typer.echo(f"no runs in {directory}.")
        return
    console = Console()
    rest = f" {'model':5} {'target':9} {'created':16} {'loss':>9}             "
    width = min(max(len(run.name) for run in found), console.width - len(rest))
    for name, line in [("run", rest), *((run.name, _line(run)) for run in found)]:
        start = Text(name, style="bold" if line is rest else "")
        start.truncate(max(width, len("run")), overflow="ellipsis", pad=True)
        console.print(start + line, no_wrap=True, overflow="ellipsis")


def _line(run: "RunSummary") -> str:
    """What follows the name of a run."""
    from ..runs.metric_table import loss_name
    from .numbers import number

    if run.broken:
        return " broken: " + run.broken.removeprefix(f"{run.path}{os.sep}")  # the name says where
    target = run.target if len(run.target) < 10 else run.target[:8] + "…"
    start = f" {run.model:5} {target:9} {run.created[:16].replace('T', ' ')} "
    if run.test is None:
        return start + "not finished"
    return start + f"{number(run.test.get(run.measure)):>9} {loss_name(run.measure)}"
