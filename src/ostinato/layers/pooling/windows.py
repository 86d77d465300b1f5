"""Pooling of windows of a fixed number of steps.

Axes: B batch, T time steps, C features, K window in steps.
"""

import math

import torch.nn.functional as F
from torch import Tensor

from ..sizes import at_least_one
from ..sliding import Sliding


class Pool(Sliding):
    """What the kinds of pooling share: a window of ``kernel_size`` steps and as many features out as in."""

    def __init__(self, input_size: int, kernel_size: int, stride: int | None = None) -> None:
        at_least_one(input_size=input_size, kernel_size=kernel_size)
        super().__init__(input_size, input_size, kernel_size, kernel_size if stride is None else stride)
        self.kernel_size = kernel_size


class MaxPool1d(Pool):
    """The largest value of each feature in a causal window.

    Args:
        input_size: features per step, C.
        kernel_size: steps of the window, K.
        stride: input steps for each output step; None means ``kernel_size``: windows beside each other.

    Shape:
        x (B, T, C), y (B, T // stride, C).

    Raises:
        ConfigError: a size is below 1.

    Source:
        ``torch.nn.MaxPool1d``. Where windows overlap, what lies before the beginning is never the largest.
    """

    fill = -math.inf

    def slide(self, buffer: Tensor) -> Tensor:
        """One call of torch's pooling on channel-first memory."""
        return F.max_pool1d(buffer.transpose(1, 2), self.kernel_size, self.step).transpose(1, 2)


class AvgPool1d(Pool):
    """The mean of each feature in a causal window.

    Args and Shape as in ``MaxPool1d``.

    Source:
        ``torch.nn.AvgPool1d``. Where windows overlap, steps before the beginning count as zeros.
    """

    def slide(self, buffer: Tensor) -> Tensor:
        """One call of torch's pooling on channel-first memory."""
        return F.avg_pool1d(buffer.transpose(1, 2), self.kernel_size, self.step).transpose(1, 2)
