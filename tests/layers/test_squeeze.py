"""Squeeze and excitation against its equations, step by step.

Axes: B batch, T time steps, F frequencies, C features or channels.
"""

import re

import pytest
import torch
from torch import Tensor

from layers.close import close, gradients
from ostinato.errors import ConfigError
from ostinato.layers import SqueezeExcitation

LENGTHS = torch.tensor([6, 0, 1, 4])


def excited(layer: SqueezeExcitation, squeezed: Tensor) -> Tensor:
    """Equation 3 of the paper, of one mean (C,)."""
    inner = torch.relu(layer.fc1.weight @ squeezed + layer.fc1.bias)
    return torch.sigmoid(layer.fc2.weight @ inner + layer.fc2.bias)


def naive(layer: SqueezeExcitation, x: Tensor, lengths: Tensor) -> Tensor:
    """Row by row and step by step."""
    y = []
    for row, length in zip(x, lengths.tolist(), strict=True):
        steps = [torch.zeros_like(row[0])] * len(row)
        for t in range(length):
            seen = row[: t + 1] if layer.over == "past" else row[:length]
            steps[t] = row[t] * excited(layer, seen.reshape(-1, row.shape[-1]).mean(0))
        y.append(torch.stack(steps))
    return torch.stack(y)


@pytest.mark.parametrize("over", ["past", "sequence"])
@pytest.mark.parametrize("size", [(6,), (3, 6)])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_values_and_gradients(over, size, lengths):
    torch.manual_seed(0)
    layer = SqueezeExcitation(size if len(size) > 1 else size[0], 3, over).double()
    x = torch.randn(4, 6, *size, dtype=torch.float64, requires_grad=True)
    y, expected = layer(x, None, lengths)[0], naive(layer, x, LENGTHS * 0 + 6 if lengths is None else lengths)
    close(y, expected)
    inputs = [x, *layer.parameters()]
    for found, truth in zip(gradients([y], inputs), gradients([expected], inputs), strict=True):
        close(found, truth)


def test_the_reduction_is_rounded_down():
    layer = SqueezeExcitation(40)
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == {
        "fc1.weight": (2, 40),
        "fc1.bias": (2,),
        "fc2.weight": (40, 2),
        "fc2.bias": (40,),
    }


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SqueezeExcitation(0), "input_size must be a whole number of at least 1, got 0."),
        (lambda: SqueezeExcitation(3, 0), "reduction must be a whole number of at least 1, got 0."),
        (
            lambda: SqueezeExcitation((9, 4)),
            "reduction must be 1 to 4, the channels of input_size, so that one is left, got 16.",
        ),
        (lambda: SqueezeExcitation(4, 2, "future"), "over must be 'past' or 'sequence', got 'future'."),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
