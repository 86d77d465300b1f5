"""Layers made of any layers."""

from torch import nn

from contract.registry.case import Case
from ostinato.core import SequenceLayer
from ostinato.layers import (
    GRU,
    LSTM,
    AdaptiveAvgPool1d,
    AttentionPool,
    AvgPool1d,
    BatchNorm,
    CentredConv1d,
    Chain,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    CumulativeLayerNorm,
    Decimate,
    Delay,
    Dense,
    DenseConnections,
    Downsample,
    Flatten,
    GlobalAvgPool1d,
    InBlocks,
    Interpolate,
    MaxPool1d,
    MaxPool2d,
    Parallel,
    Pointwise,
    Repeat,
    Residual,
    SkipConnection,
    SqueezeExcitation,
    Unflatten,
    Upsample,
)


def lenet() -> SequenceLayer:
    """A spectrogram as an image: [[CONV -> RELU] * 2 -> POOL] * 2 -> FC, as lecture 002 writes it."""
    first, second = [], []
    for layers, size, channels in ((first, (8, 1), 3), (second, (4, 3), 2)):
        for _ in range(2):
            layers += [Conv2d(size, channels, 3, padding="same"), Pointwise(nn.ReLU())]
            size = size[0], channels
        layers += [MaxPool2d(size, 2)]
    return Chain(Unflatten((8, 1)), *first, *second, Flatten((2, 2)), Dense(4, 3))


CASES: dict[str, Case] = {
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
    "Chain-up-down-again": Case(lambda: Chain(Upsample(3, 2, "linear"), Conv1d(3, 4, 2), AvgPool1d(4, 2))),
    "Chain-in-blocks-lookahead": Case(lambda: Chain(InBlocks(3, 3), Conv1d(3, 2, 3, latency=1))),
    "Parallel": Case(lambda: Parallel(Conv1d(3, 2, 3), GRU(3, 4), Delay(3, 0))),
    "Parallel-strided": Case(lambda: Parallel(Conv1d(3, 2, 4, stride=2), MaxPool1d(3, 2))),
    "Parallel-lookahead": Case(lambda: Parallel(Conv1d(3, 2, 5, latency=2), Chain(LSTM(3, 4), Delay(4, 2)))),
    "Parallel-frequencies": Case(
        lambda: Parallel(Conv2d((4, 3), 3, 3, padding="same"), Conv2d((4, 3), 3, (2, 1)))
    ),
    "Parallel-whole": Case(lambda: Parallel(CentredConv1d(3, 2, 3), GRU(3, 4))),
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
    "Repeat": Case(lambda: Repeat(Conv1d(3, 3, 3, dilation=2), 3)),
    "Repeat-strided": Case(lambda: Repeat(MaxPool1d(3, 2), 2)),
    "Repeat-lookahead": Case(lambda: Repeat(Residual(Conv1d(3, 3, 3, latency=1)), 2)),
    "Repeat-whole": Case(lambda: Repeat(CentredConv1d(3, 3, 3), 2)),
    "Repeat-recurrent": Case(lambda: Repeat(GRU(3, 3), 2)),
    "DenseConnections": Case(lambda: DenseConnections(GRU(3, 2), Conv1d(5, 3, 3))),
    "DenseConnections-lookahead": Case(
        lambda: DenseConnections(Conv1d(3, 2, 5, latency=2), LSTM(5, 3), Conv1d(8, 2, 3, latency=1))
    ),
    "DenseConnections-whole": Case(lambda: DenseConnections(CentredConv1d(3, 2, 3), CentredConv1d(5, 2, 3))),
    "SkipConnection": Case(lambda: SkipConnection(Conv1d(3, 2, 5, latency=2))),
    "SkipConnection-blocks": Case(
        lambda: SkipConnection(
            Chain(Conv1d(3, 4, 4, stride=2, latency=2), ConvTranspose1d(4, 2, 4, stride=2))
        )
    ),
}
