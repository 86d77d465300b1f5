"""Every layer and every model of the package. One line here, and all checks run on it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from contract.inputs import trades
from ostinato.checks import Draw
from ostinato.core import SequenceLayer
from ostinato.layers import (
    GRU,
    LSTM,
    RNN,
    AvgPool1d,
    BatchNorm,
    CentredConv1d,
    Chain,
    Conv1d,
    Delay,
    Dense,
    Identity,
    LayerNorm,
    MaxPool1d,
    Pointwise,
    Residual,
    StandardScaler,
    TradeFeatures,
    Windowed,
)
from ostinato.models import build
from ostinato.tasks.forecasting.model import forecast_model
from ostinato.tasks.forecasting.recipe import Recipe


@dataclass(frozen=True)
class Case:
    """How to make a layer, and inputs for it where normal numbers will not do."""

    make: Callable[[], SequenceLayer]
    inputs: Draw | None = None


def mlp(length: int, inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(length * inputs, outputs), nn.Tanh())


# small, but with what a fault could hide in: two layers, a dilation beyond the steps of the checks, odd windows
MODEL_OPTIONS: dict[str, dict[str, Any]] = {
    "cnn": {"window": 7, "channels": [4, 3], "units": 4},
    "gru": {"units": 5, "layers": 2},
    "lstm": {"units": 5, "layers": 2},
    "mlp": {"window": 5, "units": 4, "layers": 2},
    "rnn": {"units": 5, "layers": 2},
    "tcn": {"channels": 4, "levels": 5, "kernel_size": 2},
}


def model(name: str) -> SequenceLayer:
    return build(name, MODEL_OPTIONS[name], input_size=3, output_size=2)


def forecast(name: str) -> SequenceLayer:
    """The chain that a forecast trains and runs live, as ``ostinato.tasks.forecasting`` makes it."""
    return forecast_model(Recipe(feature_windows=(3, 5)), name, MODEL_OPTIONS[name])


LAYERS: dict[str, Case] = {
    "RNN": Case(lambda: RNN(3, 5)),
    "RNN-relu": Case(lambda: RNN(3, 5, nonlinearity="relu")),
    "RNN-stacked": Case(lambda: RNN(3, 5, num_layers=3, bias=False)),
    "RNN-bidirectional": Case(lambda: RNN(3, 5, bidirectional=True)),
    "LSTM": Case(lambda: LSTM(3, 5)),
    "LSTM-stacked": Case(lambda: LSTM(3, 7, num_layers=2)),
    "LSTM-dropout": Case(lambda: LSTM(3, 5, num_layers=2, dropout=0.4)),
    "LSTM-bidirectional": Case(lambda: LSTM(3, 5, num_layers=2, bidirectional=True)),
    "GRU": Case(lambda: GRU(3, 5)),
    "GRU-stacked": Case(lambda: GRU(3, 7, num_layers=2)),
    "GRU-bidirectional": Case(lambda: GRU(3, 5, bidirectional=True)),
    "Conv1d": Case(lambda: Conv1d(3, 5, 3)),
    "Conv1d-kernel1": Case(lambda: Conv1d(3, 5, 1)),
    "Conv1d-dilated": Case(lambda: Conv1d(4, 6, 3, dilation=8, groups=2)),
    "Conv1d-strided": Case(lambda: Conv1d(3, 5, 5, stride=2)),
    "Conv1d-stride3": Case(lambda: Conv1d(3, 5, 3, stride=3)),
    "Conv1d-gaps": Case(lambda: Conv1d(3, 5, 2, stride=5)),
    "Conv1d-strided-dilated": Case(lambda: Conv1d(3, 5, 3, stride=2, dilation=3)),
    "Conv1d-lookahead": Case(lambda: Conv1d(3, 5, 5, latency=2)),
    "Conv1d-strided-lookahead": Case(lambda: Conv1d(3, 5, 5, stride=2, latency=3)),
    "CentredConv1d": Case(lambda: CentredConv1d(3, 5, 5)),
    "CentredConv1d-dilated": Case(lambda: CentredConv1d(3, 5, 3, dilation=3)),
    "MaxPool1d": Case(lambda: MaxPool1d(3, 2)),
    "MaxPool1d-overlapping": Case(lambda: MaxPool1d(3, 5, stride=2)),
    "MaxPool1d-stride1": Case(lambda: MaxPool1d(3, 4, stride=1)),
    "AvgPool1d": Case(lambda: AvgPool1d(3, 3)),
    "AvgPool1d-overlapping": Case(lambda: AvgPool1d(3, 5, stride=2)),
    "AvgPool1d-stride1": Case(lambda: AvgPool1d(3, 4, stride=1)),
    "BatchNorm": Case(lambda: BatchNorm(3)),
    "LayerNorm": Case(lambda: LayerNorm(3)),
    "Dense": Case(lambda: Dense(3, 5)),
    "Pointwise": Case(lambda: Pointwise(nn.LeakyReLU(), 3, 3)),
    "Identity": Case(Identity, lambda b, t, g: nn.functional.pad(trades(b, t, g), (0, 1))),
    "Delay": Case(lambda: Delay(3, 4)),
    "Delay-0": Case(lambda: Delay(3, 0)),
    "StandardScaler": Case(lambda: StandardScaler(3)),
    "TradeFeatures": Case(lambda: TradeFeatures((3, 5)), trades),
    "TradeFeatures-long": Case(lambda: TradeFeatures((2, 40)), trades),
    "TradeFeatures-plain": Case(lambda: TradeFeatures(()), trades),
    "Windowed": Case(lambda: Windowed(mlp(4, 3, 5), length=4, input_size=3, output_size=5)),
    "Windowed-long": Case(lambda: Windowed(mlp(29, 3, 2), length=29, input_size=3, output_size=2)),
    "Windowed-1": Case(lambda: Windowed(mlp(1, 3, 2), length=1, input_size=3, output_size=2)),
    "Residual": Case(lambda: Residual(Conv1d(3, 3, 3))),
    "Residual-projected": Case(lambda: Residual(Conv1d(3, 5, 3, stride=2), Conv1d(3, 5, 1, stride=2))),
    "Residual-lookahead": Case(
        lambda: Residual(Chain(Conv1d(3, 4, 5, latency=2), Conv1d(4, 3, 3, dilation=2, latency=1)))
    ),
    "Residual-whole": Case(lambda: Residual(CentredConv1d(3, 3, 3))),
    "Chain": Case(lambda: Chain(Conv1d(3, 6, 4, stride=2), MaxPool1d(6, 3), GRU(6, 5))),
    "Chain-lookahead": Case(
        lambda: Chain(Conv1d(3, 4, 3, latency=2), LSTM(4, 5), Conv1d(5, 2, 5, latency=3))
    ),
    "Chain-strided-lookahead": Case(
        lambda: Chain(Conv1d(3, 4, 3, stride=2, latency=1), Conv1d(4, 2, 4, stride=3, latency=2))
    ),
    "Chain-whole": Case(lambda: Chain(Conv1d(3, 6, 2), GRU(6, 5, bidirectional=True), Dense(10, 2))),
    "Chain-trades": Case(
        lambda: Chain(
            features=TradeFeatures((3, 5)), scaler=StandardScaler(9), memory=LSTM(9, 4), head=Dense(4, 1)
        ),
        trades,
    ),
    **{f"model-{name}": Case(partial(model, name)) for name in MODEL_OPTIONS},
    **{f"forecast-{name}": Case(partial(forecast, name), trades) for name in MODEL_OPTIONS},
}
