"""Normalisation by all steps so far, against the mean and the variance of each beginning, taken anew.

Axes: B batch, T time steps, F frequencies, C features or channels.
"""

import re

import pytest
import torch
from torch import Tensor, nn

from layers.close import close, gradients
from ostinato.errors import ConfigError
from ostinato.layers import Chain, Conv1d, CumulativeLayerNorm, GroupNorm, InstanceNorm, LayerNorm

BOTH = pytest.mark.parametrize("size", [(6,), (5, 6)], ids=["features", "frequencies"])


def as_size(size: tuple[int, ...]) -> int | tuple[int, ...]:
    return size if len(size) > 1 else size[0]


def normal(*shape: int) -> Tensor:
    return torch.randn(
        shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    ).requires_grad_()


def so_far(layer: CumulativeLayerNorm, x: Tensor) -> Tensor:
    """Mean and variance of each beginning, taken anew."""
    channels = [slice(None)] if layer.per == "layer" else [slice(c, c + 1) for c in range(x.shape[-1])]
    steps = []
    for t in range(x.shape[1]):
        seen = x[:, : t + 1]
        parts = []
        for channel in channels:
            numbers = seen[..., channel].flatten(1)
            mean, variance = numbers.mean(1), numbers.var(1, correction=0)
            shape = (-1, *[1] * (x.dim() - 2))
            parts.append(
                (x[:, t][..., channel] - mean.view(shape)) / (variance + layer.eps).sqrt().view(shape)
            )
        steps.append(torch.cat(parts, dim=-1) * layer.weight + layer.bias)
    return torch.stack(steps, dim=1)


@BOTH
@pytest.mark.parametrize("per", ["layer", "channel"])
def test_each_step_by_all_up_to_it(size, per):
    torch.manual_seed(0)
    layer = CumulativeLayerNorm(as_size(size), eps=1e-3, per=per).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x = normal(3, 7, *size)
    y, expected = layer(x)[0], so_far(layer, x)
    close(y, expected)
    inputs = [x, *layer.parameters()]
    for found, truth in zip(gradients([y], inputs), gradients([expected], inputs), strict=True):
        close(found, truth)


@BOTH
@pytest.mark.parametrize("per", ["layer", "channel"])
@pytest.mark.parametrize("offset", [0.0, 1e4, -1e6])
def test_numbers_far_from_zero_lose_nothing(size, per, offset):
    """The mean square less the squared mean has no digit left of these in float32, and few in float64."""
    layer = CumulativeLayerNorm(as_size(size), per=per)
    x = (offset + normal(2, 50, *size).detach()).float()
    exact = so_far(layer.double(), x.double())
    layer.float()
    _, state = layer(x[:, :20])
    y, _ = layer(x[:, 20:], state)
    torch.testing.assert_close(y.double(), exact[:, 20:], rtol=1e-5, atol=1e-6)


@BOTH
@pytest.mark.parametrize("per", ["layer", "channel"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e20])
def test_a_constant_is_its_bias(size, per, value):
    layer = CumulativeLayerNorm(as_size(size), per=per)
    nn.init.normal_(layer.bias)
    x = torch.full((2, 9, *size), value, requires_grad=True)
    _, state = layer(x[:, :4])
    y, state = layer(x[:, 4:], state)
    torch.testing.assert_close(y, layer.bias.expand_as(y), rtol=1e-4, atol=1e-6 if value < 1 else 1e30)
    assert y.isfinite().all()
    assert (state.squares >= 0).all()
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(y.sum(), [x, *layer.parameters()]))


def test_with_one_step_it_is_layer_norm():
    layer, x = CumulativeLayerNorm(6).double(), normal(2, 1, 6)
    close(layer(x)[0], LayerNorm(6).double()(x)[0])


def test_at_the_end_it_is_the_norm_of_the_row():
    x = normal(2, 7, 4, 6)
    for per, whole in (("layer", GroupNorm((4, 6), 1, "sequence")), ("channel", InstanceNorm((4, 6)))):
        close(CumulativeLayerNorm((4, 6), per=per).double()(x)[0][:, -1], whole.double()(x)[0][:, -1])


def test_after_a_convolution_in_float32():
    """What a state keeps in float64 is as exact as the network that made it."""
    chain, x = Chain(Conv1d(3, 4, 3), CumulativeLayerNorm(4)), normal(2, 9, 3).detach().float()
    y, state = chain(x[:, :4])
    torch.testing.assert_close(torch.cat([y, chain(x[:, 4:], state)[0]], dim=1), chain(x)[0])
    assert state[1].mean.dtype == state[1].squares.dtype == torch.float64
    assert chain(x)[0].dtype == torch.float32


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"eps": 0.0}, "eps must be above 0, got 0.0: the variance of a constant is 0."),
        ({"per": "group"}, "per must be 'layer' or 'channel', got 'group'."),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        CumulativeLayerNorm(3, **options)
