"""What a layer declares: sizes, stride, latency, and which input steps an output can see.

Axes: B batch, T time steps in, T' time steps out, F frequencies, C channels.
"""

import math
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from .ending import Ending
from .sizes import Size
from .step_set import StepSet


class Declared(nn.Module):
    """The declarations of a ``SequenceLayer`` (documented there), and its two abstract methods."""

    input_size: Size | None = None
    output_size: Size | None = None
    receptive_field: float = 1
    latency: int = 0
    stride: Fraction = Fraction(1)
    steps_out: int | None = None
    streams: bool = True
    takes_codes: bool = False

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Compute y and the new state. Here x is zero on padded steps and the state is never None.

        What y holds on padded steps does not matter; the state of a row must stop at its length.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define run().")

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """The state used for None; () if the layer has no state."""
        return ()

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """The dtype of y for x of ``dtype``; they differ only in layers that read raw data."""
        return dtype

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """Valid output steps of each row for ``lengths`` valid input steps after ``state``."""
        if self.steps_out is not None:
            return torch.where(lengths > 0, self.steps_out, 0)
        if self.block != 1:
            raise NotImplementedError(f"{type(self).__name__} has a phase and does not define out_lengths().")
        return lengths * self.stride.denominator

    @property
    def block(self) -> int:
        """Input steps after which all outputs so far are complete."""
        return self.stride.numerator

    @property
    def counts_steps(self) -> bool:
        """Whether y depends on the number of earlier steps, whatever their values: the past cannot be left out."""
        return False

    @property
    def reads_raw(self) -> bool:
        """Whether x must be float64 whatever the dtype of the network: raw columns such as times.

        A layer by itself does where the dtype of y does not follow that of x, codes left aside.
        """
        both = {self.output_dtype(dtype) for dtype in (torch.float64, torch.float32)}
        return not self.takes_codes and len(both) == 1

    @property
    def takes_batch_statistics(self) -> bool:
        """Whether y depends on all steps of all rows: it contains a BatchNorm in ``train()``."""
        return any(
            isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training
            for module in self.modules()
        )

    @property
    def keeps_pace(self) -> bool:
        """Whether output t is about input t (stride 1, no latency), and depends on the receptive field alone."""
        plain = self.streams and self.stride == 1 and self.block == 1 and self.latency == 0
        return plain and not self.counts_steps and not self.takes_batch_statistics

    @property
    def recurrent(self) -> bool:
        """Whether the receptive field is unlimited."""
        return math.isinf(self.receptive_field)

    def sees(self, step: int) -> StepSet:
        """The input steps that output ``step`` can see; those before the beginning count below 0.

        Unless a layer says otherwise these are the ``receptive_field`` steps up to the one that completes the output,
        and all steps where a layer needs the whole sequence and sees it without limit. A layer whose window has holes,
        whose outputs of one block see differently far, or which looks ahead, says so here: what follows it in a chain
        may look through the holes alone.
        """
        if not self.streams and self.recurrent:
            return StepSet.everything()
        last = newest(step, self.stride)
        return StepSet.between(last - self.receptive_field + 1, last)

    def sees_any(self, steps: StepSet) -> StepSet:
        """The input steps that any of these outputs can see."""
        if self.stride == 1 and self.block == 1:  # each output sees what the one before saw, a step later
            return steps.plus(self.sees(0))
        return StepSet.union(self._sees_between(first, last) for first, last in steps.intervals)

    def oldest(self, step: int) -> float:
        """The oldest input step that output ``step`` can see; ``-math.inf`` for a recurrence."""
        return self.sees(step).first

    def newest(self, step: int) -> float:
        """The newest input step that output ``step`` can see; ``math.inf`` if the layer runs backwards."""
        return self.sees(step).last

    def end_after(self, before: Ending) -> Ending:
        """What has come out of this layer when the stream that comes to it has ended, and this layer was flushed.

        Raises:
            ConfigError: one layer of a chain looks ahead, and those before it hold steps back.
        """
        steps = torch.tensor([before.given + self.latency], device="cpu")
        due = (before.due + self.latency) / self.stride
        return Ending(before.block, int(self.out_lengths(steps)), due, before.stride * self.stride)

    def _sees_between(self, first: float, last: float) -> StepSet:
        """Outputs ``first`` to ``last``: each block sees what the one before saw, a block later."""
        outputs = int(self.block / self.stride)
        if math.isinf(first) or math.isinf(last):
            low = -math.inf if math.isinf(first) else self._sees_each(int(first), outputs).first
            high = math.inf if math.isinf(last) else self._sees_each(int(last) - outputs + 1, outputs).last
            return StepSet.between(low, high)
        count = int(last) - int(first) + 1
        blocks, rest = divmod(count, outputs)
        if blocks > 2:
            seen = self._sees_each(int(first), outputs)
            if len(seen.intervals) == 1 and seen.last + 1 >= seen.first + self.block:  # without holes between
                whole = StepSet.between(seen.first, seen.last + (blocks - 1) * self.block)
                return whole | self._sees_each(int(last) - rest + 1, rest)
        return self._sees_each(int(first), count)

    def _sees_each(self, first: int, count: int) -> StepSet:
        return StepSet.union(self.sees(first + index) for index in range(count))


def newest(step: int, stride: Fraction) -> int:
    """The input step with which output ``step`` is complete, by its index alone.

    >>> newest(2, Fraction(3)), newest(2, Fraction(1, 2))
    (8, 1)
    """
    return math.ceil((step + 1) * stride) - 1
