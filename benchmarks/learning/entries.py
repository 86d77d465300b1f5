"""Every public layer with parameters, on a task that it is made for.

The key is the layer's name, and after a comma the option that it is about. ``tests/test_bench_learning.py`` asks for
an entry for each.
"""

from torch import nn

from ostinato.layers import (
    GRU,
    LRU,
    LSTM,
    QRNN,
    RNN,
    SRU,
    AvgPool1d,
    BatchNorm,
    BottleneckBlock,
    CentredConv1d,
    CentredConv2d,
    Chain,
    CondenseBlock,
    CondensedConv1d,
    CondenseStages,
    Conv1d,
    Conv2d,
    ConvBlock,
    ConvTranspose1d,
    ConvTranspose2d,
    CoupledLSTM,
    CumulativeLayerNorm,
    Dense,
    DenseBlock,
    DenseConnections,
    DepthwiseConv1d,
    GroupNorm,
    InceptionBlock,
    InceptionTimeBlock,
    InstanceNorm,
    LayerNorm,
    LayerNormGRU,
    LayerNormLSTM,
    LayerNormRNN,
    LearnedGroupConv1d,
    MaxPool1d,
    MinGRU,
    MinLSTM,
    Parallel,
    PeepholeLSTM,
    Pointwise,
    PointwiseConv1d,
    Repeat,
    Residual,
    ResidualBlock,
    Reversed,
    RMSNorm,
    SeparableConv1d,
    SeparableConv2d,
    SkipConnection,
    SqueezeExcitation,
    TCNBlock,
    TransitionLayer,
    UNet,
    Upsample,
    WaveNetBlock,
    WaveNetStack,
    WideBlock,
    Windowed,
)

from .networks import (
    UNITS,
    Entry,
    adding,
    anchored,
    blocked,
    context,
    distant,
    far,
    filling,
    image,
    keys,
    levelled,
    masked_spectrum,
    relu,
    sized,
    then,
    tones,
)
from .tasks import BLOCK, CHANNELS, MARKED, NEAR, PRODUCT, WALK

RECURRENT: dict[str, Entry] = {
    "RNN": adding(RNN, task=NEAR),
    "RNN, relu": adding(RNN, nonlinearity="relu", task=NEAR),
    "LayerNormRNN": adding(LayerNormRNN, task=NEAR, rate=5e-3),
    "LSTM": adding(LSTM),
    "LSTM, projected": adding(LSTM, proj_size=8),
    "LSTM, zoneout": adding(LSTM, zoneout=0.05),
    "PeepholeLSTM": adding(PeepholeLSTM),
    "PeepholeLSTM, full": adding(PeepholeLSTM, peepholes="full", rate=2e-3),
    "CoupledLSTM": adding(CoupledLSTM),
    "LayerNormLSTM": adding(LayerNormLSTM),
    "GRU": adding(GRU),
    "GRU, before": adding(GRU, reset="before"),
    "GRU, stacked": adding(GRU, 16, 2, residual=True),
    "GRU, bidirectional": filling(lambda: GRU(2, UNITS, bidirectional=True)),
    "ContextGRU": context(),
    "LayerNormGRU": adding(LayerNormGRU),
    "MinGRU": adding(MinGRU),
    "MinLSTM": adding(MinLSTM),
    "SRU": adding(SRU),
    "SRU, state": adding(SRU, gates="state"),
    "QRNN": adding(QRNN),
    "LRU": tones(lambda: LRU(1, 32, 1)),
    "Reversed": filling(lambda: Reversed(GRU(2, UNITS))),
}

CONVOLUTIONS: dict[str, Entry] = {
    "Conv1d, dilated": distant(far),
    "Conv1d, weight norm": distant(lambda: Conv1d(1, UNITS, 3, dilation=8, weight_norm=True)),
    "Conv1d, grouped": then(lambda: Conv1d(UNITS, UNITS, 1, groups=2)),
    "Conv1d, latency": tones(lambda: Conv1d(1, 1, 31, latency=15)),
    "CentredConv1d": tones(lambda: CentredConv1d(1, 1, 31)),
    "ConvTranspose1d": filling(
        lambda: Chain(Conv1d(2, UNITS, 16, stride=2), relu(), ConvTranspose1d(UNITS, UNITS, 4, stride=2))
    ),
    "DepthwiseConv1d": distant(lambda: DepthwiseConv1d(1, 3, multiplier=UNITS, dilation=8)),
    "PointwiseConv1d": then(lambda: PointwiseConv1d(UNITS, UNITS)),
    "SeparableConv1d": distant(lambda: SeparableConv1d(1, UNITS, 3, dilation=8, multiplier=4)),
    "LearnedGroupConv1d": then(lambda: LearnedGroupConv1d(UNITS, UNITS, groups=4, condense_factor=4)),
    "CondensedConv1d": then(lambda: CondensedConv1d(UNITS, UNITS, groups=2, condense_factor=2)),
    "Conv2d": image(lambda size: Conv2d(size, 8, (2, 3), padding="same")),
    "CentredConv2d": image(lambda size: CentredConv2d(size, 8, 3, padding="same")),
    "SeparableConv2d": image(lambda size: SeparableConv2d(size, 8, (2, 3), padding="same", multiplier=4)),
    "ConvTranspose2d": image(lambda size: ConvTranspose2d(size, 8, (2, 3), padding="same")),
    "Windowed": Entry(
        PRODUCT,
        lambda: Windowed(
            nn.Sequential(nn.Flatten(), nn.Linear(17, UNITS), nn.ReLU(), nn.Linear(UNITS, 1)), 17, 1, 1
        ),
    ),
}

