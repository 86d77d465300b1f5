"""Skips across rates beside torch's functions, wired by hand.

Axes: B batch, C channels, T time steps.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layers.causal import agree, conv, norm, settled
from layers.close import close
from ostinato.errors import ConfigError
from ostinato.layers import (
    AdaptiveAvgPool1d,
    AvgPool1d,
    CentredConv1d,
    Chain,
    Conv1d,
    ConvTranspose1d,
    Identity,
    MaxPool1d,
    SkipConnection,
    UNet,
)


def convolve(x, of):
    for block in of.layers:
        x = F.relu(norm(conv(x, block.convolution), block.norm))
    return x


def level(x, of, factor):
    """One rate, and all that are slower."""
    if not hasattr(of, "across"):
        return convolve(x, of.convolve)
    x = convolve(x, of.before)
    body = of.across.body
    slower = level(F.max_pool1d(x, factor), body.inside, factor)
    up = F.conv_transpose1d(slower, body.up.weight, body.up.bias, stride=factor)
    return convolve(torch.cat([x[:, :, : up.shape[2]], up], dim=1), of.after)


@pytest.mark.parametrize("options", [{"channels": (4, 6)}, {"channels": (3, 4, 5)}, {"channels": (5,)}])
def test_a_unet(options):
    net = settled(UNet(3, kernel_size=2, **options))
    agree(net, lambda x: level(x, net, 2), steps=27)


def test_rates_may_lie_further_apart():
    net = settled(UNet(3, (4, 5), 2, factor=3, convolutions=1))
    agree(net, lambda x: level(x, net, 3), steps=31)
    assert (net.block, net.stride, net.latency) == (3, 1, 0)


def test_steps_come_in_whole_blocks():
    net, x = UNet(3, (2, 2, 2)).eval(), torch.randn(1, 11, 3)
    assert [net(x[:, :steps])[0].shape[1] for steps in (3, 4, 7, 11)] == [0, 4, 4, 8]


def test_a_skip_lays_x_beside_the_body():
    body = settled(Conv1d(3, 2, 4))
    skip = SkipConnection(body)
    agree(skip, lambda x: torch.cat([x, conv(x, body)], dim=1))
    assert skip.output_size == 5


def test_a_skip_waits_for_a_body_that_looks_ahead():
    ahead, twin = settled(Conv1d(3, 2, 5, latency=2)), CentredConv1d(3, 2, 5).double()
    for parameter, its in zip(twin.parameters(), ahead.parameters(), strict=True):
        parameter.data = its.data
    skip, x = SkipConnection(ahead), torch.randn(2, 9, 3, dtype=torch.float64)
    y, state = skip(x)
    found = torch.cat([y, skip.flush(state)], dim=1)[:, 2:]
    close(found, torch.cat([x, twin(x)[0]], dim=2))


def test_a_skip_waits_for_a_body_that_strides_and_comes_back():
    body = settled(Chain(Conv1d(3, 4, 4, stride=2, latency=2), ConvTranspose1d(4, 2, 2, stride=2)))
    skip, x = SkipConnection(body), torch.randn(2, 12, 3, dtype=torch.float64)
    y, state = skip(x)
    y = torch.cat([y, skip.flush(state)], dim=1)[:, 2:]
    close(y[..., :3], x[:, : y.shape[1]])
    assert (skip.block, skip.latency) == (2, 2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SkipConnection(nn.ReLU()), "a skip connection takes layers that run along time, got ReLU."),
        (
            lambda: SkipConnection(Identity()),
            "Identity does not say its input_size, so nothing can wait for it.",
        ),
        (
            lambda: SkipConnection(MaxPool1d(3, 2)),
            "the body gives a step for each 2 steps, a skip connection joins as many as came in. Bring it back to the "
            "old rate, for example by a ConvTranspose1d.",
        ),
        (lambda: SkipConnection(AvgPool1d(3, 3)), "the body gives a step for each 3 steps"),
        (
            lambda: SkipConnection(AdaptiveAvgPool1d(3, 2)),
            "the body gives 2 steps for any sequence, a skip connection joins as many as came in.",
        ),
        (lambda: UNet(3, ()), "channels must be at least one number, such as (16, 32, 64), got ()."),
        (lambda: UNet(3, 4), "channels must be at least one number, such as (16, 32, 64), got 4."),
        (lambda: UNet(3, (4, 0)), "channels must be a whole number of at least 1, got 0."),
        (lambda: UNet(3, (4, 4), factor=0), "factor must be a whole number of at least 1, got 0."),
        (lambda: UNet(3, convolutions=0), "convolutions must be a whole number of at least 1, got 0."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
