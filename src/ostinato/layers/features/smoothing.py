"""Exponentially weighted sums along time: the one recurrence behind moving averages and volatilities.

Axes: B batch, T time steps, C columns, K half-lives, L steps of a block.
"""

import math

import torch
from torch import Tensor

BLOCK = 64  # steps worked on at once: a product with a triangle of this size beats a loop over steps


def decays(halflives: tuple[float, ...]) -> list[float]:
    """What is left of a weight after one step; 1 for an infinite half-life, where all steps weigh the same."""
    return [1.0 if math.isinf(halflife) else 0.5 ** (1.0 / halflife) for halflife in halflives]


def weighted_sums(x: Tensor, before: Tensor, decay: Tensor) -> Tensor:
    """s[t] = decay * s[t - 1] + x[t], for every decay: (B, T, C, K).

    Args:
        x: (B, T, C).
        before: the sums before the first step, (B, C, K).
        decay: (K,), above 0 and at most 1.
    """
    if x.shape[1] == 0:
        return x.new_zeros(*x.shape, len(decay))
    if x.shape[1] == 1:  # a live step needs no triangle
        return x[..., None] + decay * before[:, None]
    pieces = []
    for piece in x.split(BLOCK, dim=1):
        steps = torch.arange(piece.shape[1], device=x.device)
        age = steps[:, None] - steps  # (L, L), of what each column adds to each row
        triangle = torch.where(age >= 0, decay[:, None, None] ** age.clamp(min=0), 0.0)
        kept = decay ** (steps[:, None] + 1)  # (L, K), of the sums before the block
        # in a product with 0, what is not finite would reach the steps before it
        finite = piece.isfinite()
        here = torch.einsum("kij,bjc->bick", triangle, torch.where(finite, piece, 0.0))
        broken = (~finite).cumsum(1) > 0
        here = torch.where(broken[..., None], torch.nan, here + kept[:, None] * before[:, None])
        pieces.append(here)
        before = here[:, -1]
    return torch.cat(pieces, dim=1)


def total_weight(seen: Tensor, decay: Tensor) -> Tensor:
    """The sum of the weights of ``seen`` (...) steps, for every decay: (..., K)."""
    count = seen[..., None].to(decay)
    less = (1 - decay).clamp(min=torch.finfo(decay.dtype).tiny)
    return torch.where(decay < 1, (1 - decay**count) / less, count)


def at_lengths(sums: Tensor, before: Tensor, lengths: Tensor | None) -> Tensor:
    """The sums (B, C, K) after each row's last step; those ``before`` for a row without steps."""
    if sums.shape[1] == 0:
        return before
    if lengths is None:
        return sums[:, -1].clone()  # a view would keep the whole chunk alive
    last = (lengths - 1).clamp(min=0).view(-1, 1, 1, 1).expand(-1, 1, *sums.shape[2:])
    return torch.where((lengths > 0).view(-1, 1, 1), sums.gather(1, last)[:, 0], before)
