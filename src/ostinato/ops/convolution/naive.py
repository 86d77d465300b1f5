"""Convolutions tap by tap: these functions define the numbers.

Axes: B batch, C channels in, O channels out, G groups, S one or two axes of space (time, or frequency and time).
"""

from collections.abc import Iterator
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from .arguments import Sizes


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, sizes: Sizes) -> Tensor:
    """y[b, o, s] = bias[o] + the sum over c and taps k of weight[o, c, k] x[b, c, s * stride + k * dilation].

    Args:
        x: (B, C, S).
        weight: (O, C / G, taps); outputs of a group see the channels of that group.
        bias: (O,).
        sizes: stride, padding, dilation and groups.
    """
    x = F.pad(x, [edge for padding in reversed(sizes.padding) for edge in (padding, padding)])
    spans = [
        (taps - 1) * dilation + 1 for taps, dilation in zip(weight.shape[2:], sizes.dilation, strict=True)
    ]
    steps = [
        (length - span) // stride + 1
        for length, span, stride in zip(x.shape[2:], spans, sizes.stride, strict=True)
    ]
    groups, kernel = x.unflatten(1, (sizes.groups, -1)), weight.unflatten(0, (sizes.groups, -1))
    y = x.new_zeros(len(x), weight.shape[0], *steps)
    for tap, window in _windows(weight.shape[2:], steps, sizes):
        y = y + torch.einsum("bgc...,goc->bgo...", groups[window], kernel[..., *tap]).flatten(1, 2)
    return y if bias is None else y + bias.view(-1, *[1] * len(steps))


def convolve_transposed(x: Tensor, weight: Tensor, bias: Tensor | None, sizes: Sizes) -> Tensor:
    """Each x[b, c, s] adds weight[c, o, k] times itself to y[b, o, s * stride + k * dilation].

    Args:
        x: (B, C, S).
        weight: (C, O / G, taps).
        bias: (O,).
        sizes: as of ``convolve``; the padding is cut off at both ends, the extra of each axis is added at its end.
    """
    steps, groups = x.shape[2:], x.unflatten(1, (sizes.groups, -1))
    kernel = weight.unflatten(0, (sizes.groups, -1))
    lengths = [
        (count - 1) * stride + (taps - 1) * dilation + 1 + extra
        for count, stride, taps, dilation, extra in zip(
            steps, sizes.stride, weight.shape[2:], sizes.dilation, sizes.extra, strict=True
        )
    ]
    y = x.new_zeros(len(x), sizes.groups, weight.shape[1], *lengths)
    for tap, window in _windows(weight.shape[2:], steps, sizes):
        y[window] += torch.einsum("bgc...,gco->bgo...", groups, kernel[..., *tap])
    inside = [
        slice(padding, length - padding) for padding, length in zip(sizes.padding, lengths, strict=True)
    ]
    y = y.flatten(1, 2)[:, :, *inside]
    return y if bias is None else y + bias.view(-1, *[1] * len(steps))


def _windows(
    taps: torch.Size, steps: "list[int] | torch.Size", sizes: Sizes
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Each tap, and the steps that it touches, after the axes of batch, group and channel."""
    for tap in product(*map(range, taps)):
        window = [
            slice(index * dilation, index * dilation + (count - 1) * stride + 1, stride)
            for index, dilation, count, stride in zip(tap, sizes.dilation, steps, sizes.stride, strict=True)
        ]
        yield tap, (slice(None), slice(None), slice(None), *window)
