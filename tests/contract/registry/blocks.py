"""Blocks of papers."""

import torch

from contract.registry.case import Case
from ostinato.core import SequenceLayer
from ostinato.layers import (
    BottleneckBlock,
    ChannelShuffle,
    CondenseBlock,
    CondenseStages,
    ConvBlock,
    DenseBlock,
    InceptionBlock,
    InceptionTimeBlock,
    ResidualBlock,
    TCNBlock,
    TransitionLayer,
    UNet,
    WaveNetBlock,
    WaveNetStack,
    WideBlock,
)


def condensed() -> SequenceLayer:
    """What a condense block is in use; of one set of weights, since what it leaves out hangs on them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = CondenseStages(2, 2, (1, 1), groups=2, condense_factor=2, bottleneck=2)
    layer.condense()
    return layer.condensed()


CASES: dict[str, Case] = {
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
}
