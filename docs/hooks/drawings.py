"""Diagrams of layers, drawn from the modules themselves while the site is built.

A page asks for one with a comment: ``<!-- drawing: NAME -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from torch import nn

from ostinato.inspection import draw_cell, draw_reach, draw_wiring
from ostinato.layers import (
    GRU,
    ISTFT,
    LRU,
    LSTM,
    QRNN,
    RNN,
    SRU,
    STFT,
    ApplyMask,
    AvgPool1d,
    Chain,
    Conv1d,
    ConvTranspose1d,
    DenseBlock,
    Flatten,
    InceptionBlock,
    Magnitude,
    MaxPool1d,
    MinGRU,
    MinLSTM,
    Parallel,
    PeepholeLSTM,
    Pointwise,
    Residual,
    ResidualBlock,
    TCNBlock,
    UNet,
    Unflatten,
    WaveNetBlock,
    WaveNetStack,
    WideBlock,
)

ASKED = re.compile(r"<!-- drawing: ([\w-]+) -->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the markers of a page by drawings."""
    return ASKED.sub(lambda found: DRAWINGS[found.group(1)](), markdown)


def dilated() -> Chain:
    """Four convolutions that double their dilation."""
    return Chain(*(Conv1d(2, 2, 2, dilation=2**level) for level in range(4)))


def strided() -> Chain:
    """Two convolutions that halve the rate, and one after them."""
    return Chain(Conv1d(2, 2, 3, stride=2), Conv1d(2, 2, 3, stride=2), Conv1d(2, 2, 3))


def there_and_back() -> Chain:
    """Downsampling to half of the rate, then upsampling."""
    return Chain(Conv1d(2, 2, 4, stride=2), ConvTranspose1d(2, 2, 4, stride=2))


def pooled() -> Chain:
    """Adjacent windows, then overlapping ones."""
    return Chain(MaxPool1d(2, 2), AvgPool1d(2, 3, stride=1), MaxPool1d(2, 2))


def ahead() -> Residual:
    """A body that looks three steps ahead."""
    return Residual(Chain(Conv1d(3, 4, 5, latency=2), Conv1d(4, 3, 3, dilation=2, latency=1)))


def masked() -> Chain:
    """A spectrum, a network that masks it, and back to samples."""
    network = Chain(Conv1d(5, 5, 3, latency=1), Pointwise(nn.Sigmoid()))
    body = Chain(Magnitude((5, 2)), Flatten((5, 1)), network, Unflatten((5, 1)))
    return Chain(STFT(1, 8, 4), ApplyMask(body), ISTFT(1, 8, 4))


DRAWINGS: dict[str, Callable[[], str]] = {
    "rnn": lambda: draw_cell(
        RNN(3, 5), "RNN: tanh of the sum of two products, of the input and of the state."
    ),
    "lstm": lambda: draw_cell(
        LSTM(3, 5), "LSTM: the forget gate scales the cell, then the new input is added."
    ),
    "gru": lambda: draw_cell(
        GRU(3, 5), "GRU, reset after the recurrent product: U is applied before the reset gate."
    ),
    "gru-before": lambda: draw_cell(
        GRU(3, 5, reset="before"),
        "GRU, reset before the product: the candidate has its own product U, after the gate.",
    ),
    "peephole": lambda: draw_cell(
        PeepholeLSTM(3, 5),
        "PeepholeLSTM: input and forget gate see the old cell, the output gate the new one.",
    ),
    "mingru": lambda: draw_cell(MinGRU(3, 5), "MinGRU: only the last product and sum use the state."),
    "minlstm": lambda: draw_cell(MinLSTM(3, 5), "MinLSTM: two gates, of which only the ratio matters."),
    "sru": lambda: draw_cell(SRU(3, 5), "SRU of 2017: no gate sees the cell."),
    "sru-state": lambda: draw_cell(
        SRU(3, 5, gates="state"), "SRU of 2018: each unit's gates see its own cell."
    ),
    "qrnn": lambda: draw_cell(QRNN(3, 5), "QRNN: a convolution over the last steps, then a gated average."),
    "lru": lambda: draw_cell(
        LRU(3, 5), "LRU: the state is a complex number, drawn as its two parts; there are no gates."
    ),
    "plain": lambda: draw_reach(
        Chain(*(Conv1d(2, 2, 2) for _ in range(4))),
        "Four kernels of 2 steps see 5 steps: one more with each layer.",
    ),
    "dilated": lambda: draw_reach(
        dilated(), "The same four kernels with dilations 1, 2, 4 and 8 see 16 steps."
    ),
    "strided": lambda: draw_reach(
        strided(), "With strides: the top row has one step for every 4 steps, and sees 15 of them."
    ),
    "there-and-back": lambda: draw_reach(
        there_and_back(), "Downsampling to half of the rate, then a transposed convolution.", steps=16
    ),
    "u-net-reach": lambda: draw_reach(
        UNet(3, (4, 8), norm=None, convolutions=1),
        "Receptive field of the last output of a UNet with two rates.",
        steps=12,
    ),
    "wavenet-reach": lambda: draw_reach(
        WaveNetStack(2, 3, (1, 2, 4, 8)), "The dilated convolutions within a WaveNetStack."
    ),
    "pooled": lambda: draw_reach(pooled(), "Adjacent windows, overlapping windows, and again adjacent ones."),
    "residual": lambda: draw_wiring(ResidualBlock(3), "ResidualBlock(3)"),
    "dense": lambda: draw_wiring(
        DenseBlock(3, 2, 3, bottleneck=None), "DenseBlock(3, growth_rate=2, layers=3, bottleneck=None)"
    ),
    "wavenet": lambda: draw_wiring(WaveNetBlock(3, skip_size=5), "WaveNetBlock(3, skip_size=5)"),
    "wavenet-stack": lambda: draw_wiring(WaveNetStack(3, 5, (1, 2)), "WaveNetStack(3, 5, dilations=(1, 2))"),
    "tcn": lambda: draw_wiring(TCNBlock(3, 5, dilation=2), "TCNBlock(3, 5, dilation=2)"),
    "wide": lambda: draw_wiring(
        WideBlock(3, 2, norm=None, centred=True), "WideBlock(3, 2, (3, 5, 7), norm=None, centred=True)"
    ),
    "inception": lambda: draw_wiring(
        InceptionBlock(8, 4, ((2, 4), (2, 4)), 4), "InceptionBlock(8, 4, ((2, 4), (2, 4)), 4)"
    ),
    "u-net": lambda: draw_wiring(
        UNet(3, (4, 8), norm=None, convolutions=1), "UNet(3, (4, 8), convolutions=1, norm=None)"
    ),
    "ahead": lambda: draw_wiring(
        ahead(), "A body that looks 3 steps ahead: the shortcut is delayed by 3 steps."
    ),
    "beside": lambda: draw_wiring(
        Parallel(Chain(Conv1d(3, 2, 4, stride=2), GRU(2, 4)), MaxPool1d(3, 2)),
        "Parallel(Chain(Conv1d(3, 2, 4, stride=2), GRU(2, 4)), MaxPool1d(3, 2))",
    ),
    "mask": lambda: draw_wiring(
        masked(), "STFT, mask, ISTFT: the frames are delayed to match the mask.", steps=32
    ),
}
