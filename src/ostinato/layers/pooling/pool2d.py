"""Pooling over time and frequency.

Pairs are (time, frequency). Axes: B batch, T time steps, F frequencies, C channels, K window, S stride.
"""

import math

import torch.nn.functional as F
from torch import Tensor

from ...errors import ConfigError
from ..convolution.kernel2d import Kernel2d, Padding, Pair, frequencies_and_channels
from ..sliding import Sliding


class Pool2d(Sliding):
    """What the kinds of pooling share: a window of steps and frequencies, and as many channels out as in."""

    def __init__(
        self,
        input_size: tuple[int, int],
        kernel_size: Pair,
        stride: Pair | None = None,
        *,
        padding: Padding = 0,
    ) -> None:
        frequencies, channels = frequencies_and_channels(input_size)
        stride = kernel_size if stride is None else stride
        kernel = Kernel2d.over(frequencies, kernel_size, stride, padding=padding)
        if kernel.margin[0] > kernel.size[1] // 2:
            raise ConfigError(
                f"padding must be at most half of the window, {kernel.size[1] // 2} of {kernel.size[1]} frequencies, "
                f"got {padding}: a window would hold nothing else."
            )
        super().__init__(input_size, (kernel.frequencies, channels), kernel.steps, kernel.stride[0])
        self.kernel = kernel


class MaxPool2d(Pool2d):
    """The largest value of each channel in a window of frequencies and of steps up to now.

    Args:
        input_size: frequencies and channels of a step, (F, C).
        kernel_size: steps and frequencies of the window, (Kt, Kf), or one number for both.
        stride: steps and frequencies for each one out; None means ``kernel_size``: windows beside each other.
        padding: frequencies below and above, at most half of Kf; 'valid' is 0; 'same' gives ceil(F / Sf).

    Shape:
        x (B, T, F, C), y (B, T // St, F', C), F' = (F + 2 p - Kf) // Sf + 1.

    Raises:
        ConfigError: a size is below 1, the window is longer than the padded frequencies, or padding than half of it.

    Source:
        ``torch.nn.MaxPool2d``. What lies before the beginning, and the padding, is never the largest.

    >>> import torch
    >>> y, _ = MaxPool2d((224, 64), 2)(torch.zeros(1, 224, 224, 64))
    >>> tuple(y.shape)
    (1, 112, 112, 64)
    """

    fill = -math.inf

    def slide(self, buffer: Tensor) -> Tensor:
        """One call of torch's pooling, in the memory that buffer is in."""
        kernel = self.kernel
        x, margin = kernel.pad(buffer.movedim(-1, 1), self.fill)
        return F.max_pool2d(x, kernel.size, kernel.stride, (0, margin)).movedim(1, -1)


class AvgPool2d(Pool2d):
    """The mean of each channel in a window of frequencies and of steps up to now.

    Args, Shape and Raises as in ``MaxPool2d``.

    Source:
        ``torch.nn.AvgPool2d``. Steps before the beginning, and the padding, count as zeros.
    """

    def slide(self, buffer: Tensor) -> Tensor:
        """One call of torch's pooling, in the memory that buffer is in."""
        kernel = self.kernel
        x = buffer.movedim(-1, 1)
        if any(kernel.margin):
            # here: in this memory the gradient of torch's CUDA kernel forgets the padding (2.11)
            x = F.pad(x, kernel.margin)
        return F.avg_pool2d(x, kernel.size, kernel.stride).movedim(1, -1)
