"""Pooling over time and frequency against torch's.

Pairs are (time, frequency). Axes: B batch, T time steps, F frequencies, C channels, K window, S stride.
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
from ostinato.layers import AvgPool2d, MaxPool2d

KINDS = [(MaxPool2d, nn.MaxPool2d, -math.inf), (AvgPool2d, nn.AvgPool2d, 0.0)]
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(KINDS), pairs, st.none() | pairs, st.sampled_from(["same", 0, 1, 2]), st.integers(0, 13)
)
def test_windows_end_with_a_whole_block(kind, kernel, stride, padding, steps):
    ours, theirs, before = kind
    assume(padding == "same" or padding <= kernel[1] // 2)
    torch.manual_seed(steps)
    layer = ours((7, 3), kernel, stride, padding=padding)
    stride = stride or kernel
    x = torch.randn(2, steps, 7, 3, dtype=torch.float64, requires_grad=True)
    y, _ = layer(x)
    assert y.shape == (2, steps // stride[0], *layer.output_size)
    if y.shape[1] == 0:
        return
    span = kernel[1] - 1
    edges = (span // 2, span - span // 2) if padding == "same" else (padding, padding)
    padded = F.pad(x.permute(0, 3, 1, 2), (*edges, kernel[0] - stride[0], 0), value=before)
    expected = theirs(kernel, stride)(padded).permute(0, 2, 3, 1)
    close(y, expected)
    close(*(gradients([value], [x])[0] for value in (y, expected)))


@pytest.mark.parametrize(("ours", "theirs"), [(MaxPool2d, nn.MaxPool2d), (AvgPool2d, nn.AvgPool2d)])
def test_windows_beside_each_other_are_torch_s_own(ours, theirs):
    x = torch.randn(2, 11, 8, 3)
    expected = theirs((4, 3), padding=(0, 1))(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    close(ours((8, 3), (4, 3), padding=1)(x)[0], expected)


def test_an_image_of_lecture_002():
    """(224, 224, 64) pooled by 2 is (112, 112, 64)."""
    x = torch.randn(1, 224, 224, 64)
    y, _ = MaxPool2d((224, 64), 2)(x)
    assert y.shape == (1, 112, 112, 64)
    assert torch.equal(y, nn.MaxPool2d(2)(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


def test_a_row_that_ends_is_pooled_by_its_own_steps():
    """Where all values are below 0, zeros beyond the end would be the largest."""
    layer, x = MaxPool2d((4, 2), (3, 2), (1, 2)), -1 - torch.rand(2, 6, 4, 2)
    y, _ = layer(x, None, torch.tensor([6, 4]))
    torch.testing.assert_close(y[1, :4], layer(x[1:, :4])[0][0])
    assert bool((y[1, :4] < 0).all())
    assert not y[1, 4:].any()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: MaxPool2d(3, 2), "input_size must be a pair (frequencies, channels), got 3."),
        (lambda: MaxPool2d((3, 2), 0), "kernel_size must be a whole number of at least 1, got (0, 0)."),
        (lambda: AvgPool2d((3, 2), 2, (1, 0)), "stride must be a whole number of at least 1, got (1, 0)."),
        (
            lambda: AvgPool2d((3, 2), (1, 4)),
            "the kernel spans 4 frequencies (kernel_size 4, dilation 1), and there are 3, 3 of them of the input: make "
            "it smaller, or pass padding='same'.",
        ),
        (
            lambda: MaxPool2d((5, 2), (4, 3), padding=2),
            "padding must be at most half of the window, 1 of 3 frequencies, got 2: a window would hold nothing else.",
        ),
        (
            lambda: MaxPool2d((5, 2), 3, padding="full"),
            "padding must be 'same', 'valid' or a number of frequencies",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
