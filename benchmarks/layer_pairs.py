"""Each layer, and what of torch stands nearest to it.

Axes: B batch, T time steps, I features, H hidden features, F frequencies, C channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato import layers as L
from ostinato.core import SequenceLayer

Call = Callable[[Tensor], Tensor]


@dataclass
class Pair:
    """Two sides of a comparison."""

    name: str
    beside: str
    ours: Call
    theirs: Call
    x: Tensor
    their_x: Tensor
    same: bool  # whether they compute the same numbers
    bar: float | None = None
    turned: Call = lambda y: y  # their y in our order of axes
    repeat: int = 1


def pairs(quick: bool) -> Iterator[Pair]:
    """All of them."""
    torch.manual_seed(0)
    yield from kernels(quick)
    yield from cells(quick)
    yield from linear_recurrences(quick)
    yield from convolutions(quick)
    yield from convolutions_2d(quick)
    yield from others(quick)


def call(layer: SequenceLayer) -> Call:
    return lambda x: layer(x)[0]


def kernels(quick: bool) -> Iterator[Pair]:
    """Plain cells, on torch's kernels on both sides."""
    x = torch.randn(4, 10, 8) if quick else torch.randn(32, 100, 64)
    hidden = 16 if quick else 128
    for name, options in (
        ("RNN", {}),
        ("LSTM", {}),
        ("GRU", {}),
        ("LSTM", {"num_layers": 2}),
        ("LSTM", {"bidirectional": True}),
        ("LSTM", {"proj_size": hidden // 2}),
    ):
        ours = getattr(L, name)(x.shape[2], hidden, **options)
        theirs = getattr(nn, name)(x.shape[2], hidden, batch_first=True, **options)
        theirs.load_state_dict(ours.state_dict())
        words = ", ".join(f"{key}={value}" for key, value in options.items())
        full = f"{name}({words})" if words else name
        yield Pair(full, f"nn.{name}", call(ours), lambda x, m=theirs: m(x)[0], x, x, same=True, bar=1.1)


def looped(cell: nn.Module) -> Call:
    """A bare loop over a cell of torch."""

    def run(x: Tensor) -> Tensor:
        state, outputs = None, []
        for t in range(x.shape[1]):
            state = cell(x[:, t], state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, dim=1)

    return run


def cells(quick: bool) -> Iterator[Pair]:
    """Cells that torch has no kernel for."""
    x = torch.randn(4, 10, 8) if quick else torch.randn(32, 100, 64)
    inputs, hidden = x.shape[2], 16 if quick else 128
    made: list[tuple[str, SequenceLayer, type[nn.Module]]] = [
        ("RNN(zoneout=0.1)", L.RNN(inputs, hidden, zoneout=0.1), nn.RNNCell),
        ("LSTM(zoneout=0.1)", L.LSTM(inputs, hidden, zoneout=0.1), nn.LSTMCell),
        ("LSTM(state_dropout=0.1)", L.LSTM(inputs, hidden, state_dropout=0.1), nn.LSTMCell),
        ("PeepholeLSTM", L.PeepholeLSTM(inputs, hidden), nn.LSTMCell),
        ("PeepholeLSTM(full)", L.PeepholeLSTM(inputs, hidden, peepholes="full"), nn.LSTMCell),
        ("CoupledLSTM", L.CoupledLSTM(inputs, hidden), nn.LSTMCell),
        ("GRU(reset=before)", L.GRU(inputs, hidden, reset="before"), nn.GRUCell),
        ("ContextGRU", L.ContextGRU(inputs, hidden, hidden), nn.GRUCell),
        ("LayerNormRNN", L.LayerNormRNN(inputs, hidden), nn.RNNCell),
        ("LayerNormLSTM", L.LayerNormLSTM(inputs, hidden), nn.LSTMCell),
        ("LayerNormGRU", L.LayerNormGRU(inputs, hidden), nn.GRUCell),
    ]
    for name, layer, kind in made:
        cell = kind(inputs, hidden)
        yield Pair(
            name, f"a loop over nn.{kind.__name__}", call(layer), looped(cell), x, x, same=False, bar=2.0
        )


def linear_recurrences(quick: bool) -> Iterator[Pair]:
    """What trains in parallel along time, beside the kernel of a GRU."""
    x = torch.randn(4, 20, 8) if quick else torch.randn(32, 1000, 64)
    inputs, hidden = x.shape[2], 16 if quick else 128
    gru = nn.GRU(inputs, hidden, batch_first=True)
    for name in ("MinGRU", "MinLSTM", "SRU", "QRNN", "LRU"):
        layer = getattr(L, name)(inputs, hidden)
        yield Pair(name, f"nn.GRU, {x.shape[1]} steps", call(layer), lambda x: gru(x)[0], x, x, same=False)


def causal(conv: nn.Module, pad: int) -> Call:
    return lambda x: conv(F.pad(x, (pad, 0)))


def first(y: Tensor) -> Tensor:
    """Channel-first to channels last, as a view."""
    return y.movedim(1, -1)


def convolutions(quick: bool) -> Iterator[Pair]:
    """In one dimension, torch on channel-first memory."""
    batch, channels, steps = (2, 8, 32) if quick else (16, 64, 512)
    theirs_x = torch.randn(batch, channels, steps)
    x = theirs_x.transpose(1, 2)

    def pair(name: str, layer: SequenceLayer, theirs: Call, beside: str, bar: float = 1.25) -> Pair:
        return Pair(
            name, beside, call(layer), theirs, x, theirs_x, same=True, bar=bar, turned=first, repeat=3
        )

    for name, options in (
        ("Conv1d(k=3)", {}),
        ("Conv1d(k=3, dilation=8)", {"dilation": 8}),
        ("Conv1d(k=3, stride=2)", {"stride": 2}),
    ):
        layer = L.Conv1d(channels, channels, 3, **options)
        conv = nn.Conv1d(channels, channels, 3, **options)
        conv.load_state_dict(layer.state_dict())
        pad = 2 * options.get("dilation", 1) + 1 - options.get("stride", 1)
        yield pair(name, layer, causal(conv, pad), "nn.Conv1d on padded x")
    layer = L.CentredConv1d(channels, channels, 3)
    yield pair(
        "CentredConv1d(k=3)", layer, _twin(layer, nn.Conv1d(channels, channels, 3, padding=1)), "nn.Conv1d"
    )
    layer = L.DepthwiseConv1d(channels, 3)
    depthwise = _twin(layer, nn.Conv1d(channels, channels, 3, groups=channels))
    yield pair("DepthwiseConv1d(k=3)", layer, causal(depthwise, 2), "nn.Conv1d on padded x")
    layer = L.ConvTranspose1d(channels, channels, 4, stride=2)
    turned = _twin(layer, nn.ConvTranspose1d(channels, channels, 4, stride=2))
    yield pair(
        "ConvTranspose1d(k=4, stride=2)", layer, lambda x: turned(x)[..., : 2 * steps], "nn.ConvTranspose1d"
    )
    stack = L.Chain(*(L.Conv1d(channels, channels, 3) for _ in range(6)))
    twins = [_twin(one, nn.Conv1d(channels, channels, 3)) for one in stack.layers]

    def stacked(x: Tensor) -> Tensor:
        for conv in twins:
            x = conv(F.pad(x, (2, 0)))
        return x

    yield pair("six Conv1d(k=3) in a Chain", stack, stacked, "six nn.Conv1d on padded x")
    yield pair("MaxPool1d(2)", L.MaxPool1d(channels, 2), nn.MaxPool1d(2), "nn.MaxPool1d")
    yield pair("AvgPool1d(2)", L.AvgPool1d(channels, 2), nn.AvgPool1d(2), "nn.AvgPool1d")
    yield pair("BatchNorm", L.BatchNorm(channels), nn.BatchNorm1d(channels), "nn.BatchNorm1d")


def convolutions_2d(quick: bool) -> Iterator[Pair]:
    """Time and frequency."""
    batch, channels, steps, frequencies = (2, 4, 12, 10) if quick else (8, 16, 100, 64)
    theirs_x = torch.randn(batch, channels, steps, frequencies)
    x, size = theirs_x.permute(0, 2, 3, 1), (frequencies, channels)
    layer = L.Conv2d(size, channels, 3, padding="same")
    conv = _twin(layer, nn.Conv2d(channels, channels, 3, padding=(0, 1)))
    yield Pair(
        "Conv2d(3 x 3)", "nn.Conv2d on padded x", call(layer), lambda x: conv(F.pad(x, (0, 0, 2, 0))), x, theirs_x,
        same=True, bar=1.25, turned=first, repeat=2,
    )  # fmt: skip
    pooled = nn.MaxPool2d(2)
    yield Pair(
        "MaxPool2d(2)", "nn.MaxPool2d", call(L.MaxPool2d(size, 2)), pooled, x, theirs_x, same=True, turned=first,
        bar=1.25, repeat=3,
    )  # fmt: skip


def others(quick: bool) -> Iterator[Pair]:
    """Norms, pooling, spectra, tokens, blocks."""
    x = torch.randn(2, 32, 8) if quick else torch.randn(16, 512, 64)
    size = x.shape[2]
    linear = nn.Linear(size, size)
    dense = L.Dense(size, size)
    linear.load_state_dict(dense.module.state_dict())
    yield Pair("Dense", "nn.Linear", call(dense), linear, x, x, same=True, bar=1.1, repeat=5)
    norm = nn.LayerNorm(size)
    yield Pair("LayerNorm", "nn.LayerNorm", call(L.LayerNorm(size)), norm, x, x, same=True, bar=1.1, repeat=5)
    turned = x.transpose(1, 2).contiguous()
    yield Pair(
        "InstanceNorm", "nn.InstanceNorm1d", call(L.InstanceNorm(size)), nn.InstanceNorm1d(size),
        turned.transpose(1, 2), turned, same=True, turned=first, repeat=5,
    )  # fmt: skip
    yield Pair(
        "CumulativeLayerNorm", "nn.LayerNorm", call(L.CumulativeLayerNorm(size)), norm, x, x, same=False
    )
    yield Pair(
        "GlobalAvgPool1d", "x.cumsum", call(L.GlobalAvgPool1d(size)), lambda x: x.cumsum(1), x, x, same=False
    )
    yield Pair("AttentionPool", "nn.Linear", call(L.AttentionPool(size)), linear, x, x, same=False)
    sound = torch.randn(4, 4_000 if quick else 32_000, 1)
    window = torch.hann_window(512)
    yield Pair(
        "STFT(512, 128)", "torch.stft", call(L.STFT(1, 512, 128)),
        lambda x: torch.view_as_real(torch.stft(x[..., 0], 512, 128, window=window, center=False, return_complex=True)),
        sound, sound, same=False,
    )  # fmt: skip
    codes = torch.randint(0, 100, (*x.shape[:2], 1))
    table, embedding = nn.Embedding(100, size), L.Embedding(100, size)
    table.load_state_dict(embedding.state_dict())
    yield Pair(
        "Embedding",
        "nn.Embedding",
        call(embedding),
        lambda x: table(x[..., 0]),
        codes,
        codes,
        same=True,
        repeat=5,
    )


def _twin(layer: SequenceLayer, theirs: nn.Module) -> nn.Module:
    """Theirs, with our weights in the order in which they stand."""
    values = list(layer.state_dict().values())
    theirs.load_state_dict(dict(zip(theirs.state_dict(), values, strict=True)))
    return theirs
