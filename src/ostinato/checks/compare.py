"""Comparison of tensors and states within rounding, and bit for bit.

Relative norm ‖a − b‖ / ‖b‖: float64 1e-10, float32 1e-5. Infinities and NaN must stand in the same places.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ..core import leaves, named_leaves
from ..errors import CheckError

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def distance(a: Tensor, b: Tensor) -> float:
    """Relative norm of the difference; the plain norm where b is zero."""
    a, b = a.detach().double(), b.detach().double()
    odd = ~b.isfinite()
    if not torch.equal(a[odd].nan_to_num(7.0), b[odd].nan_to_num(7.0)) or not bool(a[~odd].isfinite().all()):
        return float("inf")
    difference, size = (a[~odd] - b[~odd]).norm(), b[~odd].norm()
    return float(difference / size) if size > 0 else float(difference)


def same(
    name: str,
    a: Tensor,
    b: Tensor,
    where: str,
    computed: torch.dtype | None = None,
    *,
    rounding: float = 0.0,
    sensitivity: float = 0.0,
) -> None:
    """Refuse ``a`` where it is not ``b``.

    Args:
        computed: the dtype that both were computed in, where it is coarser than theirs.
        rounding: a norm of differences that come of rounding alone: where much cancels, b is small beside what was
            added up, or 0.
        sensitivity: how far, relatively, rounding what goes in moves b.

    Raises:
        CheckError: they differ in shape or by more than the tolerance of b's dtype, or of ``computed``.
    """
    if a.shape != b.shape:
        raise CheckError(f"{name} has shape {tuple(a.shape)} instead of {tuple(b.shape)}, {where}.")
    if not b.is_floating_point():
        if not torch.equal(a, b):
            raise CheckError(f"{name} differs, {where}.")
        return
    apart, allowed = distance(a, b), max(TOLERANCE.get(computed or b.dtype, 1e-5), 8 * sensitivity)
    if not apart <= allowed and not distance(a - b, torch.zeros_like(b)) <= rounding:
        raise CheckError(f"{name} differs by {apart:.1e}, allowed are {allowed:.0e}, {where}.")


def same_state(
    a: Any,
    b: Any,
    where: str,
    computed: torch.dtype | None = None,
    *,
    sensitivities: Mapping[str, float] = MappingProxyType({}),
    rounding: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Refuse states that differ in any tensor, naming it; ``computed``, and of each the others, as in ``same``."""
    left, right = named_leaves(a), named_leaves(b)
    if list(left) != list(right):
        raise CheckError(
            f"the state has other tensors ({', '.join(left)} instead of {', '.join(right)}), {where}."
        )
    for name in right:
        same(
            f"state.{name}" if name else "state",
            left[name],
            right[name],
            where,
            computed,
            rounding=rounding.get(name, 0.0),
            sensitivity=sensitivities.get(name, 0.0),
        )


def finite(name: str, value: Tensor, where: str) -> None:
    """Refuse NaN and infinity."""
    if not bool(value.isfinite().all()):
        raise CheckError(f"{name} is not finite, {where}.")


def clone_state(state: Any) -> list[Tensor]:
    """The values of a state at this moment."""
    return [leaf.detach().clone() for leaf in leaves(state)]


def same_bits(found: Tensor, expected: Tensor) -> bool:
    """Whether two tensors are equal to the last bit; NaN equals NaN."""
    return found.shape == expected.shape and torch.equal(found.nan_to_num(7.0), expected.nan_to_num(7.0))
