"""What a fit is asked for, settled as far as that needs no data: a mistake is told before a large file is read."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from ... import __version__
from ...data.folds import Fold, absent_series
from ...data.panel import Panel
from ...errors import ConfigError, DataError, shortened
from ...models import build, config_for
from ...runs.folder import RunFolder
from ...runs.format import RunConfig, read_config, utc_now
from ...training import TrainingConfig
from ...training.optimizers import make_optimizer, make_schedule
from ...training.resuming import MAY_CHANGE
from .defaults import training_config
from .opening import TASK, network_section, read_sections
from .recipe import Recipe, check_chosen, digest, recipe_from

DEFAULT_MODEL = "lstm"
REHEARSED_UPDATES, REHEARSED_INPUTS, REHEARSED_OUTPUTS = 1000, 8, 1  # any numbers will do

Given = Mapping[str, Mapping[str, Any]]  # fields by section


@dataclass(frozen=True)
class Choices:
    """Every choice of a fit, validated; ``of`` adds what only the data can say.

    begun: whether a run is gone on with.
    changed: whether config.json is to be written.
    """

    folder: RunFolder
    config: RunConfig
    recipe: Recipe
    how: TrainingConfig
    force: bool
    resume: bool
    begun: bool
    changed: bool

    def of(self, panel: Panel, fold: Fold | None = None) -> tuple[RunConfig, Recipe]:
        """Config and recipe for these data, and for a fold of them.

        Raises:
            DataError: there are too few, or the run that is gone on with was fitted on others.
            ConfigError: it was begun on another fold of them.
        """
        if not self.begun:
            recipe = self.recipe.of(panel)
            if fold is not None:
                recipe = recipe.fitted_on(panel, fold)
            facts = {
                "columns": column_names(panel),
                "read": read_lines(panel, fold or self.recipe.folds(panel)[0]),
                "data": recipe.model_dump(mode="json"),
            }
            return self.config.model_copy(update=facts), recipe
        if self.recipe.digest != digest(panel):
            raise DataError(
                f"{self.folder.path} was fitted on other data than these ({self.recipe.rows:,} rows). "
                "Pass the same file."
            )
        part = fold or self.recipe.folds(panel)[0]
        if self.recipe.fitted_until is not None and self.recipe.fitted_on(panel, part) != self.recipe:
            raise ConfigError(
                f"{self.folder.path} was begun on other rows of these data. Repeat its --folds and --window."
            )
        return self.config, self.recipe


def choose(
    out: Path | str,
    model: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    seed: int | None = None,
    force: bool = False,
    resume: bool = False,
) -> Choices:
    """Settle what ``fit`` is asked for, with its arguments; nothing is written.

    Raises:
        ConfigError: a name or a field is wrong, or resuming meets another one than the run was begun with.
        RunError: the folder cannot be used.
    """
    check_chosen(recipe or {})
    folder = RunFolder(Path(out))
    folder.check(force, resume)
    given: Given = {"model": options or {}, "training": training or {}, "data": recipe or {}}
    begun = resume and folder.holds_run()
    if begun:
        config, asked, how, changed = _taken_up(folder, model, seed, given)
    else:
        config, asked, how = _settled(DEFAULT_MODEL if model is None else model, seed or 0, given)
        changed = True
    _rehearse(config, asked, how)
    return Choices(folder, config, asked, how, force, resume, begun, changed)


def _settled(model: str, seed: int, given: Given) -> tuple[RunConfig, Recipe, TrainingConfig]:
    network = config_for(model, given["model"])
    recipe = recipe_from(dict(given["data"]))
    how = training_config(model, dict(given["training"]), seed, recipe)
    config = RunConfig(
        task=TASK,
        created=utc_now(),
        seed=how.seed,
        versions=versions(),
        data=recipe.model_dump(mode="json"),
        model={"name": model} | network.model_dump(mode="json"),
        training=how.model_dump(mode="json"),
    )
    return config, recipe, how


def _taken_up(
    folder: RunFolder, model: str | None, seed: int | None, given: Given
) -> tuple[RunConfig, Recipe, TrainingConfig, bool]:
    """The choices of a run that has begun, and whether any changed: only what no number depends on may."""
    config = read_config(folder.config)
    recipe, how = read_sections(config, str(folder.config))
    may = {name: value for name, value in given["training"].items() if name in MAY_CHANGE}
    must = {name: value for name, value in given["training"].items() if name not in MAY_CHANGE}
    _check_repeated(folder, config, model, seed, {**given, "training": must})
    now = training_config(str(config.model["name"]), dict(config.training) | may, config.seed, recipe)
    if now == how:
        return config, recipe, how, False
    return config.model_copy(update={"training": now.model_dump(mode="json")}), recipe, now, True


def _check_repeated(
    folder: RunFolder, config: RunConfig, model: str | None, seed: int | None, given: Given
) -> None:
    chosen = {"seed": config.seed, "model": config.model["name"]}
    asked = {"seed": seed, "model": model}
    for section, fields in given.items():
        chosen |= {f"{section}.{name}": value for name, value in getattr(config, section).items()}
        asked |= {f"{section}.{name}": value for name, value in fields.items()}
    for name, value in asked.items():
        unsaid = value is None and name in ("seed", "model")
        if not unsaid and (name not in chosen or as_json(value) != chosen[name]):
            raise ConfigError(
                f"{folder.path} was begun with {name} = {shortened(chosen.get(name))}, now it is {shortened(value)}. "
                "Leave it out to go on, or begin anew with force."
            )


def _rehearse(config: RunConfig, recipe: Recipe, how: TrainingConfig) -> None:
    """The network, sketched without memory, and its optimizer: what is wrong with them is said before all else.

    Its input size, which only the data can say, does not matter to that.
    """
    name, options = network_section(config)
    with torch.device("meta"):
        network = build(name, options, REHEARSED_INPUTS, REHEARSED_OUTPUTS)
    optimizer = make_optimizer(network.parameters(), how)
    make_schedule(optimizer, how, ticks=REHEARSED_UPDATES)


def column_names(panel: Panel) -> dict[str, str]:
    """Which column of the source plays which role, as far as the report says."""
    return dict(getattr(panel.report, "columns", {}))


def read_lines(panel: Panel, fold: Fold | None = None) -> list[str]:
    """What was read and guessed, and which series a fold's parts lack, bounded as config.json bounds it."""
    notes = [] if fold is None else absent_series(panel, fold)
    return [line[:2000] for line in (panel.report.lines() + [f"note: {note}" for note in notes])[:200]]


def as_json(value: Any) -> Any:
    """As config.json gives it back: lists for tuples, text for what JSON has not."""
    return json.loads(json.dumps(value, default=str))


def versions() -> dict[str, str]:
    """What a number can depend on."""
    return {
        "ostinato": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "polars": pl.__version__,
    }
