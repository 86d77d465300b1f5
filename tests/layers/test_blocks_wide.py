"""Wide and Inception blocks beside torch's functions, wired by hand, and paths that wait for one another.

Axes: B batch, C channels, T time steps, K kernel size.
"""

import re

import pytest
import torch
import torch.nn.functional as F

from layers.causal import agree, conv, norm, settled
from layers.close import close
from ostinato.errors import ConfigError
from ostinato.layers import Conv1d, ConvBlock, InceptionBlock, InceptionTimeBlock, Parallel, WideBlock
from ostinato.layers.blocks.waiting import in_step


def block_of(x, of, **how):
    """Conv, norm if there is one, ReLU."""
    y = conv(x, of.convolution, **how)
    return F.relu(norm(y, of.norm) if hasattr(of, "norm") else y)


def pooled(x, steps=3):
    """The maximum of the last ``steps``."""
    return F.max_pool1d(F.pad(x, (steps - 1, 0), value=-torch.inf), steps, 1)


def test_a_wide_block():
    block = settled(WideBlock(3, 4, (2, 3, 6), dilation=2))
    agree(
        block,
        lambda x: torch.cat(
            [block_of(x, getattr(block, f"kernel{k}"), dilation=2) for k in (2, 3, 6)], dim=1
        ),
    )
    assert (block.output_size, block.receptive_field) == (12, 11)


def test_a_wide_block_that_strides_and_pools():
    block = settled(WideBlock(3, 2, (2, 5), stride=2, norm=None, pooling="max"))
    paths = (block.kernel2, block.kernel5)
    agree(
        block,
        lambda x: torch.cat([F.max_pool1d(block_of(x, path, stride=2), 2) for path in paths], dim=1),
        steps=33,
    )
    assert block.stride == 4


