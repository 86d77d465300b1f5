"""Convolutions over time and frequency: spectrograms, or images of which one axis is time.

Memory follows the producer. A contiguous x (B, T, F, C) is what torch calls channels_last, and stays it from one
layer to the next; x whose memory is (B, C, T, F) stays as it is too. On two cores the former is the faster one.

Pairs are (time, frequency). Axes: B batch, T time steps, F frequencies, C channels in, O channels out, K kernel size.
"""

from fractions import Fraction

import torch.nn.functional as F
from torch import Tensor, nn

from ...core import SequenceLayer, StepSet, newest
from ...errors import ConfigError
from ...ops.convolution import convolve
from ..combining.chain import Chain
from ..options import yes_or_no
from ..sizes import at_least_one
from ..sliding import Sliding
from .kernel2d import Kernel2d, Padding, Pair, check_groups, frequencies_and_channels
from .kernels import own_weights
from .separable import by_name


class Conv2d(Sliding):
    """Convolution over time and frequency, causal in time: y[t, f] sees the last steps up to t, zeros before the
    beginning.

        y[t, f, o] = b[o] + sum over i, j, c of W[o, c, i, j] x[t - (Kt - 1 - i) Dt, f Sf + j Df - p, c]

    Parameters are named, shaped and initialised as in ``torch.nn.Conv2d``; weights load both ways. ``groups`` equal to
    the channels make it depthwise, kernel_size=1 pointwise.

    Args:
        input_size: frequencies and channels of a step, (F, C).
        out_channels: channels of the output, O.
        kernel_size: steps and frequencies that the kernel touches, (Kt, Kf), or one number for both.
        stride: of time and frequency. In time as in ``Conv1d``: T steps give T // St.
        dilation: distance between the touched ones, of time and frequency.
        groups: parts into which channels are split, each convolved on its own.
        bias: whether a bias is added.
        latency: steps of time that the kernel looks ahead, as in ``Conv1d``.
        padding: zeros below and above the frequencies, a number p of each; 'valid' is 0; 'same' as many as keep F, or
            ceil(F / Sf) with a stride, one more above where the kernel is even.
        weight_norm: as in ``Conv1d``.

    Shape:
        x (B, T, F, C), y (B, T // St, F', O), F' = (F + 2 p - (Kf - 1) Df - 1) // Sf + 1.
        state.history (B, (Kt - 1) Dt + 1 - St + phase, F, C).

    Raises:
        ConfigError: a size is below 1, groups do not divide both channel counts, or the kernel is longer than the
            padded frequencies.

    Source:
        LeCun et al. 1998, Gradient-based learning applied to document recognition, section II; ``torch.nn.Conv2d``.
        As everywhere in this field it is the cross-correlation, without flipping the kernel. We depart by padding time
        in front alone, so that it streams.

    >>> import torch
    >>> layer = Conv2d((32, 3), 8, kernel_size=5)
    >>> y, state = layer(torch.zeros(2, 7, 32, 3))
    >>> tuple(y.shape), layer.output_size, tuple(state.history.shape)
    ((2, 7, 28, 8), (28, 8), (2, 4, 32, 3))
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        input_size: tuple[int, int],
        out_channels: int,
        kernel_size: Pair,
        *,
        stride: Pair = 1,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        latency: int = 0,
        padding: Padding = 0,
        weight_norm: bool = False,
    ) -> None:
        frequencies, channels = frequencies_and_channels(input_size)
        check_groups(groups, channels, out_channels)
        yes_or_no(bias=bias, weight_norm=weight_norm)
        kernel = Kernel2d.over(frequencies, kernel_size, stride, dilation, padding)
        output_size = kernel.frequencies, out_channels
        offsets = range(0, kernel.steps, kernel.dilation[0])
        super().__init__(input_size, output_size, kernel.steps, kernel.stride[0], latency, offsets)
        self.kernel, self.groups = kernel, groups
        like = nn.Conv2d(channels, out_channels, kernel.size, groups=groups, bias=bias)
        own_weights(self, like, weight_norm)

    def slide(self, buffer: Tensor) -> Tensor:
        """One call of torch's convolution, in the memory that buffer is in."""
        kernel = self.kernel
        x, margin = kernel.pad(buffer.movedim(-1, 1))
        y = convolve(
            x,
            self.weight,
            self.bias,
            stride=kernel.stride,
            padding=(0, margin),
            dilation=kernel.dilation,
            groups=self.groups,
        )
        return y.movedim(1, -1)


