"""Options of the commands that fit: which data, and what is to be learnt of them. One dataclass a task.

A task of another package has no options of its own on the command line: ``--set data.FIELD=VALUE`` and ``--config`` set
the fields of its data section.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import ConfigError, DataError, shortened
from . import options as opt

if TYPE_CHECKING:
    from rich.console import Console

    from ..experiment.task import Task

Target = Annotated[
    str | None,
    typer.Option(
        "--target", help="direction (unset), return, or COLUMN,COLUMN of a table.", show_default=False
    ),
]
Horizon = Annotated[
    str | None,
    typer.Option(
        "--horizon",
        metavar="H",
        help="Rows ahead; of a column, every step up to it. 1,6,24 names the steps themselves.",
        show_default=False,
    ),
]
Bars = Annotated[
    str | None,
    typer.Option("--bars", help="Bars to build: 1m (time), 100t (trades), 10v (volume).", show_default=False),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="COLUMN", help="Column that identifies the series of a table.", show_default=False
    ),
]
Known = Annotated[
    str | None,
    typer.Option("--known", metavar="COLUMN,...", help="Columns known in advance.", show_default=False),
]
Covariates = Annotated[
    str | None,
    typer.Option(
        "--covariates",
        metavar="COLUMN,...",
        help="Additional input columns; * for all.",
        show_default=False,
    ),
]
Holidays = Annotated[
    str | None,
    typer.Option(
        "--holidays", metavar="COUNTRY", help="Public holidays as a known column.", show_default=False
    ),
]
TimeZone = Annotated[
    str | None,
    typer.Option(
        "--time-zone",
        help="Time zone of times without one, such as Europe/Berlin; unset: UTC.",
        show_default=False,
    ),
]
Folds = Annotated[
    int,
    typer.Option(
        "--folds", min=1, help="Walk-forward folds: blocks of the test part, each with its own model."
    ),
]
Window = Annotated[str, typer.Option("--window", help="Training window of the folds: expanding or rolling.")]


TaskData = Annotated[
    Path, typer.Argument(metavar="DATA", help="Data, in the format of the task.", show_default=False)
]


@dataclass(frozen=True)
class TaskOptions:
    """Options of every command that fits."""

    data: TaskData
    set_: opt.Set = None
    config: opt.Config = None
    device: opt.Device = "auto"
    threads: opt.Threads = None

    def recipe(self) -> dict[str, Any]:
        """The fields of the data section that options name."""
        return {}

    def sections(self, task: "Task[Any, Any]", *models: str) -> dict[str, dict[str, Any]]:
        """Fields by section: model, training, data; an option precedes --config and --set.

        Of several models, a field that is named without its section needs to be of one of them.

        Raises:
            ConfigError: no such model, or the sections cannot be read.
        """
        from ..models import config_for
        from ..training import TrainingConfig

        known = {
            "model": {field for name in models for field in type(config_for(name)).model_fields},
            "training": set(TrainingConfig.model_fields),
            "data": set(task.recipe.model_fields),
        }
        found = opt.sections(self.config, self.set_, known)
        return {**found, "data": found["data"] | self.recipe()}

    def read(self, task: "Task[Any, Any]", recipe: Any, console: "Console | None" = None) -> Any:
        """The data; what was read is printed on the console.

        Raises:
            DataError: the file cannot be used.   ConfigError: an option says something that cannot be.
        """
        data = task.read(self.data, recipe)
        if console:
            for line in (*data.report.lines(), *_notes(task, recipe, data)):
                console.print(line, highlight=False, markup=False)
        return data


def _notes(task: "Task[Any, Any]", recipe: Any, data: Any) -> list[str]:
    """Notes on the parts; none where they cannot be cut, which the fit says itself."""
    try:
        fold = task.folds(recipe, data)[0]
    except (DataError, ConfigError):
        return []
    return [f"note: {note}" for note in task.notes(data, fold)]


@dataclass(frozen=True)
class ForecastOptions(TaskOptions):
    """Options of every command that fits forecasts."""

    data: opt.Data
    target: Target = None
    horizon: Horizon = None
    bars: Bars = None
    id: Id = None
    known: Known = None
    covariates: Covariates = None
    holidays: Holidays = None
    column: opt.Column = None
    time_unit: opt.TimeUnit = None
    time_zone: TimeZone = None

    def recipe(self) -> dict[str, Any]:
        """The fields of the recipe that the options name."""
        given = {
            "target": self.target,
            "bars": self.bars,
            "id": self.id,
            "known": opt.names(self.known),
            "covariates": opt.names(self.covariates),
            "holidays": self.holidays,
            "time_unit": self.time_unit,
            "time_zone": self.time_zone,
            "columns": opt.pairs(self.column, "--column") or None,
        } | _horizon(self.horizon)
        return {name: value for name, value in given.items() if value is not None}


OPTIONS: dict[str, type[TaskOptions]] = {"forecast": ForecastOptions}


def task_app(text: str, run: Callable[..., None]) -> typer.Typer:
    """A command with one subcommand a task; tasks of other packages are looked up when they are called.

    Args:
        run: the subcommand of any task, with the parameters ``name`` (of the task) and ``options``.
    """

    class TaskGroup(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            from ..tasks import addresses

            return list(addresses())

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            found = super().get_command(ctx, cmd_name)
            if found is None and cmd_name in self.list_commands(ctx):
                alone = typer.Typer(add_completion=False)
                alone.command(cmd_name)(task_command(run, cmd_name, TaskOptions))
                found = typer.main.get_command(alone)
            return found

    app = typer.Typer(cls=TaskGroup, help=text, no_args_is_help=True)
    app.callback()(lambda: None)
    for name, kind in OPTIONS.items():
        app.command(name)(task_command(run, name, kind))
    return app


def task_command(run: Callable[..., None], name: str, kind: type[TaskOptions]) -> Callable[..., None]:
    """``run`` for one task, with the options that this task has beside those of ``run`` itself."""
    own = [
        part.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for part in inspect.signature(run).parameters.values()
        if part.name not in ("name", "options")
    ]
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in _in_order(kind)
    ]

    @functools.wraps(run)
    def command(**given: Any) -> None:
        options = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        run(name=name, options=options, **given)

    parameters = sorted([*shared, *own], key=lambda part: part.default is not inspect.Parameter.empty)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {part.name: part.annotation for part in parameters}
    return command


def _in_order(kind: type[TaskOptions]) -> list["Field[Any]"]:
    """The task's own options first, then those of every task."""
    common = [field.name for field in fields(TaskOptions)]
    return sorted(fields(kind), key=lambda field: common.index(field.name) if field.name in common else -1)


def _horizon(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        steps = [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--horizon wants steps ahead like 24 or 1,6,24, got {shortened(text)}.") from None
    return {"horizon": steps[0]} if len(steps) == 1 else {"horizons": tuple(steps), "horizon": steps[-1]}
