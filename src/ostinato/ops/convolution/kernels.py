"""The kernels of convolutions, along time or over frequencies and time.

Axes: B batch, C channels in, O channels out, G groups, S one or two axes of space.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from ...core.kernels import DEFINITION, Operation
from . import naive
from .arguments import Sizes

Call = Callable[[Tensor, Tensor, Tensor | None, Sizes], Tensor]


class ConvolutionKernel:
    """A way to convolve; these can do any call."""

    def __init__(self, name: str, call: Call) -> None:
        self.name, self.call = name, call

    def refuses(self, x: Tensor, weight: Tensor, bias: Tensor | None, sizes: Sizes) -> str | None:
        """Why not, for this very call."""
        return None


def _by_torch(x: Tensor, weight: Tensor, bias: Tensor | None, sizes: Sizes) -> Tensor:
    convolution = F.conv1d if x.dim() == 3 else F.conv2d
    if x.dim() == 4 and weight.shape[2:].numel() == 1 and sizes.stride != (1, 1):
        # The float32 gradient of such a kernel by oneDNN writes beyond its memory where x is channels-last, as ours is,
        # and has few channels (torch 2.13.0 on a CPU: "double free or corruption"). The steps between strides do not
        # matter to a single tap, so that they are left out first: less work, and the same numbers.
        rows, columns = sizes.padding
        x = F.pad(x, (columns, columns, rows, rows)) if any(sizes.padding) else x
        x = x[:, :, :: sizes.stride[0], :: sizes.stride[1]]
        sizes = sizes._replace(stride=(1, 1), padding=(0, 0))
    return convolution(x, weight, bias, sizes.stride, sizes.padding, sizes.dilation, sizes.groups)


def _transposed_by_torch(x: Tensor, weight: Tensor, bias: Tensor | None, sizes: Sizes) -> Tensor:
    convolution = F.conv_transpose1d if x.dim() == 3 else F.conv_transpose2d
    return convolution(
        x, weight, bias, sizes.stride, sizes.padding, sizes.extra, sizes.groups, sizes.dilation
    )


CONVOLUTION = Operation(
    "convolution", ConvolutionKernel("torch", _by_torch), ConvolutionKernel(DEFINITION, naive.convolve)
)
TRANSPOSED = Operation(
    "transposed_convolution",
    ConvolutionKernel("torch", _transposed_by_torch),
    ConvolutionKernel(DEFINITION, naive.convolve_transposed),
)

Extent = int | tuple[int, ...]


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Extent = 1,
    padding: Extent = 0,
    dilation: Extent = 1,
    groups: int = 1,
) -> Tensor:
    """A convolution of x (B, C, S) with weight (O, C / G, taps), on the first kernel that does not refuse.

    Args:
        stride, padding, dilation: one number, or one for each axis of space.

    Returns:
        y (B, O, S'), as ``torch.nn.functional.conv1d`` and ``conv2d`` give it.
    """
    axes = x.dim() - 2
    sizes = Sizes(_each(stride, axes), _each(padding, axes), _each(dilation, axes), groups)
    return CONVOLUTION.select(x, weight, bias, sizes).call(x, weight, bias, sizes)


def convolve_transposed(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Extent = 1,
    padding: Extent = 0,
    dilation: Extent = 1,
    groups: int = 1,
    extra: Extent = 0,
) -> Tensor:
    """A transposed convolution of x (B, C, S) with weight (C, O / G, taps), on the first kernel that does not refuse.

    Args:
        stride, padding, dilation: one number, or one for each axis of space.
        extra: steps more at the end, torch's ``output_padding``.

    Returns:
        y (B, O, S'), as ``torch.nn.functional.conv_transpose1d`` and ``conv_transpose2d`` give it.
    """
    axes = x.dim() - 2
    sizes = Sizes(
        _each(stride, axes), _each(padding, axes), _each(dilation, axes), groups, _each(extra, axes)
    )
    return TRANSPOSED.select(x, weight, bias, sizes).call(x, weight, bias, sizes)


def _each(extent: Extent, axes: int) -> tuple[int, ...]:
    return (extent,) * axes if isinstance(extent, int) else extent
