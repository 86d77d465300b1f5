"""Pooling of all steps so far, step by step.

Axes: B batch, T time steps, C features, or F frequencies and C channels.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import SequenceLayer, Size, axes, fill_padding
from ..sizes import check_size


class MeanState(NamedTuple):
    """A mean, and of how many steps it is one."""

    mean: Tensor  # (B, C) float64
    steps: Tensor  # (B,) int64


class MaxState(NamedTuple):
    """The largest of what was seen."""

    largest: Tensor  # (B, C), minus infinity at the beginning


def empty_mean(batch: int, size: Size, device: torch.device | str | None = None) -> MeanState:
    """The mean of no steps: 0."""
    mean = torch.zeros(batch, *axes(size), dtype=torch.float64, device=device)
    return MeanState(mean, torch.zeros(batch, dtype=torch.int64, device=device))


def running_mean(x: Tensor, state: MeanState, lengths: Tensor | None) -> tuple[Tensor, MeanState]:
    """The mean of all steps up to each: (B, T, ...) float64, and that after the last.

    Sums are kept of the distance to a number near the mean, in float64: in float32 a mean stands still once a step
    weighs less than its last digit, and a sum of prices loses the digits in which they differ.

    Args:
        x: (B, T, ...).
    """
    if x.shape[1] == 0:
        return x.double(), state
    seen = _beside(state.steps, x[:, 0])
    near = torch.where(seen > 0, state.mean, x[:, 0].double()).detach()
    near = torch.where(near.isfinite(), near, 0.0)
    away = fill_padding(x - near[:, None], lengths).cumsum(1) + (seen * (state.mean - near))[:, None]
    count = steps_seen(x, state.steps, lengths)
    means = near[:, None] + away / _beside(count.clamp(min=1), x)
    return means, MeanState(means[:, -1].clone(), count[:, -1].clone())


def steps_seen(x: Tensor, before: Tensor, lengths: Tensor | None) -> Tensor:
    """Valid steps up to each, (B, T), after ``before`` (B,) earlier ones."""
    here = torch.arange(1, x.shape[1] + 1, device=x.device)
    return before[:, None] + (here if lengths is None else here.minimum(lengths[:, None]))


def _beside(rows: Tensor, values: Tensor) -> Tensor:
    """``rows`` with as many axes as ``values``."""
    return rows.view(*rows.shape, *[1] * (values.dim() - rows.dim()))


class GlobalPool(SequenceLayer):
    """What pooling of all steps so far shares."""

    input_size: Size
    receptive_field = math.inf

    def __init__(self, input_size: Size) -> None:
        super().__init__()
        check_size(input_size=input_size)
        self.input_size = self.output_size = input_size


class GlobalAvgPool1d(GlobalPool):
    """The mean of each feature over all steps so far: y[t] = (x[0] + ... + x[t]) / (t + 1).

    The output at the last valid step is the global mean; ``last(x)`` gives it alone.

    Args:
        input_size: features per step, C or (F, C).

    Shape:
        x (B, T, C), y (B, T, C), state.mean (B, C) and state.steps (B,). The mean is float64 whatever x is, so that
        ten million steps later one more still counts.

    Raises:
        ConfigError: a size is below 1.

    Source:
        Lin et al. 2013, Network In Network, arXiv:1312.4400, section 3.2. We give the mean at every step, so that
        it streams.

    >>> GlobalAvgPool1d(1)(torch.tensor([[[2.0], [4.0], [9.0]]]))[0].flatten()
    tensor([2., 3., 5.])
    """

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> MeanState:
        """No steps. ``dtype`` does not matter."""
        return empty_mean(batch, self.input_size, device)

    def run(self, x: Tensor, state: MeanState, lengths: Tensor | None) -> tuple[Tensor, MeanState]:
        """The running mean, rounded to the dtype of x."""
        means, after = running_mean(x, state, lengths)
        return means.to(x.dtype), after

    def tail(self, x: Tensor, count: int) -> Tensor:
        """The last mean alone needs no others."""
        self._check_input(x)
        if count != 1 or x.shape[1] == 0:
            return super().tail(x, count)
        return x.mean(1, keepdim=True, dtype=torch.float64).to(x.dtype)


class GlobalMaxPool1d(GlobalPool):
    """The largest value of each feature in all steps so far: y[t] = max(x[0], ..., x[t]).

    The output at the last valid step is the global maximum; ``last(x)`` gives it alone.

    Args:
        input_size: features per step, C or (F, C).

    Shape:
        x (B, T, C), y (B, T, C), state.largest (B, C).

    Raises:
        ConfigError: a size is below 1.

    Source:
        Collobert et al. 2011, JMLR 12, 2493-2537, section 3.3.2, max over time; at every step, so that it streams.
        Among equals the gradient goes to the newest.
    """

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> MaxState:
        """Minus infinity."""
        shape = (batch, *axes(self.input_size))
        return MaxState(torch.full(shape, -math.inf, dtype=dtype, device=device))

    def run(self, x: Tensor, state: MaxState, lengths: Tensor | None) -> tuple[Tensor, MaxState]:
        """The state is a step before the first: so gradients among equals do not depend on where x is cut."""
        steps = torch.cat([state.largest[:, None], fill_padding(x, lengths, -math.inf)], dim=1)
        largest = steps.cummax(1).values
        return largest[:, 1:], MaxState(largest[:, -1].clone())

    def tail(self, x: Tensor, count: int) -> Tensor:
        """The last maximum alone needs no others."""
        self._check_input(x)
        if count != 1 or x.shape[1] == 0:
            return super().tail(x, count)
        # among equals the gradient goes to the first that it meets
        return x.flip(1).max(1, keepdim=True).values
