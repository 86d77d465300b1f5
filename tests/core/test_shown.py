"""A layer is printed as it was made, so that what is printed makes it again."""

import copy
import math

import pytest
from torch import nn

from contract.registry import LAYERS
from ostinato import layers
from ostinato.core import SequenceLayer
from ostinato.errors import ConfigError
from ostinato.layers import GRU, Chain, Conv1d, Dense, Pointwise, Residual

MADE = {name: case.layer for name, case in LAYERS.items()}
ALONE = [
    name
    for name, layer in MADE.items()
    if type(layer).__name__ in vars(layers) and not list(layer.children())
]


@pytest.mark.parametrize("name", ALONE)
def test_what_is_printed_makes_the_layer_again(name):
    layer = MADE[name]
    told = repr(layer)
    again = eval(told, vars(layers) | {"inf": math.inf})
    assert repr(again) == told
    shapes = [tensor.shape for tensor in layer.state_dict().values()]
    assert [tensor.shape for tensor in again.state_dict().values()] == shapes
    for field in ("input_size", "output_size", "receptive_field", "latency", "stride", "block", "streams"):
        assert getattr(again, field) == getattr(layer, field)


def test_modules_are_printed_once_below():
    body = Chain(Conv1d(3, 4, 2, dilation=8), Pointwise(nn.Tanh(), 4, 4), Dense(4, 3, bias=False))
    told = [line.strip() for line in repr(Residual(body)).splitlines()]
    assert told[0] == "Residual("
    assert "(0): Conv1d(3, 4, 2, dilation=8)" in told
    assert told[told.index("(1): Pointwise(") + 1] == "..., 4, 4"
    assert told.count("(module): Tanh()") == 1


def test_copies_and_subclasses_are_printed_too():
    class Own(GRU):
        """With a size that it chooses itself."""

        def __init__(self, input_size):
            super().__init__(input_size, 7, num_layers=2)

    assert repr(Own(3)) == "Own(3)"
    assert repr(copy.deepcopy(GRU(3, 5, reverse=True))) == "GRU(3, 5, reverse=True)"
    assert repr(Conv1d(3, 5, 2, weight_norm=True)).startswith("Conv1d(\n  3, 5, 2, weight_norm=True")


class Unspeakable:
    def __repr__(self):
        raise ValueError("no words")


@pytest.mark.parametrize("value", [Unspeakable(), range(10**9), {"a": nn.Tanh()}, [[[[[[[[]]]]]]]]])
def test_printing_keeps_no_layer_from_being_made(value):
    """What is wrong with an argument is for the constructor to say."""
    with pytest.raises(ConfigError, match="input_size must be"):
        Conv1d(value, 3, 2)


def test_what_is_long_is_cut():
    class Long(SequenceLayer):
        def __init__(self, numbers):
            super().__init__()

    assert repr(Long(list(range(1000)))) == "Long([0, 1, 2, 3, 4, 5, 6, 7, ...])"
