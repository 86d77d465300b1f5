"""Settings of a fit, validated as far as possible before the data are read, so that mistakes are reported early."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from pydantic import ValidationError

from .. import __version__
from ..data.folds import Fold
from ..errors import BrokenRunError, ConfigError, DataError, did_you_mean, shortened
from ..models import build, config_for
from ..models.registry import explain
from ..runs.folder import RunFolder
from ..runs.format import RunConfig, read_config, utc_now
from ..training import TrainingConfig
from ..training.optimizers import make_optimizer, make_schedule
from ..training.resuming import MAY_CHANGE
from .data_section import Dataset
from .task import AnyTask, check_chosen

MOST_FOLDS = 100
WINDOWS = ("expanding", "rolling")
DRY_RUN_UPDATES, DRY_RUN_INPUTS, DRY_RUN_OUTPUTS = 1000, 8, 1  # arbitrary

Given = Mapping[str, Mapping[str, Any]]  # fields by section


@dataclass(frozen=True)
class FitSettings:
    """The validated settings of a fit; ``of`` adds the facts of the data.

    recipe: of the task's own class.
    existing: whether a run is resumed.
    changed: whether config.json must be written.
    """

    task: AnyTask
    folder: RunFolder
    config: RunConfig
    recipe: Any
    training: TrainingConfig
    force: bool
    resume: bool
    existing: bool
    changed: bool

    def of(self, data: Any, fold: Fold | None = None) -> tuple[RunConfig, Any]:
        """Config and recipe for these data, and for a fold of them.

        Raises:
            DataError: there are too few rows, or the resumed run was fitted on other data.
            ConfigError: the resumed run was begun on another fold of them.
        """
        if not self.existing:
            recipe = self.task.settle(self.recipe, data, fold)
            part = fold or self.task.folds(self.recipe, data)[0]
            facts = {
                "columns": column_names(data),
                "read": read_lines(data, self.task.notes(data, part)),
                "data": recipe.model_dump(mode="json"),
            }
            return self.config.model_copy(update=facts), recipe
        if self.recipe.digest != self.task.digest(data):
            raise DataError(
                f"{self.folder.path} was fitted on other data than these ({self.recipe.rows:,} rows). "
                "Pass the same file."
            )
        if not self.task.same_rows(self.recipe, data, fold or self.task.folds(self.recipe, data)[0]):
            raise ConfigError(
                f"{self.folder.path} was begun on other rows of these data. Repeat its --folds and --window."
            )
        return self.config, self.recipe


def fit_settings(
    task: AnyTask,
    out: Path | str,
    model: str | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    seed: int | None = None,
    force: bool = False,
    resume: bool = False,
) -> FitSettings:
    """Validate the arguments of ``fit``; nothing is written.

    Raises:
        ConfigError: a name or a field is wrong, or it differs from that of the run that is resumed.
        RunError: the folder cannot be used.
    """
    check_chosen(task, recipe or {})
    folder = RunFolder(Path(out))
    folder.check(force, resume)
    given: Given = {"model": options or {}, "training": training or {}, "data": recipe or {}}
    existing = resume and folder.holds_run()
    if existing:
        config, section, settled, changed = _resumed(task, folder, model, seed, given)
    else:
        config, section, settled = _new(
            task, task.default_model if model is None else model, seed or 0, given
        )
        changed = True
    _dry_run(config, settled)
    return FitSettings(task, folder, config, section, settled, force, resume, existing, changed)


def _new(task: AnyTask, model: str, seed: int, given: Given) -> tuple[RunConfig, Any, TrainingConfig]:
    network = config_for(model, given["model"])
    recipe = task.make_recipe(given["data"])
    training = training_config(task, model, given["training"], seed, recipe)
    config = RunConfig(
        task=task.name,
        created=utc_now(),
        seed=training.seed,
        versions=versions(),
        data=recipe.model_dump(mode="json"),
        model={"name": model} | network.model_dump(mode="json"),
        training=training.model_dump(mode="json"),
    )
    return config, recipe, training


def _resumed(
    task: AnyTask, folder: RunFolder, model: str | None, seed: int | None, given: Given
) -> tuple[RunConfig, Any, TrainingConfig, bool]:
    """The settings of an existing run, and whether any changed: only those that do not affect results may change."""
    config = read_config(folder.config)
    recipe, before = read_sections(task, config, str(folder.config))
    may = {name: value for name, value in given["training"].items() if name in MAY_CHANGE}
    must = {name: value for name, value in given["training"].items() if name not in MAY_CHANGE}
    _check_repeated(folder, config, model, seed, {**given, "training": must})
    name = str(config.model["name"])
    now = training_config(task, name, dict(config.training) | may, config.seed, recipe)
    if now == before:
        return config, recipe, before, False
    return config.model_copy(update={"training": now.model_dump(mode="json")}), recipe, now, True


def _check_repeated(
    folder: RunFolder, config: RunConfig, model: str | None, seed: int | None, given: Given
) -> None:
    chosen = {"seed": config.seed, "model": config.model["name"]}
    requested = {"seed": seed, "model": model}
    for section, fields in given.items():
        chosen |= {f"{section}.{name}": value for name, value in getattr(config, section).items()}
        requested |= {f"{section}.{name}": value for name, value in fields.items()}
    for name, value in requested.items():
        unset = value is None and name in ("seed", "model")
        if not unset and (name not in chosen or as_json(value) != chosen[name]):
            raise ConfigError(
                f"{folder.path} was begun with {name} = {shortened(chosen.get(name))}, now it is {shortened(value)}. "
                "Leave it out to go on, or start again with force."
            )


def _dry_run(config: RunConfig, training: TrainingConfig) -> None:
    """Build the network on the meta device, and its optimizer, so that wrong options are reported before anything else.

    The real input size follows from the data and does not matter here.
    """
    name, options = network_section(config)
    with torch.device("meta"):
        network = build(name, options, DRY_RUN_INPUTS, DRY_RUN_OUTPUTS)
    optimizer = make_optimizer(network.parameters(), training)
    make_schedule(optimizer, training, ticks=DRY_RUN_UPDATES)


def training_config(
    task: AnyTask, model: str, options: Mapping[str, Any], seed: int, recipe: Any
) -> TrainingConfig:
    """The validated training section for a model and what it is to predict.

    Raises:
        ConfigError: a field is unknown or out of range.
    """
    defaults = task.training_defaults(recipe, model)
    try:
        return TrainingConfig.model_validate({"seed": seed} | defaults | dict(options))
    except ValidationError as error:
        raise ConfigError(explain(error, "training", list(TrainingConfig.model_fields))) from None


def read_sections(task: AnyTask, config: RunConfig, where: str) -> tuple[Any, TrainingConfig]:
    """The data and training sections of a config.

    Raises:
        BrokenRunError: it belongs to another task, or a field is unknown or out of range.
    """
    if config.task != task.name:
        raise BrokenRunError(f"{where} belongs to the task {config.task!r}, not to {task.name}.")
    name, _ = network_section(config)
    try:
        recipe = task.make_recipe(config.data)
        return recipe, training_config(task, name, config.training, config.seed, recipe)
    except ConfigError as error:
        raise BrokenRunError(f"{where}: {error}") from None


def network_section(config: RunConfig) -> tuple[str, dict[str, Any]]:
    """Name and options of the network.

    Raises:
        BrokenRunError: the model has no name.
    """
    options: dict[str, Any] = dict(config.model)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise BrokenRunError("config.json: model has no name.")
    return name, options


def check_folds(folds: int, window: str) -> None:
    """Validate the options of a walk-forward evaluation.

    Raises:
        ConfigError: folds are out of range, or the window is unknown.
    """
    if not 1 <= folds <= MOST_FOLDS:
        raise ConfigError(f"folds must be 1 to {MOST_FOLDS}, got {folds:,}: each is a training run.")
    if window not in WINDOWS:
        raise ConfigError(
            f"window must be {' or '.join(WINDOWS)}, got {window!r}.{did_you_mean(window, WINDOWS)}"
        )


def column_names(data: Dataset) -> dict[str, str]:
    """Column of the source by role, as far as the report names them."""
    return dict(getattr(data.report, "columns", {}))


def read_lines(data: Dataset, notes: list[str] | None = None) -> list[str]:
    """Lines about what was read and inferred, and notes on the parts, within the limits of config.json."""
    return [line[:2000] for line in (data.report.lines() + [f"note: {note}" for note in notes or []])[:200]]


def as_json(value: Any) -> Any:
    """The value as it comes back from JSON: lists for tuples, text for other types."""
    return json.loads(json.dumps(value, default=str))


def versions() -> dict[str, str]:
    """Versions of the software that results depend on."""
    return {
        "ostinato": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "polars": pl.__version__,
    }
