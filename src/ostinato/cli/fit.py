"""ostinato fit: train a model and leave a run folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from . import options as opt

app = typer.Typer(help="Train a model and leave a run folder.", no_args_is_help=True)


@app.callback()
def fit() -> None:
    """Train a model and leave a run folder."""


@app.command("forecast")
def forecast(
    data: opt.Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder.", show_default=False)],
    model: Annotated[
        str | None, typer.Option("--model", help="cnn, tcn, mlp, rnn, lstm (unset) or gru.")
    ] = None,
    target: Annotated[str, typer.Option("--target", help="What is foreseen: direction.")] = "direction",
    seed: opt.OptionalSeed = None,
    set_: opt.Set = None,
    config: opt.Config = None,
    column: opt.Column = None,
    time_unit: opt.TimeUnit = None,
    device: opt.Device = "auto",
    threads: opt.Threads = None,
    force: opt.Force = False,
    resume: opt.Resume = False,
    json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train a network to foresee trades, judge it beside baselines, and leave a run folder."""
    import contextlib

    from rich.console import Console

    from .machine import prepare
    from .progress import Bar
    from .reading import read

    place = prepare(threads, device)
    from ..tasks.forecasting import DEFAULT_MODEL, choose, fit_chosen

    name = model or _begun(out, resume) or DEFAULT_MODEL
    asked = _asked(name, config, set_)
    # what is wrong with the command is said before a large file is read
    choices = choose(
        out,
        model,
        options=asked["model"],
        training=asked["training"],
        data={"target": target} | asked["data"],
        seed=seed,
        force=force,
        resume=resume,
    )
    console = Console(quiet=quiet or json)
    trades = read(data, column, time_unit)
    for line in trades.report.lines():
        console.print(line, highlight=False)
    with Bar(name, console) if not (quiet or json) else contextlib.nullcontext() as watcher:
        done = fit_chosen(choices, trades, device=place, watcher=watcher)
    _tell(console, done, out, json)


def _begun(out: Path, resume: bool) -> str | None:
    """The model of the run that is gone on with, if there is one."""
    from ..runs.folder import RunFolder
    from ..runs.format import read_config

    folder = RunFolder(out)
    name = read_config(folder.config).model.get("name") if resume and folder.holds_run() else None
    return name if isinstance(name, str) else None


def _asked(model: str, config: Path | None, entries: list[str] | None) -> dict[str, dict[str, Any]]:
    """The sections of the config that the command asks for.

    Raises:
        ConfigError: no such model, or the sections cannot be read.
    """
    from ..models import config_for
    from ..tasks.forecasting import Recipe
    from ..training import TrainingConfig

    fields = {
        "model": set(type(config_for(model)).model_fields),
        "training": set(TrainingConfig.model_fields),
        "data": set(Recipe.model_fields),
    }
    return opt.sections(config, entries, fields)


def _tell(console: Any, done: Any, out: Path, as_json: bool) -> None:
    from .tables import Scores, show

    if done.results is None:
        best = (
            f"the best weights so far (validation loss {done.finished.best_loss:.4f})"
            if done.finished.best_epoch >= 0
            else "the weights so far"
        )
        console.print(f"interrupted: {best} are in {out}. --resume goes on from here.", highlight=False)
        raise typer.Exit(130)
    if as_json:
        typer.echo(done.results.model_dump_json(indent=2))
        return
    show(console, {done.run.name: Scores.of(done.results)})
    console.print(f"run folder: {out}", highlight=False)
