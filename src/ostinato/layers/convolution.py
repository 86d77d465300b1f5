"""Convolutions along time, one kernel for every step.

Axes: B batch, T time steps, C input features, O output features, K kernel size.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ..core import SequenceLayer
from ..errors import ConfigError
from .sizes import at_least_one
from .sliding import Sliding
from .steppers_sliding import ConvolutionStepper


class Conv1d(Sliding):
    """Causal convolution: y[t] sees x[t - (K - 1) * dilation] to x[t], zeros before the beginning.

    Parameters are named and initialised as in ``torch.nn.Conv1d``; its weights load as they are.

    Args:
        input_size: features per step, C.
        output_size: features of the output, O.
        kernel_size: steps that the kernel touches, K.
        stride: input steps for each output step. Output j comes when block j of ``stride`` steps is complete,
            so T steps give T // stride outputs and none waits for a block that may never fill.
        dilation: distance in steps between the touched ones.
        groups: parts into which features are split, each convolved on its own.
        bias: whether a bias is added.
        latency: steps that the kernel looks ahead, 0 to (K - 1) * dilation. The numbers are the same; y[t] is
            then about x[t - latency], and ``flush`` gives what is owed at the end.

    Shape:
        x (B, T, C), y (B, T // stride, O), state.history (B, (K - 1) * dilation + 1 - stride + phase, C).

    Raises:
        ConfigError: a size is below 1, or groups do not divide both feature counts.

    Source:
        Causal and dilated: van den Oord et al. 2016, WaveNet, arXiv:1609.03499, section 2.1. As everywhere in
        this field it is the cross-correlation, without flipping the kernel.

    >>> import torch
    >>> y, state = Conv1d(3, 5, kernel_size=2)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.history.shape)
    ((2, 7, 5), (2, 1, 3))
    """

    stepper_type = ConvolutionStepper

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
        latency: int = 0,
    ) -> None:
        _check_kernel(input_size, output_size, kernel_size, dilation, groups)
        super().__init__(input_size, output_size, (kernel_size - 1) * dilation + 1, stride, latency)
        like = nn.Conv1d(input_size, output_size, kernel_size, groups=groups, bias=bias)
        self.weight, self.bias = like.weight, like.bias
        self.dilation, self.groups = dilation, groups

    def slide(self, buffer: Tensor) -> Tensor:
        """One call of torch's convolution on channel-first memory."""
        y = F.conv1d(buffer.transpose(1, 2), self.weight, self.bias, self.step, 0, self.dilation, self.groups)
        return y.transpose(1, 2)


class CentredConv1d(SequenceLayer):
    """Convolution with half of the kernel on each side of a step; needs the whole sequence.

    The streaming form of the same numbers is ``Conv1d`` with ``latency``, which lags by that many steps.

    Args:
        input_size, output_size, kernel_size, dilation, groups, bias: as in ``Conv1d``; K must be odd.

    Shape:
        x (B, T, C), y (B, T, O). The state is ().

    Raises:
        ConfigError: a size is below 1, K is even, or groups do not divide both feature counts.
        StreamingError: a state is given.

    Source:
        ``torch.nn.Conv1d`` with padding="same".
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
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        _check_kernel(input_size, output_size, kernel_size, dilation, groups)
        if kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size must be odd to have a centre, got {kernel_size}.")
        self.input_size, self.output_size = input_size, output_size
        self.receptive_field = (kernel_size - 1) * dilation + 1
        self.convolution = nn.Conv1d(
            input_size, output_size, kernel_size, padding="same", dilation=dilation, groups=groups, bias=bias
        )

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Padding is zero here, so a row alone and a row in a batch see the same beyond their ends."""
        if x.shape[1] == 0:
            return x.new_zeros(x.shape[0], 0, self.output_size), ()
        return self.convolution(x.transpose(1, 2)).transpose(1, 2), ()


def _check_kernel(input_size: int, output_size: int, kernel_size: int, dilation: int, groups: int) -> None:
    at_least_one(input_size=input_size, output_size=output_size, kernel_size=kernel_size, dilation=dilation)
    at_least_one(groups=groups)
    if input_size % groups or output_size % groups:
        raise ConfigError(
            f"groups must divide input_size {input_size} and output_size {output_size}, got {groups}."
        )
