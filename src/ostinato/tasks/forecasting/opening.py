"""Opening a run: nothing in it is trusted, nothing in it is executed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...core import Generators, SequenceLayer, drawing_from
from ...errors import BrokenRunError, ConfigError
from ...layers import Anchored, Output
from ...runs.folder import RunFolder
from ...runs.format import RunConfig, read_config
from ...runs.tensors import TensorInfo, read_tensors
from ...training import TrainingConfig
from ...training.checkpoint import load_module
from .defaults import training_config
from .model import forecast_model
from .recipe import Recipe, recipe_from

TASK = "forecast"


@dataclass(frozen=True)
class Run:
    """A run as it lies in its folder, checked, with its model in ``eval()``."""

    folder: RunFolder
    config: RunConfig
    recipe: Recipe
    training: TrainingConfig
    model: SequenceLayer

    @property
    def name(self) -> str:
        """The model's."""
        return str(self.config.model["name"])


def open_run(path: Path | str, device: str = "cpu") -> Run:
    """The run in a folder, with its best weights.

    Raises:
        BrokenRunError: there is no run, or it is damaged, hostile, or not a forecast.
    """
    folder = RunFolder.open(path)
    config = read_config(folder.config)
    recipe, training = read_sections(config, str(folder.config))
    name, options = network_section(config)
    try:
        with torch.device("meta"):  # costs no memory, whatever sizes a config asks for
            sketch = forecast_model(recipe, name, options)
    except (ConfigError, RuntimeError, TypeError, ValueError) as error:
        raise BrokenRunError(f"{folder.config}: {error}") from None
    shapes = {key: list(value.shape) for key, value in sketch.state_dict().items()}

    def check(header: dict[str, TensorInfo]) -> None:
        if shapes != {key: tensor.shape for key, tensor in header.items()}:
            raise BrokenRunError(
                f"{folder.weights} does not fit the model in config.json: tensors or shapes differ."
            )

    tensors, _ = read_tensors(folder.weights, finite=True, check=check)
    for key, tensor in tensors.items():
        if key.endswith("scaler.deviation") and not (tensor > 0).all():
            raise BrokenRunError(f"{folder.weights}: {key} must be above 0, got {tensor.min()}.")
    # its weights are read next, and the caller's random stream stays where it is
    with drawing_from(Generators(0)):
        model = forecast_model(recipe, name, options).to(device)
    values = {key: torch.from_numpy(value).to(device) for key, value in tensors.items()}
    load_module(model, values, str(folder.weights))
    _check_sound(model, str(folder.weights))
    return Run(folder, config, recipe, training, model.eval())


def _check_sound(model: SequenceLayer, where: str) -> None:
    for module in model.modules():
        if isinstance(module, Output) and not module.sound():
            raise BrokenRunError(
                f"{where}: output is no distribution; its base must be finite and its quantiles ascend, "
                "its spreads must be above 0."
            )
        if isinstance(module, Anchored) and not module.sound():
            raise BrokenRunError(f"{where}: usual, the scale of a series, must be finite and above 0.")


def read_sections(config: RunConfig, where: str) -> tuple[Recipe, TrainingConfig]:
    """The data and training sections of a config.

    Raises:
        BrokenRunError: it is another task's, or a field is unknown or out of range.
    """
    if config.task != TASK:
        raise BrokenRunError(f"{where} is of the task {config.task!r}, not a forecast.")
    name, _ = network_section(config)
    try:
        recipe = recipe_from(dict(config.data))
        return recipe, training_config(name, dict(config.training), config.seed, recipe)
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
