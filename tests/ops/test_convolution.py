"""Convolutions tap by tap equal torch's, in values and gradients."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ostinato.ops.convolution import convolve, convolve_transposed, naive
from ostinato.ops.convolution.arguments import Sizes


@st.composite
def problems(draw, transposed=False):
    axes, groups = draw(st.integers(1, 2)), draw(st.sampled_from([1, 2]))
    batch, inner, outer = draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    lengths, taps, stride, dilation, padding = each(1, 6), each(1, 3), each(1, 3), each(1, 2), each(0, 2)
    extra = tuple(draw(st.integers(0, max(pair) - 1)) for pair in zip(stride, dilation, strict=True))
    spans = [(k - 1) * d + 1 for k, d in zip(taps, dilation, strict=True)]
    if transposed:
        outputs = [
            (t - 1) * s + span + e - 2 * p
            for t, s, span, e, p in zip(lengths, stride, spans, extra, padding, strict=True)
        ]
        assume(min(outputs) > 0)
    else:
        assume(all(t + 2 * p >= span for t, p, span in zip(lengths, padding, spans, strict=True)))
    torch.manual_seed(draw(st.integers(0, 99)))
    shape = (groups * inner, outer) if transposed else (groups * outer, inner)
    x = torch.randn(batch, groups * inner, *lengths, dtype=torch.float64)
    weight = torch.randn(*shape, *taps, dtype=torch.float64)
    bias = torch.randn(groups * outer, dtype=torch.float64) if draw(st.booleans()) else None
    return x, weight, bias, Sizes(stride, padding, dilation, groups, extra if transposed else ())


def same(ours, theirs, x, weight):
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    scale = torch.arange(1, ours.numel() + 1, dtype=ours.dtype).view_as(ours)
    for one, other in zip(
        torch.autograd.grad((ours * scale).sum(), (x, weight)),
        torch.autograd.grad((theirs * scale).sum(), (x, weight)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(problems())
def test_the_definition_is_torch_s(problem):
    x, weight, bias, sizes = problem
    x.requires_grad_(), weight.requires_grad_()
    theirs = (F.conv1d if x.dim() == 3 else F.conv2d)(x, weight, bias, *sizes[:4])
    same(naive.convolve(x, weight, bias, sizes), theirs, x, weight)


@settings(deadline=None, max_examples=60)
@given(problems(transposed=True))
def test_the_definition_of_the_transpose_is_torch_s(problem):
    x, weight, bias, (stride, padding, dilation, groups, extra) = problem
    x.requires_grad_(), weight.requires_grad_()
    torch_s = F.conv_transpose1d if x.dim() == 3 else F.conv_transpose2d
    theirs = torch_s(x, weight, bias, stride, padding, extra, groups, dilation)
    same(naive.convolve_transposed(x, weight, bias, problem[3]), theirs, x, weight)


@pytest.mark.parametrize("axes", [1, 2])
def test_one_number_stands_for_every_axis(axes):
    x, weight = torch.randn(2, 4, *[7] * axes), torch.randn(6, 2, *[2] * axes)
    theirs = (F.conv1d, F.conv2d)[axes - 1](x, weight, None, 2, 1, 3, 2)
    assert torch.equal(convolve(x, weight, stride=2, padding=1, dilation=3, groups=2), theirs)
    turned = torch.randn(4, 3, *[2] * axes)
    theirs = (F.conv_transpose1d, F.conv_transpose2d)[axes - 1](x, turned, None, 2, 1, 1, 2, 3)
    ours = convolve_transposed(x, turned, stride=2, padding=1, dilation=3, groups=2, extra=1)
    assert torch.equal(ours, theirs)


ONE_TAP = """
import torch
from ostinato.layers import Conv2d
layer = Conv2d((4, 2), 4, (1, 1), stride=(2, 1))
for _ in range(300):
    x = torch.randn(5, 13, 4, 2, requires_grad=True)
    torch.autograd.grad(layer(x)[0].square().sum(), [x, *layer.parameters()])
"""


def test_the_gradient_of_a_strided_kernel_of_one_tap_stays_within_its_memory():
    """torch 2.13.0 on a CPU does not: the process dies."""
    assert subprocess.run([sys.executable, "-c", ONE_TAP], capture_output=True).returncode == 0


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 3), (2, 2)])
@pytest.mark.parametrize("padding", [(0, 0), (0, 1), (2, 1)])
def test_one_tap_with_a_stride_is_torch_s(stride, padding):
    draw = torch.Generator().manual_seed(0)
    x, weight = (
        torch.randn(size, generator=draw, dtype=torch.float64) for size in ((2, 3, 7, 5), (4, 3, 1, 1))
    )
    found = convolve(x, weight, stride=stride, padding=padding)
    assert torch.equal(found, F.conv2d(x, weight, stride=stride, padding=padding))
