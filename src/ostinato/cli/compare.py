"""ostinato compare: every model and every baseline on the same rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as opt
from .task_options import Folds, TaskOptions, Window, task_app

if TYPE_CHECKING:
    from rich.console import Console

    from ..runs.comparison import Comparison


def compare(
    name: str,
    options: TaskOptions,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the table and the runs.", show_default=False)
    ],
    models: Annotated[
        str | None,
        typer.Option("--models", metavar="NAME,...", help="Unset: cnn, gru, lstm, mlp, rnn and tcn."),
    ] = None,
    seed: opt.OptionalSeed = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, help="Training runs of each model; the median is shown. Unset: 1."),
    ] = None,
    folds: Folds = 1,
    window: Window = "expanding",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing comparison.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the existing comparison.")] = False,
    page: opt.Page = True,
    json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> None:
    """Fit several models and compare them with baselines, in one table."""
    from rich.console import Console

    from .machine import prepare
    from .progress import progress_bars

    place = prepare(options.threads, options.device)
    from ..experiment.comparing import compare_planned
    from ..experiment.plan import plan_comparison
    from ..tasks import find_task

    task = find_task(name)

    names = opt.names(models)
    planned = plan_comparison(
        task,
        out,
        names,
        **_fields(task, options, names),
        seed=seed,
        seeds=seeds,
        folds=_unless(folds, 1),
        window=_unless(window, "expanding"),
        force=force,
        resume=resume,
    )
    console = Console(quiet=quiet or json)
    data = options.read(task, planned.recipe, console)
    try:
        found = compare_planned(planned, data, device=place, watch=progress_bars(console))
    except KeyboardInterrupt:
        console.print(
            f"interrupted: what is done is in {out}. The same command with --resume goes on from here.",
            highlight=False,
        )
        raise typer.Exit(130) from None
    _print_result(console, found, out, json, page)


def _unless(value: Any, usual: Any) -> Any:
    """None for an option that was not given."""
    return None if value == usual else value


def _fields(task: Any, options: TaskOptions, names: tuple[str, ...] | None) -> dict[str, dict[str, Any]]:
    """``options`` (by model, for each that has such a field), ``training`` and ``recipe`` of a comparison.

    Raises:
        ConfigError: no model has such a field, or the sections cannot be read.
    """
    from ..errors import ConfigError, did_you_mean
    from ..models import MODELS, config_for

    fields = {name: set(type(config_for(name)).model_fields) for name in names or MODELS}
    every = set().union(*fields.values())
    found = options.sections(task, *fields)
    for field in found["model"]:
        if field not in every:
            raise ConfigError(
                f"none of {', '.join(fields)} has a field {field!r}.{did_you_mean(field, every)} "
                f"Fields: {', '.join(sorted(every))}."
            )
    models = {
        name: {field: value for field, value in found["model"].items() if field in own}
        for name, own in fields.items()
    }
    return {"options": models, "training": found["training"], "recipe": found["data"]}


def _print_result(console: "Console", found: "Comparison", out: Path, as_json: bool, paged: bool) -> None:
    from .pages import write_reports
    from .ranking import show_comparison

    if not as_json:
        show_comparison(console, found)
    runs = [out / run for model in found.models.values() for run in model.runs]
    page = write_reports(console, [*runs, out]) if paged else None
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    console.print(f"runs and compare.json: {out}" + (f"; page: {page}" if page else ""), highlight=False)


app = task_app("Compare models and baselines on the same rows.", compare)
