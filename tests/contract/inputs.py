"""Inputs for layers that do not take just any numbers."""

import torch
from torch import Tensor


def trades(batch: int, steps: int, generator: torch.Generator) -> Tensor:
    """Seconds since some origin, price, amount: (batch, steps, 3) float64; at times the price stays."""
    uniform = torch.rand(batch, steps, 3, generator=generator, dtype=torch.float64)
    time = 1.5e9 + (20 * uniform[..., 0]).floor().cumsum(1)
    price = 6000 + (8 * uniform[..., 1]).floor() / 4
    return torch.stack([time, price, 0.01 + uniform[..., 2]], dim=-1)
