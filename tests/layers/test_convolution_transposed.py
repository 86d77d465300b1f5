"""Transposed convolutions against torch's whole one, cut to the steps that no later step changes.

Axes: B batch, T time steps, C input features, O output features, K kernel size, S stride.
"""

import math
import re

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from layers.close import close, gradients
from ostinato.errors import ConfigError
from ostinato.layers import Chain, Conv1d, ConvTranspose1d

options = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(1, 6),
        "stride": st.integers(1, 4),
        "dilation": st.integers(1, 3),
        "groups": st.integers(1, 3),
        "bias": st.booleans(),
    }
)


def reaches_all(kernel_size, stride, dilation, **_):
    return kernel_size >= stride and math.gcd(stride, dilation) == 1


def pair(groups=1, latency=0, **names):
    """torch's layer and ours with its weights, in float64."""
    theirs = nn.ConvTranspose1d(2 * groups, 3 * groups, groups=groups, **names).double()
    ours = ConvTranspose1d(2 * groups, 3 * groups, groups=groups, latency=latency, **names).double()
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


@settings(deadline=None, max_examples=60)
@given(options, st.integers(1, 7))
def test_equals_the_start_of_torch_s(names, steps):
    assume(reaches_all(**names))
    torch.manual_seed(steps)
    theirs, ours = pair(**names)
    x = torch.randn(2, steps, ours.input_size, dtype=torch.float64, requires_grad=True)
    whole = theirs(x.transpose(1, 2)).transpose(1, 2)
    y, state = ours(x)
    ready = steps * names["stride"]
    assert y.shape[1] == ready
    close(y, whole[:, :ready])
    bias = 0.0 if ours.bias is None else ours.bias
    close(state.owed + bias, whole[:, ready:])
    mine, his = (
        gradients([y], [x, *ours.parameters()]),
        gradients([whole[:, :ready]], [x, *theirs.parameters()]),
    )
    for found, truth in zip(mine, his, strict=True):
        close(found, truth)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 6))
def test_with_latency_flush_gives_the_rest_of_torch_s(stride, blocks, steps):
    theirs, ours = pair(kernel_size=stride * blocks, stride=stride, latency=blocks - 1)
    x = torch.randn(2, steps, 2, dtype=torch.float64)
    y, state = ours(x)
    close(torch.cat([y, ours.flush(state)], dim=1), theirs(x.transpose(1, 2)).transpose(1, 2))


def test_is_the_transpose_of_a_convolution():
    """<conv(x), z> = <x, transposed(z)>: where both have the same kernel, and x begins as many steps earlier."""
    torch.manual_seed(0)
    kernel, stride = 5, 2
    down = Conv1d(3, 4, kernel, stride=stride, bias=False).double()
    up = ConvTranspose1d(4, 3, kernel, stride=stride, bias=False).double()
    up.load_state_dict({"weight": down.weight.detach()})
    x = torch.randn(1, 12, 3, dtype=torch.float64)
    z = torch.randn(1, 6, 4, dtype=torch.float64)
    y, state = up(z)
    spread = torch.cat([y, state.owed], dim=1)  # z[j] over x[2 j + 1 - 4] to x[2 j + 1]
    early = kernel - stride
    close((down(x)[0] * z).sum(), (x * spread[:, early : early + 12]).sum())


def test_begins_as_torch_s():
    for names in ({}, {"groups": 2, "bias": False}):
        torch.manual_seed(0)
        theirs = nn.ConvTranspose1d(4, 6, 5, stride=2, **names)
        torch.manual_seed(0)
        ours = ConvTranspose1d(4, 6, 5, stride=2, **names)
        assert {n: p.shape for n, p in ours.named_parameters()} == {
            n: p.shape for n, p in theirs.named_parameters()
        }
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_encoder_and_decoder_give_frames_back():
    """Frames of 4 by 2, coded one to one and laid over each other, are the samples twice; the last lie in one frame."""
    encoder, decoder = (
        Conv1d(1, 4, 4, stride=2, bias=False),
        ConvTranspose1d(4, 1, 4, stride=2, bias=False, latency=1),
    )
    with torch.no_grad():
        encoder.weight.copy_(torch.eye(4)[:, None])
        decoder.weight.copy_(torch.eye(4)[:, None])
    chain = Chain(encoder, decoder)
    assert (chain.latency, chain.stride, chain.block, chain.receptive_field) == (2, 1, 2, 6)
    x = torch.randn(2, 10, 1)
    y, state = chain(x)
    found = torch.cat([y, chain.flush(state)], dim=1)[:, 2:]
    torch.testing.assert_close(found, torch.cat([2 * x[:, :8], x[:, 8:]], dim=1))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ConvTranspose1d(3, 5, 0), "kernel_size must be a whole number of at least 1, got 0."),
        (lambda: ConvTranspose1d(3, 5, 3, stride=0), "stride must be a whole number of at least 1, got 0."),
        (
            lambda: ConvTranspose1d(3, 5, 3, dilation=0),
            "dilation must be a whole number of at least 1, got 0.",
        ),
        (
            lambda: ConvTranspose1d(3, 6, 3, groups=2),
            "groups must divide input_size 3 and output_size 6, got 2.",
        ),
        (
            lambda: ConvTranspose1d(3, 5, 2, stride=3),
            "a kernel of 2 with dilation 1 reaches 2 of the 3 output steps of each stride, the others would be the "
            "bias alone. Use a kernel_size of at least 3 and a dilation that shares no factor with the stride.",
        ),
        (lambda: ConvTranspose1d(3, 5, 9, stride=4, dilation=2), "reaches 2 of the 4 output steps"),
        (
            lambda: ConvTranspose1d(3, 5, 5, stride=2, latency=2),
            "latency must be 0 to 1 steps, as far back as the last output of each stride sees, got 2.",
        ),
        (lambda: ConvTranspose1d(3, 5, 5, latency=-1), "got -1."),
        (
            lambda: ConvTranspose1d(4, 6, 5, groups=2, weight_norm=True),
            "weight_norm has one magnitude for each output, which no axis of a weight of 2 groups holds.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
