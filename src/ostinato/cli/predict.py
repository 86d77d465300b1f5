"""ostinato predict: a prediction for every row of a file."""

from pathlib import Path
from typing import Annotated

import typer

from . import options as opt


def predict(
    run: opt.RunPath,
    data: opt.Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="A parquet file to write.", show_default=False)],
    chunk: Annotated[
        int, typer.Option("--chunk", min=1, help="Rows per batch; results do not depend on it.")
    ] = 2048,
    last: Annotated[
        int | None,
        typer.Option("--last", min=1, help="Only the last rows of each series.", show_default=False),
    ] = None,
    column: opt.Column = None,
    time_unit: opt.TimeUnit = None,
    device: opt.Device = "auto",
    threads: opt.Threads = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    quiet: opt.Quiet = False,
) -> None:
    """Write a prediction for every row; of a forecast: columns row, time, id, actual, and p_up or quantiles."""
    from .writing import check_target

    check_target(out, force, data)
    from .machine import prepare
    from .reading import read

    place = prepare(threads, "cpu" if device == "auto" and chunk < 64 else device)
    from ..experiment.opening import open_run
    from ..tasks import task_of_run

    task = task_of_run(run)
    opened = open_run(task, run, place)
    found = task.predict(opened, read(opened, data, column, time_unit), chunk, last)
    task.write_predictions(out, found.frame)
    if not quiet:
        from ..data.report import counted

        for note in found.notes:
            typer.echo(f"note: {note}.")
        typer.echo(f"{counted(len(found.frame), task.noun)} in {out}")
