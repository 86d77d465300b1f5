"""Convolutions over time and frequency against torch's on padded wholes, and against SciPy's.

Pairs are (time, frequency). Axes: B batch, T time steps, F frequencies, C channels in, O channels out, K kernel size.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d, correlate2d
from torch import nn

from layers.close import close, gradients
from ostinato.errors import ConfigError
from ostinato.layers import (
    AvgPool2d,
    BatchNorm,
    CentredConv2d,
    Chain,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    MaxPool2d,
    Pointwise,
    Residual,
    SeparableConv2d,
    Unflatten,
)


def pairs(most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(1, most), st.integers(1, most))


kernels = {
    "kernel_size": pairs(4),
    "dilation": pairs(3),
    "groups": st.integers(1, 2),
    "bias": st.booleans(),
    "padding": st.sampled_from(["same", "valid", 0, 2]),
}


def padded(
    x: torch.Tensor, layer: Conv2d | CentredConv2d, options: dict, times: tuple[int, int]
) -> torch.Tensor:
    """x (B, C, T, F), padded by hand; a negative number of steps is cut off."""
    span = (options["kernel_size"][1] - 1) * options["dilation"][1]
    both = {"same": (span // 2, span - span // 2), "valid": (0, 0)}.get(options["padding"])
    return F.pad(x.permute(0, 3, 1, 2), (*(both or (options["padding"],) * 2), *times))


def theirs(layer: Conv2d | CentredConv2d, x: torch.Tensor, options: dict) -> torch.Tensor:
    names = {name: options[name] for name in ("stride", "dilation", "groups")}
    return F.conv2d(x, layer.weight, layer.bias, **names).permute(0, 2, 3, 1)


def same_numbers(layer, x, y, expected) -> None:
    close(y, expected)
    inputs = [x, *layer.parameters()]
    for found, truth in zip(gradients([y], inputs), gradients([expected], inputs), strict=True):
        close(found, truth)


@settings(deadline=None, max_examples=80)
@given(st.fixed_dictionaries(kernels | {"stride": pairs(4)}), st.integers(0, 13), st.integers(10, 13))
def test_causal_is_padding_in_front(options, steps, frequencies):
    torch.manual_seed(steps)
    groups = options["groups"]
    layer = Conv2d((frequencies, 2 * groups), 3 * groups, **options).double()
    x = torch.randn(2, steps, *layer.input_size, dtype=torch.float64, requires_grad=True)
    y, _ = layer(x)
    assert y.shape == (2, steps // options["stride"][0], *layer.output_size)
    if y.shape[1] == 0:
        return
    # the first output ends with the first whole block: what is missing is padding, what is too much is left out
    before = (options["kernel_size"][0] - 1) * options["dilation"][0] + 1 - options["stride"][0]
    same_numbers(layer, x, y, theirs(layer, padded(x, layer, options, (before, 0)), options))


@settings(deadline=None, max_examples=50)
@given(st.fixed_dictionaries(kernels | {"stride": pairs(3)}), st.integers(0, 13), st.booleans())
def test_centred_is_padding_on_both_sides(options, steps, odd):
    torch.manual_seed(steps)
    groups, stride = options["groups"], options["stride"][0]
    options["kernel_size"] = 2 * options["kernel_size"][0] - 1, options["kernel_size"][1]
    layer = CentredConv2d((11, groups), 2 * groups, **options).double()
    x = torch.randn(2, steps, *layer.input_size, dtype=torch.float64, requires_grad=True)
    y, _ = layer(x)
    assert y.shape == (2, steps // stride, *layer.output_size)
    if y.shape[1] == 0:
        return
    reach = (options["kernel_size"][0] - 1) // 2 * options["dilation"][0]
    expected = theirs(
        layer, padded(x, layer, options, (reach, reach)), options | {"stride": (1, options["stride"][1])}
    )
    same_numbers(layer, x, y, expected[:, stride - 1 :: stride])  # centred on the last step of each block


@settings(deadline=None, max_examples=30)
@given(pairs(4), pairs(2), st.integers(1, 9), st.integers(1, 9))
def test_one_channel_is_scipy_s_correlation(kernel_size, dilation, steps, frequencies):
    torch.manual_seed(steps)
    assume(frequencies > 1 or kernel_size[1] % 2 or dilation[1] == 1)  # else the kernel meets padding alone
    layer = Conv2d((frequencies, 1), 1, kernel_size, dilation=dilation, padding="same", bias=False).double()
    x = torch.randn(steps, frequencies, dtype=torch.float64)
    span = tuple((size - 1) * apart + 1 for size, apart in zip(kernel_size, dilation, strict=True))
    taps = torch.zeros(span, dtype=torch.float64)
    taps[:: dilation[0], :: dilation[1]] = layer.weight.detach()[0, 0]
    y = layer(x[None, :, :, None])[0][0, :, :, 0]
    # SciPy's whole result begins with the kernel one step within x; in frequency we begin in its middle
    low = span[1] - 1 - (span[1] - 1) // 2
    within = slice(0, steps), slice(low, low + frequencies)
    close(y, torch.from_numpy(correlate2d(x.numpy(), taps.numpy()))[within])
    close(y, torch.from_numpy(convolve2d(x.numpy(), taps.flip(0, 1).numpy()))[within])


def test_weights_of_torch_load_both_ways():
    other, ours = nn.Conv2d(4, 6, (3, 2), groups=2), Conv2d((5, 4), 6, (3, 2), groups=2)
    ours.load_state_dict(other.state_dict())
    x = torch.randn(2, 7, 5, 4)
    expected = other(F.pad(x.permute(0, 3, 1, 2), (0, 0, 2, 0))).permute(0, 2, 3, 1)
    torch.testing.assert_close(ours(x)[0], expected)
    nn.Conv2d(4, 6, (3, 2), groups=2).load_state_dict(ours.state_dict())
    nn.Conv2d(4, 6, (3, 2)).load_state_dict(CentredConv2d((5, 4), 6, (3, 2)).state_dict())


def test_weights_begin_as_torch_s():
    for make, other in (
        (lambda: Conv2d((5, 4), 6, (3, 2), groups=2), lambda: nn.Conv2d(4, 6, (3, 2), groups=2)),
        (lambda: CentredConv2d((5, 4), 6, (3, 2)), lambda: nn.Conv2d(4, 6, (3, 2))),
    ):
        torch.manual_seed(0)
        ours = make().state_dict()
        torch.manual_seed(0)
        for name, value in other().state_dict().items():
            assert torch.equal(ours[name], value)


@pytest.mark.parametrize("steps", [0, 1, 9])
def test_centred_is_looking_ahead_and_flushing(steps):
    torch.manual_seed(0)
    options = {"dilation": (2, 1), "padding": "same"}
    centred = CentredConv2d((5, 2), 3, (5, 2), **options).double()
    streaming = Conv2d((5, 2), 3, (5, 2), **options, latency=4).double()
    streaming.load_state_dict(centred.state_dict())
    x = torch.randn(2, steps, 5, 2, dtype=torch.float64)
    y, state = streaming(x)
    close(torch.cat([y, streaming.flush(state)], dim=1)[:, 4:], centred(x)[0])


def test_latency_changes_no_number():
    layer, same = Conv2d((4, 2), 3, 3, latency=2), Conv2d((4, 2), 3, 3)
    same.load_state_dict(layer.state_dict())
    x = torch.randn(2, 7, 4, 2)
    assert torch.equal(layer(x)[0], same(x)[0])
    assert (layer.latency, layer.receptive_field) == (2, 3)


def test_weight_norm_begins_with_the_same_weights():
    for make in (
        lambda norm: Conv2d((4, 2), 3, 2, weight_norm=norm),
        lambda norm: CentredConv2d((4, 2), 3, 3, weight_norm=norm),
    ):
        torch.manual_seed(0)
        plain = make(False)
        torch.manual_seed(0)
        normed = make(True)
        torch.testing.assert_close(normed.weight, plain.weight)
        v = normed.parametrizations.weight.original1
        magnitude = v.flatten(1).norm(dim=1)[:, None, None, None]
        torch.testing.assert_close(normed.parametrizations.weight.original0, magnitude)


def test_separable_is_depthwise_then_pointwise():
    """As lecture 000 writes it in torch, and with the saving of MobileNets, section 3.1."""
    depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4).double()
    pointwise = nn.Conv2d(4, 6, 1).double()
    layer = SeparableConv2d((5, 4), 6, 3, padding="same", latency=1).double()
    for ours, other in ((layer.depthwise, depthwise), (layer.pointwise, pointwise)):
        ours.load_state_dict(other.state_dict())
    x = torch.randn(2, 7, 5, 4, dtype=torch.float64)
    y, state = layer(x)
    found = torch.cat([y, layer.flush(state)], dim=1)[:, 1:]
    close(found, pointwise(depthwise(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1))

    weights = sum(part.weight.numel() for part in layer.layers)
    whole = Conv2d((5, 4), 6, 3).weight.numel()
    assert weights / whole == pytest.approx(1 / 6 + 1 / 9)


def test_depthwise_channels_do_not_meet():
    layer = Conv2d((5, 3), 6, (2, 3), groups=3)
    x = torch.randn(1, 7, 5, 3)
    other = x.clone()
    other[..., 1] += 1.0
    changed = (layer(x)[0] != layer(other)[0]).any(dim=(0, 1, 2))
    assert changed.tolist() == [False, False, True, True, False, False]


def test_an_image_of_lecture_002():
    """(32, 32, 3), a kernel of 5 and no padding: 28 rows are left of 32. Time, the other axis, is padded in front."""
    layer = Conv2d((32, 3), 1, kernel_size=5)
    other = nn.Conv2d(3, 1, 5, padding=0)
    layer.load_state_dict(other.state_dict())
    x = torch.randn(1, 32, 32, 3)
    y, _ = layer(x)
    assert y.shape == (1, 32, 28, 1)
    torch.testing.assert_close(y[:, 4:], other(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


def test_shifts_commute():
    """A pattern later and higher gives its answer later and higher."""
    layer = Conv2d((12, 2), 3, 3, bias=False)
    x = torch.zeros(1, 10, 12, 2)
    x[:, 2:4, 2:5] = torch.randn(1, 2, 3, 2)
    moved = x.roll((3, 4), (1, 2))
    torch.testing.assert_close(layer(moved)[0], layer(x)[0].roll((3, 4), (1, 2)))


def batches(size: tuple[int, int]) -> Chain:
    return Chain(Conv2d(size, 3, 3, padding="same"), BatchNorm(size), Pointwise(nn.ReLU()))


STACKS = {
    "Conv2d": lambda: Conv2d((4, 3), 3, 3),
    "kernel1": lambda: Conv2d((4, 3), 3, 1),
    "same": lambda: Conv2d((4, 3), 3, (3, 4), padding="same"),
    "depthwise": lambda: Conv2d((4, 3), 6, 2, groups=3),
    "strided": lambda: Conv2d((4, 3), 3, 3, stride=2, padding=1),
    "centred": lambda: CentredConv2d((4, 3), 3, 3, padding="same"),
    "separable": lambda: SeparableConv2d((4, 3), 4, 3, padding=1),
    "transposed": lambda: ConvTranspose2d((4, 3), 3, 3, stride=2),
    "transposed-same": lambda: ConvTranspose2d((4, 3), 3, (2, 4), padding="same", bias=False),
    "pooled": lambda: Chain(Conv2d((4, 3), 3, 2), MaxPool2d((3, 3), 2)),
    "averaged": lambda: Chain(Conv2d((4, 3), 3, 2), AvgPool2d((3, 3), (2, 2), 1, padding="same")),
    "residual": lambda: Residual(Conv2d((4, 3), 3, (4, 3), padding="same", latency=1)),
    "encoder": lambda: Chain(Conv2d((4, 3), 5, 2, stride=2), ConvTranspose2d((2, 5), 3, 2, stride=2)),
    "normalised": lambda: batches((4, 3)),
}


@pytest.mark.parametrize("lengths", [None, torch.tensor([8, 4])], ids=["whole", "ragged"])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 1, 2)], ids=["contiguous", "channel-first"])
@pytest.mark.parametrize("make", STACKS.values(), ids=STACKS.keys())
def test_memory_follows_the_producer(make, order, lengths):
    """What comes as (B, T, F, C) or as (B, C, T, F) goes on as that."""
    layer, state = make().eval(), None
    back = [order.index(axis) for axis in range(4)]
    for seed in range(2):
        x = torch.randn(2, 8, 4, 3, generator=torch.Generator().manual_seed(seed)).permute(order)
        x = x.contiguous().permute(back)
        now = lengths if seed == 0 or lengths is None else torch.tensor([8, 0])
        y, state = layer(x, state if layer.streams else None, now)
        assert y.permute(order).is_contiguous()


def test_a_spectrogram_stays_contiguous():
    """Also where one channel leaves the order open."""
    chain = Chain(
        Unflatten((6, 1)),
        Conv2d((6, 1), 3, 3),
        Conv2d((4, 3), 2, 3),
        MaxPool2d((2, 2), (1, 2)),
        Flatten((1, 2)),
    )
    state = None
    for steps in (5, 1, 0, 7):
        y, state = chain(torch.randn(2, steps, 6), state)
        assert y.is_contiguous()
        assert y.shape == (2, steps, 2)


@pytest.mark.parametrize("mode", ["cell", "chunk"])
def test_a_net_like_lenet_streams_into_a_memory(mode):
    """[[CONV -> RELU] * N -> POOL] * M of lecture 002, then one feature vector a step: live as at once."""
    torch.manual_seed(0)
    net = Chain(
        Unflatten((12, 1)),
        Conv2d((12, 1), 4, (3, 5), padding="same"),
        Pointwise(nn.ReLU()),
        MaxPool2d((12, 4), (1, 2)),
        Conv2d((6, 4), 5, (3, 3), padding="same"),
        Pointwise(nn.ReLU()),
        MaxPool2d((6, 5), (1, 2)),
        Flatten((3, 5)),
    ).double()
    x = torch.randn(3, 20, 12, dtype=torch.float64)
    whole, _ = net.eval()(x)
    if mode == "cell":
        stepper = net.stepper(3)
        close(torch.stack([stepper.step(x[:, step]) for step in range(20)], dim=1), whole)
        return
    state, pieces = None, []
    for piece in x.split([0, 7, 1, 12], dim=1):
        y, state = net(piece, state)
        pieces.append(y)
    close(torch.cat(pieces, dim=1), whole)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Conv2d(8, 3, 3),
            "input_size must be a pair (frequencies, channels), got 8. A step of one axis becomes one of two by "
            "Unflatten.",
        ),
        (
            lambda: Conv2d((8, 2, 1), 3, 3),
            "input_size must be a pair (frequencies, channels), got (8, 2, 1).",
        ),
        (lambda: Conv2d((8, 0), 3, 3), "input_size must be a whole number of at least 1, got (8, 0)."),
        (lambda: Conv2d((8, 2), 0, 3), "out_channels must be a whole number of at least 1, got 0."),
        (lambda: Conv2d((8, 2), 3, (3, 0)), "kernel_size must be a whole number of at least 1, got (3, 0)."),
        (
            lambda: Conv2d((8, 2), 3, (3, 3, 3)),
            "kernel_size must be one number or a pair (time, frequency), got (3, 3, 3).",
        ),
        (lambda: Conv2d((8, 2), 3, 3, stride=0), "stride must be a whole number of at least 1, got (0, 0)."),
        (
            lambda: Conv2d((8, 2), 3, 3, dilation=1.5),
            "dilation must be a whole number of at least 1, got (1.5, 1.5).",
        ),
        (lambda: Conv2d((8, 2), 3, 3, groups=0), "groups must be a whole number of at least 1, got 0."),
        (
            lambda: Conv2d((8, 2), 3, 3, groups=2),
            "groups must divide the 2 channels that come in and out_channels 3, got 2.",
        ),
        (
            lambda: Conv2d((8, 2), 3, 3, latency=3),
            "latency must be 0 to 2 steps, the window less one, got 3.",
        ),
        (
            lambda: Conv2d((8, 2), 3, (1, 5), dilation=2),
            "the kernel spans 9 frequencies (kernel_size 5, dilation 2), and there are 8, 8 of them of the input: make "
            "it smaller, or pass padding='same'.",
        ),
        (
            lambda: Conv2d((8, 2), 3, 3, padding="causal"),
            "padding must be 'same', 'valid' or a number of frequencies of 0 or more, got 'causal'. Time has none: "
            "there the kernel is causal.",
        ),
        (lambda: Conv2d((8, 2), 3, 3, padding=-1), "of 0 or more, got -1."),
        (lambda: Conv2d((8, 2), 3, 3, padding=True), "of 0 or more, got True."),
        (
            lambda: CentredConv2d((8, 2), 3, (4, 3)),
            "kernel_size must be odd in time to have a centre, got (4, 3).",
        ),
        (
            lambda: SeparableConv2d((8, 2), 3, 3, multiplier=0),
            "multiplier must be a whole number of at least 1, got 0.",
        ),
        (
            lambda: SeparableConv2d((8, 2), 3, 3, between=BatchNorm((8, 2))),
            "layer 1 of the chain (BatchNorm) takes (8, 2) features, the one before it gives (6, 2).",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
