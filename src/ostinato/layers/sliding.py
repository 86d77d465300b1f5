"""Base class of layers that apply one function to every window of a fixed number of steps.

Axes: B batch, T time steps, C input features, O output features, K window in steps, S stride in steps. C and O may
be two axes each, frequencies and channels.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core import SequenceLayer, Size, StepSet, axes, check_count, class_name, newest
from ..errors import ConfigError, StreamingError
from .history import join_steps, keep_last
from .sizes import at_least_one, check_size, is_whole


class SlidingState(NamedTuple):
    """What a window needs of the past."""

    history: Tensor  # (B, K - 1, C)


class StridedState(NamedTuple):
    """What a strided window needs of the past. The length of ``history`` tells the phase."""

    history: Tensor  # (B, max(K - S, 0) + phase, C), zero for rows that have ended
    ended: Tensor  # (B,) bool, rows that stopped within an earlier chunk


class Sliding(SequenceLayer):
    """A causal window of ``span`` steps, moved on by ``stride`` steps.

    The first output comes when ``stride`` steps have been seen, and sees them and what was before. Before
    the beginning lie steps of ``fill``. Subclasses compute ``slide``.

    A window may have holes: ``offsets`` are the steps that it sees, counted back from its last.

    A row that ends within a chunk ends for good if stride > 1: its unused steps are not at the same place
    as its neighbours', and the shape of the state holds one phase for all rows.
    """

    fill: float = 0.0

    def __init__(
        self,
        input_size: Size,
        output_size: Size,
        span: int,
        stride: int = 1,
        latency: int = 0,
        offsets: Iterable[int] | None = None,
    ) -> None:
        super().__init__()
        check_size(input_size=input_size, output_size=output_size)
        at_least_one(stride=stride)
        if not is_whole(latency) or not 0 <= latency < span:
            raise ConfigError(f"latency must be 0 to {span - 1} steps, the window less one, got {latency!r}.")
        self.input_size = input_size
        self.output_size = output_size
        self.offsets = StepSet.of(-step for step in (range(span) if offsets is None else offsets))
        self.receptive_field = 1 - self.offsets.first
        self.latency = latency
        self.stride = Fraction(stride)
        self.step = stride
        self.overlap = max(span - stride, 0)  # steps that one window shares with the next
        self.skip = max(stride - span, 0)  # steps of a block that no window sees

    def slide(self, buffer: Tensor) -> Tensor:
        """y (B, T', O) for every window of ``buffer``, which holds at least one."""
        raise NotImplementedError(f"{type(self).__name__} does not define slide().")

    def sees(self, step: int) -> StepSet:
        """The window that ends where the block does."""
        return self.offsets.shifted(newest(step, self.stride))

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """``overlap`` steps of ``fill``."""
        assert self.input_size is not None
        shape = (batch, self.overlap, *axes(self.input_size))
        history = torch.full(shape, self.fill, dtype=dtype, device=device)
        if self.step == 1:
            return SlidingState(history)
        return StridedState(history, torch.zeros(batch, dtype=torch.bool, device=device))

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Slide over what was kept and what came."""
        if self.step > 1:
            self._refuse_ended_rows(x, state, lengths)
        buffer = join_steps(state.history, x)
        blocks = (buffer.shape[1] - self.overlap) // self.step
        size = axes(self.output_size or 0)
        y = self.slide(buffer[:, self.skip :]) if blocks else x.new_zeros(x.shape[0], 0, *size)
        if self.step == 1:
            return y, SlidingState(keep_last(buffer, self.overlap, lengths))
        return y, self._strided_state(buffer, blocks, x.shape[1], state, lengths)

    def tail(self, x: Tensor, count: int) -> Tensor:
        """Without the history, where x is long enough to be its own."""
        check_count(count)
        self._check_input(x)
        needed = count + int(self.receptive_field) - 1
        if not self.keeps_pace or x.shape[1] < needed:
            return super().tail(x, count)
        return self.slide(x[:, -needed:])

    def _fits(self, leaf: Tensor, like: Tensor) -> bool:
        """The history of a strided layer is longer by its phase."""
        if leaf.dim() < 3 or leaf.dim() != like.dim():
            return super()._fits(leaf, like)
        return leaf.shape[2:] == like.shape[2:] and 0 <= leaf.shape[1] - like.shape[1] < self.step

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """Blocks of ``stride`` steps that are complete."""
        phase = 0 if state is None else state.history.shape[1] - self.overlap
        return (lengths + phase) // self.step

    def _strided_state(
        self, buffer: Tensor, blocks: int, steps: int, state: StridedState, lengths: Tensor | None
    ) -> StridedState:
        history = buffer[:, blocks * self.step :].clone()
        ended = state.ended
        if lengths is not None:
            ended = ended | (lengths < steps)
            history = torch.where(ended.view(-1, *[1] * (history.dim() - 1)), 0.0, history)
        return StridedState(history, ended)

    def _refuse_ended_rows(self, x: Tensor, state: StridedState, lengths: Tensor | None) -> None:
        if torch.compiler.is_compiling() or x.shape[1] == 0:
            return
        going_on = state.ended if lengths is None else state.ended & (lengths > 0)
        if bool(going_on.any()):
            row = int(going_on.nonzero()[0])
            raise StreamingError(
                f"row {row} ended in an earlier chunk, and {class_name(self)} with stride {self.step} "
                "cannot continue it. Give it length 0, or begin it anew with reset_rows. Nor can it be flushed: one "
                "phase is held for all rows. To flush rows of several lengths, run those of each length apart."
            )
