"""What is minimised.

Axes: B rows, T steps, O outputs, K targets.
"""

from typing import Protocol

import torch
from torch import Tensor, nn


class Objective(Protocol):
    """A loss for every step."""

    def __call__(self, y: Tensor, target: Tensor) -> Tensor:
        """Losses (...,) for y (..., O) and target (...,) or (..., K). A target may be NaN where it does not count."""
        ...


def weighted_mean(losses: Tensor, weight: Tensor) -> Tensor:
    """Mean over the steps that count. Those that do not are taken out, not multiplied: they may be NaN."""
    counted = torch.where(weight > 0, losses, 0.0)
    return (counted * weight).sum() / weight.sum()


def penalty(module: nn.Module, l1: float, l2: float) -> Tensor | float:
    """l1 ‖w‖₁ + l2 ‖w‖₂² over all weights of two or more axes: biases and normalisation scales are free."""
    total: Tensor | float = 0.0
    if l1 == 0 and l2 == 0:
        return total
    for parameter in module.parameters():
        if parameter.dim() > 1:
            total = total + l1 * parameter.abs().sum() + l2 * parameter.square().sum()
    return total
