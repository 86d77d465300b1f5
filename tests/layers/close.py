"""What the tests of layers compare with."""

import torch
from torch import Tensor


def close(found: Tensor, expected: Tensor) -> None:
    """Equal up to rounding in float64."""
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def gradients(values: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Of a sum in which every number of ``values`` counts differently."""
    weights = [torch.linspace(-1, 2, v.numel(), dtype=v.dtype).view(v.shape) for v in values]
    total = sum((value * weight).sum() for value, weight in zip(values, weights, strict=True))
    return list(torch.autograd.grad(total, inputs))
