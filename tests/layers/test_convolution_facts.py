"""What lectures say of convolutions: a Toeplitz matrix, sparse and shared; shifts; flipped kernels; what is saved.

Axes: B batch, T time steps, C input features, O output features, K kernel size.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, signal

from layers.close import close, gradients
from ostinato.layers import (
    CentredConv1d,
    Chain,
    Conv1d,
    ConvTranspose1d,
    Dense,
    DepthwiseConv1d,
    SeparableConv1d,
)


def numbers(module):
    return sum(parameter.numel() for parameter in module.parameters())


def taps_of(layer, out=0, into=0):
    """The impulse response of one feature to another: the kernel flipped, with zeros where it is dilated."""
    taps = np.zeros(int(layer.receptive_field))
    taps[:: layer.dilation] = layer.weight.detach()[out, into].numpy()[::-1]
    return taps


def toeplitz(taps, steps):
    """(T, T): column t is the response to an impulse at t."""
    column = np.zeros(steps)
    column[: min(steps, len(taps))] = taps[:steps]
    return linalg.toeplitz(column, np.zeros(steps))


def jacobian(layer, steps, features):
    """dy[t, o] / dx[s, c], (T', O, T, C)."""
    x = torch.zeros(1, steps, features, dtype=torch.float64)
    return torch.autograd.functional.jacobian(lambda x: layer(x)[0][0], x)[:, :, 0]


layers = st.builds(
    lambda kernel_size, dilation: Conv1d(2, 3, kernel_size, dilation=dilation).double(),
    st.integers(1, 4),
    st.integers(1, 3),
)


@settings(deadline=None, max_examples=30)
@given(layers, st.integers(1, 12))
def test_a_convolution_is_a_toeplitz_matrix(layer, steps):
    """y = sum over c of A_oc x_c + b, in values and in gradients."""
    x = torch.randn(1, steps, 2, dtype=torch.float64, requires_grad=True)
    matrix = np.block([[toeplitz(taps_of(layer, o, c), steps) for c in range(2)] for o in range(3)])
    product = torch.from_numpy(matrix) @ x[0].T.reshape(-1)
    y = layer(x)[0]
    expected = product.view(3, steps).T[None] + layer.bias
    close(y, expected)
    close(*(gradients([value], [x])[0] for value in (y, expected)))


@settings(deadline=None, max_examples=30)
@given(layers, st.integers(1, 12))
def test_the_matrix_is_sparse_and_shares_its_weights(layer, steps):
    """At most K of T entries in a row are there, constant along diagonals: K numbers for each pair of features."""
    matrix = jacobian(layer, steps, 2)
    kernel = layer.weight.shape[2]
    for o in range(3):
        for c in range(2):
            block = matrix[:, o, :, c]
            assert ((block != 0).sum(dim=1) <= kernel).all()
            assert torch.equal(block, block.tril())  # causal
            for diagonal in range(steps):
                values = block.diagonal(-diagonal)
                assert (values == values[0]).all()
            assert len(set(block.flatten().tolist()) - {0.0}) <= kernel
    dense = Dense(2 * steps, 3 * steps)
    assert numbers(layer) == 3 * (2 * kernel + 1)
    assert numbers(dense) == 3 * steps * (2 * steps + 1)


@settings(deadline=None, max_examples=30)
@given(layers, st.integers(1, 20))
def test_correlation_with_the_kernel_is_convolution_with_it_flipped(layer, steps):
    x = torch.randn(1, steps, 2, dtype=torch.float64)
    one = x[0].numpy()
    span = int(layer.receptive_field)
    for out in range(3):
        flipped = [taps_of(layer, out, c) for c in range(2)]
        kernel = [taps[::-1] for taps in flipped]
        before = np.pad(one, ((span - 1, 0), (0, 0)))
        correlated = sum(
            signal.correlate(before[:, c], kernel[c], mode="valid", method="direct") for c in range(2)
        )
        convolved = sum(signal.convolve(one[:, c], flipped[c], method="direct")[:steps] for c in range(2))
        filtered = sum(signal.lfilter(flipped[c], [1.0], one[:, c]) for c in range(2))
        y = layer(x)[0][0, :, out] - layer.bias[out]
        for expected in (correlated, convolved, filtered):
            close(y, torch.from_numpy(expected))


@settings(deadline=None, max_examples=30)
@given(layers, st.integers(1, 8), st.integers(0, 5))
def test_it_commutes_with_shifts(layer, steps, shift):
    """Later in, later out. Before x comes, zeros: what they give is the bias."""
    x = torch.randn(1, steps, 2, dtype=torch.float64)
    late = torch.nn.functional.pad(x, (0, 0, shift, 0))
    y = layer(late)[0]
    close(y[:, shift:], layer(x)[0])
    close(y[:, :shift], layer.bias.expand(1, shift, 3))


def test_a_strided_one_commutes_with_shifts_of_whole_strides_only():
    torch.manual_seed(0)
    layer = Conv1d(1, 1, 3, stride=2).double()
    x = torch.randn(1, 8, 1, dtype=torch.float64)
    whole, part = (torch.nn.functional.pad(x, (0, 0, shift, 0)) for shift in (2, 1))
    close(layer(whole)[0][:, 1:], layer(x)[0])
    assert not torch.isclose(layer(part)[0][:, 1:], layer(x)[0][:, :3]).any()


def test_two_in_a_row_are_one_with_the_product_of_their_polynomials():
    torch.manual_seed(0)
    first, second = (Conv1d(1, 1, 3, bias=False, dilation=d).double() for d in (1, 2))
    x = torch.randn(1, 15, 1, dtype=torch.float64)
    taps = np.convolve(taps_of(first), taps_of(second))
    chain = Chain(first, second)
    assert chain.receptive_field == len(taps) == 7
    close(chain(x)[0][0, :, 0], torch.from_numpy(signal.lfilter(taps, [1.0], x[0, :, 0].numpy())))


def test_in_frequency_it_is_a_product():
    """Long enough for no wrapping: the spectrum of y is that of x times that of the taps."""
    torch.manual_seed(0)
    layer = Conv1d(1, 1, 4, bias=False).double()
    x = torch.zeros(1, 16, 1, dtype=torch.float64)
    x[0, :12, 0].normal_()
    taps = torch.from_numpy(taps_of(layer))
    expected = torch.fft.irfft(torch.fft.rfft(x[0, :, 0]) * torch.fft.rfft(taps, 16), 16)
    close(layer(x)[0][0, :, 0], expected)


def test_transposing_the_matrix_transposes_the_convolution():
    torch.manual_seed(0)
    steps, stride, kernel = 5, 2, 3
    up = ConvTranspose1d(1, 1, kernel, stride=stride, bias=False).double()
    matrix = jacobian(up, steps, 1)[:, 0, :, 0]  # (S T, T)
    flipped = torch.nn.functional.conv1d(  # column by column, the kernel lies S steps further on
        torch.eye(stride * steps + kernel, dtype=torch.float64)[:, None], up.weight.detach(), stride=stride
    )[: stride * steps, 0, :steps]
    assert torch.equal(matrix, flipped)


def test_a_centred_one_sees_as_far_ahead_as_back():
    matrix = jacobian(CentredConv1d(1, 1, 5).double(), 9, 1)[:, 0, :, 0] != 0
    expected = (torch.arange(9)[:, None] - torch.arange(9)).abs() <= 2
    assert torch.equal(matrix, expected)


@pytest.mark.parametrize(
    ("inputs", "outputs", "kernel", "multiplier"),
    [(3, 5, 3, 1), (8, 16, 9, 1), (4, 7, 5, 3), (64, 128, 3, 1)],
)
def test_what_separating_saves(inputs, outputs, kernel, multiplier):
    """C M K + C M O weights for C O K: with M = 1 the share 1 / O + 1 / K (Howard et al. 2017, section 3.1)."""
    whole = Conv1d(inputs, outputs, kernel, bias=False)
    parts = SeparableConv1d(inputs, outputs, kernel, bias=False, multiplier=multiplier)
    assert numbers(whole) == inputs * outputs * kernel
    assert numbers(parts) == inputs * multiplier * (kernel + outputs)
    assert math.isclose(numbers(parts) / numbers(whole), multiplier * (1 / outputs + 1 / kernel))
    assert (
        numbers(parts.depthwise)
        == inputs * multiplier * kernel
        == numbers(DepthwiseConv1d(inputs, kernel, multiplier=multiplier, bias=False))
    )
    with_bias = SeparableConv1d(inputs, outputs, kernel, multiplier=multiplier)
    assert numbers(with_bias) - numbers(parts) == inputs * multiplier + outputs


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups_divide_the_weights(groups):
    layer = Conv1d(8, 12, 3, groups=groups, bias=False).double()
    assert numbers(layer) * groups == 8 * 12 * 3
    matrix = jacobian(layer, 3, 8)[2]  # (O, T, C)
    for out in range(12):
        group = out // (12 // groups)
        own = slice(group * 8 // groups, (group + 1) * 8 // groups)
        assert matrix[out, :, own].all()
        assert (matrix[out] != 0).sum() == 3 * 8 // groups


@pytest.mark.parametrize("levels", [1, 4, 10])
def test_the_receptive_field_doubles_with_each_layer(levels):
    """WaveNet: kernels of 2, dilated by 1, 2, 4: 2 to the number of layers; undilated, one more for each."""
    stack = Chain(*(Conv1d(1, 1, 2, dilation=2**level) for level in range(levels)))
    assert stack.receptive_field == 2**levels
    assert Chain(*(Conv1d(1, 1, 2) for _ in range(levels))).receptive_field == levels + 1
