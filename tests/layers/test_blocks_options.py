"""What a block made of blocks is asked for reaches each of them."""

from typing import Any

import pytest
from torch import nn

from ostinato.core import SequenceLayer
from ostinato.layers import CondenseBlock, CondenseStages, ConvBlock, InceptionBlock, UNet, WideBlock

LOOKS: dict[str, Any] = {"norm": "layer", "activation": "elu"}
CONDENSED: dict[str, Any] = LOOKS | {
    "kernel_size": 2,
    "bottleneck": 1,
    "groups": 2,
    "condense_factor": 2,
    "dropout": 0.2,
}
WIDE: dict[str, Any] = LOOKS | {
    "stride": 2,
    "dilation": 3,
    "pooling": "average",
    "pool_size": 3,
    "dropout": 0.2,
}


def told(module: nn.Module) -> str:
    """What torch says of a module of its own; ours are printed as they were written, which may be in two ways."""
    return "" if isinstance(module, SequenceLayer) else module.extra_repr()


def made(layer: SequenceLayer) -> tuple[Any, ...]:
    """What tells two blocks apart: the modules by name, the shapes of their weights, what an output sees."""
    shapes = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}
    modules = {name: (type(part), told(part)) for name, part in layer.named_modules()}
    return modules, shapes, layer.receptive_field, layer.stride, layer.latency


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            lambda: CondenseStages(4, 4, (1, 2), **CONDENSED).block2,
            lambda: CondenseBlock(8, 8, 2, **CONDENSED),
        ),
        (lambda: WideBlock(3, 4, (2, 5), **WIDE).kernel5, lambda: ConvBlock(3, 4, 5, **WIDE)),
        (
            lambda: WideBlock(3, 4, (3, 5), dilation=2, centred=True, **LOOKS).kernel5,
            lambda: ConvBlock(3, 4, 5, dilation=2, latency=4, **LOOKS),
        ),
        (
            lambda: UNet(3, (4, 5), 4, dropout=0.2, **LOOKS).across.body.inside.convolve.layers[1],
            lambda: ConvBlock(5, 5, 4, dropout=0.2, **LOOKS),
        ),
        (
            lambda: (
                InceptionBlock(3, 2, ((2, 4), (2, 2)), 2, kernel_sizes=(3, 5), **LOOKS).kernel3.convolution
            ),
            lambda: ConvBlock(2, 4, 3, **LOOKS),
        ),
    ],
)
def test_options_reach_every_block(found, expected):
    assert made(found()) == made(expected())
