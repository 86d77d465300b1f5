"""ostinato tune: search for a better design on the validation part, and judge the best one once."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from . import options as opt
from .task_options import TaskOptions, task_app

if TYPE_CHECKING:
    from rich.console import Console

    from ..experiment.tuning import Tuned
    from ..runs.tuning import TunedTrial, Tuning

SHOWN = 5  # trials in the table


def tune(
    name: str,
    options: TaskOptions,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the search.", show_default=False)],
    trials: Annotated[
        int | None,
        typer.Option("--trials", help="Number of trials, including earlier sessions; unset: 30."),
    ] = None,
    model: opt.Model = None,
    models: Annotated[
        str | None, typer.Option("--models", metavar="NAME,...", help="Choices for the model.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Number of parallel processes.")] = 1,
    seed: opt.OptionalSeed = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Stop starting trials after this long.")
    ] = None,
    force: opt.Force = False,
    resume: opt.Resume = False,
    page: opt.Page = True,
    json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> None:
    """Try configurations of a model, compare the best with baselines, and write its run to OUT/best.

    What --set fixes is not searched. Only the validation part is looked at until the best one is judged.
    """
    from rich.console import Console

    from .machine import prepare

    place = prepare(options.threads, options.device)
    from ..experiment.search import plan_search
    from ..experiment.tuning import check_session, tune_planned
    from ..tasks import find_task

    task = find_task(name)

    check_session(jobs, seconds)
    names = _names(model, models)
    given = options.sections(task, *(names or _existing(out, resume) or [task.default_model]))
    # what is wrong with the command is said before a large file is read
    fields = (given["model"], given["training"], given["data"])
    plan = plan_search(task, out, names, trials, *fields, seed, force=force, resume=resume)
    console = Console(quiet=quiet or json)
    data = options.read(task, plan.recipe, console)
    _warn(console, plan.existing, plan.settings.trials)
    with Trials(plan.settings.trials, console) as bar:
        done = tune_planned(
            plan,
            data,
            jobs=jobs,
            seconds=seconds,
            device=place,
            threads=options.threads or 1,
            on_trial=bar.ended,
        )
    _print_result(console, done, out, json, page)


def _warn(console: "Console", begun: "Tuning | None", trials: int) -> None:
    """That a search goes on after its end has been seen."""
    if begun is not None and begun.test_scored and trials > begun.searched:
        console.print(
            f"The test part was scored already, after {begun.searched} trials. If a better one is found, it is scored "
            f"again; p will be corrected for all {trials} trials.",
            highlight=False,
        )


def _names(model: str | None, models: str | None) -> list[str] | None:
    from ..errors import ConfigError

    if model is not None and models is not None:
        raise ConfigError("--model names one model and --models several. Choose one of them.")
    if model is not None:
        return [model]
    chosen = opt.names(models)
    return None if chosen is None else list(chosen)


def _existing(out: Path, resume: bool) -> list[str]:
    """The models of the search to resume, or the one that stands for none."""
    from ..runs.tuning import TUNING, read_tuning

    path = out / TUNING
    return list(read_tuning(path).settings.models) if resume and path.is_file() else []


class Trials:
    """One bar over the trials with the best loss so far; a line for each trial where nothing moves."""

    def __init__(self, trials: int, console: "Console") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.trials, self.console = trials, console
        self.live = console.is_terminal
        self.bar = Progress(
            TextColumn("trials"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[best]}"),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self.task = self.bar.add_task("", total=trials, best="")

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def ended(self, trial: "TunedTrial", best: "TunedTrial | None", ended: int) -> None:
        """One more trial has ended."""
        from .numbers import number

        so_far = "" if best is None else f"best {number(best.loss)} (trial {best.number})"
        self.bar.update(self.task, completed=ended, best=so_far)
        if not self.live:
            how = f"validation {number(trial.loss)}" if trial.loss is not None else trial.state
            line = f"trial {trial.number} ({ended}/{self.trials}), {trial.seconds:.0f} s: {how}"
            self.console.print(f"{line}, {so_far}" if so_far else line, highlight=False)
        if trial.failed:
            self.console.print(f"trial {trial.number} failed: {trial.failed}", highlight=False)


def _print_result(console: "Console", done: "Tuned", out: Path, as_json: bool, paged: bool) -> None:
    summary = done.summary
    if done.results is None:
        best = summary.trials[0].loss if summary.trials else None
        so_far = "" if best is None else f", best validation loss {best:.4g}"
        console.print(
            f"interrupted: {summary.searched} of {summary.settings.trials} trials have ended{so_far}. The same command "
            f"with --resume goes on; --resume --trials {max(summary.searched, 1)} judges what is there.",
            highlight=False,
        )
        raise typer.Exit(130)
    from .pages import write_reports
    from .tables import Scores, scores_table

    page = write_reports(console, [out / "best"]) if paged else None
    if as_json:
        typer.echo(summary.model_dump_json(indent=2))
        return

    console.print(trials_table(summary))
    for line in search_sentences(summary):
        console.print(line, highlight=False)
    console.print()
    scores = Scores.of(done.results)
    console.print(scores_table({summary.trials[0].model: scores}, console.width))
    for line in evaluation_sentences(summary):
        console.print(line, highlight=False)
    console.print(f"run folder: {out / 'best'}" + (f"; page: {page}" if page else ""), highlight=False)


def trials_table(summary: "Tuning") -> Any:
    """The best trials: validation loss, and what was drawn for them."""
    from rich import box
    from rich.table import Table

    from .numbers import number

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=0, show_edge=False, pad_edge=False)
    for heading, justify in (("trial", "right"), ("validation", "right"), ("seconds", "right"), ("", "left")):
        table.add_column(heading, justify=justify, no_wrap=bool(heading))  # type: ignore[arg-type]
    several = len(summary.settings.models) > 1
    for trial in [trial for trial in summary.trials if trial.loss is not None][:SHOWN]:
        name = f"{trial.model} " if several else ""
        text = f"{name}{'the defaults' if trial.defaults else format_parameters(trial.parameters)}"
        table.add_row(str(trial.number), number(trial.loss), f"{trial.seconds:.0f}", text)
    return table


def format_parameters(parameters: dict[str, Any]) -> str:
    """Format fields and their values in a line.

    >>> format_parameters({"model.units": 32, "model.dropout": 0.123456, "training.weight_decay": None})
    'units=32 dropout=0.123 weight_decay=none'
    """
    return " ".join(f"{address.partition('.')[2]}={_short(value)}" for address, value in parameters.items())


def _short(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace(" ", "")


def search_sentences(summary: "Tuning") -> list[str]:
    """Describe the result of the search."""
    from .numbers import number

    complete = summary.searched - summary.pruned - summary.failed
    best = summary.trials[0]
    lines = [
        f"{summary.searched} trials: {complete} complete, {summary.pruned} ended early, {summary.failed} failed. "
        "Validation: the loss that is trained on, of the validation part, the only one that was looked at."
    ]
    if summary.default_loss is not None and best.loss is not None:
        gain = (
            f"{1 - best.loss / summary.default_loss:.1%} " if best.loss > 0 else ""
        )  # likelihoods may be below 0
        losses = f"{number(best.loss)} against {number(summary.default_loss)}"
        lines.append(
            "The defaults are the best that was found."
            if best.defaults
            else f"The best is {gain}below the defaults there: {losses}."
        )
    shares = {address: share for address, share in summary.importance.items() if share >= 0.05}
    if shares:
        ranked = sorted(shares.items(), key=lambda pair: -pair[1])
        mattered = ", ".join(f"{address.partition('.')[2]} {share:.0%}" for address, share in ranked)
        lines.append(f"What mattered most, as far as so few trials can tell: {mattered}.")
    return lines


def evaluation_sentences(summary: "Tuning") -> list[str]:
    """Describe the result on the test part, and the number of trials that it was selected from."""
    lines = [
        f"Best of {summary.searched} configurations on validation; p corrected for {summary.searched}.",
        summary.verdict,
    ]
    if summary.test_scored > 1:
        lines.append(
            f"The test part has now been scored {summary.test_scored} times in this search, and each look makes "
            " the figures less sure. For clean ones, judge the run on later data with ostinato evaluate."
        )
    return lines


app = task_app("Search for a better design on the validation part.", tune)
