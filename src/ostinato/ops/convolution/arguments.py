"""Stride, padding, dilation and groups of a convolution, one number for each spatial axis."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Steps from window to window, zeros at both ends, steps from tap to tap, groups of channels.

    extra: steps at the end of what a transposed convolution gives, which no window tells of.
    """

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    extra: tuple[int, ...] = ()