BLOCKS: dict[str, Entry] = {
    "ConvBlock": distant(lambda: ConvBlock(1, UNITS, 3, dilation=8)),
    "ResidualBlock": distant(lambda: ResidualBlock(1, UNITS, dilation=8)),
    "BottleneckBlock": distant(lambda: BottleneckBlock(1, 8, expansion=2, dilation=8)),
    "TCNBlock": distant(lambda: TCNBlock(1, UNITS, dilation=8)),
    "WaveNetBlock": distant(lambda: Chain(Conv1d(1, UNITS, 1), WaveNetBlock(UNITS, 3, dilation=8))),
    "WaveNetStack": distant(lambda: Chain(Conv1d(1, UNITS, 1), WaveNetStack(UNITS, UNITS, (1, 2, 4, 8, 16)))),
    "DenseBlock": distant(lambda: DenseBlock(1, 8, 2, dilation=8)),
    "DenseConnections": distant(lambda: DenseConnections(far(), Chain(relu(), Dense(UNITS + 1, UNITS)))),
    "TransitionLayer": sized(lambda: TransitionLayer(8, pool_size=BLOCK)),
    "CondenseBlock": distant(lambda: Chain(Conv1d(1, UNITS, 1), CondenseBlock(UNITS, 8, 2, 9))),
    "CondenseStages": sized(lambda: CondenseStages(8, 4, (1, 1, 1), groups=2, condense_factor=2)),
    "WideBlock": distant(lambda: WideBlock(1, 8, (2, 3), dilation=8)),
    "InceptionBlock": distant(lambda: InceptionBlock(1, 4, ((4, 8), (4, 8)), 4, kernel_sizes=(9, 17))),
    "UNet": filling(lambda: UNet(2, (8, 16))),
    "InceptionTimeBlock": distant(lambda: InceptionTimeBlock(1, 8, (9, 17), bottleneck=4)),
}

REST: dict[str, Entry] = {
    "BatchNorm": distant(lambda: Chain(far(), BatchNorm(UNITS))),
    "LayerNorm": levelled(LayerNorm),
    "RMSNorm": levelled(RMSNorm),
    "GroupNorm": levelled(GroupNorm, 2),
    "GroupNorm, sequence": levelled(GroupNorm, 2, over="sequence"),
    "InstanceNorm": levelled(InstanceNorm, affine=True),
    "CumulativeLayerNorm": levelled(CumulativeLayerNorm),
    "SqueezeExcitation": Entry(
        MARKED, lambda: Chain(SqueezeExcitation(CHANNELS, 1), Dense(CHANNELS, 1)), 2e-2
    ),
    "SqueezeExcitation, sequence": Entry(
        MARKED, lambda: Chain(SqueezeExcitation(CHANNELS, 1, over="sequence"), Dense(CHANNELS, 1)), 2e-2
    ),
    "Embedding": keys(),
    "AttentionPool": keys(),
    "ApplyMask": masked_spectrum(),
    "MaxPool1d": blocked(lambda: MaxPool1d(8, BLOCK)),
    "AvgPool1d": sized(lambda: AvgPool1d(8, BLOCK)),
    "Upsample": filling(
        lambda: Chain(
            Conv1d(2, UNITS, 16, stride=2), relu(), Upsample(UNITS, 2, "linear"), Dense(UNITS, UNITS)
        )
    ),
    "Chain": then(lambda: Chain(Conv1d(UNITS, UNITS, 1))),
    "Residual": distant(lambda: Chain(far(), Residual(Chain(relu(), Conv1d(UNITS, UNITS, 1))))),
    "SkipConnection": filling(lambda: SkipConnection(Conv1d(2, UNITS, 16))),
    "Parallel": distant(
        lambda: Chain(Parallel(Conv1d(1, 8, 2, dilation=8), Conv1d(1, 8, 2, dilation=16)), Dense(16, UNITS))
    ),
    "Repeat": distant(lambda: Chain(Conv1d(1, UNITS, 1), Repeat(far(UNITS), 2))),
    "Dense": then(lambda: Dense(UNITS, UNITS)),
    "Pointwise": Entry(PRODUCT, lambda: Chain(far(), Pointwise(nn.PReLU()), Dense(UNITS, 1))),
    "Anchored": Entry(WALK, anchored),
}

ENTRIES: dict[str, Entry] = RECURRENT | CONVOLUTIONS | BLOCKS | REST
