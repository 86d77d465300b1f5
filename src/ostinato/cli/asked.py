"""What several commands ask alike: which data, and what is to be foreseen. Written once, as a dataclass of options."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, DataError, shortened
from . import options as opt

if TYPE_CHECKING:
    from rich.console import Console

    from ..data.panel import Panel
    from ..tasks.forecasting import Recipe

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
        "--id", metavar="COLUMN", help="Tells several series of one table apart.", show_default=False
    ),
]
Known = Annotated[
    str | None,
    typer.Option(
        "--known", metavar="COLUMN,...", help="Columns that are known in advance.", show_default=False
    ),
]
Covariates = Annotated[
    str | None,
    typer.Option(
        "--covariates",
        metavar="COLUMN,...",
        help="Further columns to learn from; * for all.",
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
        "--time-zone", help="Of times that name none, like Europe/Berlin; unset: UTC.", show_default=False
    ),
]
Folds = Annotated[
    int,
    typer.Option(
        "--folds", min=1, help="Walk forward: blocks of the test part, each judged by a model of its own."
    ),
]
Window = Annotated[str, typer.Option("--window", help="Of the walk: expanding or rolling.")]


@dataclass(frozen=True)
class Asked:
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
    set_: opt.Set = None
    config: opt.Config = None
    device: opt.Device = "auto"
    threads: opt.Threads = None

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

    def sections(self, *models: str) -> dict[str, dict[str, Any]]:
        """Fields by section: model, training, data; what an option says goes before --config and --set.

        Of several models, a field that is named without its section needs to be of one of them.

        Raises:
            ConfigError: no such model, or the sections cannot be read.
        """
        from ..models import config_for
        from ..tasks.forecasting import Recipe
        from ..training import TrainingConfig

        known = {
            "model": {field for name in models for field in type(config_for(name)).model_fields},
            "training": set(TrainingConfig.model_fields),
            "data": set(Recipe.model_fields),
        }
        found = opt.sections(self.config, self.set_, known)
        return {**found, "data": found["data"] | self.recipe()}

    def read(self, recipe: "Recipe", console: "Console | None" = None) -> "Panel":
        """The data, and what was read told on the console.

        Raises:
            DataError: the file cannot be used.   ConfigError: an option says something that cannot be.
        """
        from ..tasks.forecasting import panel_of

        panel = panel_of(self.data, recipe)
        if console:
            for line in (*panel.report.lines(), *_absent(recipe, panel)):
                console.print(line, highlight=False, markup=False)
        return panel


def _absent(recipe: "Recipe", panel: "Panel") -> list[str]:
    """Notes on series that have no row in a part; none where the parts cannot be cut, which the fit says itself."""
    from ..data.folds import absent_series

    try:
        fold = recipe.folds(panel)[0]
    except (DataError, ConfigError):
        return []
    return [f"note: {note}" for note in absent_series(panel, fold)]


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter ``asked: Asked`` becomes those options."""
    own = inspect.signature(command).parameters
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in fields(Asked)
    ]
    rest = [
        part.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, part in own.items() if name != "asked"
    ]

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        asked = Asked(**{field.name: given.pop(field.name) for field in fields(Asked)})
        command(asked=asked, **given)

    parameters = sorted([*shared, *rest], key=lambda part: part.default is not inspect.Parameter.empty)
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {part.name: part.annotation for part in parameters}
    return wrapper


def _horizon(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        steps = [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--horizon wants steps ahead like 24 or 1,6,24, got {shortened(text)}.") from None
    return {"horizon": steps[0]} if len(steps) == 1 else {"horizons": tuple(steps), "horizon": steps[-1]}