def centred(x, of, size):
    """torch's "same" convolution: as far ahead as back."""
    return F.conv1d(x, of.weight, of.bias, padding=(size - 1) // 2)


def test_centred_kernels_speak_of_the_same_step():
    block = settled(WideBlock(3, 2, (1, 3, 7), norm=None, activation=None, centred=True))
    assert block.latency == 3
    x = torch.randn(2, 20, 3, dtype=torch.float64)
    y, state = block(x)
    found = torch.cat([y, block.flush(state)], dim=1)[:, 3:]
    kernels = zip((1, 3, 7), block.layers, strict=True)
    firsts = [(size, path if isinstance(path, ConvBlock) else path.layers[0]) for size, path in kernels]
    expected = torch.cat([centred(x.transpose(1, 2), of.convolution, size) for size, of in firsts], dim=1)
    expected = expected.transpose(1, 2)
    close(found, expected)


def test_an_inception_block():
    block = settled(InceptionBlock(3, 2, ((4, 3), (2, 2)), 2))

    def reference(x):
        three, five = block.kernel3, block.kernel5
        return torch.cat(
            [
                block_of(x, block.pointwise),
                block_of(block_of(x, three.reduce), three.convolution),
                block_of(block_of(x, five.reduce), five.convolution),
                block_of(pooled(x), block.pooled.convolution),
            ],
            dim=1,
        )

    agree(block, reference)
    assert (block.output_size, block.receptive_field) == (9, 5)


def test_the_first_inception_of_googlenet():
    """Szegedy et al. 2014, table 1, 3a: 192 features in, 64 + 128 + 32 + 32 out."""
    block = InceptionBlock(192, 64, ((96, 128), (16, 32)), 32)
    assert block.output_size == 256
    weights = 192 * 64 + 192 * 96 + 3 * 96 * 128 + 192 * 16 + 5 * 16 * 32 + 192 * 32
    biases = 64 + 96 + 128 + 16 + 32 + 32
    assert sum(parameter.numel() for parameter in block.parameters()) == weights + biases


def test_a_centred_inception_block_is_its_twin_of_whole_sequences():
    block = settled(
        InceptionBlock(3, 2, ((4, 3), (2, 2)), 2, kernel_sizes=(3, 7), centred=True, activation=None)
    )
    assert block.latency == 3
    x = torch.randn(2, 20, 3, dtype=torch.float64)
    y, state = block(x)
    found = torch.cat([y, block.flush(state)], dim=1)[:, 3:]
    flat = x.transpose(1, 2)

    def one(of, x):
        return conv(x, of.convolution)

    expected = [one(block.pointwise.layers[0], flat)]
    for size in (3, 7):
        path = getattr(block, f"kernel{size}").layers
        expected.append(centred(one(path[0], flat), path[1].convolution, size))
    expected.append(one(block.pooled.layers[1], F.max_pool1d(flat, 3, 1, padding=1)))
    inner = slice(4, -4)  # kernels hear the bias of the 1 x 1 beyond the ends, where the twin meets zeros
    close(found[:, inner], torch.cat(expected, dim=1).transpose(1, 2)[:, inner])


def test_an_inception_time_block():
    block = settled(InceptionTimeBlock(3, 2, (2, 4, 8), bottleneck=4))

    def reference(x):
        wide = block.paths.wide
        narrow = conv(x, wide.reduce)
        paths = [conv(narrow, getattr(wide.kernels, f"kernel{k}")) for k in (2, 4, 8)]
        paths.append(conv(pooled(x), block.paths.pooled.convolution))
        return F.relu(norm(torch.cat(paths, dim=1), block.norm))

    agree(block, reference)
    assert not any("convolution.bias" in name for name, _ in block.named_parameters())


def test_one_feature_gets_no_bottleneck():
    for block in (InceptionTimeBlock(1), InceptionTimeBlock(3, bottleneck=None)):
        assert not hasattr(block.paths.wide, "reduce")
        assert block.output_size == 128


def test_centred_paths_of_inception_time_agree_on_the_step():
    block = InceptionTimeBlock(3, 2, (3, 9), norm=None, centred=True)
    assert block.latency == 4
    assert {path.latency for path in block.paths.layers} == {4}


def test_paths_wait_for_the_one_that_looks_furthest():
    paths = in_step(near=Conv1d(3, 2, 3, latency=1), far=Conv1d(3, 2, 9, stride=2, latency=5))
    assert [path.latency for path in paths.values()] == [5, 5]
    strided = in_step(near=Conv1d(3, 2, 4, stride=2), far=Conv1d(3, 2, 9, stride=2, latency=6))
    assert Parallel(**strided).latency == 6


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: WideBlock(3, 2, ()),
            "kernel_sizes must be at least one size, such as (3, 5, 7), got ().",
        ),
        (lambda: WideBlock(3, 2, 5), "kernel_sizes must be at least one size, such as (3, 5, 7), got 5."),
        (lambda: WideBlock(3, 2, (3, 0)), "kernel_size must be a whole number of at least 1, got 0."),
        (
            lambda: WideBlock(3, 2, (3, 3)),
            "kernel_sizes must differ, got (3, 3). Ask for more channels instead of one size twice.",
        ),
        (lambda: WideBlock(3, 0), "channels must be a whole number of at least 1, got 0."),
        (lambda: WideBlock(3, 2, dilation=0), "dilation must be a whole number of at least 1, got 0."),
        (
            lambda: WideBlock(3, 2, (3, 5), stride=2, centred=True),
            "path 'kernel3' would have to wait 1 steps, with a stride of 2. Make the latencies of all paths differ by "
            "a multiple of their stride.",
        ),
        (
            lambda: InceptionBlock(3, 2, ((2, 3),), 2),
            "branches must be a pair (features between, features out) for each of the 2 kernel sizes, got ((2, 3),).",
        ),
        (
            lambda: InceptionBlock(3, 2, ((2, 3), (2,)), 2),
            "branches must be a pair (features between, features out)",
        ),
        (
            lambda: InceptionBlock(3, 0, ((2, 3), (2, 2)), 2),
            "pointwise must be a whole number of at least 1, got 0.",
        ),
        (lambda: InceptionTimeBlock(3, 0), "channels must be a whole number of at least 1, got 0."),
        (lambda: InceptionTimeBlock(3, kernel_sizes=()), "kernel_sizes must be at least one size"),
        (
            lambda: InceptionBlock(3, 2, ((2, 3), (2, 0)), 2),
            "branch must be a whole number of at least 1, got (2, 0).",
        ),
        (
            lambda: InceptionTimeBlock(3, pool_size=0),
            "pool_size must be a whole number of at least 1, got 0.",
        ),
        (
            lambda: InceptionTimeBlock(3, bottleneck=0),
            "bottleneck must be a whole number of at least 1, got 0.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
