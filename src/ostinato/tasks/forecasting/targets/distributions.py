"""Training losses of output distributions, in the unit of the data.

A network answers in units of the present scale of the series. The loss is multiplied by that scale again (over its
mean), so that what is minimised is what is judged: the mean loss in the unit of the data.

Axes: N rows, J quantities, C columns, P numbers of a distribution, Q levels of quantiles.
"""

import math

import torch
from torch import Tensor

from ....layers import Output, Point, Quantiles, StudentT
from ....training.objective import Objective


def objective(output: Output, columns: int) -> Objective:
    """Losses (...,) of numbers y (..., O) and target (..., J + C): labels in units of the scale, NaN where there is
    none, then the scales over their means."""

    def losses(y: Tensor, target: Tensor) -> Tensor:
        z, share = target[..., :-columns], target[..., -columns:]
        known = z.isfinite()
        z = torch.where(known, z, 0.0)
        share = share.repeat_interleave(output.quantities // columns, dim=-1)
        each = torch.where(known, _loss(output, output.standard(y), z, share), 0.0)
        return each.sum(-1) / known.sum(-1).clamp(min=1)

    return losses


def _loss(output: Output, standard: Tensor, z: Tensor, share: Tensor) -> Tensor:
    if isinstance(output, Point):
        return (standard[..., 0] - z).square() * share.square()
    if isinstance(output, Quantiles):
        return pinball(standard, z, standard.new_tensor(output.levels)) * share
    assert isinstance(output, StudentT)
    return negative_log_likelihood(standard, z)


def pinball(quantiles: Tensor, z: Tensor, levels: Tensor) -> Tensor:
    """Mean over the levels of the pinball losses of quantiles (..., Q) for labels z (...).

    Source:
        Koenker & Bassett 1978, Econometrica 46, 33-50.
    """
    error = z[..., None] - quantiles
    return torch.maximum(levels * error, (levels - 1) * error).mean(-1)


def negative_log_likelihood(parameters: Tensor, z: Tensor) -> Tensor:
    """Of Student's t with location, scale and degrees of freedom (..., 3), in nats."""
    location, scale, freedom = parameters.unbind(-1)
    ratio = (z - location) / scale
    half = (freedom + 1) / 2
    constant = torch.lgamma(freedom / 2) - torch.lgamma(half) + 0.5 * (freedom * math.pi).log()
    return constant + scale.log() + half * torch.log1p(ratio.square() / freedom)
