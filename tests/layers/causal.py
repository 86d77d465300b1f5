"""What the tests of blocks compare with: torch's functions on (B, C, T), padded on the left by hand.

Axes: B batch, C channels, T time steps, K kernel size.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from layers.close import close, gradients
from ostinato.core import SequenceLayer


def conv(x: Tensor, of: SequenceLayer, dilation: int = 1, stride: int = 1, groups: int = 1) -> Tensor:
    """torch's convolution with the weights ``of`` a layer: windows end where blocks of ``stride`` steps do."""
    span = (of.weight.shape[2] - 1) * dilation + 1
    return F.conv1d(F.pad(x, (span - stride, 0)), of.weight, of.bias, stride, 0, dilation, groups)


def norm(x: Tensor, of: SequenceLayer) -> Tensor:
    """torch's batch norm with the running statistics ``of`` a layer."""
    its = of.norm
    return F.batch_norm(x, its.running_mean, its.running_var, its.weight, its.bias)


def settled(layer: SequenceLayer) -> SequenceLayer:
    """In float64 and ``eval()``, as after some training: every number another one."""
    torch.manual_seed(0)
    layer = layer.double().eval()
    with torch.no_grad():
        for name, value in [*layer.named_parameters(), *layer.named_buffers()]:
            if value.is_floating_point():
                value.copy_(
                    torch.rand_like(value) + 0.5 if "running_var" in name else torch.randn_like(value)
                )
    return layer


def agree(layer: SequenceLayer, reference: Callable[[Tensor], Tensor], steps: int = 19) -> None:
    """Values, and gradients for x and every parameter, of x (B, T, C) and ``reference`` of (B, C, T)."""
    x = torch.randn(3, steps, layer.input_size, dtype=torch.float64, requires_grad=True)
    inputs = [x, *layer.parameters()]
    found, expected = layer(x)[0], reference(x.transpose(1, 2)).transpose(1, 2)
    close(found, expected)
    for ours, theirs in zip(gradients([found], inputs), gradients([expected], inputs), strict=True):
        close(ours, theirs)
