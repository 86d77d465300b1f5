"""Ragged examples: sequences of any length, with one label each or a label for each of their steps.

Axes: N steps of all examples, E examples, B rows of a piece, T steps of the longest, F features, K targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataError, ShapeError
from .piece import EVERY_OUTPUT, LAST_VALID_OUTPUT, Answers, Piece, blank
from .streams import place_in_run
from .timing import STEP_BY_STEP, Timing, check_one_output_for_each_step


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples laid end to end: their steps are one tensor, so that a batch is gathered from it at once.

    Args:
        x: features of all steps, (N, F) or (N, F, C), floating point numbers; or codes, (N, F) integers.
        offsets: where each example begins, and the end of the last: (E + 1,) int64, from 0 to N, ascending.
        target: of each example, (E,) or (E, K); with ``every_step`` of each step, (N,) or (N, K).
        weight: of each target in the loss, (E,) or (N,); 0 where there is no label. The target there may be anything.
        every_step: whether each step has a label of its own.

    Raises:
        ShapeError: the shapes do not agree.
        DataError: there is no example, one has no step, or a weight is below 0 or NaN.

    >>> examples = Examples.of([torch.zeros(3, 2), torch.ones(5, 2)], torch.tensor([0, 1]))
    >>> len(examples), examples.lengths.tolist(), tuple(examples.x.shape)
    (2, [3, 5], (8, 2))
    """

    x: Tensor
    offsets: Tensor
    target: Tensor
    weight: Tensor
    every_step: bool = False

    def __post_init__(self) -> None:
        x, offsets = self.x, self.offsets
        if x.dim() not in (2, 3) or x.dtype == torch.bool or x.is_complex():
            raise ShapeError(
                f"x must be numbers (steps, features) or (steps, frequencies, channels), got {tuple(x.shape)} "
                f"{x.dtype}. One code for each step is x[:, None]."
            )
        if offsets.dim() != 1 or offsets.dtype != torch.int64:
            raise ShapeError(
                f"offsets must be (examples + 1,) int64, got {tuple(offsets.shape)} {offsets.dtype}."
            )
        if len(offsets) < 2:
            raise DataError(
                "there are no examples: offsets must hold the begin of each, and the end of the last."
            )
        self._check_offsets()
        count, what = (len(x), "steps") if self.every_step else (len(self), "examples")
        for name, tensor, axes in (("target", self.target, (1, 2)), ("weight", self.weight, (1,))):
            if tensor.dim() not in axes or len(tensor) != count:
                raise ShapeError(
                    f"{name} must be one for each of {count:,} {what}, got {tuple(tensor.shape)}."
                )
        if not bool((self.weight >= 0).all()):
            raise DataError("every weight must be 0 or more; 0 leaves a label out of the loss.")

    @classmethod
    def of(
        cls,
        sequences: Sequence[Tensor],
        target: Tensor,
        weight: Tensor | None = None,
        every_step: bool = False,
    ) -> "Examples":
        """Lay sequences (T, F), (T, F, C), or of codes (T,), end to end.

        Args:
            weight: None counts each label once.
        """
        if not sequences:
            raise DataError("there are no examples.")
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        x = torch.cat(list(sequences))
        x = x[:, None] if x.dim() == 1 else x
        weight = torch.ones(len(target), device=x.device) if weight is None else weight
        return cls(x, offsets.to(x.device), target, weight, every_step)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Tensor:
        """Steps of each example, (E,)."""
        return self.offsets.diff()

    def __getitem__(self, item: int) -> Tensor:
        """x of one example, (T, F): a view."""
        return self.x[int(self.offsets[item]) : int(self.offsets[item + 1])]

    def take(self, items: Tensor) -> "Examples":
        """The examples ``items`` (int64), in that order."""
        lengths = self.lengths[items]
        steps = torch.repeat_interleave(self.offsets[items], lengths) + place_in_run(lengths)
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        labels = steps if self.every_step else items
        return Examples(self.x[steps], offsets, self.target[labels], self.weight[labels], self.every_step)

    def check_answers(self, timing: Timing) -> None:
        """Refuse a model that does not answer each label.

        Raises:
            ConfigError: steps have labels, and it gives no output or several for one.
            DataError: an example is too short for a single output.
        """
        if self.every_step:
            return check_one_output_for_each_step(timing)
        short = timing.outputs(self.lengths) == 0
        if bool(short.any()):
            item = int(short.int().argmax())
            raise DataError(
                f"example {item:,} has {int(self.lengths[item]):,} steps, too few for an output of the model, which "
                f"has stride {timing.stride} and block {timing.block}. Leave it out."
            )
        return None

    def piece(
        self,
        items: Tensor,
        begin: Tensor,
        lengths: Tensor,
        longest: int,
        ragged: bool,
        timing: Timing = STEP_BY_STEP,
    ) -> Piece:
        """The steps from ``begin`` (B,) on, ``lengths`` (B,), of the examples ``items`` (B,), padded on the right.

        Args:
            longest, ragged: of the lengths; passed in, because reading them from a GPU takes longer than gathering.
        """
        position = torch.arange(longest, device=self.x.device)
        rows = begin[:, None] + position
        if not ragged:
            target, weight = self._labels(items, rows, lengths, timing)
            return Piece(self._gather(rows), target, weight, rows, self._answers, None, items=items)
        padded = position >= lengths[:, None]
        x = self._gather(rows.clamp(max=len(self.x) - 1))
        x.masked_fill_(padded.view(*padded.shape, *[1] * (x.dim() - 2)), 0)  # no product: it would keep NaN
        rows = rows.masked_fill(padded, -1)
        target, weight = self._labels(items, rows, lengths, timing)
        return Piece(x, target, weight, rows, self._answers, lengths, items=items)

    @property
    def _answers(self) -> Answers:
        return EVERY_OUTPUT if self.every_step else LAST_VALID_OUTPUT

    def _gather(self, rows: Tensor) -> Tensor:
        return self.x.index_select(0, rows.flatten()).view(*rows.shape, *self.x.shape[1:])

    def _labels(self, items: Tensor, rows: Tensor, lengths: Tensor, timing: Timing) -> tuple[Tensor, Tensor]:
        """Target and weight of each answer."""
        if not self.every_step:
            return self.target[items], self.weight[items]
        if timing == STEP_BY_STEP:
            spoken, absent = rows, rows < 0
        else:
            outputs = int(timing.outputs(torch.tensor([rows.shape[1]])))
            position = torch.tensor(timing.completed_by(outputs), dtype=torch.long, device=rows.device)
            position = position - timing.latency
            spoken = rows[:, position.clamp(min=0)]
            answered = torch.arange(outputs, device=rows.device) < timing.outputs(lengths)[:, None]
            absent = (position < 0) | ~answered | (spoken < 0)
        return blank(self.target[spoken], absent), blank(self.weight[spoken], absent)

    def _check_offsets(self) -> None:
        first, last = int(self.offsets[0]), int(self.offsets[-1])
        if first != 0 or last != len(self.x):
            raise ShapeError(
                f"offsets must go from 0 to the {len(self.x):,} steps of x, got {first:,} to {last:,}."
            )
        short = self.lengths < 1
        if bool(short.any()):
            item = int(short.int().argmax())
            raise DataError(
                f"example {item:,} has {int(self.lengths[item]):,} steps; each needs at least one. Leave it out."
            )
