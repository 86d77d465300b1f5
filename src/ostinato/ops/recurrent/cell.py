"""The recurrent cell, and the loop that repeats it along time and defines the numbers of every recurrence.

Axes: B batch, T time steps, I input features, H hidden features.
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from ...core import autocast_active

Parts = tuple[
    Tensor, ...
]  # what is remembered, (B, H) each; the first is the hidden state, which is the output
Change = Callable[[Parts, Parts], Parts]  # what becomes of the parts before and after a step


class Cell(Protocol):
    """The equations of one step, together with their weights."""

    def project(self, x: Tensor, state: Parts) -> Parts:
        """What needs no step before, for all steps at once: from x (B, T, I) to tensors (B, T, any number).

        Args:
            x: (B, T, I).
            state: the parts before the first step, for those of them that no step changes.
        """
        ...

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, Any]:
        """One step.

        Args:
            projected: what ``project`` gave, at this step: (B, any number) each.
            state: the parts before.
            recurrent_input: the hidden state that enters the recurrent products: ``state[0]``, or what dropout leaves
                of it.

        Returns:
            The parts after, those that it does not change as they came, and a NamedTuple of everything on the way,
            (B, any number) each.
        """
        ...


def unroll(
    cell: Cell,
    x: Tensor,
    state: Parts,
    lengths: Tensor | None,
    *,
    mask: Tensor | None = None,
    change: Change | None = None,
    seen: list[Any] | None = None,
) -> tuple[Tensor, Parts]:
    """Step ``cell`` along time.

    Args:
        cell: the equations.
        x: (B, T, I).
        state: the parts before the first step.
        lengths: (B,) steps of each row; a row that has ended keeps its state.
        mask: (B, H), by which the hidden state is multiplied before it enters the recurrent products.
        change: what becomes of the state after each step, as zoneout wants it.
        seen: a list that gets what was on the way at each step.

    Returns:
        y (B, T, H) and the parts after.
    """
    if autocast_active(x):  # what is narrowed at each step adds up
        with torch.autocast(x.device.type, enabled=False):
            return unroll(cell, x.to(state[0].dtype), state, lengths, mask=mask, change=change, seen=seen)
    outputs = []
    steps = zip(*(part.unbind(1) for part in cell.project(x, state)), strict=True) if x.shape[1] else ()
    for t, projected in enumerate(steps):
        recurrent_input = state[0] if mask is None else state[0] * mask
        after, on_the_way = cell.step(projected, state, recurrent_input)
        if change is not None:
            after = change(state, after)
        if lengths is not None:
            running = (t < lengths)[:, None]
            after = tuple(
                old if new is old else torch.where(running, new, old)
                for new, old in zip(after, state, strict=True)
            )
        state = after
        outputs.append(state[0])
        if seen is not None:
            seen.append(on_the_way)
    y = torch.stack(outputs, dim=1) if outputs else x.new_zeros(x.shape[0], 0, state[0].shape[1])
    return y, state
