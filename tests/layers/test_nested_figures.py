"""What nested layers declare: receptive field, latency, rates, ends of streams; what can never run is refused."""

import re

import pytest
import torch
from torch import nn

from ostinato.checks import check_layer
from ostinato.core import SequenceLayer
from ostinato.errors import CheckError, ConfigError, ShapeError, StreamingError
from ostinato.layers import (
    GRU,
    AdaptiveAvgPool1d,
    Anchored,
    AvgPool2d,
    BatchNorm,
    BottleneckBlock,
    CentredConv1d,
    Chain,
    Columns,
    Conv1d,
    Conv2d,
    ConvBlock,
    ConvTranspose1d,
    ConvTranspose2d,
    Delay,
    Dense,
    DenseConnections,
    Downsample,
    Embedding,
    GroupNorm,
    Identity,
    InBlocks,
    Interpolate,
    LayerNorm,
    MelFilter,
    MuLawEncode,
    OneHot,
    Parallel,
    Point,
    PointwiseConv1d,
    Residual,
    Reversed,
    RunningScale,
    SkipConnection,
    ToNetwork,
    UNet,
    Upsample,
    Windowed,
)


def measured_reach(layer: SequenceLayer, steps: int = 60) -> int:
    """Steps back from the last output's own to the oldest that changes it."""
    torch.manual_seed(0)
    layer = layer.double().eval()
    x = torch.randn(
        1, steps, *([layer.input_size] if isinstance(layer.input_size, int) else layer.input_size)
    ).double()
    rows = x.repeat(steps, *[1] * (x.dim() - 1))
    rows[torch.arange(steps), torch.arange(steps)] += 1.0
    y, plain = layer(rows)[0][:, -1], layer(x)[0][:, -1]
    felt = ((y - plain).abs().flatten(1).amax(1) > 1e-9).nonzero().flatten().tolist()
    return steps - min(felt)


DILATED = [
    lambda: Chain(
        Conv1d(1, 1, 2), Chain(ConvTranspose1d(1, 1, 3, stride=2, dilation=3), Conv1d(1, 1, 3, stride=2))
    ),
    lambda: Chain(Interpolate(1, 2), Conv1d(1, 1, 3, stride=2)),
    lambda: Chain(
        ConvTranspose2d((3, 1), 3, (4, 1), stride=(2, 1), dilation=(3, 1)), AvgPool2d((3, 3), (2, 1))
    ),
]


@pytest.mark.parametrize(
    ("make", "steps"), list(zip(DILATED, [5, 21, 5], strict=True)), ids=["1d", "filter", "2d"]
)
def test_what_a_dilated_transposed_convolution_hears(make, steps):
    torch.manual_seed(0)
    layer = make().double().eval()
    assert layer.receptive_field == steps
    assert layer.receptive_field == measured_reach(layer)
    size = layer.input_size if isinstance(layer.input_size, tuple) else (layer.input_size,)
    x = torch.randn(2, 50, *size).double()
    whole = layer(x)[0]
    for count in (1, 3, 7):
        torch.testing.assert_close(layer.tail(x, count), whole[:, -count:])
    torch.testing.assert_close(layer.last(x), whole[:, -1])


def test_what_an_output_sees_may_have_holes():
    chain = Chain(Conv1d(1, 1, 2, dilation=5), Conv1d(1, 1, 2, dilation=2))
    assert list(chain.sees(20)) == [13, 15, 18, 20]
    assert list(Chain(Downsample(1, 3), Delay(1, 2)).sees(4)) == [8]
    assert list(Reversed(Conv1d(1, 1, 2, dilation=3)).sees(4)) == [4, 7]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Chain(Conv1d(1, 1, 3, latency=1), UNet(1, (1, 1)), Conv1d(1, 1, 3, latency=1)),
        lambda: Chain(Delay(1, 1), InBlocks(1, 2), Delay(1, 1)),
        lambda: Chain(Delay(1, 1), Chain(InBlocks(1, 2), Delay(1, 1))),
        lambda: Chain(Chain(Delay(1, 1), InBlocks(1, 2)), Delay(1, 1)),
        lambda: Chain(Delay(1, 1), Residual(Chain(InBlocks(1, 2), Delay(1, 2)))),
    ],
)
def test_what_would_lose_steps_at_the_end_is_refused_however_it_is_nested(make):
    with pytest.raises(ConfigError, match="looks ahead, and those before it by 1 steps in blocks of 2"):
        make()


