"""Causal convolution along time; the other convolutions are built on it.

Axes: B batch, T time steps, C input features, O output features, K kernel size, S stride.
"""

from torch import Tensor, nn

from ...errors import ShapeError
from ...ops.convolution import convolve
from ..options import yes_or_no
from ..sliding import Sliding
from .kernels import check_kernel, own_weights


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
        weight_norm: whether magnitude and direction of each output's kernel are learned apart (Salimans & Kingma
            2016). It begins with the same weights. Parameters are then named as by
            ``torch.nn.utils.parametrizations.weight_norm``; to set the weight, assign to it.

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

    weight: Tensor
    bias: Tensor | None

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
        weight_norm: bool = False,
    ) -> None:
        check_kernel(input_size, output_size, kernel_size, dilation, groups)
        yes_or_no(bias=bias, weight_norm=weight_norm)
        span = (kernel_size - 1) * dilation + 1
        super().__init__(input_size, output_size, span, stride, latency, range(0, span, dilation))
        like = nn.Conv1d(input_size, output_size, kernel_size, groups=groups, bias=bias)
        self.dilation, self.groups = dilation, groups
        own_weights(self, like, weight_norm)

    def slide(self, buffer: Tensor) -> Tensor:
        """One call of torch's convolution on channel-first memory."""
        y = convolve(
            buffer.transpose(1, 2),
            self.weight,
            self.bias,
            stride=self.step,
            dilation=self.dilation,
            groups=self.groups,
        )
        return y.transpose(1, 2)

    def valid(self, x: Tensor) -> Tensor:
        """y at the windows that lie wholly within x: none sees the zeros before the beginning.

        Shape:
            x (B, T, C), y the last of ``layer(x)[0]``: with stride 1 (B, T - (K - 1) * dilation, O).

        Raises:
            ShapeError: the kernel is longer than x.
        """
        self._check_input(x)
        span, steps = int(self.receptive_field), x.shape[1]
        missing = -(-span // self.step) * self.step  # windows end where blocks do
        if steps < missing:
            ends = f", which ends at a multiple of {self.step}" if self.step > 1 else ""
            raise ShapeError(
                f"the kernel spans {span} steps{ends}, x has {steps}: no window lies within it. Pass at least "
                f"{missing} steps, or call the layer itself, which begins with zeros."
            )
        return self.slide(x[:, missing - span : steps - steps % self.step])
