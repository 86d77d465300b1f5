"""Base class of layers whose outputs are overlapping sums: transposed convolution, inverse STFT.

Axes: B batch, T time steps, I input features, O output features, K steps that one step spreads over, S steps out for
each step in. I and O may be two axes each, frequencies and channels.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core import SequenceLayer, Size, StepSet, axes
from ..errors import ConfigError
from .history import keep_last
from .sizes import at_least_one, check_size, is_whole


class OverlapState(NamedTuple):
    """What the steps so far add to the next outputs."""

    owed: Tensor  # (B, K - S, O)


class Overlapping(SequenceLayer):
    """Each step in is spread over ``span`` steps out, ``factor`` steps after those of the one before, and summed.

    Step t is complete in outputs S t to S t + S - 1, so T steps give S T and what they add to later ones is kept.
    Subclasses compute ``spread``, which must be linear in x, and may override ``finish``.
    """

    def __init__(self, input_size: Size, output_size: Size, span: int, factor: int) -> None:
        super().__init__()
        check_size(input_size=input_size, output_size=output_size)
        at_least_one(span=span, factor=factor)
        if span < factor:
            raise ConfigError(
                f"each step must spread over at least {factor} steps, as many as come out for it, got {span}: no input "
                "would reach the others."
            )
        self.input_size, self.output_size = input_size, output_size
        self.span, self.factor = span, factor
        self.overlap = span - factor
        self.stride = Fraction(1, factor)
        self._touches(range(span))

    def spread(self, x: Tensor) -> Tensor:
        """The sum of what the steps of x, at least one, add to (B, (T - 1) S + K, O)."""
        raise NotImplementedError(f"{type(self).__name__} does not define spread().")

    def finish(self, total: Tensor) -> Tensor:
        """y of sums that are complete: where a bias is added or a window divided by."""
        return total

    def sees(self, step: int) -> StepSet:
        """Output S a + r sees step a - n through what lies n S + r steps on in its spread."""
        complete, phase = divmod(step, self.factor)
        return self.offsets[phase].shifted(complete)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> OverlapState:
        """Nothing is owed."""
        assert self.output_size is not None
        shape = (batch, self.overlap, *axes(self.output_size))
        return OverlapState(torch.zeros(shape, dtype=dtype, device=device))

    def run(self, x: Tensor, state: OverlapState, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Spread, add what was owed, and keep what is not complete."""
        if x.shape[1] == 0:
            return state.owed[:, :0], state
        total, ready = self.spread(x), self.factor * x.shape[1]
        # in the order of memory: the gradient of a slice is laid out by the order of its axes, and of another order the
        # convolution would have to order it anew
        first = x.dim() == 3 or total.stride(-1) != 1  # channels before time
        axis, order, back = (2, (-1, 1), (1, -1)) if first else (1, (0, 0), (0, 0))
        total, owed = total.movedim(*order), state.owed.movedim(*order)
        complete, later = total.split([ready, self.overlap], axis)
        paid, unpaid = owed.split([min(ready, self.overlap), max(0, self.overlap - ready)], axis)
        y = self.finish(_add(complete, paid, axis).movedim(*back))
        if lengths is None:
            return y, OverlapState(_add(later, unpaid, axis).movedim(*back))
        # padded steps are zero and add nothing, so what a row still owes lies behind its own last step
        whole = _add(total, owed, axis).movedim(*back)
        return y, OverlapState(keep_last(whole, self.overlap, lengths * self.factor))

    def _touches(self, positions: Iterable[int]) -> None:
        """Declare which of the ``span`` output steps an input step reaches; every phase of S must be among them."""
        offsets: list[list[int]] = [[] for _ in range(self.factor)]
        for position in positions:
            back, phase = divmod(position, self.factor)
            offsets[phase].append(-back)
        self.offsets = [
            StepSet.of(steps) for steps in offsets
        ]  # what each step of a block sees, 0 is the newest
        self.receptive_field = 1 - min(steps.first for steps in self.offsets)

    def _set_latency(self, latency: int) -> None:
        """The latency is at most as far back as the last output of a block sees: ``flush`` would give zeros beyond."""
        most = -int(self.offsets[-1].first)
        if not is_whole(latency) or not 0 <= latency <= most:
            raise ConfigError(
                f"latency must be 0 to {most} steps, as far back as the last output of each stride sees, got "
                f"{latency!r}."
            )
        self.latency = latency


def _add(total: Tensor, owed: Tensor, axis: int) -> Tensor:
    """``total`` with ``owed`` added to its first steps, in memory of its own and of the same order."""
    count = owed.shape[axis]
    if count == 0:  # no steps are in every order: joined with some they would change theirs
        return total.clone()
    first, rest = total.split([count, total.shape[axis] - count], axis)
    return torch.cat([first + owed, rest], axis)
