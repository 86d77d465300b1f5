"""darts: windows in random order, with one label each (BlockRNNModel) or one at each step (RNNModel, TCNModel)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from darts import TimeSeries
from darts.models import BlockRNNModel, RNNModel, TCNModel
from darts.utils.data.torch_datasets.utils import ModuleStage, PLModuleInput
from torch import Tensor

from ostinato.core import SequenceLayer

from .series import BATCH, KERNEL, LAYERS, RATE, UNITS, WINDOW, Series
from .timing import Clock, Trained, count
from .with_lightning import quiet


def network(kind: str, every_step: bool, seed: int = 0, trainer: dict[str, Any] | None = None) -> Any:
    """The nearest to ours; ``every_step`` chooses the recurrent model that has a label at each step."""
    same: dict[str, Any] = {
        "batch_size": BATCH,
        "n_epochs": 10_000,
        "optimizer_kwargs": {"lr": RATE},  # of Adam
        "random_state": seed,
        "dropout": 0.0,
        "pl_trainer_kwargs": trainer or {},
    }
    if kind == "tcn":
        return TCNModel(
            WINDOW, 1, kernel_size=KERNEL, num_filters=UNITS, num_layers=LAYERS, dilation_base=2, **same
        )
    same |= {"model": kind.upper(), "hidden_dim": UNITS, "n_rnn_layers": LAYERS}
    if every_step:
        return RNNModel(WINDOW - 1, training_length=WINDOW, **same)
    return BlockRNNModel(WINDOW, 1, **same)


def last(module: Any, windows: Tensor) -> Tensor:
    """Windows (B, L, 1) to the step after each, (B,)."""
    return module(PLModuleInput(past_target=windows, stage=ModuleStage.PREDICT)).prediction[:, -1, 0, 0]


def ours_in_it(kind: str, every_step: bool, ours: SequenceLayer) -> Callable[[Tensor], Tensor]:
    """Its network with the weights of ours, from windows to the step after each."""
    model = network(kind, every_step, trainer=quiet(Clock(0.0), BATCH))
    model.fit(TimeSeries.from_values(np.zeros(2 * WINDOW, np.float32)), epochs=1)  # it is built by that
    module = model.model.eval()
    module.rnn.load_state_dict(ours.memory.state_dict())  # type: ignore[union-attr]
    head = module.V if every_step else module.fc[0]
    head.load_state_dict(ours.head.module.state_dict())  # type: ignore[union-attr]
    return lambda windows: last(module, windows)


def train(kind: str, series: Series, every_step: bool, stride: int, seconds: float, seed: int) -> Trained:
    """On windows that begin ``stride`` steps apart: a batch goes on by ``stride`` steps for each of its windows."""
    clock = Clock(seconds)
    torch.manual_seed(seed)
    model = network(kind, every_step, seed, quiet(clock, BATCH * stride))
    model.fit(TimeSeries.from_values(series.learnt), stride=stride)
    module = model.model.eval()
    return Trained(clock.rate(), len(clock.done), series.mse(lambda w: last(module, w)), count(module))
