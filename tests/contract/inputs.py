"""Inputs for layers that do not take just any numbers."""

import torch
from torch import Tensor


def trades(batch: int, steps: int, generator: torch.Generator) -> Tensor:
    """Seconds since some origin, price, amount: (batch, steps, 3) float64; at times the price stays."""
    uniform = torch.rand(batch, steps, 3, generator=generator, dtype=torch.float64)
    time = 1.5e9 + (20 * uniform[..., 0]).floor().cumsum(1)
    price = 6000 + (5 * uniform[..., 1] - 2).floor().cumsum(1) / 4
    return torch.stack([time, price, 0.01 + uniform[..., 2]], dim=-1)


def bars(batch: int, steps: int, generator: torch.Generator) -> Tensor:
    """Seconds, open, high, low, close, volume: (batch, steps, 6) float64; the first bars do not move."""
    uniform = torch.rand(batch, steps, 5, generator=generator, dtype=torch.float64)
    walk = 0.01 * torch.randn(batch, steps, generator=generator, dtype=torch.float64)
    walk[:, 1:3] = 0.0
    close = 6000 * walk.cumsum(1).exp()
    opened = close * (1 + 0.01 * (uniform[..., 0] - 0.5))
    high = torch.maximum(opened, close) * (1 + 0.01 * uniform[..., 1])
    low = torch.minimum(opened, close) * (1 - 0.01 * uniform[..., 2])
    volume = (4 * uniform[..., 3]).floor()  # at times there is none
    time = 1.5e9 + (36_000 * uniform[..., 4]).cumsum(1)
    return torch.stack([time, opened, high, low, close, volume], dim=-1)


def levels(batch: int, steps: int, generator: torch.Generator) -> Tensor:
    """Two columns that wander: (batch, steps, 2) float64."""
    return 10 + 3 * torch.randn(batch, steps, 2, generator=generator, dtype=torch.float64).cumsum(1)


def table(batch: int, steps: int, generator: torch.Generator) -> Tensor:
    """Seconds, three columns, one that is known in advance, and that at two steps ahead: (batch, steps, 7) float64."""
    columns = torch.randn(batch, steps, 3, generator=generator, dtype=torch.float64).cumsum(1)
    known = torch.randn(batch, steps + 3, generator=generator, dtype=torch.float64)
    time = 3600.0 * torch.arange(steps, dtype=torch.float64).expand(batch, steps)
    ahead = [known[:, shift : shift + steps, None] for shift in (0, 1, 3)]
    return torch.cat([time[..., None], columns, *ahead], dim=-1)


def codes(batch: int, steps: int, generator: torch.Generator) -> Tensor:
    """Two columns of codes, 0 to 4: (batch, steps, 2) float64."""
    return torch.randint(0, 5, (batch, steps, 2), generator=generator).double()
