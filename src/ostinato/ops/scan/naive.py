"""The scan step by step: this function defines the numbers.

Axes: B batch, T time steps, * any others.
"""

import torch
from torch import Tensor

from .arguments import aligned


def linear(decay: Tensor, value: Tensor, start: Tensor) -> Tensor:
    """h_t = decay_t * h_(t-1) + value_t, from h_(-1) = start on.

    Args:
        decay: anything that broadcasts to value; where it is the same for all steps or rows, it is not expanded.
        value: (B, T, *), real or complex.
        start: (B, *), or anything that broadcasts to it.

    Returns:
        h (B, T, *), of the dtype that the three are promoted to.

    Raises:
        ShapeError: decay or start does not broadcast.

    >>> linear(torch.tensor(0.5), torch.ones(1, 4, 1), torch.zeros(())).flatten()
    tensor([1.0000, 1.5000, 1.7500, 1.8750])
    """
    decay, value, h = aligned(decay, value, start)
    steps = []
    for factor, term in zip(decay.expand_as(value).unbind(1), value.unbind(1), strict=True):
        h = factor * h + term
        steps.append(h)
    return torch.stack(steps, dim=1) if steps else torch.zeros_like(value)
