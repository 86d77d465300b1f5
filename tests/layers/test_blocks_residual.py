"""Convolution, residual, bottleneck and TCN blocks beside torch's functions, wired by hand.

Axes: B batch, C channels, T time steps, K kernel size.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layers.causal import agree, conv, norm, settled
from layers.close import close
from ostinato.errors import ConfigError
from ostinato.layers import BottleneckBlock, Chain, ConvBlock, GroupNorm, ResidualBlock, TCNBlock


def test_a_conv_block_is_conv_norm_activation_pooling():
    block = settled(ConvBlock(3, 5, 4, pooling="max"))
    agree(block, lambda x: F.max_pool1d(F.relu(norm(conv(x, block.convolution), block.norm)), 2))
    assert list(dict(block.named_children())) == ["convolution", "norm", "activation", "pooling"]
    assert block.convolution.bias is None


def test_a_conv_block_with_everything_else():
    block = settled(
        ConvBlock(
            4,
            6,
            3,
            stride=2,
            dilation=2,
            groups=2,
            norm=None,
            activation="elu",
            pooling="average",
            pool_size=3,
        )
    )
    agree(
        block,
        lambda x: F.avg_pool1d(F.elu(conv(x, block.convolution, dilation=2, stride=2, groups=2)), 3),
        steps=31,
    )
    assert (block.stride, block.receptive_field) == (6, 5 + 2 * 2)


def test_what_is_left_out_is_not_there():
    block = ConvBlock(3, 5, norm=None, activation=None)
    assert list(dict(block.named_children())) == ["convolution"]
    assert block.convolution.bias is not None
    assert ConvBlock(3, 5, bias=True).convolution.bias is not None


def test_norms_and_activations_may_be_made_by_functions():
    block = ConvBlock(4, 6, norm=lambda size: GroupNorm(size, 2), activation=lambda: nn.LeakyReLU(0.3))
    assert isinstance(block.norm, GroupNorm)
    assert block.activation.module.negative_slope == 0.3


def test_dropout_comes_last_and_only_while_training():
    block, x = ConvBlock(3, 50, dropout=0.5, norm=None, activation=None), torch.randn(1, 5, 3)
    assert list(dict(block.named_children()))[-1] == "dropout"
    assert (block(x)[0] == 0).float().mean() > 0.3
    block.eval()
    assert not (block(x)[0] == 0).any()


def body(x, of, **of_first):
    """Post-activation, two convolutions."""
    x = F.relu(norm(conv(x, of.convolution1, **of_first), of.norm1))
    return norm(conv(x, of.convolution2, dilation=of_first.get("dilation", 1)), of.norm2)


def test_a_residual_block_of_equal_sizes():
    block = settled(ResidualBlock(4))
    agree(block, lambda x: F.relu(body(x, block.paths.body) + x))


def test_a_residual_block_that_strides_projects():
    block = settled(ResidualBlock(3, 5, 4, stride=2, dilation=3))

    def reference(x):
        short = block.paths.shortcut
        projected = norm(conv(x, short.convolution, stride=2), short.norm)
        return F.relu(body(x, block.paths.body, stride=2, dilation=3) + projected)

    agree(block, reference)
    assert (block.stride, block.receptive_field) == (2, 10 + 2 * 9)


def test_pre_activation_adds_to_x_as_it_is():
    block = settled(ResidualBlock(3, 5, pre_activation=True))

    def reference(x):
        of = block.paths.body
        y = conv(F.relu(norm(x, of.norm1)), of.convolution1)
        y = conv(F.relu(norm(y, of.norm2)), of.convolution2)
        return y + conv(x, block.paths.shortcut.convolution)

    agree(block, reference)


def test_a_bottleneck_block():
    block = settled(BottleneckBlock(8, 2, stride=2, dilation=2))

    def reference(x):
        of, short = block.paths.body, block.paths.shortcut
        y = F.relu(norm(conv(x, of.convolution1), of.norm1))
        y = F.relu(norm(conv(y, of.convolution2, stride=2, dilation=2), of.norm2))
        y = norm(conv(y, of.convolution3), of.norm3)
        return F.relu(y + norm(conv(x, short.convolution, stride=2), short.norm))

    agree(block, reference)
    assert block.output_size == 8


def test_a_bottleneck_block_with_pre_activation():
    block = settled(BottleneckBlock(8, 2, pre_activation=True, activation="tanh"))

    def reference(x):
        y, of = x, block.paths.body
        for place in "123":
            y = conv(torch.tanh(norm(y, getattr(of, f"norm{place}"))), getattr(of, f"convolution{place}"))
        return x + y

    agree(block, reference)


@pytest.mark.parametrize("make", [ResidualBlock, lambda size, **o: BottleneckBlock(size, size // 4, **o)])
def test_with_zero_weights_a_block_is_the_identity(make):
    """He et al. 2015, section 3.1: solvers may drive the weights to zero to approach identity mappings."""
    x = torch.randn(2, 9, 8)
    for pre_activation in (True, False):
        block = make(8, pre_activation=pre_activation).eval()
        for name, parameter in block.named_parameters():
            if "convolution" in name:
                nn.init.zeros_(parameter)
        assert torch.equal(block(x)[0], x if pre_activation else x.relu())


def test_a_bottleneck_is_cheaper_than_two_convolutions_of_its_width():
    """He et al. 2015, figure 5: 64 wide with kernels of 3, against 256 with a bottleneck of 64; here along time."""
    weights = sum(p.numel() for n, p in BottleneckBlock(256, 64).named_parameters() if "convolution" in n)
    assert weights == 256 * 64 + 3 * 64 * 64 + 64 * 256
    plain = sum(p.numel() for n, p in ResidualBlock(256).named_parameters() if "convolution" in n)
    assert plain == 2 * 3 * 256 * 256


def test_dropout_lies_between_the_convolutions():
    for pre_activation in (False, True):
        block = ResidualBlock(4, dropout=0.2, pre_activation=pre_activation)
        names = list(dict(block.paths.body.named_children()))
        assert names.index("dropout") == names.index("convolution2") - 1


def test_a_tcn_block():
    block = settled(TCNBlock(3, 5, 4, dilation=2, dropout=0.3))

    def reference(x):
        y = x
        for place in (0, 3):
            convolution = block.layers[0].body.layers[place]
            g, v = (getattr(convolution.parametrizations.weight, f"original{part}") for part in (0, 1))
            weight = g * v / v.square().sum(dim=(1, 2), keepdim=True).sqrt()
            y = F.relu(F.conv1d(F.pad(y, (6, 0)), weight, convolution.bias, dilation=2))
        return F.relu(y + conv(x, block.layers[0].shortcut))

    agree(block, reference)
    assert block.receptive_field == 1 + 2 * 3 * 2


def test_a_tcn_block_without_weight_norm():
    block = settled(TCNBlock(4, activation="elu", weight_norm=False))

    def reference(x):
        first, second = (block.layers[0].body.layers[place] for place in (0, 3))
        return F.elu(F.elu(conv(F.elu(conv(x, first)), second)) + x)

    agree(block, reference)


@pytest.mark.parametrize("kernel_size", [2, 3, 7])
def test_tcn_blocks_see_what_the_formula_says(kernel_size):
    stack = Chain(*(TCNBlock(2, 2, kernel_size, dilation=2**n) for n in range(5)))
    assert stack.receptive_field == 1 + 2 * (kernel_size - 1) * (2**5 - 1)


def test_a_tcn_block_drops_whole_channels_of_a_row_or_single_numbers():
    x = torch.randn(4, 30, 3)
    for spatial in (True, False):
        torch.manual_seed(0)
        block = TCNBlock(3, 40, 1, dropout=0.5, spatial_dropout=spatial, weight_norm=False, activation=None)
        first = Chain(*block.layers[0].body.layers[:3])
        zero = first(x)[0] == 0
        whole = zero.all(dim=1) | ~zero.any(dim=1)
        assert bool(whole.all()) == spatial
        assert 0.35 < zero.float().mean() < 0.65


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ConvBlock(0, 5), "input_size must be a whole number of at least 1, got 0."),
        (lambda: ConvBlock(3, 5, 0), "kernel_size must be a whole number of at least 1, got 0."),
        (lambda: ConvBlock(3, 5, groups=2), "groups must divide input_size 3 and output_size 5, got 2."),
        (
            lambda: ConvBlock(3, 5, norm="bach"),
            "norm must be 'batch', 'layer', None or a function of the size that makes a layer, got 'bach'.",
        ),
        (lambda: ConvBlock(3, 5, norm=nn.Identity), "norm takes layers that run along time, got Identity."),
        (
            lambda: ConvBlock(3, 5, activation="rleu"),
            "activation must be 'relu', 'leaky_relu', 'elu', 'gelu', 'silu', 'tanh', 'sigmoid', None or a function "
            "that makes a module, got 'rleu'.",
        ),
        (lambda: ConvBlock(3, 5, activation=lambda: 3), "None or a function that makes a module, got 3."),
        (lambda: ConvBlock(3, 5, pooling="mean"), "pooling must be 'max', 'average' or None, got 'mean'."),
        (
            lambda: ConvBlock(3, 5, pooling="max", pool_size=0),
            "pool_size must be a whole number of at least 1, got 0.",
        ),
        (
            lambda: ConvBlock(3, 5, dropout=1.0),
            "dropout must be a number of at least 0 and less than 1, got 1.0.",
        ),
        (lambda: ConvBlock(3, 5, latency=3), "latency must be 0 to 2 steps, the window less one, got 3."),
        (lambda: ResidualBlock(3, 0), "output_size must be a whole number of at least 1, got 0."),
        (lambda: ResidualBlock(3, stride=0), "stride must be a whole number of at least 1, got 0."),
        (lambda: ResidualBlock(3, dropout=-0.1), "dropout must be a number of at least 0 and less than 1"),
        (lambda: BottleneckBlock(3, 0), "channels must be a whole number of at least 1, got 0."),
        (
            lambda: BottleneckBlock(3, 2, expansion=0),
            "expansion must be a whole number of at least 1, got 0.",
        ),
        (lambda: TCNBlock(3, dilation=0), "dilation must be a whole number of at least 1, got 0."),
        (lambda: TCNBlock(3, dropout=2), "dropout must be a number of at least 0 and less than 1, got 2."),
        (lambda: TCNBlock(3, activation="x"), "activation must be 'relu'"),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()


def test_steps_of_blocks_are_those_of_the_whole():
    block = settled(ResidualBlock(3, 5, stride=2))
    x = torch.randn(2, 11, 3, dtype=torch.float64)
    stepper = block.stepper(2, dtype=torch.float64)
    steps = [y for step in range(11) if (y := stepper.step(x[:, step])) is not None]
    close(torch.stack(steps, dim=1), block(x)[0])
