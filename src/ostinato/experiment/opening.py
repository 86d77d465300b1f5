"""Open a run folder: everything in it is validated, and nothing in it is executed."""

from pathlib import Path

import torch

from ..core import Generators, SequenceLayer, drawing_from
from ..errors import BrokenRunError, ConfigError
from ..layers import Anchored, Output
from ..runs.folder import RunFolder
from ..runs.format import read_config
from ..runs.tensors import TensorInfo, read_tensors
from ..training.checkpoint import load_module
from .data_section import R
from .settings import network_section, read_sections
from .task import D, Run, Task


def open_run(task: Task[R, D], path: Path | str, device: str = "cpu") -> Run[R]:
    """Open the run in a folder, with its best weights.

    Raises:
        BrokenRunError: there is no run, or it is damaged, hostile, or of another task.
    """
    folder = RunFolder.open(path)
    config = read_config(folder.config)
    recipe, training = read_sections(task, config, str(folder.config))
    name, options = network_section(config)
    try:
        with torch.device("meta"):  # costs no memory, whatever the sizes in the config
            sketch = task.build(recipe, name, options)
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
        model = task.build(recipe, name, options).to(device)
    values = {key: torch.from_numpy(value).to(device) for key, value in tensors.items()}
    load_module(model, values, str(folder.weights))
    _check_sound(model, str(folder.weights))
    return Run(task, folder, config, recipe, training, model.eval())


def _check_sound(model: SequenceLayer, where: str) -> None:
    for module in model.modules():
        if isinstance(module, Output) and not module.sound():
            raise BrokenRunError(
                f"{where}: output is no distribution; its base must be finite and its quantiles ascend, "
                "its spreads must be above 0."
            )
        if isinstance(module, Anchored) and not module.sound():
            raise BrokenRunError(f"{where}: usual, the scale of a series, must be finite and above 0.")
