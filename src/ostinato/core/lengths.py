"""Lengths and padding: which steps of a batch are real.

Axes: B batch, T time steps.
"""

import torch
from torch import Tensor

from ..errors import LengthsError


def check_lengths(lengths: Tensor | None, batch: int, steps: int, device: torch.device | None = None) -> None:
    """Refuse lengths that do not describe a batch of ``batch`` rows and ``steps`` steps on ``device``.

    Raises:
        LengthsError: not integers, not one for each row, outside 0 to ``steps``, or on another device.
    """
    if lengths is None:
        return
    if not isinstance(lengths, Tensor):
        raise LengthsError(
            f"lengths must be a torch.Tensor, got {type(lengths).__name__}. Pass torch.tensor(lengths)."
        )
    if lengths.dtype not in (torch.int64, torch.int32):
        raise LengthsError(f"lengths must be integers, got {lengths.dtype}. Pass lengths.long().")
    if lengths.shape != (batch,):
        raise LengthsError(
            f"lengths must be one number for each of {batch} rows, got {tuple(lengths.shape)}."
        )
    if device is not None and lengths.device != device:
        raise LengthsError(
            f"lengths are on {lengths.device}, x is on {device}. Pass lengths.to({str(device)!r})."
        )
    if torch.compiler.is_compiling() or batch == 0:
        return
    low, high = int(lengths.min()), int(lengths.max())
    if low < 0 or high > steps:
        raise LengthsError(
            f"lengths must lie between 0 and the {steps} steps of x, got {low if low < 0 else high}. "
            "They count the valid steps of this chunk, not of the whole sequence."
        )


def valid_steps(lengths: Tensor, steps: int) -> Tensor:
    """Mask (B, T), true where a step is real.

    >>> import torch
    >>> valid_steps(torch.tensor([0, 2]), 3).int()
    tensor([[0, 0, 0],
            [1, 1, 0]], dtype=torch.int32)
    """
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def fill_padding(x: Tensor, lengths: Tensor | None, value: float = 0.0) -> Tensor:
    """``x`` (B, T, ...) with ``value`` on padded steps.

    A choice, never a product: a product with zero lets NaN padding through, and its gradient too. The dtype stays,
    that of whole numbers too.
    """
    if lengths is None:
        return x
    mask = valid_steps(lengths, x.shape[1])
    return torch.where(mask.view(*mask.shape, *[1] * (x.dim() - 2)), x, x.new_full((), value))


def reverse_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """``x`` (B, T, ...) with the valid steps of each row in reverse order, padding left where it is."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    order = torch.where(valid_steps(lengths, x.shape[1]), lengths[:, None] - 1 - steps, steps)
    return x.gather(1, order.view(*order.shape, *[1] * (x.dim() - 2)).expand_as(x))
