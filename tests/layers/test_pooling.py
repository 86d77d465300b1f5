"""Pooling of windows against torch's.

Axes: B batch, T time steps, C features, K window, S stride.
"""

import math
import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layers.close import close, gradients
from ostinato.errors import ConfigError
from ostinato.layers import AvgPool1d, Delay, MaxPool1d

PAIRS = [(MaxPool1d, nn.MaxPool1d, -math.inf), (AvgPool1d, nn.AvgPool1d, 0.0)]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(PAIRS), st.integers(1, 5), st.none() | st.integers(1, 5), st.integers(0, 17))
def test_windows_end_with_a_whole_block(pair, kernel_size, stride, steps):
    ours, theirs, before = pair
    torch.manual_seed(steps)
    layer = ours(3, kernel_size, stride)
    stride = stride or kernel_size
    x = torch.randn(2, steps, 3, dtype=torch.float64, requires_grad=True)
    y, _ = layer(x)
    assert y.shape == (2, steps // stride, 3)
    if y.shape[1] == 0:
        return
    padded = F.pad(x.transpose(1, 2), (kernel_size - stride, 0), value=before)
    expected = theirs(kernel_size, stride)(padded).transpose(1, 2)
    close(y, expected)
    close(*(gradients([value], [x])[0] for value in (y, expected)))


def test_windows_beside_each_other_are_torch_s_own():
    x = torch.randn(2, 11, 3)
    close(MaxPool1d(3, 4)(x)[0], nn.MaxPool1d(4)(x.transpose(1, 2)).transpose(1, 2))
    close(AvgPool1d(3, 4)(x)[0], nn.AvgPool1d(4)(x.transpose(1, 2)).transpose(1, 2))


def test_a_delay_waits_and_gives_back_at_the_end():
    x = torch.randn(2, 7, 3)
    layer = Delay(3, 2)
    y, state = layer(x)
    assert torch.equal(y, F.pad(x, (0, 0, 2, 0))[:, :7])
    assert torch.equal(layer.flush(state), x[:, 5:])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: MaxPool1d(3, 0), "kernel_size must be a whole number of at least 1, got 0."),
        (lambda: AvgPool1d(3, 2, 0), "stride must be a whole number of at least 1, got 0."),
        (lambda: AvgPool1d(0, 2), "input_size must be a whole number of at least 1, got 0."),
        (lambda: Delay(3, -1), "steps must be a whole number of at least 0, got -1."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
