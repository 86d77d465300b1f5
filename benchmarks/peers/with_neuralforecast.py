"""neuralforecast: windows drawn at random, one label each, the step after the window."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MSE
from neuralforecast.models import GRU, LSTM, TCN
from torch import Tensor, nn

from ostinato.core import SequenceLayer

from .series import BATCH, KERNEL, LAYERS, RATE, UNITS, WINDOW, Series
from .timing import Clock, Trained, count
from .with_lightning import quiet


def network(kind: str, seed: int = 0, **trainer: Any) -> Any:
    """The nearest to ours: the memory of two layers and a linear head; or three dilated convolutions."""
    same: dict[str, Any] = {
        "h": 1,
        "input_size": WINDOW,
        "decoder_layers": 1,  # linear
        "encoder_hidden_size": UNITS,
        "loss": MSE(),
        "learning_rate": RATE,  # of Adam
        "max_steps": 10**9,
        "val_check_steps": 10**9,
        "batch_size": 1,  # series from which windows are drawn
        "windows_batch_size": BATCH,
        "scaler_type": "identity",
        "random_seed": seed,
        "num_sanity_val_steps": 0,
    }
    if kind == "tcn":
        return TCN(kernel_size=KERNEL, dilations=[1, 2, 4], **same, **trainer)
    memory = {"lstm": LSTM, "gru": GRU}[kind]
    return memory(encoder_n_layers=LAYERS, encoder_dropout=0.0, **same, **trainer)


def last(model: Any, windows: Tensor) -> Tensor:
    """Windows (B, L, 1) to the step after each, (B,)."""
    batch = {"insample_y": windows, "futr_exog": None, "hist_exog": None, "stat_exog": None}
    return model(batch)[:, 0, 0]


def ours_in_it(kind: str, ours: SequenceLayer) -> Callable[[Tensor], Tensor]:
    """Its network with the weights of ours, from windows to the step after each."""
    model = network(kind).eval()
    model.hist_encoder.load_state_dict(ours.memory.state_dict())  # type: ignore[union-attr]
    (head,) = (module for module in model.mlp_decoder.modules() if isinstance(module, nn.Linear))
    head.load_state_dict(ours.head.module.state_dict())  # type: ignore[union-attr]
    return lambda windows: last(model, windows)


def train(kind: str, series: Series, piece: int | None, seconds: float, seed: int) -> Trained:
    """On the series as it is, or cut into pieces of so many steps."""
    y = series.learnt
    piece = piece or len(y)
    table = pd.DataFrame({"unique_id": np.arange(len(y)) // piece, "ds": np.arange(len(y)) % piece, "y": y})
    torch.manual_seed(seed)
    forecast = NeuralForecast([network(kind, seed, **quiet(Clock(seconds), BATCH))], freq=1)
    clock = forecast.models[0].trainer_kwargs["callbacks"][0].clock  # it copies its models
    forecast.fit(table)
    model = forecast.models[0].eval()
    return Trained(clock.rate(), len(clock.done), series.mse(lambda w: last(model, w)), count(model))
