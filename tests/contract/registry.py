"""Every layer and every model of the package. One line here, and all checks run on it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from contract.inputs import bars, codes, levels, table, trades
from ostinato.checks import Draw
from ostinato.core import SequenceLayer
from ostinato.layers import (
    GRU,
    ISTFT,
    LRU,
    LSTM,
    QRNN,
    RNN,
    SRU,
    STFT,
    AdaptiveAvgPool1d,
    AdaptiveMaxPool1d,
    Anchored,
    ApplyMask,
    AttentionPool,
    AvgPool1d,
    AvgPool2d,
    BarShape,
    BatchNorm,
    BottleneckBlock,
    Calendar,
    CentredConv1d,
    CentredConv2d,
    Chain,
    ChannelShuffle,
    Columns,
    CondenseBlock,
    CondensedConv1d,
    CondenseStages,
    ContextGRU,
    Conv1d,
    Conv2d,
    ConvBlock,
    ConvTranspose1d,
    ConvTranspose2d,
    CoupledLSTM,
    CumulativeLayerNorm,
    Decimate,
    Delay,
    Dense,
    DenseBlock,
    DenseConnections,
    DepthwiseConv1d,
    Downsample,
    Dropout1d,
    Embedding,
    Flatten,
    GlobalAvgPool1d,
    GlobalMaxPool1d,
    GroupNorm,
    Identity,
    InBlocks,
    InceptionBlock,
    InceptionTimeBlock,
    InstanceNorm,
    Interpolate,
    LayerNorm,
    LayerNormGRU,
    LayerNormLSTM,
    LayerNormRNN,
    LearnedGroupConv1d,
    LevelFeatures,
    LowPass,
    Magnitude,
    MaxPool1d,
    MaxPool2d,
    MelFilter,
    MinGRU,
    MinLSTM,
    MuLawDecode,
    MuLawEncode,
    OneHot,
    Output,
    Parallel,
    PeepholeLSTM,
    Point,
    Pointwise,
    PointwiseConv1d,
    PositionalFeatures,
    Quantiles,
    Regression,
    Repeat,
    Residual,
    ResidualBlock,
    Reversed,
    RMSNorm,
    RunningScale,
    Select,
    SeparableConv1d,
    SeparableConv2d,
    SkipConnection,
    SqueezeExcitation,
    StandardScaler,
    StudentT,
    TCNBlock,
    ToNetwork,
    TradeFeatures,
    TransitionLayer,
    UNet,
    Unflatten,
    Upsample,
    WaveNetBlock,
    WaveNetStack,
    WideBlock,
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


OHLCV = ("open", "high", "low", "close", "volume")
LOOKBACK: dict[str, Any] = {"lags": (1, 3), "halflives": (2.0, 7.0), "volatilities": (3.0,)}
OF_BARS: dict[str, Any] = LOOKBACK | {"kind": "bars", "inputs": OHLCV, "calendar": ("hour", "weekday")}

# what a forecast trains and runs live, as ``ostinato.tasks.forecasting`` makes it: one of each kind
RECIPES: dict[str, tuple[Recipe, Draw]] = {
    "forecast": (Recipe(feature_windows=(3, 5)), trades),
    "forecast-return": (
        Recipe(target="return", horizon=3, form="student_t", feature_windows=(3, 5), scale_halflife=4.0),
        trades,
    ),
    "forecast-bars": (Recipe(**OF_BARS, horizon=2), bars),
    "forecast-bars-return": (Recipe(**OF_BARS, target="return", horizons=(1, 4), scale_halflife=5.0), bars),
    "forecast-table": (
        Recipe(
            **LOOKBACK,
            kind="table",
            target="a,b",
            targets=("a", "b"),
            inputs=("a", "b", "c", "k"),
            known=("k",),
            horizons=(1, 3),
            form="free_quantiles",
            levels=(0.1, 0.5, 0.9),
            calendar=("hour",),
        ),
        table,
    ),
}


def forecast(kind: str, name: str) -> SequenceLayer:
    """A whole forecast: features, scaler and network, anchored where values are foreseen."""
    made = forecast_model(RECIPES[kind][0], name, MODEL_OPTIONS[name])
    for parameter in made.parameters():
        if not parameter.any():  # what begins at 0 would hide the network behind it
            nn.init.normal_(parameter, std=0.3)
    return made


def anchored(output: Output, location: bool = True) -> SequenceLayer:
    """Of the close of bars, or of its returns."""
    body = Chain(Columns(6, (1, 4, 5)), ToNetwork(3), StandardScaler(3), GRU(3, output.input_size))
    scale = Chain(Columns(6, (4,), log=not location), RunningScale(1, 4))
    return Anchored(body, output, scale, Columns(6, (4,)) if location else None)


def seen() -> SequenceLayer:
    """The features of bars."""
    close = Chain(Columns(6, (4,), log=True), LevelFeatures(1))
    return Parallel(close=close, shape=BarShape(6), calendar=Calendar(6, ("hour",)))


def regression() -> SequenceLayer:
    layer = Regression(3, 5)
    layer.take(torch.randn(5, 3), torch.randn(5))
    return layer


def lenet() -> SequenceLayer:
    """A spectrogram as an image: [[CONV -> RELU] * 2 -> POOL] * 2 -> FC, as lecture 002 writes it."""
    first, second = [], []
    for layers, size, channels in ((first, (8, 1), 3), (second, (4, 3), 2)):
        for _ in range(2):
            layers += [Conv2d(size, channels, 3, padding="same"), Pointwise(nn.ReLU())]
            size = size[0], channels
        layers += [MaxPool2d(size, 2)]
    return Chain(Unflatten((8, 1)), *first, *second, Flatten((2, 2)), Dense(4, 3))


def far(batch: int, steps: int, generator: torch.Generator) -> torch.Tensor:
    """Small changes of large numbers, as prices are."""
    return 300 + torch.randn(batch, steps, 3, generator=generator, dtype=torch.float64)


def masked(size: tuple[int, int], network: SequenceLayer) -> SequenceLayer:
    """Frames times the mask that a network makes of their magnitudes."""
    magnitudes = frequencies, channels = size[0], size[1] // 2
    last = Chain(Dense(network.output_size, frequencies * channels), Pointwise(nn.Sigmoid()))
    return ApplyMask(Chain(Magnitude(size), Flatten(magnitudes), network, last, Unflatten(magnitudes)))


def learned_groups(**options: Any) -> LearnedGroupConv1d:
    """All its condensing stages done."""
    layer = LearnedGroupConv1d(6, 4, 3, groups=2, condense_factor=3, **options)
    layer.condense()
    layer.condense()
    return layer


def in_context(*sizes: int, **options: Any) -> SequenceLayer:
    """A GRU that begins with a context that is not zero: None would hide what it does."""

    class InContext(ContextGRU):
        def initial_state(self, batch: int, dtype: Any = None, device: Any = None) -> Any:
            state = super().initial_state(batch, dtype, device)
            memory = state.memory if self.locked else state
            memory.context.copy_(torch.linspace(-1, 1, self.context_size))
            return state

    return InContext(*sizes, **options)


def moved(layer: SequenceLayer) -> SequenceLayer:
    """With gains and biases that are not 1 and 0."""
    for name, parameter in layer.named_parameters():
        if "weight" not in name:
            nn.init.normal_(parameter, 0.3, 0.8)
    return layer


def condensed() -> SequenceLayer:
    """What a condense block is in use."""
    layer = CondenseStages(2, 2, (1, 1), groups=2, condense_factor=2, bottleneck=2)
    layer.condense()
    return layer.condensed()


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
    "RNN-reverse": Case(lambda: RNN(3, 5, 2, nonlinearity="relu", reverse=True)),
    "RNN-locked": Case(lambda: RNN(3, 5, 2, input_dropout=0.3, state_dropout=0.2)),
    "LSTM-reverse": Case(lambda: LSTM(3, 5, 2, reverse=True)),
    "LSTM-zoneout": Case(lambda: LSTM(3, 5, 2, zoneout=(0.1, 0.4))),
    "LSTM-weight-dropout": Case(lambda: LSTM(3, 5, weight_dropout=0.3)),
    "LSTM-residual": Case(lambda: LSTM(3, 5, 3, residual=True)),
    "LSTM-projected": Case(lambda: LSTM(3, 5, proj_size=2)),
    "LSTM-projected-stacked": Case(lambda: LSTM(3, 5, 3, proj_size=4, bias=False, residual=True)),
    "LSTM-projected-bidirectional": Case(lambda: LSTM(3, 5, 2, proj_size=2, bidirectional=True)),
    "LSTM-projected-locked": Case(lambda: LSTM(3, 5, 2, proj_size=2, state_dropout=0.3, zoneout=(0.2, 0.1))),
    "GRU-zoneout": Case(lambda: GRU(3, 5, zoneout=0.3)),
    "GRU-locked": Case(lambda: GRU(3, 5, 2, input_dropout=0.3, state_dropout=0.2, zoneout=0.1)),
    "GRU-locked-bidirectional": Case(lambda: GRU(3, 5, input_dropout=0.3, bidirectional=True, residual=True)),
    "GRU-before": Case(lambda: GRU(3, 5, 2, reset="before")),
    "GRU-before-bidirectional": Case(lambda: GRU(3, 5, reset="before", bias=False, bidirectional=True)),
    "GRU-renew": Case(lambda: GRU(3, 5, 2, update="renew")),
    "GRU-before-renew": Case(lambda: GRU(3, 5, reset="before", update="renew", zoneout=0.2)),
    "PeepholeLSTM": Case(lambda: PeepholeLSTM(3, 5)),
    "PeepholeLSTM-full": Case(lambda: PeepholeLSTM(3, 5, 2, peepholes="full", residual=True)),
    "PeepholeLSTM-bidirectional": Case(lambda: PeepholeLSTM(3, 5, bias=False, bidirectional=True)),
    "PeepholeLSTM-dropped": Case(lambda: PeepholeLSTM(3, 5, peepholes="full", weight_dropout=0.2)),
    "CoupledLSTM": Case(lambda: CoupledLSTM(3, 5, 2)),
    "CoupledLSTM-reverse": Case(lambda: CoupledLSTM(3, 5, reverse=True)),
    "CoupledLSTM-zoneout": Case(lambda: CoupledLSTM(3, 5, zoneout=0.2, state_dropout=0.1)),
    "ContextGRU": Case(lambda: in_context(3, 5, 4)),
    "ContextGRU-stacked": Case(lambda: in_context(3, 5, 2, 3, update="keep", residual=True)),
    "ContextGRU-after": Case(lambda: in_context(3, 5, 4, 2, reset="after")),
    "ContextGRU-locked": Case(lambda: in_context(3, 5, 4, zoneout=0.3, state_dropout=0.2)),
    "ContextGRU-bidirectional": Case(lambda: ContextGRU(3, 5, 4, bidirectional=True)),
    "LayerNormRNN": Case(lambda: moved(LayerNormRNN(3, 5))),
    "LayerNormRNN-relu": Case(lambda: LayerNormRNN(3, 5, 2, nonlinearity="relu", residual=True)),
    "LayerNormRNN-reverse": Case(lambda: LayerNormRNN(3, 5, nonlinearity="relu", reverse=True)),
    "LayerNormLSTM": Case(lambda: moved(LayerNormLSTM(3, 5))),
    "LayerNormLSTM-stacked": Case(lambda: LayerNormLSTM(3, 5, 2, bias=False, zoneout=0.1)),
    "LayerNormLSTM-bidirectional": Case(lambda: LayerNormLSTM(3, 5, bidirectional=True)),
    "LayerNormGRU": Case(lambda: moved(LayerNormGRU(3, 5))),
    "LayerNormGRU-stacked": Case(lambda: LayerNormGRU(3, 5, 2, bias=False, input_dropout=0.2)),
    "LayerNormGRU-bidirectional": Case(lambda: LayerNormGRU(3, 5, bidirectional=True)),
    "MinGRU": Case(lambda: MinGRU(3, 5)),
    "MinGRU-positive": Case(lambda: MinGRU(3, 5, candidate="positive", bias=False)),
    "MinLSTM": Case(lambda: MinLSTM(3, 5)),
    "MinLSTM-positive": Case(lambda: MinLSTM(3, 5, candidate="positive", bias=False)),
    "SRU": Case(lambda: SRU(3, 5)),
    "SRU-tanh": Case(lambda: SRU(3, 3, activation="tanh", rescale=True, highway_bias=-1.0)),
    "SRU-state": Case(lambda: SRU(3, 3, gates="state")),
    "SRU-state-plain": Case(lambda: SRU(3, 5, gates="state", highway=False)),
    "QRNN-f": Case(lambda: QRNN(3, 5, pooling="f")),
    "QRNN-fo": Case(lambda: QRNN(3, 5, 1, bias=False)),
    "QRNN-ifo": Case(lambda: QRNN(3, 5, 4, pooling="ifo")),
    "QRNN-zoneout": Case(lambda: QRNN(3, 5, zoneout=0.3)),
    "LRU": Case(lambda: LRU(3, 5)),
    "LRU-ring": Case(lambda: LRU(3, 5, 4, r_min=0.6, r_max=0.9, max_phase=0.5)),
    "LRU-without-skip": Case(lambda: LRU(3, 5, skip=False)),
    "Reversed": Case(lambda: Reversed(MinGRU(3, 5))),
    "Reversed-convolution": Case(lambda: Reversed(Conv1d(3, 5, 4))),
    "Reversed-whole": Case(lambda: Reversed(Chain(GRU(3, 4, bidirectional=True), LRU(8, 5)))),
    "Reversed-beside": Case(lambda: Parallel(SRU(3, 5), Reversed(QRNN(3, 5, 3)))),
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
    "Conv2d": Case(lambda: Conv2d((6, 2), 3, 3)),
    "Conv2d-kernel1": Case(lambda: Conv2d((4, 2), 3, 1)),
    "Conv2d-same": Case(lambda: Conv2d((5, 2), 3, (2, 4), padding="same")),
    "Conv2d-padded": Case(lambda: Conv2d((5, 2), 3, (3, 2), padding=1, bias=False)),
    "Conv2d-dilated": Case(lambda: Conv2d((7, 4), 6, (3, 2), dilation=(4, 3), groups=2)),
    "Conv2d-depthwise": Case(lambda: Conv2d((4, 3), 6, (2, 3), groups=3)),
    "Conv2d-strided": Case(lambda: Conv2d((7, 2), 3, (5, 3), stride=2, padding="same")),
    "Conv2d-strided-frequency": Case(lambda: Conv2d((7, 2), 3, 3, stride=(1, 2))),
    "Conv2d-gaps": Case(lambda: Conv2d((4, 2), 3, 2, stride=(5, 3))),
    "Conv2d-weight-norm": Case(lambda: Conv2d((4, 2), 3, (3, 2), weight_norm=True)),
    "Conv2d-lookahead": Case(lambda: Conv2d((4, 2), 3, (5, 3), latency=2)),
    "Conv2d-strided-lookahead": Case(lambda: Conv2d((4, 2), 3, (5, 2), stride=2, latency=3)),
    "CentredConv2d": Case(lambda: CentredConv2d((5, 2), 3, 3)),
    "CentredConv2d-strided": Case(
        lambda: CentredConv2d((5, 2), 3, (5, 2), stride=3, padding=1, weight_norm=True)
    ),
    "CentredConv2d-dilated": Case(
        lambda: CentredConv2d((5, 4), 2, (3, 2), stride=(1, 2), dilation=(3, 1), groups=2, padding="same")
    ),
    "SeparableConv2d": Case(lambda: SeparableConv2d((5, 2), 3, 3, padding="same")),
    "SeparableConv2d-between": Case(
        lambda: SeparableConv2d(
            (5, 2),
            3,
            2,
            multiplier=2,
            between=Chain(BatchNorm((4, 4)), Pointwise(nn.ReLU())),
            weight_norm=True,
        )
    ),
    "SeparableConv2d-strided": Case(
        lambda: SeparableConv2d((5, 2), 3, (4, 3), stride=2, latency=2, bias=False)
    ),
    "ConvTranspose2d": Case(lambda: ConvTranspose2d((4, 2), 3, 4, stride=2, padding=1)),
    "ConvTranspose2d-stride1": Case(lambda: ConvTranspose2d((4, 2), 3, (3, 2))),
    "ConvTranspose2d-beside": Case(
        lambda: ConvTranspose2d((4, 4), 6, 3, stride=3, groups=2, output_padding=2)
    ),
    "ConvTranspose2d-same": Case(
        lambda: ConvTranspose2d((4, 2), 3, (5, 4), stride=(2, 3), padding="same", bias=False)
    ),
    "ConvTranspose2d-latency": Case(
        lambda: ConvTranspose2d((4, 2), 3, (5, 2), stride=2, latency=1, weight_norm=True)
    ),
    "ConvTranspose2d-dilated": Case(lambda: ConvTranspose2d((4, 2), 3, (3, 2), stride=(2, 1), dilation=3)),
    "MaxPool2d": Case(lambda: MaxPool2d((5, 2), 2)),
    "MaxPool2d-overlapping": Case(lambda: MaxPool2d((6, 2), (5, 3), (2, 1), padding=1)),
    "MaxPool2d-stride1": Case(lambda: MaxPool2d((5, 2), (4, 2), 1, padding="same")),
    "AvgPool2d": Case(lambda: AvgPool2d((7, 2), 3)),
    "AvgPool2d-overlapping": Case(lambda: AvgPool2d((6, 2), (5, 3), (2, 1), padding=1)),
    "AvgPool2d-stride1": Case(lambda: AvgPool2d((5, 2), (4, 2), 1, padding="same")),
    "Flatten": Case(lambda: Flatten((4, 3))),
    "Unflatten": Case(lambda: Unflatten((4, 3))),
    "CentredConv1d-strided": Case(lambda: CentredConv1d(3, 5, 5, stride=2)),
    "CentredConv1d-gaps": Case(lambda: CentredConv1d(3, 5, 3, stride=4, dilation=2, weight_norm=True)),
    "Conv1d-weight-norm": Case(lambda: Conv1d(4, 6, 3, stride=2, groups=2, weight_norm=True)),
    "ConvTranspose1d": Case(lambda: ConvTranspose1d(3, 5, 5, stride=2)),
    "ConvTranspose1d-whole": Case(lambda: ConvTranspose1d(3, 5, 6, stride=3, bias=False)),
    "ConvTranspose1d-apart": Case(lambda: ConvTranspose1d(3, 5, 2, stride=2)),
    "ConvTranspose1d-stride1": Case(lambda: ConvTranspose1d(3, 5, 3)),
    "ConvTranspose1d-dilated": Case(lambda: ConvTranspose1d(4, 6, 3, stride=2, dilation=3, groups=2)),
    "ConvTranspose1d-lookahead": Case(lambda: ConvTranspose1d(3, 5, 8, stride=2, latency=3)),
    "ConvTranspose1d-weight-norm": Case(lambda: ConvTranspose1d(3, 5, 4, stride=2, weight_norm=True)),
    "DepthwiseConv1d": Case(lambda: DepthwiseConv1d(3, 3, dilation=2)),
    "DepthwiseConv1d-multiplied": Case(
        lambda: DepthwiseConv1d(3, 5, multiplier=2, stride=2, latency=2, weight_norm=True)
    ),
    "PointwiseConv1d": Case(lambda: PointwiseConv1d(3, 5)),
    "PointwiseConv1d-grouped": Case(lambda: PointwiseConv1d(4, 6, groups=2, weight_norm=True)),
    "PointwiseConv1d-strided": Case(lambda: PointwiseConv1d(3, 5, stride=2, bias=False)),
    "SeparableConv1d": Case(lambda: SeparableConv1d(3, 5, 3, dilation=2, latency=1)),
    "SeparableConv1d-between": Case(
        lambda: SeparableConv1d(
            3, 5, 4, stride=2, multiplier=2, weight_norm=True, between=Pointwise(nn.Tanh(), 6, 6)
        )
    ),
    "LearnedGroupConv1d": Case(lambda: LearnedGroupConv1d(6, 4, groups=2, condense_factor=3)),
    "LearnedGroupConv1d-kernel": Case(lambda: learned_groups(stride=2, dilation=2)),
    "CondensedConv1d": Case(lambda: learned_groups(latency=1).condensed()),
    "CondensedConv1d-strided": Case(
        lambda: CondensedConv1d(6, 4, 3, groups=2, condense_factor=3, stride=2, bias=False)
    ),
    "Select": Case(lambda: Select(3, (2, 0, 2, 1))),
    "Select-channels": Case(lambda: Select((4, 3), (2, 0))),
    "Downsample": Case(lambda: Downsample(3, 2)),
    "Downsample-channels": Case(lambda: Downsample((4, 3), 3)),
    "Upsample": Case(lambda: Upsample(3, 3)),
    "Upsample-linear": Case(lambda: Upsample(3, 3, "linear")),
    "Upsample-channels": Case(lambda: Upsample((4, 3), 2, "linear")),
    "LowPass": Case(lambda: LowPass(3, 0.2, 7)),
    "LowPass-strided": Case(lambda: LowPass(3, 0.25, 5, stride=2, beta=8.0)),
    "LowPass-channels": Case(lambda: LowPass((4, 3), 0.1, 3)),
    "Decimate": Case(lambda: Decimate(3, 2, half_width=2)),
    "Interpolate": Case(lambda: Interpolate(3, 2, half_width=2)),
    "Interpolate-3": Case(lambda: Interpolate((2, 3), 3, half_width=1)),
    "InBlocks": Case(lambda: InBlocks(3, 4)),
    "Chain-up-down": Case(lambda: Chain(Conv1d(3, 4, 3, stride=2), ConvTranspose1d(4, 3, 5, stride=2))),
    "Chain-up": Case(lambda: Chain(Upsample(3, 3, "linear"), Conv1d(3, 4, 4))),
    "Chain-two-thirds": Case(
        lambda: Chain(ConvTranspose1d(3, 4, 5, stride=3), GRU(4, 3), Conv1d(3, 2, 3, stride=2))
    ),
    "Chain-three-halves": Case(lambda: Chain(Downsample(3, 3), Upsample(3, 2, "linear"), Conv1d(3, 2, 2))),
    "Chain-four-thirds": Case(
        lambda: Chain(Interpolate(3, 3, half_width=1), Decimate(3, 4, half_width=3), Conv1d(3, 2, 2))
    ),
    "Chain-thirds-again": Case(
        lambda: Chain(Upsample(3, 3), Downsample(3, 2), Conv1d(3, 4, 2), Upsample(4, 2), AvgPool1d(4, 3))
    ),
    "Chain-back-lookahead": Case(
        lambda: Chain(
            Conv1d(3, 4, 4, stride=2, latency=2),
            Conv1d(4, 4, 3, latency=1),
            ConvTranspose1d(4, 3, 4, stride=2, latency=1),
            Conv1d(3, 2, 3, latency=1),
        )
    ),
    "Residual-blocks": Case(
        lambda: Residual(Chain(Conv1d(3, 4, 3, stride=2), ConvTranspose1d(4, 3, 5, stride=2)))
    ),
    "Residual-blocks-lookahead": Case(
        lambda: Residual(
            Chain(
                Conv1d(3, 4, 5, stride=3, latency=3),
                Residual(Conv1d(4, 4, 3, latency=1)),
                ConvTranspose1d(4, 3, 6, stride=3, latency=1),
            )
        )
    ),
    "Residual-blocks-whole": Case(
        lambda: Residual(Chain(CentredConv1d(3, 4, 3, stride=2), ConvTranspose1d(4, 3, 2, stride=2)))
    ),
    "Parallel-blocks": Case(
        lambda: Parallel(Chain(Downsample(3, 2), GRU(3, 2), Upsample(2, 2)), InBlocks(3, 2))
    ),
    "Parallel-up": Case(lambda: Parallel(Upsample(3, 2), ConvTranspose1d(3, 2, 3, stride=2))),
    "Residual-blocks-odd": Case(
        lambda: Residual(
            Chain(Conv1d(3, 4, 5, stride=3, latency=2), ConvTranspose1d(4, 3, 6, stride=3), Conv1d(3, 3, 3))
        )
    ),
    "Parallel-blocks-lookahead": Case(
        lambda: Parallel(
            Chain(Conv1d(3, 4, 4, stride=2), ConvTranspose1d(4, 3, 4, stride=2), Conv1d(3, 2, 3, latency=1)),
            Chain(InBlocks(3, 2), Delay(3, 1)),
        )
    ),
    "Chain-down-again": Case(
        lambda: Chain(Downsample(3, 2), Upsample(3, 2, "linear"), Conv1d(3, 4, 3, stride=2, latency=1))
    ),
    "MaxPool1d": Case(lambda: MaxPool1d(3, 2)),
    "MaxPool1d-overlapping": Case(lambda: MaxPool1d(3, 5, stride=2)),
    "MaxPool1d-stride1": Case(lambda: MaxPool1d(3, 4, stride=1)),
    "AvgPool1d": Case(lambda: AvgPool1d(3, 3)),
    "AvgPool1d-overlapping": Case(lambda: AvgPool1d(3, 5, stride=2)),
    "AvgPool1d-stride1": Case(lambda: AvgPool1d(3, 4, stride=1)),
    "GlobalAvgPool1d": Case(lambda: GlobalAvgPool1d(3)),
    "GlobalAvgPool1d-frequencies": Case(lambda: GlobalAvgPool1d((4, 3))),
    "GlobalMaxPool1d": Case(lambda: GlobalMaxPool1d(3)),
    "GlobalMaxPool1d-frequencies": Case(lambda: GlobalMaxPool1d((4, 3))),
    "AdaptiveAvgPool1d": Case(lambda: AdaptiveAvgPool1d(3, 4)),
    "AdaptiveAvgPool1d-1": Case(lambda: AdaptiveAvgPool1d(3, 1)),
    "AdaptiveAvgPool1d-frequencies": Case(lambda: AdaptiveAvgPool1d((4, 3), 2)),
    "AdaptiveMaxPool1d": Case(lambda: AdaptiveMaxPool1d(3, 4)),
    "AdaptiveMaxPool1d-frequencies": Case(lambda: AdaptiveMaxPool1d((4, 3), 2)),
    "AttentionPool": Case(lambda: AttentionPool(3)),
    "AttentionPool-tanh": Case(lambda: AttentionPool(3, heads=2, scorer="tanh", hidden_size=5)),
    "AttentionPool-without-bias": Case(lambda: AttentionPool(3, heads=2, scorer="tanh", bias=False)),
    "BatchNorm": Case(lambda: BatchNorm(3)),
    "LayerNorm": Case(lambda: LayerNorm(3)),
    "BatchNorm-frequencies": Case(lambda: BatchNorm((4, 3))),
    "LayerNorm-frequencies": Case(lambda: LayerNorm((4, 3))),
    "LayerNorm-channels": Case(lambda: LayerNorm((4, 3), over="channels")),
    "RMSNorm": Case(lambda: RMSNorm(3)),
    "RMSNorm-frequencies": Case(lambda: RMSNorm((4, 3))),
    "RMSNorm-channels": Case(lambda: RMSNorm((4, 3), over="channels")),
    "GroupNorm": Case(lambda: GroupNorm(6, 2)),
    "GroupNorm-frequencies": Case(lambda: GroupNorm((4, 6), 3, affine=False)),
    "GroupNorm-sequence": Case(lambda: GroupNorm(6, 2, over="sequence")),
    "GroupNorm-sequence-frequencies": Case(lambda: GroupNorm((4, 6), 3, over="sequence", affine=False)),
    "InstanceNorm": Case(lambda: InstanceNorm(3)),
    "InstanceNorm-affine": Case(lambda: InstanceNorm(3, affine=True)),
    "InstanceNorm-frequencies": Case(lambda: InstanceNorm((4, 3))),
    "CumulativeLayerNorm": Case(lambda: CumulativeLayerNorm(3)),
    "CumulativeLayerNorm-frequencies": Case(lambda: CumulativeLayerNorm((4, 3))),
    "CumulativeLayerNorm-channel": Case(lambda: CumulativeLayerNorm(3, per="channel")),
    "CumulativeLayerNorm-channel-frequencies": Case(lambda: CumulativeLayerNorm((4, 3), per="channel")),
    "CumulativeLayerNorm-far": Case(lambda: CumulativeLayerNorm(3), far),
    "SqueezeExcitation": Case(lambda: SqueezeExcitation(4, 2)),
    "SqueezeExcitation-frequencies": Case(lambda: SqueezeExcitation((3, 4), 2)),
    "SqueezeExcitation-sequence": Case(lambda: SqueezeExcitation(4, 2, over="sequence")),
    "SqueezeExcitation-sequence-frequencies": Case(lambda: SqueezeExcitation((3, 4), 2, over="sequence")),
    "Dense": Case(lambda: Dense(3, 5)),
    "Dense-frequencies": Case(lambda: Dense((4, 3), 5)),
    "Pointwise-frequencies": Case(
        lambda: Pointwise(nn.Sequential(nn.Linear(3, 5), nn.Tanh()), (4, 3), (4, 5))
    ),
    "Pointwise": Case(lambda: Pointwise(nn.LeakyReLU(), 3, 3)),
    "Identity": Case(Identity, lambda b, t, g: nn.functional.pad(trades(b, t, g), (0, 1))),
    "Regression": Case(regression),
    "Delay": Case(lambda: Delay(3, 4)),
    "Delay-0": Case(lambda: Delay(3, 0)),
    "StandardScaler": Case(lambda: StandardScaler(3)),
    "TradeFeatures": Case(lambda: TradeFeatures((3, 5)), trades),
    "TradeFeatures-long": Case(lambda: TradeFeatures((2, 40)), trades),
    "TradeFeatures-plain": Case(lambda: TradeFeatures(()), trades),
    "Columns": Case(lambda: Columns(6, (4, 1)), bars),
    "Columns-log": Case(lambda: Columns(6, (4, 5), log=True, floor=1e-8), bars),
    "Calendar": Case(lambda: Calendar(6, ("minute", "hour", "weekday", "yearday"), 1e5), bars),
    "ToNetwork": Case(lambda: ToNetwork(2), levels),
    "RunningScale": Case(lambda: RunningScale(2, 4), levels),
    "RunningScale-ever": Case(lambda: RunningScale(2, math.inf), levels),
    "LevelFeatures": Case(lambda: LevelFeatures(2, (1, 5), (4, 16), (3, 9)), levels),
    "LevelFeatures-lags": Case(lambda: LevelFeatures(2, (2, 30), (), ()), levels),
    "LevelFeatures-means": Case(lambda: LevelFeatures(2, (), (4, math.inf), (), scale=6), levels),
    "LevelFeatures-volatilities": Case(lambda: LevelFeatures(2, (), (), (2, 8), scale=20), levels),
    "BarShape": Case(lambda: BarShape(6, halflife=5), bars),
    "Parallel": Case(lambda: Parallel(Conv1d(3, 2, 3), GRU(3, 4), Delay(3, 0))),
    "Parallel-strided": Case(lambda: Parallel(Conv1d(3, 2, 4, stride=2), MaxPool1d(3, 2))),
    "Parallel-lookahead": Case(lambda: Parallel(Conv1d(3, 2, 5, latency=2), Chain(LSTM(3, 4), Delay(4, 2)))),
    "Parallel-whole": Case(lambda: Parallel(CentredConv1d(3, 2, 3), GRU(3, 4))),
    "Parallel-bars": Case(seen, bars),
    "Anchored-point": Case(lambda: anchored(Point(2)), bars),
    "Anchored-quantiles": Case(lambda: anchored(Quantiles(3, (0.1, 0.4, 0.6))), bars),
    "Anchored-free": Case(lambda: anchored(Quantiles(2, (0.1, 0.5, 0.6, 0.9), free=True)), bars),
    "Anchored-student": Case(lambda: anchored(StudentT(2)), bars),
    "Anchored-point-return": Case(lambda: anchored(Point(2), location=False), bars),
    "Anchored-quantiles-return": Case(lambda: anchored(Quantiles(2, (0.25, 0.75)), location=False), bars),
    "Anchored-free-return": Case(lambda: anchored(Quantiles(1, (0.2, 0.8), free=True), location=False), bars),
    "Anchored-student-return": Case(lambda: anchored(StudentT(1), location=False), bars),
    "Windowed": Case(lambda: Windowed(mlp(4, 3, 5), length=4, input_size=3, output_size=5)),
    "Windowed-long": Case(lambda: Windowed(mlp(29, 3, 2), length=29, input_size=3, output_size=2)),
    "Windowed-1": Case(lambda: Windowed(mlp(1, 3, 2), length=1, input_size=3, output_size=2)),
    "Residual": Case(lambda: Residual(Conv1d(3, 3, 3))),
    "Residual-frequencies": Case(lambda: Residual(Conv2d((4, 3), 3, 3, padding="same"))),
    "Residual-frequencies-lookahead": Case(
        lambda: Residual(Conv2d((4, 3), 3, (5, 3), padding="same", latency=2))
    ),
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
    "Chain-frequencies": Case(
        lambda: Chain(
            Unflatten((8, 2)),
            Conv2d((8, 2), 3, (2, 3), stride=(1, 2)),
            MaxPool2d((3, 3), (2, 3)),
            Flatten((1, 3)),
            GRU(3, 4),
        )
    ),
    "Chain-decoder": Case(
        lambda: Chain(
            Conv2d((7, 2), 3, (4, 3), stride=2, padding=1),
            ConvTranspose2d((4, 3), 2, (2, 3), stride=2, padding=1),
        )
    ),
    "Chain-lenet": Case(lenet),
    "Chain-pooled": Case(
        lambda: Chain(Conv1d(3, 4, 3, stride=2), BatchNorm(4), AdaptiveAvgPool1d(4, 1), Dense(4, 2))
    ),
    "Chain-normalised": Case(
        lambda: Chain(
            Conv1d(3, 4, 3),
            CumulativeLayerNorm(4),
            SqueezeExcitation(4, 2),
            Conv1d(4, 4, 3, stride=2),
            AttentionPool(4, 2),
            GlobalAvgPool1d(8),
        )
    ),
    "Chain-trades": Case(
        lambda: Chain(
            features=TradeFeatures((3, 5)), scaler=StandardScaler(9), memory=LSTM(9, 4), head=Dense(4, 1)
        ),
        trades,
    ),
    "STFT": Case(lambda: STFT(2, 8, 4)),
    "STFT-uneven": Case(lambda: STFT(1, 7, 3, "boxcar")),
    "STFT-analysis": Case(lambda: STFT(1, 6, 1, latency=0)),
    "STFT-gaps": Case(lambda: STFT(1, 3, 5, ("kaiser", 4.0))),
    "ISTFT": Case(lambda: ISTFT(2, 8, 4)),
    "ISTFT-uneven": Case(lambda: ISTFT(1, 7, 3, "hamming")),
    "ISTFT-apart": Case(lambda: ISTFT(1, 4, 4, "boxcar")),
    "Magnitude": Case(lambda: Magnitude((3, 4))),
    "Magnitude-log": Case(lambda: Magnitude((3, 2), power=2, log=True, floor=0.1)),
    "ApplyMask": Case(lambda: masked((3, 4), GRU(6, 4))),
    "ApplyMask-lookahead": Case(lambda: masked((3, 2), Conv1d(3, 4, 4, latency=2))),
    "ApplyMask-complex": Case(lambda: ApplyMask(Chain(Flatten((3, 2)), GRU(6, 6), Unflatten((3, 2))))),
    "ApplyMask-spectrum": Case(lambda: Chain(STFT(2, 8, 3), masked((5, 4), GRU(10, 3)), ISTFT(2, 8, 3))),
    "ApplyMask-spectrum-lookahead": Case(
        lambda: Chain(STFT(1, 4, 2), masked((3, 2), Conv1d(3, 2, 3, latency=1)), ISTFT(1, 4, 2))
    ),
    "MelFilter": Case(lambda: MelFilter((9, 2), 3, 8000)),
    "MelFilter-slaney": Case(lambda: MelFilter((9, 1), 3, 8000, low=100, formula="slaney", equal_area=True)),
    "MuLawEncode": Case(lambda: MuLawEncode(3)),
    "MuLawDecode": Case(lambda: MuLawDecode(2, classes=5), codes),
    "Embedding": Case(lambda: Embedding(5, 4, columns=2), codes),
    "Embedding-padding": Case(lambda: Embedding(5, 3, columns=2, padding_idx=1), codes),
    "Embedding-chain": Case(lambda: Chain(Embedding(5, 3, columns=2), GRU(6, 4)), codes),
    "OneHot": Case(lambda: OneHot(5, columns=2), codes),
    "PositionalFeatures": Case(lambda: PositionalFeatures(3)),
    "PositionalFeatures-beside": Case(lambda: PositionalFeatures(3, 5, mode="concat", longest=20)),
    "PositionalFeatures-chain": Case(lambda: Chain(Conv1d(3, 4, 2), Residual(PositionalFeatures(4)))),
    "Dropout1d": Case(lambda: Dropout1d(3, 0.4)),
    "Repeat": Case(lambda: Repeat(Conv1d(3, 3, 3, dilation=2), 3)),
    "Repeat-strided": Case(lambda: Repeat(MaxPool1d(3, 2), 2)),
    "Repeat-lookahead": Case(lambda: Repeat(Residual(Conv1d(3, 3, 3, latency=1)), 2)),
    "Repeat-whole": Case(lambda: Repeat(CentredConv1d(3, 3, 3), 2)),
    "Repeat-recurrent": Case(lambda: Repeat(GRU(3, 3), 2)),
    "ConvBlock": Case(lambda: ConvBlock(3, 5, pooling="max")),
    "ConvBlock-options": Case(
        lambda: ConvBlock(
            4,
            6,
            3,
            stride=2,
            dilation=2,
            groups=2,
            norm="layer",
            activation="gelu",
            pooling="average",
            dropout=0.3,
        )
    ),
    "ConvBlock-lookahead": Case(lambda: ConvBlock(3, 4, 5, latency=2, norm=None, activation=None)),
    "ResidualBlock": Case(lambda: ResidualBlock(3)),
    "ResidualBlock-strided": Case(lambda: ResidualBlock(3, 5, stride=2, dilation=2, dropout=0.2)),
    "ResidualBlock-pre": Case(lambda: ResidualBlock(3, 5, norm="layer", pre_activation=True)),
    "ResidualBlock-plain": Case(lambda: ResidualBlock(3, norm=None, activation=None)),
    "BottleneckBlock": Case(lambda: BottleneckBlock(4, 2, expansion=2)),
    "BottleneckBlock-strided": Case(lambda: BottleneckBlock(4, 2, stride=3, dilation=2)),
    "BottleneckBlock-pre": Case(lambda: BottleneckBlock(4, 2, pre_activation=True, activation="elu")),
    "DenseConnections": Case(lambda: DenseConnections(GRU(3, 2), Conv1d(5, 3, 3))),
    "DenseConnections-lookahead": Case(
        lambda: DenseConnections(Conv1d(3, 2, 5, latency=2), LSTM(5, 3), Conv1d(8, 2, 3, latency=1))
    ),
    "DenseConnections-whole": Case(lambda: DenseConnections(CentredConv1d(3, 2, 3), CentredConv1d(5, 2, 3))),
    "DenseBlock": Case(lambda: DenseBlock(3, 2, 3)),
    "DenseBlock-plain": Case(
        lambda: DenseBlock(3, 2, 2, 2, bottleneck=None, dilation=3, norm="layer", dropout=0.2)
    ),
    "TransitionLayer": Case(lambda: TransitionLayer(5)),
    "TransitionLayer-3": Case(lambda: TransitionLayer(4, 1.0, 3, norm="layer", activation=None)),
    "ChannelShuffle": Case(lambda: ChannelShuffle(6, 3)),
    "CondenseBlock": Case(lambda: CondenseBlock(4, 2, 2, groups=2, condense_factor=2, bottleneck=2)),
    "CondenseStages": Case(
        lambda: CondenseStages(
            2, 2, (1, 2), 2, groups=2, condense_factor=2, bottleneck=1, norm="layer", dropout=0.2
        )
    ),
    "CondenseStages-condensed": Case(condensed),
    "SkipConnection": Case(lambda: SkipConnection(Conv1d(3, 2, 5, latency=2))),
    "SkipConnection-blocks": Case(
        lambda: SkipConnection(
            Chain(Conv1d(3, 4, 4, stride=2, latency=2), ConvTranspose1d(4, 2, 4, stride=2))
        )
    ),
    "UNet": Case(lambda: UNet(3, (5, 4), 2, activation="gelu")),
    "UNet-deep": Case(
        lambda: UNet(2, (3, 3, 3), 2, convolutions=1, norm="layer", activation="elu", dropout=0.2)
    ),
    "UNet-3": Case(lambda: UNet(2, (6, 4), 3, factor=3, norm=None, activation="elu")),
    "WaveNetBlock": Case(lambda: WaveNetBlock(3, dilation=4, skip_size=5)),
    "WaveNetBlock-figure": Case(lambda: WaveNetBlock(3, 3, bias=False)),
    "WaveNetBlock-last": Case(lambda: WaveNetBlock(3, residual=False)),
    "WaveNetBlock-conditioned": Case(lambda: WaveNetBlock(3, condition_size=2, skip_size=5)),
    "WaveNetStack": Case(lambda: WaveNetStack(3, 5, (1, 2, 4, 1, 2))),
    "WaveNetStack-figure": Case(lambda: WaveNetStack(4, None, (1, 3), 3)),
    "WaveNetStack-conditioned": Case(lambda: WaveNetStack(3, 4, (1, 2), condition_size=2, bias=False)),
    "TCNBlock": Case(lambda: TCNBlock(3, 5, dilation=2)),
    "TCNBlock-dropout": Case(lambda: TCNBlock(3, dropout=0.3)),
    "TCNBlock-plain": Case(
        lambda: TCNBlock(3, dropout=0.3, weight_norm=False, spatial_dropout=False, activation="elu")
    ),
    "WideBlock": Case(lambda: WideBlock(3, 2)),
    "WideBlock-strided": Case(
        lambda: WideBlock(3, 2, (2, 5), stride=2, dilation=2, norm=None, pooling="max")
    ),
    "WideBlock-centred": Case(lambda: WideBlock(3, 2, (1, 3, 5), dilation=2, centred=True, norm="layer")),
    "InceptionBlock": Case(lambda: InceptionBlock(3, 2, ((2, 3), (2, 2)), 2)),
    "InceptionBlock-centred": Case(
        lambda: InceptionBlock(3, 2, ((2, 3), (2, 2)), 1, kernel_sizes=(3, 7), norm="batch", centred=True)
    ),
    "InceptionTimeBlock": Case(lambda: InceptionTimeBlock(3, 2, (2, 4, 8), bottleneck=2)),
    "InceptionTimeBlock-centred": Case(
        lambda: InceptionTimeBlock(3, 2, (3, 5), bottleneck=None, norm="layer", centred=True)
    ),
    **{f"model-{name}": Case(partial(model, name)) for name in MODEL_OPTIONS},
    **{
        f"{kind}-{name}": Case(partial(forecast, kind, name), draw)
        for kind, (_, draw) in RECIPES.items()
        for name in MODEL_OPTIONS
    },
}