def test_a_nested_chain_owes_what_the_flat_one_does():
    torch.manual_seed(0)
    first, net, last = Conv1d(1, 1, 3, latency=2), UNet(1, (1, 1)), Conv1d(1, 1, 3, latency=1)
    x = torch.randn(2, 8, 1)
    ends = []
    for chain in (Chain(first, net, last), Chain(first, Chain(net, last)), Chain(Chain(first, net), last)):
        chain.eval()
        y, state = chain(x)
        ends.append(torch.cat([y, chain.flush(state)], dim=1))
        assert ends[-1].shape[1] == 8 + 3
    torch.testing.assert_close(ends[0], ends[1])
    torch.testing.assert_close(ends[0], ends[2])


@pytest.mark.parametrize("make", [lambda: Dense(3, 2), Identity, lambda: Chain(Dense(3, 2), Dense(2, 3))])
def test_what_is_owed_joins_whatever_the_batch(make):
    layer = make()
    y, state = layer(torch.randn(4, 5, 3))
    assert torch.equal(torch.cat([y, layer.flush(state)], dim=1), y)


def test_steps_of_pooled_sequences():
    nested = Chain(Chain(Downsample(1, 2), AdaptiveAvgPool1d(1, 2)))
    assert nested.steps_out == 2
    assert nested(torch.randn(1, 9, 1))[0].shape[1] == 2
    Parallel(nested, Chain(Downsample(1, 2), AdaptiveAvgPool1d(1, 2)))
    with pytest.raises(ConfigError, match=re.escape("layer 1 of the chain (Downsample) makes nothing")):
        Chain(AdaptiveAvgPool1d(1, 1), Downsample(1, 2))


def test_latency_within_layers_that_look_both_ways():
    layer = Chain(CentredConv1d(1, 1, 3), Delay(1, 3))
    assert (layer.receptive_field, layer.oldest(10), layer.newest(10)) == (3, 6, 8)
    check_layer(layer)


def anchored(block: int = 1, latency: int = 0) -> Anchored:
    def waits(size: int) -> list[SequenceLayer]:
        return [InBlocks(size, block)] if block > 1 else []

    body = Chain(Columns(6, (4,)), ToNetwork(1), Conv1d(1, 2, 1 + latency, latency=latency), *waits(2))
    delay = [Delay(1, latency)] if latency else []
    return Anchored(body, Point(1), Chain(Columns(6, (4,)), RunningScale(1, 4.0), *delay, *waits(1)))


def test_anchored_declares_the_rates_of_its_paths():
    layer = anchored(block=2)
    assert (layer.block, layer.steps_out, layer.stride) == (2, None, 1)
    x = torch.rand(2, 7, 6, dtype=torch.float64) + 1
    assert layer.double()(x)[0].shape[1] == 6


