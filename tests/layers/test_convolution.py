"""Convolutions against torch's with explicit padding, and against SciPy's filters.

Axes: B batch, T time steps, C input features, O output features, K kernel size.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter, lfilter_zi
from torch import nn

from layers.close import close, gradients
from ostinato.errors import ConfigError
from ostinato.layers import CentredConv1d, Conv1d

kernels = {
    "kernel_size": st.integers(1, 5),
    "dilation": st.integers(1, 4),
    "groups": st.integers(1, 3),
    "bias": st.booleans(),
}


@settings(deadline=None, max_examples=60)
@given(st.fixed_dictionaries(kernels | {"stride": st.integers(1, 5)}), st.integers(0, 17), st.integers(1, 3))
def test_causal_is_padding_on_the_left(options, steps, batch):
    torch.manual_seed(steps)
    layer = Conv1d(2 * options["groups"], 3 * options["groups"], **options).double()
    x = torch.randn(batch, steps, layer.input_size, dtype=torch.float64, requires_grad=True)
    y, _ = layer(x)
    assert y.shape == (batch, steps // options["stride"], layer.output_size)
    if y.shape[1] == 0:
        return
    # the first output ends with the first whole block: what is missing is padding, what is too much is left out
    left = (options["kernel_size"] - 1) * options["dilation"] + 1 - options["stride"]
    padded = F.pad(x.transpose(1, 2), (left, 0))
    names = {name: options[name] for name in ("stride", "dilation", "groups")}
    expected = F.conv1d(padded, layer.weight, layer.bias, **names).transpose(1, 2)
    close(y, expected)
    inputs = [x, *layer.parameters()]
    for found, truth in zip(gradients([y], inputs), gradients([expected], inputs), strict=True):
        close(found, truth)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 20))
def test_one_channel_is_a_filter_of_scipy_s(kernel_size, dilation, steps):
    torch.manual_seed(kernel_size)
    layer = Conv1d(1, 1, kernel_size, dilation=dilation).double()
    taps = torch.zeros((kernel_size - 1) * dilation + 1, dtype=torch.float64)
    taps[::dilation] = layer.weight.detach()[0, 0].flip(0)
    x = torch.randn(1, steps, 1, dtype=torch.float64)
    expected = lfilter(taps.numpy(), [1.0], x[0, :, 0].numpy()) + layer.bias.item()
    close(layer(x)[0][0, :, 0], torch.from_numpy(expected))


def test_the_history_is_the_memory_of_a_filter():
    """A stream of ones is in its steady state from the start, as SciPy's lfilter_zi says."""
    layer = Conv1d(1, 1, 4, bias=False).double()
    taps = layer.weight.detach()[0, 0].flip(0).numpy()
    x = torch.randn(1, 9, 1, dtype=torch.float64)
    expected, _ = lfilter(taps, [1.0], x[0, :, 0].numpy(), zi=lfilter_zi(taps, [1.0]))
    state = layer.initial_state(1, torch.float64)
    y, _ = layer(x, state._replace(history=torch.ones_like(state.history)))
    close(y[0, :, 0], torch.from_numpy(expected))


def test_weights_of_torch_load_as_they_are():
    theirs, ours = nn.Conv1d(4, 6, 3, groups=2), Conv1d(4, 6, 3, groups=2)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 7, 4)
    expected = theirs(F.pad(x.transpose(1, 2), (2, 0))).transpose(1, 2)
    torch.testing.assert_close(ours(x)[0], expected)


@settings(deadline=None, max_examples=40)
@given(st.fixed_dictionaries(kernels), st.integers(0, 17))
def test_centred_is_looking_ahead_and_flushing(options, steps):
    options["kernel_size"] = 2 * options["kernel_size"] - 1
    torch.manual_seed(steps)
    sizes = 2 * options["groups"], 3 * options["groups"]
    centred = CentredConv1d(*sizes, **options).double()
    ahead = (options["kernel_size"] - 1) // 2 * options["dilation"]
    streaming = Conv1d(*sizes, **options, latency=ahead).double()
    streaming.load_state_dict(centred.convolution.state_dict())
    x = torch.randn(2, steps, sizes[0], dtype=torch.float64)
    y, state = streaming(x)
    owed = streaming.flush(state)
    assert owed.shape == (2, ahead, sizes[1])
    close(torch.cat([y, owed], dim=1)[:, ahead:], centred(x)[0])


def test_latency_changes_no_number():
    torch.manual_seed(0)
    layer = Conv1d(3, 5, 4, latency=3)
    same = Conv1d(3, 5, 4)
    same.load_state_dict(layer.state_dict())
    x = torch.randn(2, 7, 3)
    assert torch.equal(layer(x)[0], same(x)[0])
    assert (layer.latency, layer.receptive_field) == (3, 4)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Conv1d(3, 5, 0), "kernel_size must be a whole number of at least 1, got 0."),
        (lambda: Conv1d(3, 5, 3, dilation=-1), "dilation must be a whole number of at least 1, got -1."),
        (lambda: Conv1d(3, 5, 3, stride=0), "stride must be a whole number of at least 1, got 0."),
        (lambda: Conv1d(3, 5, 3, groups=0), "groups must be a whole number of at least 1, got 0."),
        (lambda: Conv1d(3, 6, 3, groups=2), "groups must divide input_size 3 and output_size 6, got 2."),
        (lambda: Conv1d(3, 5, 3, latency=3), "latency must be 0 to 2 steps, the window less one, got 3."),
        (lambda: Conv1d(3, 5, 3, latency=-1), "latency must be 0 to 2 steps, the window less one, got -1."),
        (lambda: CentredConv1d(3, 5, 4), "kernel_size must be odd to have a centre, got 4."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
