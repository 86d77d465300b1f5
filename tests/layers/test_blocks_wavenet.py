"""WaveNet blocks and stacks beside torch's functions, wired by hand.

Axes: B batch, C channels, D features of the condition, T time steps.
"""

import re
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layers.causal import agree, conv, settled
from layers.close import close, gradients
from ostinato.checks.subject import run_chunks
from ostinato.core import leaves
from ostinato.errors import ConfigError, LengthsError, ShapeError, StateError
from ostinato.layers import Chain, Conv1d, ConvTranspose1d, Dense, Pointwise, WaveNetBlock, WaveNetStack


def paths(x, block, dilation, condition=None):
    """Figure 4 and equation 2 (3 with a condition), filter and gate each on its own; y and skip."""
    size = block.channels
    made = []
    for rows in (slice(0, size), slice(size, 2 * size)):
        weight = block.gated.weight[rows]
        bias = None if block.gated.bias is None else block.gated.bias[rows]
        reach = (weight.shape[2] - 1) * dilation
        made.append(F.conv1d(F.pad(x, (reach, 0)), weight, bias, dilation=dilation))
        if condition is not None:
            made[-1] = made[-1] + F.conv1d(condition, block.condition.weight[rows])
    z = torch.tanh(made[0]) * torch.sigmoid(made[1])
    skip = conv(z, block.skip or block.residual)
    return (skip if block.residual is None else x + conv(z, block.residual)), skip


def stack(x, layer, dilations, condition=None):
    total = 0
    for block, dilation in zip(layer.blocks, dilations, strict=True):
        x, skip = paths(x, block, dilation, condition)
        total = total + skip
    return total


@pytest.mark.parametrize(
    "options", [{}, {"bias": False}, {"residual": False}, {"skip_size": 5, "residual": False}]
)
def test_a_block_is_equation_2(options):
    block = settled(WaveNetBlock(3, 3, dilation=2, **options))
    agree(block, lambda x: paths(x, block, 2)[0])
    assert block.receptive_field == 5


@pytest.mark.parametrize("options", [{}, {"skip_size": 5}, {"skip_size": 5, "bias": False}])
def test_both_paths_and_their_gradients(options):
    block = settled(WaveNetBlock(3, dilation=2, **options))
    x = torch.randn(2, 9, 3, dtype=torch.float64, requires_grad=True)
    y, skip, _ = block.paths(x)
    expected = [path.transpose(1, 2) for path in paths(x.transpose(1, 2), block, 2)]
    close(y, expected[0])
    close(skip, expected[1])
    inputs = [x, *block.parameters()]
    for found, other in zip(gradients([y, skip], inputs), gradients(expected, inputs), strict=True):
        close(found, other)


def test_paths_keep_the_contract():
    block = settled(WaveNetBlock(3, dilation=2, skip_size=5))
    x, lengths = torch.randn(2, 9, 3, dtype=torch.float64), torch.tensor([4, 9])
    whole = block.paths(x, None, lengths)
    close(whole[0], block(x, None, lengths)[0])
    assert not whole[1][0, 4:].any()
    first = block.paths(x[:, :4])
    second = block.paths(x[:, 4:], first[2], torch.tensor([0, 5]))
    for place in (0, 1):
        close(torch.cat([first[place], second[place]], dim=1), whole[place])
    assert block.paths(x[:, :0])[1].shape == (2, 0, 5)
    with pytest.raises(ShapeError, match=re.escape("x must be (batch, time, 3), got (2, 9, 2).")):
        block.paths(x[..., :2])
    with pytest.raises(LengthsError):
        block.paths(x, None, torch.tensor([4, 10]))
    with pytest.raises(StateError, match="this state is not one of WaveNetBlock"):
        block.paths(x, ())


@pytest.mark.parametrize("options", [{}, {"skip_size": 5}, {"skip_size": 2, "bias": False}])
def test_a_stack_is_the_sum_of_skips(options):
    dilations = (1, 2, 4, 1, 2)
    layer = settled(WaveNetStack(3, dilations=dilations, kernel_size=2, **options))
    agree(layer, lambda x: stack(x, layer, dilations), steps=23)
    assert layer.receptive_field == 11


