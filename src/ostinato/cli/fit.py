"""ostinato fit: train a model and leave a run folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from . import options as opt
from .task_options import Folds, TaskOptions, Window, task_app
from .walking import walk_forward


def fit(
    name: str,
    options: TaskOptions,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder.", show_default=False)],
    model: opt.Model = None,
    seed: opt.OptionalSeed = None,
    folds: Folds = 1,
    window: Window = "expanding",
    force: opt.Force = False,
    resume: opt.Resume = False,
    page: opt.Page = True,
    json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train a network, compare it with baselines, and write a run folder."""
    import contextlib

    from rich.console import Console

    from .machine import prepare
    from .progress import ProgressBar

    place = prepare(options.threads, options.device)
    from ..experiment.fitting import fit_settled
    from ..experiment.settings import check_folds, fit_settings
    from ..tasks import find_task

    task = find_task(name)

    check_folds(folds, window)
    chosen = (_existing(out, resume) or task.default_model) if model is None else model
    given = options.sections(task, chosen)
    # what is wrong with the command is said before a large file is read
    settings = fit_settings(
        task,
        out,
        model,
        options=given["model"],
        training=given["training"],
        recipe=given["data"],
        seed=seed,
        force=force,
        resume=resume,
    )
    console = Console(quiet=quiet or json)
    data = options.read(task, settings.recipe, console)
    if folds > 1:
        walk_forward(settings, data, folds, window, place, console, json)
        return
    with ProgressBar(chosen, console) if not (quiet or json) else contextlib.nullcontext() as watcher:
        done = fit_settled(settings, data, device=place, watcher=watcher)
    _print_result(console, done, out, json, page)


def _existing(out: Path, resume: bool) -> str | None:
    """The model of the run to resume, if there is one."""
    from ..runs.folder import RunFolder
    from ..runs.format import read_config

    folder = RunFolder(out)
    name = read_config(folder.config).model.get("name") if resume and folder.holds_run() else None
    return name if isinstance(name, str) else None


def _print_result(console: Any, done: Any, out: Path, as_json: bool, paged: bool) -> None:
    from .pages import write_reports
    from .tables import Scores, show

    if done.results is None:
        best = (
            f"the best weights so far (validation loss {done.finished.best_loss:.4f})"
            if done.finished.best_epoch >= 0
            else "the weights so far"
        )
        console.print(f"interrupted: {best} are in {out}. --resume goes on from here.", highlight=False)
        raise typer.Exit(130)
    if not as_json:
        show(console, {done.run.name: Scores.of(done.results)})
    page = write_reports(console, [out]) if paged else None
    if as_json:
        typer.echo(done.results.model_dump_json(indent=2))
        return
    console.print(f"run folder: {out}" + (f"; page: {page}" if page else ""), highlight=False)


app = task_app("Train a model and leave a run folder.", fit)
