"""Cumulative layer normalisation: statistics over all steps so far.

Axes: B batch, T time steps, F frequencies, C features or channels.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...core import SequenceLayer, Size, axes, fill_padding
from ...errors import ConfigError
from ..options import finite, one_of
from ..pooling import MeanState, running_mean, steps_seen
from ..sizes import check_size


class MomentsState(NamedTuple):
    """Mean, and squared distances to it, of all numbers so far."""

    mean: Tensor  # (B, 1) or (B, C) float64; (B, 1, 1) or (B, 1, C) of frequencies and channels
    squares: Tensor  # as mean
    steps: Tensor  # (B,) int64


class CumulativeLayerNorm(SequenceLayer):
    """Each step normalised by the mean and variance of all numbers up to it: LayerNorm that knows the past.

        y[t] = weight * (x[t] - mean[0..t]) / sqrt(variance[0..t] + eps) + bias

    Args:
        input_size: features per step, C or (F, C).
        eps: added to the variance; above 0, since a constant has none.
        per: 'layer' takes one mean and variance of all numbers of the steps so far; 'channel' one of each channel
            (and its frequencies), the streaming form of ``InstanceNorm``.

    Shape:
        x (B, T, C) or (B, T, F, C), y alike; state.mean and state.squares (B, 1), or (B, C) per channel, state.steps
        (B,). The first two are float64 whatever x is.

    Raises:
        ConfigError: a size is below 1, eps is not above 0, or ``per`` is neither.

    Source:
        Luo & Mesgarani 2019, Conv-TasNet, arXiv:1809.07454, section II, cLN. The variance is put together from
        squared distances by Chan, Golub & LeVeque 1983, The American Statistician 37, 242-247, equations 1.5a and b:
        the mean square less the squared mean has no digits left of numbers far from 0.
    """

    input_size: Size
    receptive_field = math.inf

    def __init__(self, input_size: Size, eps: float = 1e-5, per: str = "layer") -> None:
        super().__init__()
        check_size(input_size=input_size)
        finite(eps=eps)
        if eps <= 0:
            raise ConfigError(f"eps must be above 0, got {eps}: the variance of a constant is 0.")
        one_of("per", per, ("layer", "channel"))
        self.input_size = self.output_size = input_size
        self.eps, self.per = eps, per
        size = axes(input_size)
        self.over = tuple(range(2, 1 + len(size) + (per == "layer")))  # axes that share their statistics
        self.each = math.prod(size[axis - 2] for axis in self.over)  # numbers of a step that go into each
        channels = size[-1]
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> MomentsState:
        """Nothing seen. ``dtype`` does not matter."""
        size = [1 if axis + 2 in self.over else numbers for axis, numbers in enumerate(axes(self.input_size))]
        mean = torch.zeros(batch, *size, dtype=torch.float64, device=device)
        count = torch.zeros(batch, dtype=torch.int64, device=device)
        return MomentsState(mean, torch.zeros_like(mean), count)

    def run(self, x: Tensor, state: MomentsState, lengths: Tensor | None) -> tuple[Tensor, MomentsState]:
        """What is as large as x stays in its dtype, and near 0; what is summed over time is float64."""
        if x.numel() == 0:
            return x, state
        middle, away, mean, squares = self._of_each_step(x)
        means, known = running_mean(mean, MeanState(state.mean, state.steps), lengths)
        before = torch.cat([state.mean[:, None], means[:, :-1]], dim=1)
        # what a step adds to the squared distances, never below 0: its own, and those of its mean
        more = squares + self.each * (mean - before) * (mean - means)
        sums = state.squares[:, None] + fill_padding(more, lengths).cumsum(1)
        count = steps_seen(x, state.steps, lengths).clamp(min=1) * self.each
        variance = sums / count.view(*count.shape, *[1] * (x.dim() - 2))
        y = (away - (means - middle).to(away.dtype)) * (variance + self.eps).rsqrt().to(away.dtype)
        y = torch.addcmul(self.bias, y.to(x.dtype), self.weight)
        return y, MomentsState(known.mean, sums[:, -1].clone(), known.steps)

    def _of_each_step(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A number near the mean of each step, the distances of x to it, the mean and the squared distances to that."""
        if not self.over:
            wide = x.double()
            middle = torch.zeros_like(wide[:, :, :1])
            return middle, wide, wide, middle
        middle = x.detach().mean(self.over, keepdim=True)
        away = x - middle
        variance, rest = torch.var_mean(away, self.over, correction=0, keepdim=True)
        return middle, away, middle + rest.double(), self.each * variance.double()
