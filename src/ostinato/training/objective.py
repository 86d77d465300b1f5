"""The objective: mean loss weighted by row, and the penalty of layers that have one.

Axes: B rows, T steps, O outputs, K targets.
"""

from typing import Protocol

from torch import Tensor, nn

from ..errors import ShapeError


class Objective(Protocol):
    """A loss for every step."""

    def __call__(self, y: Tensor, target: Tensor) -> Tensor:
        """Losses (...,) for y (..., O) and target (...,) or (..., K). A target may be NaN where it does not count."""
        ...


def weighted_mean(objective: Objective, y: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean loss over the steps that count.

    Targets of the others are blanked first: masking their losses alone would let NaN into the gradient.

    Raises:
        ShapeError: the objective does not give one loss for each step.
    """
    counts = None if bool(weight.all()) else weight > 0
    if counts is not None:
        target = target.masked_fill(~counts.view(*counts.shape, *[1] * (target.dim() - counts.dim())), 0)
    losses = objective(y, target)
    if losses.shape != weight.shape:
        raise ShapeError(
            f"the objective must give a loss for each step, {tuple(weight.shape)}, got {tuple(losses.shape)} from y "
            f"{tuple(y.shape)} and target {tuple(target.shape)}."
        )
    if counts is not None:
        losses = losses.where(counts, 0.0)
    return (losses * weight).sum() / weight.sum()


def penalty(module: nn.Module, l1: float, l2: float) -> Tensor | float:
    """l1 ‖w‖₁ + l2 ‖w‖₂² over all weights of two or more axes: biases and normalisation scales are free."""
    total: Tensor | float = 0.0
    if l1 == 0 and l2 == 0:
        return total
    for parameter in module.parameters():
        if parameter.dim() > 1:
            total = total + l1 * parameter.abs().sum() + l2 * parameter.square().sum()
    return total
