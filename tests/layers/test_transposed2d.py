"""Transposed convolution over time and frequency, against torch's.

Pairs are (time, frequency). Axes: B batch, T time steps, F frequencies, C channels in, O channels out, K kernel size,
S stride, D dilation.
"""

import math
import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from layers.close import close, gradients
from ostinato.errors import ConfigError
from ostinato.layers import Chain, Conv2d, ConvTranspose2d

pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(deadline=None, max_examples=80)
@given(
    pairs,
    pairs,
    pairs,
    st.integers(0, 2),
    st.integers(0, 3),
    st.integers(1, 2),
    st.booleans(),
    st.integers(0, 5),
)
def test_first_steps_of_torch_s(kernel, stride, dilation, padding, more, groups, bias, steps):
    assume(kernel[0] >= stride[0] and math.gcd(stride[0], dilation[0]) == 1)
    assume(more < max(stride[1], dilation[1]))
    torch.manual_seed(steps)
    options = {"stride": stride, "dilation": dilation, "groups": groups, "bias": bias}
    names = {"padding": padding, "output_padding": more}
    layer = ConvTranspose2d((5, 2 * groups), 3 * groups, kernel, **options, **names).double()
    other = nn.ConvTranspose2d(
        2 * groups, 3 * groups, kernel, **options, padding=(0, padding), output_padding=(0, more)
    ).double()
    layer.load_state_dict(other.state_dict())
    x = torch.randn(2, steps, *layer.input_size, dtype=torch.float64, requires_grad=True)
    y, state = layer(x)
    assert y.shape == (2, steps * stride[0], *layer.output_size)
    if steps == 0:
        return
    expected = other(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    whole = torch.cat([y, layer.finish(state.owed)], dim=1)  # owed is what torch gives beyond
    close(whole, expected)
    for found, truth in zip(
        gradients([whole], [x, *layer.parameters()]),
        gradients([expected], [x, *other.parameters()]),
        strict=True,
    ):
        close(found, truth)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), pairs, st.integers(1, 4), st.integers(1, 3))
def test_same_is_the_adjoint_of_the_convolution(frequencies, kernel, stride, dilation):
    """<conv(x), y> = <x, transposed(y)> for the same weights, on F S frequencies; in time both are whole."""
    torch.manual_seed(0)
    assume(frequencies * stride > dilation)  # else an even kernel may meet padding alone
    options = {"stride": (1, stride), "dilation": (1, dilation), "bias": False, "padding": "same"}
    down = Conv2d((frequencies * stride, 3), 2, kernel, **options).double()
    up = ConvTranspose2d((frequencies, 2), 3, kernel, **options).double()
    assert down.output_size == up.input_size
    assert up.output_size == down.input_size
    up.load_state_dict(down.state_dict())
    x = torch.randn(1, 6, *down.input_size, dtype=torch.float64)
    y = torch.randn(1, 6, *down.output_size, dtype=torch.float64)
    # the adjoint of a causal kernel looks ahead: the transposed sums run the other way in time
    spread, owed = up(y)
    whole = torch.cat([spread, owed.owed], dim=1)[:, kernel[0] - 1 :]
    close((down(x)[0] * y).sum(), (x * whole).sum())


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 4), st.sampled_from([0, 1, "same"]))
def test_a_decoder_restores_the_frequencies(frequencies, kernel, stride, padding):
    edges = 0 if padding == "same" else 2 * padding
    assume(padding == "same" or kernel <= frequencies + edges)
    assume(frequencies > 1 or kernel > 1 or padding != 1)  # else the kernel meets padding alone
    down = Conv2d((frequencies, 1), 2, (stride, kernel), stride=stride, padding=padding)
    if padding == "same":
        assume(frequencies % stride == 0)
        more = 0
    else:
        more = (frequencies + edges - kernel) % stride
    up = ConvTranspose2d(
        down.output_size, 1, (stride, kernel), stride=stride, padding=padding, output_padding=more
    )
    chain = Chain(down, up)
    assert chain.output_size == chain.input_size == (frequencies, 1)
    assert chain.stride == 1
    assert chain(torch.randn(2, 2 * stride, frequencies, 1))[0].shape == (2, 2 * stride, frequencies, 1)