def test_anchored_owes_what_its_paths_do():
    """Not what steps of price 0 would give."""
    torch.manual_seed(0)
    layer = anchored(latency=2).double().eval()
    x = torch.rand(2, 9, 6, dtype=torch.float64) + 50
    _, state = layer(x)
    owed = layer.flush(state)
    body, scale = layer.body.flush(state.body), layer.scale.flush(state.scale)
    torch.testing.assert_close(owed, layer.placed(layer.output.standard(body), scale, None).flatten(2))
    assert owed.shape[1] == 2


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Residual(Dense(2, 3), Dense(4, 3)), "the body takes 2 features, the shortcut 4."),
        (lambda: Residual(Identity(), Dense(2, 3)), "the body gives 2 features, the shortcut 3."),
        (lambda: LayerNorm(1), "a layer norm over a single number is always 0"),
        (lambda: LayerNorm((4, 1), over="channels"), "a layer norm over a single number is always 0"),
        (lambda: ConvBlock(3, 1, 2, norm="layer"), "a layer norm over a single number is always 0"),
        (lambda: GroupNorm(4, 4), "4 groups leave a single number of each step"),
        (
            lambda: Conv2d((1, 2), 2, (1, 1), stride=(1, 2), padding=1),
            "padding 1 and stride 2 leave nothing to see",
        ),
        (lambda: ConvTranspose2d((1, 2), 2, (1, 3), stride=(1, 4), padding=3, output_padding=3), "padding 3"),
        (
            lambda: DenseConnections(InBlocks(3, 2)),
            "does not give a step for each step (2 for each 2 together)",
        ),
        (
            lambda: SkipConnection(Upsample(3, 2)),
            "the body gives 2 steps for each step, a skip connection joins as many as came in. Bring it back to the "
            "old rate, for example by a Conv1d or a pool of stride 2.",
        ),
        (lambda: MelFilter((1, 1), 2, 8000), "input_size has one frequency"),
        (
            lambda: DenseConnections(
                PointwiseConv1d(3, 2, weight_norm=True), PointwiseConv1d(3, 2, weight_norm=True)
            ),
            "layer 1 of the dense connections (PointwiseConv1d) takes 3 features",
        ),
    ],
)
def test_what_could_never_run_or_hear_is_refused(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()


def test_last_of_no_outputs_is_refused():
    window = Windowed(nn.Sequential(nn.Flatten(), nn.Linear(2, 1)), 2, 1, 1)
    for layer in (window, Chain(Downsample(1, 3), window), Parallel(window, Delay(1, 0))):
        with pytest.raises(ShapeError, match="too few for an output"):
            layer.last(torch.zeros(3, 0, 1))
    with pytest.raises(ShapeError, match="too few for an output"):
        Chain(Downsample(1, 3), window).last(torch.zeros(3, 2, 1))


def test_ragged_rows_through_a_stride_are_not_flushed():
    layer = Conv1d(1, 1, 3, stride=2, latency=2)
    _, state = layer(torch.zeros(2, 5, 1), None, torch.tensor([5, 3]))
    with pytest.raises(
        StreamingError, match="To flush rows of several lengths, run those of each length apart"
    ):
        layer.flush(state)


def dead_unet() -> UNet:
    """With statistics that hold its relus shut."""
    net = UNet(2, (2, 2), 1, factor=3, convolutions=1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.constant_(module.bias, -9.0)
    return net


@pytest.mark.parametrize(
    "make",
    [
        lambda: PointwiseConv1d(1, 3, weight_norm=True),
        lambda: Chain(Conv1d(1, 1, 2, stride=3), AdaptiveAvgPool1d(1, 2)),
        lambda: Chain(Delay(1, 20), GRU(1, 2)),
        lambda: Chain(*(layer for _ in range(6) for layer in (Dense(3, 3), LayerNorm(3)))),
        lambda: UNet(2, (2, 2, 2), 3, norm="layer"),
        lambda: Chain(
            Conv1d(1, 2, 4, latency=3), BottleneckBlock(2, 1, 2, expansion=2, dilation=3, norm=None)
        ),
        dead_unet,
    ],
    ids=[
        "norm of one weight",
        "stride before a pool",
        "behind a delay",
        "deep norms",
        "norms of two",
        "few relus",
        "dead relus",
    ],
)
def test_good_layers_are_not_accused(make):
    torch.manual_seed(0)
    check_layer(make())


class Deaf(SequenceLayer):
    """Says the same whatever it hears."""

    input_size = output_size = 1

    def __init__(self, streams: bool) -> None:
        super().__init__()
        self.streams = streams

    def run(self, x, state, lengths):
        return x * 0 + 1, ()


@pytest.mark.parametrize("streams", [True, False])
def test_a_layer_that_hears_nothing_is_told_so(streams):
    with pytest.raises(CheckError, match="measured none: no step of x changes it"):
        check_layer(Deaf(streams))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Chain(Conv1d(1, 1, 2), MuLawEncode(1, 4), OneHot(4)),
        lambda: Parallel(Chain(MuLawEncode(1, 4), OneHot(4)), Dense(1, 4)),
        lambda: Residual(Chain(MuLawEncode(1, 4), Embedding(4, 2)), Dense(1, 2)),
    ],
)
def test_codes_within_make_no_raw_columns_of_x(make):
    """The dtype of y does not follow that of x, but x is in that of the network."""
    torch.manual_seed(0)
    layer = make().eval()
    assert layer.stepper().step(torch.zeros(1, 1)).dtype == torch.float32
    check_layer(layer)
    assert Chain(Columns(3, (1,)), ToNetwork(1), layer).reads_raw


def test_a_batch_norm_of_one_channel_hears():
    check_layer(Chain(Conv1d(1, 1, 2), BatchNorm(1)))