class CentredConv2d(SequenceLayer):
    """Convolution over time and frequency with half of the kernel on each side of a step; needs the whole sequence.

    The streaming form of the same numbers is ``Conv2d`` with ``latency``, which lags by that many steps.

    Args:
        input_size, out_channels, kernel_size, dilation, groups, bias, padding, weight_norm: as in ``Conv2d``; Kt must
            be odd.
        stride: of time and frequency. In time as in ``CentredConv1d``: centred on the last step of each block.

    Shape:
        x (B, T, F, C), y (B, T // St, F', O). The state is ().

    Raises:
        ConfigError: as in ``Conv2d``, or Kt is even.
        StreamingError: a state is given.

    Source:
        ``torch.nn.Conv2d`` with (Kt - 1) Dt / 2 steps of padding.
    """

    weight: Tensor
    bias: Tensor | None
    streams = False

    def __init__(
        self,
        input_size: tuple[int, int],
        out_channels: int,
        kernel_size: Pair,
        *,
        stride: Pair = 1,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        padding: Padding = 0,
        weight_norm: bool = False,
    ) -> None:
        super().__init__()
        frequencies, channels = frequencies_and_channels(input_size)
        check_groups(groups, channels, out_channels)
        yes_or_no(bias=bias, weight_norm=weight_norm)
        kernel = Kernel2d.over(frequencies, kernel_size, stride, dilation, padding)
        if kernel.size[0] % 2 == 0:
            raise ConfigError(f"kernel_size must be odd in time to have a centre, got {kernel.size}.")
        self.input_size, self.output_size = input_size, (kernel.frequencies, out_channels)
        self.receptive_field, self.stride = kernel.steps, Fraction(kernel.stride[0])
        self.kernel, self.groups = kernel, groups
        like = nn.Conv2d(channels, out_channels, kernel.size, groups=groups, bias=bias)
        own_weights(self, like, weight_norm)

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Padding is zero here, so a row alone and a row in a batch see the same beyond their ends."""
        kernel, reach = self.kernel, self.kernel.steps // 2
        step = kernel.stride[0]
        if x.shape[1] < step:
            return x.new_zeros(x.shape[0], 0, kernel.frequencies, len(self.weight)), ()
        padded, margin = kernel.pad(x.movedim(-1, 1))
        around = reach, margin
        if step > 1:  # the first centre is step S - 1; a negative padding cuts off what no window sees
            padded, around = F.pad(padded, (0, 0, reach - step + 1, reach)), (0, margin)
        y = convolve(
            padded,
            self.weight,
            self.bias,
            stride=kernel.stride,
            padding=around,
            dilation=kernel.dilation,
            groups=self.groups,
        )
        return y.movedim(1, -1), ()

    def sees(self, step: int) -> StepSet:
        """Half of the kernel back, and half of it ahead."""
        reach = self.kernel.steps // 2
        taps = range(-reach, reach + 1, self.kernel.dilation[0])
        return StepSet.of(taps).shifted(newest(step, self.stride))

    def out_lengths(self, lengths: Tensor, state: tuple[()] | None = None) -> Tensor:
        """Blocks of St steps that are complete."""
        return lengths // self.kernel.stride[0]


class SeparableConv2d(Chain):
    """A kernel for each channel alone, then a mixture of the channels at each place: depthwise, then pointwise.

    It has C M Kt Kf + C M O weights where ``Conv2d`` has C O Kt Kf: with M = 1 that is 1 / O + 1 / (Kt Kf) of them.

    Args:
        input_size: frequencies and channels of a step, (F, C).
        out_channels: channels of the output, O.
        kernel_size, stride, dilation, latency, padding: of the depthwise part, as in ``Conv2d``.
        multiplier: channels that the depthwise part makes of each, M.
        bias, weight_norm: of both parts.
        between: a layer between the two, on (F', C M), as in ``SeparableConv1d``.

    Shape:
        x (B, T, F, C), y (B, T // St, F', O). The state is a tuple of the parts' states.

    Raises:
        ConfigError: as in ``Conv2d``; the multiplier is below 1; ``between`` is no layer or of other sizes.

    Source:
        Howard et al. 2017, MobileNets, arXiv:1704.04861, section 3.1, equation 5. There a batch norm and a ReLU follow
        each part (figure 3); here the first pair is ``between``, the second comes after this layer.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        out_channels: int,
        kernel_size: Pair,
        *,
        stride: Pair = 1,
        dilation: Pair = 1,
        latency: int = 0,
        padding: Padding = 0,
        multiplier: int = 1,
        bias: bool = True,
        weight_norm: bool = False,
        between: SequenceLayer | None = None,
    ) -> None:
        _, channels = frequencies_and_channels(input_size)
        at_least_one(multiplier=multiplier)
        wide = channels * multiplier
        depthwise = Conv2d(
            input_size,
            wide,
            kernel_size,
            stride=stride,
            dilation=dilation,
            groups=channels,
            bias=bias,
            latency=latency,
            padding=padding,
            weight_norm=weight_norm,
        )
        size = depthwise.kernel.frequencies, wide
        pointwise = Conv2d(size, out_channels, 1, bias=bias, weight_norm=weight_norm)
        super().__init__(**by_name(depthwise, between, pointwise))
