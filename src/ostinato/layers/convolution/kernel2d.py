"""Geometry of kernels over time and frequency, shared by the two-dimensional layers.

Pairs are (time, frequency). Axes: B batch, T time steps, F frequencies, C channels, K kernel size, S stride,
D dilation.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ...errors import ConfigError
from ..sizes import at_least_one, check_size

Pair = int | tuple[int, int]  # (time, frequency), or one number for both
Padding = int | str  # frequencies on each side, or a name


@dataclass(frozen=True)
class Kernel2d:
    """A kernel as it slides over frequencies: causal in time, padded as asked in frequency."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    margin: tuple[int, int]  # frequencies added before the first and after the last
    frequencies: int  # that come out, F'

    @classmethod
    def over(
        cls, frequencies: int, kernel_size: Pair, stride: Pair = 1, dilation: Pair = 1, padding: Padding = 0
    ) -> "Kernel2d":
        """The kernel over ``frequencies``.

        Raises:
            ConfigError: a size is below 1, padding is not known, the kernel is longer than what it slides over, or what
                comes out meets padding alone.

        >>> Kernel2d.over(32, 5).frequencies, Kernel2d.over(32, 5, padding="same").frequencies
        (28, 32)
        """
        size = pair("kernel_size", kernel_size)
        steps, apart = pair("stride", stride), pair("dilation", dilation)
        span = (size[1] - 1) * apart[1] + 1
        margin = margins(padding, span)
        seen = frequencies + sum(margin)
        if span > seen:
            raise ConfigError(
                f"the kernel spans {span} frequencies (kernel_size {size[1]}, dilation {apart[1]}), and there are "
                f"{seen}, {frequencies} of them of the input: make it smaller, or pass padding='same'."
            )
        kernel = cls(size, steps, apart, margin, (seen - span) // steps[1] + 1)
        if not kernel._sees_frequency(frequencies):
            raise ConfigError(
                f"padding {padding!r} and stride {steps[1]} leave nothing to see: no output frequency meets any of the "
                f"{frequencies} in. Use less padding, or a smaller stride."
            )
        return kernel

    def _sees_frequency(self, frequencies: int) -> bool:
        """Whether any frequency out meets one of the frequencies in, and not padding alone."""
        taps = range(0, self.size[1] * self.dilation[1], self.dilation[1])
        firsts = range(-self.margin[0], self.frequencies * self.stride[1] - self.margin[0], self.stride[1])
        return any(0 <= first + tap < frequencies for first in firsts for tap in taps)

    @property
    def steps(self) -> int:
        """Steps of time from the first that it touches to the last."""
        return (self.size[0] - 1) * self.dilation[0] + 1

    def pad(self, x: Tensor, value: float = 0.0) -> tuple[Tensor, int]:
        """x (B, C, T, F), padded where its two sides differ, and what is left to pad on each side."""
        before, after = self.margin
        if before == after:
            return x, before
        return F.pad(x, self.margin, value=value), 0


def pair(name: str, value: Pair) -> tuple[int, int]:
    """One number for both axes, or one for each.

    Raises:
        ConfigError: it is neither, or a number is below 1.
    """
    both = value if isinstance(value, tuple) else (value, value)
    if len(both) != 2:
        raise ConfigError(f"{name} must be one number or a pair (time, frequency), got {value!r}.")
    check_size(**{name: both})
    return both


def frequencies_and_channels(input_size: tuple[int, int], name: str = "input_size") -> tuple[int, int]:
    """F and C.

    Raises:
        ConfigError: the size is no pair, or a number is below 1.
    """
    if not isinstance(input_size, tuple) or len(input_size) != 2:
        raise ConfigError(
            f"{name} must be a pair (frequencies, channels), got {input_size!r}. A step of one axis becomes one of two "
            "by Unflatten."
        )
    check_size(**{name: input_size})
    return input_size


def margins(padding: Padding, span: int) -> tuple[int, int]:
    """Frequencies to add before and after for a kernel that spans ``span`` of them.

    Raises:
        ConfigError: padding is neither a number of 0 or more, nor one of the names.
    """
    if padding == "same":
        return (span - 1) // 2, span // 2  # an even kernel has one more after, as in torch
    if padding == "valid":
        return 0, 0
    if not isinstance(padding, int) or isinstance(padding, bool) or padding < 0:
        raise ConfigError(
            f"padding must be 'same', 'valid' or a number of frequencies of 0 or more, got {padding!r}. Time has none: "
            "there the kernel is causal."
        )
    return padding, padding


def check_groups(groups: int, channels: int, out_channels: int) -> None:
    """Refuse groups that do not divide both.

    Raises:
        ConfigError: they do not, or a number is below 1.
    """
    at_least_one(out_channels=out_channels, groups=groups)
    if channels % groups or out_channels % groups:
        raise ConfigError(
            f"groups must divide the {channels} channels that come in and out_channels {out_channels}, got {groups}."
        )