def test_a_stack_of_one():
    layer = settled(WaveNetStack(3, 4, [3], 3))
    agree(layer, lambda x: stack(x, layer, [3]))


def test_a_condition_is_heard_by_every_block():
    layer = settled(WaveNetStack(3, 4, (1, 2), condition_size=2))
    agree(layer, lambda x: stack(x[:, :3], layer, (1, 2), x[:, 3:]))
    block = settled(WaveNetBlock(3, condition_size=2))
    agree(block, lambda x: paths(x[:, :3], block, 1, x[:, 3:])[0])


def test_a_slower_condition_is_brought_to_the_steps_of_x():
    """Section 2.5: by a transposed convolution. Here beside the signal, before the stack."""
    up = ConvTranspose1d(2, 2, 4, stride=4)
    condition, signal = torch.randn(1, 3, 2), torch.randn(1, 12, 3)
    x = torch.cat([signal, up(condition)[0]], dim=2)
    assert WaveNetStack(3, 5, condition_size=2)(x)[0].shape == (1, 12, 5)


def test_the_receptive_field_is_that_of_the_paper_and_doubles_with_each_layer():
    """Section 2.1: dilations 1, 2, 4, ..., 512 see 1024 steps."""
    sees = [WaveNetStack(1, 1, [2**n for n in range(depth)]).receptive_field for depth in range(1, 11)]
    assert sees[-1] == 1024
    assert all(after == 2 * before for before, after in pairwise(sees))


def test_a_whole_network_adds_up():
    network = Chain(
        Conv1d(1, 4, 2),
        WaveNetStack(4, 6, (1, 2, 4, 8)),
        Pointwise(nn.ReLU()),
        Dense(6, 6),
        Pointwise(nn.ReLU()),
        Dense(6, 3),
    )
    assert (network.receptive_field, network.latency, network.stride) == (17, 0, 1)


LAYER = settled(WaveNetStack(2, 3, (1, 2, 4, 1, 2), condition_size=1))
X = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 20), max_size=12), st.integers(0, 20))
def test_a_stack_in_chunks_equals_the_whole(cuts, end):
    places = sorted({0, 20, *cuts})
    pieces = [b - a for a, b in pairwise(places)]
    lengths = torch.tensor([end, 20])
    whole, after = LAYER(X, None, lengths)
    found, state = run_chunks(LAYER, X, pieces, lengths)
    close(found, whole)
    for one, other in zip(leaves(state), leaves(after), strict=True):
        close(one, other)


def test_nothing_is_computed_that_nobody_hears():
    layer = WaveNetStack(3, 5, (1, 2))
    layer(torch.randn(2, 9, 3))[0].sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_channel_first_memory_is_handed_on():
    x = torch.randn(2, 3, 9).transpose(1, 2)
    for layer in (WaveNetBlock(3), WaveNetStack(3, 5)):
        assert layer(x)[0].transpose(1, 2).is_contiguous()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: WaveNetBlock(0), "channels must be a whole number of at least 1, got 0."),
        (lambda: WaveNetBlock(3, dilation=0), "dilation must be a whole number of at least 1, got 0."),
        (lambda: WaveNetBlock(3, skip_size=0), "skip_size must be a whole number of at least 1, got 0."),
        (lambda: WaveNetBlock(3, 0), "kernel_size must be a whole number of at least 1, got 0."),
        (
            lambda: WaveNetBlock(3, condition_size=-1),
            "condition_size must be a whole number of 0 or more, got -1.",
        ),
        (lambda: WaveNetStack(3, 5, ()), "dilations must be at least one number, such as (1, 2, 4), got ()."),
        (lambda: WaveNetStack(3, 5, 4), "dilations must be at least one number, such as (1, 2, 4), got 4."),
        (lambda: WaveNetStack(3, 5, (1, 0)), "dilation must be a whole number of at least 1, got 0."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
