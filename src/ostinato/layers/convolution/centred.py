"""Centred convolution: sees steps before and after each step, so it needs the whole sequence.

Axes: B batch, T time steps, C input features, O output features, K kernel size, S stride.
"""

from fractions import Fraction

import torch.nn.functional as F
from torch import Tensor, nn

from ...core import SequenceLayer, StepSet, newest
from ...errors import ConfigError
from ..options import yes_or_no
from ..sizes import at_least_one
from .kernels import check_kernel, normalise_weight


class CentredConv1d(SequenceLayer):
    """Convolution with half of the kernel on each side of a step; needs the whole sequence.

    The streaming form of the same numbers is ``Conv1d`` with ``latency``, which lags by that many steps.

    Args:
        input_size, output_size, kernel_size, dilation, groups, bias, weight_norm: as in ``Conv1d``; K must be odd.
        stride: input steps for each output step. The kernel is centred on the last step of each block of ``stride``,
            where a causal layer of the same stride has its output; a block that is not complete gives none.

    Shape:
        x (B, T, C), y (B, T // stride, O). The state is ().

    Raises:
        ConfigError: a size is below 1, K is even, or groups do not divide both feature counts.
        StreamingError: a state is given.

    Source:
        ``torch.nn.Conv1d`` with padding="same". With a stride torch centres on the first step of each block, which
        gives an output to a block that is not complete.
    """

    input_size: int
    output_size: int
    streams = False

    def __init__(
        self,
        input_size: int,
        output_size: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        weight_norm: bool = False,
    ) -> None:
        super().__init__()
        check_kernel(input_size, output_size, kernel_size, dilation, groups)
        yes_or_no(bias=bias, weight_norm=weight_norm)
        at_least_one(stride=stride)
        if kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size must be odd to have a centre, got {kernel_size}.")
        self.input_size, self.output_size = input_size, output_size
        self.receptive_field = (kernel_size - 1) * dilation + 1
        self.step, self.stride = stride, Fraction(stride)
        self.reach = (kernel_size - 1) // 2 * dilation
        padding = self.reach if stride == 1 else 0
        self.convolution = nn.Conv1d(
            input_size, output_size, kernel_size, stride, padding, dilation, groups=groups, bias=bias
        )
        if weight_norm:
            normalise_weight(self.convolution)

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Padding is zero here, so a row alone and a row in a batch see the same beyond their ends."""
        if x.shape[1] < self.step:
            return x.new_zeros(x.shape[0], 0, self.output_size), ()
        x = x.transpose(1, 2)
        if self.step > 1:  # the first centre is step S - 1; a negative padding cuts off what no window sees
            x = F.pad(x, (self.reach - self.step + 1, self.reach))
        return self.convolution(x).transpose(1, 2), ()

    def sees(self, step: int) -> StepSet:
        """Half of the kernel back, and half of it ahead."""
        taps = range(-self.reach, self.reach + 1, self.convolution.dilation[0])
        return StepSet.of(taps).shifted(newest(step, self.stride))

    def out_lengths(self, lengths: Tensor, state: tuple[()] | None = None) -> Tensor:
        """Blocks of ``stride`` steps that are complete."""
        return lengths // self.step