@pytest.mark.parametrize(("stride", "dilation"), [(2, 3), (3, 2), (3, 5), (1, 4)])
def test_what_a_dilated_kernel_reaches(stride, dilation):
    """Each output hears the steps of which a tap falls on it: counted one by one."""
    layer = ConvTranspose2d((1, 1), 1, (4, 1), stride=(stride, 1), dilation=(dilation, 1), bias=False)
    nn.init.ones_(layer.weight)
    steps = 16
    y = layer(torch.eye(steps)[:, :, None, None])[0][..., 0, 0]  # row s holds step s alone
    for place in range(stride * (steps - 1), stride * steps):
        heard = y[:, place].nonzero()[:, 0]
        assert layer.oldest(place) == heard.min()
    assert layer.receptive_field == 1 + 3 * dilation // stride


def test_weights_begin_as_torch_s():
    torch.manual_seed(0)
    ours = ConvTranspose2d((5, 4), 6, (3, 2), stride=2, groups=2).state_dict()
    torch.manual_seed(0)
    for name, value in nn.ConvTranspose2d(4, 6, (3, 2), 2, groups=2).state_dict().items():
        assert torch.equal(ours[name], value)


def test_weight_norm_has_a_magnitude_for_each_output():
    layer = ConvTranspose2d((5, 2), 3, 2, weight_norm=True)
    assert layer.parametrizations.weight.original0.shape == (1, 3, 1, 1)
    x = torch.randn(1, 4, 5, 2)
    expected = F.conv_transpose2d(x.permute(0, 3, 1, 2), layer.weight, layer.bias).permute(0, 2, 3, 1)
    torch.testing.assert_close(layer(x)[0], expected[:, :4])


def test_latency_changes_no_number():
    layer, same = (ConvTranspose2d((3, 2), 2, (6, 2), stride=2, latency=late) for late in (2, 0))
    same.load_state_dict(layer.state_dict())
    x = torch.randn(2, 5, 3, 2)
    y, state = layer(x)
    assert torch.equal(y, same(x)[0])
    torch.testing.assert_close(layer.flush(state), layer.finish(state.owed))
    assert layer.flush(state).shape == (2, 4, 6, 2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kernel_size": 0}, "kernel_size must be a whole number of at least 1, got (0, 0)."),
        ({"kernel_size": 2, "stride": (0, 1)}, "stride must be a whole number of at least 1, got (0, 1)."),
        (
            {"kernel_size": 2, "dilation": "a"},
            "dilation must be a whole number of at least 1, got ('a', 'a').",
        ),
        (
            {"kernel_size": (2, 5), "stride": 3},
            "kernel_size must be at least the stride in time, 3, got 2: no input would reach the other steps.",
        ),
        (
            {"kernel_size": 4, "stride": 2, "dilation": 2},
            "dilation 2 and stride 2 in time have a divisor in common, so that no input reaches the steps between. "
            "Change one of them.",
        ),
        (
            {"kernel_size": 4, "padding": 4},
            "padding 4 leaves none of the 7 frequencies. Make it smaller.",
        ),
        (
            {"kernel_size": 4, "stride": 2, "output_padding": 2},
            "output_padding must be 0 to 1, less than stride or dilation, got 2.",
        ),
        ({"kernel_size": 4, "output_padding": -1}, "output_padding must be 0 to 0,"),
        ({"kernel_size": 4, "stride": 2, "output_padding": True}, "less than stride or dilation, got True."),
        (
            {"kernel_size": 4, "stride": 2, "padding": "same", "output_padding": 1},
            "output_padding must be 0 to 0, padding='same' says how many come out, got 1.",
        ),
        ({"kernel_size": 4, "padding": "half"}, "padding must be 'same', 'valid' or a number of frequencies"),
        (
            {"kernel_size": 4, "groups": 3},
            "groups must divide the 2 channels that come in and out_channels 6, got 3.",
        ),
        (
            {"kernel_size": 4, "groups": 2, "weight_norm": True},
            "weight_norm has one magnitude for each output, and takes no groups, got 2.",
        ),
        (
            {"kernel_size": (4, 1), "stride": (2, 1), "latency": 2},
            "latency must be 0 to 1 steps, as far back as the last output of each stride sees, got 2.",
        ),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        ConvTranspose2d((4, 2), 6, **options)
