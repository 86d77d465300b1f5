"""Normalisation of groups of channels: of each step by itself, or of a whole row.

Axes: B batch, T time steps, F frequencies, C features or channels, G groups.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core import SequenceLayer, Size, axes, numbers, valid_steps
from ...errors import ConfigError
from ..options import not_negative, one_of, yes_or_no
from ..sizes import at_least_one, check_size


class GroupNorm(SequenceLayer):
    """Each group of channels normalised by its mean and variance, of one step or of the whole row.

    Args:
        input_size: features per step, C or (F, C). The frequencies of a channel are in its group.
        groups: parts into which the channels are split, G; it divides C.
        over: 'step' takes the statistics over the group's numbers of one step, and streams; 'sequence' over those of
            all valid steps of the row, as ``torch.nn.GroupNorm`` does of (B, C, T), and needs the whole sequence.
        eps: added to the variance.
        affine: whether each channel has a weight and a bias.

    Shape:
        x (B, T, C) or (B, T, F, C), y alike. The state is ().

    Raises:
        ConfigError: a size is below 1, groups do not divide the channels, a group of one step would be a single
            number, or ``over`` is neither.
        StreamingError: a state is given, over='sequence'.

    Source:
        Wu & He 2018, arXiv:1803.08494, section 3, equations 1 to 7; ``torch.nn.GroupNorm``. We leave padded steps out.
        With one group, over='sequence' is the global layer norm of Luo & Mesgarani 2019, arXiv:1809.07454,
        gLN.
    """

    input_size: Size

    def __init__(
        self, input_size: Size, groups: int, over: str = "step", eps: float = 1e-5, affine: bool = True
    ) -> None:
        super().__init__()
        check_size(input_size=input_size)
        at_least_one(groups=groups)
        not_negative(eps=eps)
        yes_or_no(affine=affine)
        one_of("over", over, ("step", "sequence"))
        channels = axes(input_size)[-1]
        if channels % groups:
            raise ConfigError(f"groups must divide the {channels} channels of input_size, got {groups}.")
        self.each = numbers(input_size) // groups  # numbers of a group in one step
        if over == "step" and self.each == 1:
            raise ConfigError(
                f"{groups} groups leave a single number of each step, which has no variance. Use fewer groups, or "
                "over='sequence'."
            )
        self.input_size = self.output_size = input_size
        self.groups, self.over, self.eps = groups, over, eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        if over == "sequence":
            self.streams, self.receptive_field = False, math.inf

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """One call of torch's where it counts nothing that is padded."""
        if x.numel() == 0:
            return x, ()
        if self.over == "step":
            return self._each_step(x), ()
        if lengths is None and x.shape[1] * self.each > 1:  # torch refuses a single number
            first = F.group_norm(x.movedim(-1, 1), self.groups, self.weight, self.bias, self.eps)
            return first.movedim(1, -1), ()
        if lengths is None:
            lengths = torch.ones(len(x), dtype=torch.int64, device=x.device)
        return self._valid_steps(x, lengths), ()

    def _each_step(self, x: Tensor) -> Tensor:
        """As layer norm, whose kernel is made for many small groups."""
        parts = x.unflatten(-1, (self.groups, -1)).movedim(-2, 2)  # (B, T, G, C / G) or (B, T, G, F, C / G)
        y = F.layer_norm(parts, parts.shape[3:], eps=self.eps).movedim(2, -2).flatten(-2)
        return self._scaled(y)

    def _valid_steps(self, x: Tensor, lengths: Tensor) -> Tensor:
        over = tuple(range(1, x.dim() - 1))  # time, and frequencies
        real = valid_steps(lengths, x.shape[1]).view(*x.shape[:2], *[1] * (x.dim() - 2))
        count = (lengths.clamp(min=1) * self.each)[:, None]

        def mean(numbers: Tensor) -> Tensor:
            """Of each group, at each of its channels: (B, 1, C) or (B, 1, 1, C)."""
            sums = numbers.sum(over).unflatten(1, (self.groups, -1)).sum(2) / count
            each = sums.repeat_interleave(x.shape[-1] // self.groups, dim=1)
            return each.view(len(x), *[1] * len(over), -1)

        away = torch.where(real, x - mean(x), 0.0)  # padding of x is zero
        return self._scaled(away * (mean(away.square()) + self.eps).rsqrt())

    def _scaled(self, y: Tensor) -> Tensor:
        return y if self.weight is None or self.bias is None else torch.addcmul(self.bias, y, self.weight)


class InstanceNorm(GroupNorm):
    """Each channel of each row normalised by its mean and variance over the row's valid steps.

    Needs the whole sequence; ``CumulativeLayerNorm`` with per='channel' is the streaming form.

    Args:
        input_size: features per step, C or (F, C). Statistics are over time, and the frequencies of a channel.
        eps: added to the variance.
        affine: whether each channel has a weight and a bias.

    Shape:
        x (B, T, C) or (B, T, F, C), y alike. The state is ().

    Raises:
        ConfigError: a size is below 1.
        StreamingError: a state is given.

    Source:
        Ulyanov et al. 2016, arXiv:1607.08022, section 2; ``torch.nn.InstanceNorm1d`` and ``InstanceNorm2d`` without
        running statistics. We leave padded steps out, and a row of one step gives 0 (or the bias): torch refuses it
        in ``train()``.
    """

    def __init__(self, input_size: Size, eps: float = 1e-5, affine: bool = False) -> None:
        check_size(input_size=input_size)
        super().__init__(input_size, axes(input_size)[-1], over="sequence", eps=eps, affine=affine)
