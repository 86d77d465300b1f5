"""Arguments of a scan, converted to one dtype and broadcast to matching shapes.

Axes: B batch, T time steps, * any others.
"""

import torch
from torch import Tensor

from ...errors import ShapeError


def aligned(decay: Tensor, value: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Decay with the axes of value, each of its size or 1; value (B, T, *); start (B, *).

    Raises:
        ShapeError: value has no time axis, or decay or start does not broadcast.
    """
    if value.dim() < 2:
        raise ShapeError(f"value must be (batch, time, ...), got {tuple(value.shape)}.")
    if not decay.dtype == value.dtype == start.dtype:
        dtype = torch.promote_types(torch.promote_types(decay.dtype, value.dtype), start.dtype)
        decay, value, start = decay.to(dtype), value.to(dtype), start.to(dtype)
    state = (*value.shape[:1], *value.shape[2:])
    if (
        decay.shape == value.shape and start.shape == state
    ):  # nothing to line up, and a short scan is soon done
        return decay, value, start
    if not _fits(decay, tuple(value.shape)):
        raise ShapeError(f"decay must broadcast to value {tuple(value.shape)}, got {tuple(decay.shape)}.")
    if not _fits(start, state):
        raise ShapeError(f"start must broadcast to one step of value {state}, got {tuple(start.shape)}.")
    return decay.reshape(*[1] * (value.dim() - decay.dim()), *decay.shape), value, start.expand(state)


def _fits(part: Tensor, shape: tuple[int, ...]) -> bool:
    ends = shape[len(shape) - part.dim() :]
    return part.dim() <= len(shape) and all(a in (1, b) for a, b in zip(part.shape, ends, strict=True))
