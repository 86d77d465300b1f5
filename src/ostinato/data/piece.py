"""``Piece``: one batch for training, and the selection of the outputs that are answers.

Axes: B rows, T time steps, T' outputs, A answers of a row, O features of an output, K targets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..core import SequenceLayer
from .timing import Timing


class Answers(Protocol):
    """Which of a model's outputs are its answers."""

    def of(self, model: SequenceLayer, y: Tensor, state: Any, lengths: Tensor | None) -> Tensor:
        """The answers in y (B, T', O), which ``model`` gave after ``state`` for rows of ``lengths`` steps."""
        ...

    def ask(self, model: SequenceLayer, x: Tensor, lengths: Tensor | None) -> Tensor:
        """The answers to x from the beginning; the model is run on no more than they need."""
        ...


class EveryOutput:
    """All of them: (B, T', O)."""

    def of(self, model: SequenceLayer, y: Tensor, state: Any, lengths: Tensor | None) -> Tensor:
        """y itself."""
        return y

    def ask(self, model: SequenceLayer, x: Tensor, lengths: Tensor | None) -> Tensor:
        """y."""
        return model(x, None, lengths)[0]


class LastOutput:
    """The last one, whatever ``lengths`` says: (B, O)."""

    def of(self, model: SequenceLayer, y: Tensor, state: Any, lengths: Tensor | None) -> Tensor:
        """The last step of y."""
        return y[:, -1]

    def ask(self, model: SequenceLayer, x: Tensor, lengths: Tensor | None) -> Tensor:
        """By ``SequenceLayer.last``, which leaves out the steps that it cannot see."""
        return model.last(x) if lengths is None else model(x, None, lengths)[0][:, -1]


class LastValidOutput:
    """The last one of each row within its length: (B, O); zeros where a row has none."""

    def of(self, model: SequenceLayer, y: Tensor, state: Any, lengths: Tensor | None) -> Tensor:
        """Gather them."""
        if lengths is None:
            return y[:, -1]
        count = model.out_lengths(lengths, state)
        last = gather_outputs(y, (count - 1).clamp(min=0)[:, None])[:, 0]
        return torch.where((count > 0).view(-1, *[1] * (last.dim() - 1)), last, 0.0)

    def ask(self, model: SequenceLayer, x: Tensor, lengths: Tensor | None) -> Tensor:
        """By ``SequenceLayer.last`` or ``ends``."""
        return model.last(x) if lengths is None else model.ends(x, lengths)


@dataclass(frozen=True, eq=False)
class OutputsAt:
    """Those at given positions of each row: (B, A, O).

    positions: (B, A) int64 within the row's outputs. A place without an answer may name any output; its weight is 0.
    """

    positions: Tensor

    def of(self, model: SequenceLayer, y: Tensor, state: Any, lengths: Tensor | None) -> Tensor:
        """Gather them."""
        return gather_outputs(y, self.positions)

    def ask(self, model: SequenceLayer, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Run on all steps, then gather."""
        return gather_outputs(model(x, None, lengths)[0], self.positions)


EVERY_OUTPUT, LAST_OUTPUT, LAST_VALID_OUTPUT = EveryOutput(), LastOutput(), LastValidOutput()


def gather_outputs(y: Tensor, positions: Tensor) -> Tensor:
    """y (B, T', ...) at ``positions`` (B, A): (B, A, ...)."""
    return y[torch.arange(len(y), device=y.device)[:, None], positions]


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows that the model is run on together, and what it should answer.

    x        (B, T, F) or (B, T, F, C), floating point numbers or codes, 0 where padded
    target   one for each answer: (B, T'), (B, A) or (B,), or with K numbers each; anything where the weight is 0
    weight   of each answer in the loss, 0 where padded or without a label
    answers  which outputs of the model the targets belong to
    lengths  (B,) int64, valid steps of each row; None: all have T
    reset    (B,) bool, rows that begin a sequence with this piece; None: no row does. Only where a state goes on from
             piece to piece (``Sampler.carries``); elsewhere all rows begin.
    rows     (B, T) int64, the step of the data at each place, -1 where padded; or (B,), that of the last step
    items    (B,) int64, which example, recording or labelled step each row is; None where rows are but streams
    """

    x: Tensor
    target: Tensor
    weight: Tensor
    rows: Tensor
    answers: Answers = EVERY_OUTPUT
    lengths: Tensor | None = None
    reset: Tensor | None = None
    items: Tensor | None = None

    def source_step(self, row: int, step: int) -> int:
        """The step of the data that is at a place of x."""
        if self.rows.dim() == 2:
            return int(self.rows[row, step])
        return int(self.rows[row]) - (self.x.shape[1] - 1 - step)

    def cut(self, steps: int, answers: int) -> tuple["Piece", "Piece"]:
        """The first ``steps``, which give ``answers`` outputs, and the rest. Every output must be an answer."""
        lengths = self.lengths
        head = Piece(
            self.x[:, :steps],
            self.target[:, :answers],
            self.weight[:, :answers],
            self.rows[:, :steps],
            lengths=None if lengths is None else lengths.clamp(max=steps),
            reset=self.reset,
        )
        tail = Piece(
            self.x[:, steps:],
            self.target[:, answers:],
            self.weight[:, answers:],
            self.rows[:, steps:],
            lengths=None if lengths is None else (lengths - steps).clamp(min=0),
        )
        return head, tail


class Sampler(Protocol):
    """What hands out the pieces of an epoch. Their order depends on the seed and the epoch's number alone."""

    @property
    def timing(self) -> Timing:
        """Of the models whose outputs its targets belong to."""
        ...

    @property
    def carries(self) -> bool:
        """Whether each piece goes on where the one before it ended."""
        ...

    @property
    def weight(self) -> Tensor:
        """Of everything there is to learn from, in any order and shape."""
        ...

    @property
    def largest(self) -> Tensor:
        """x of the largest piece, on the device "meta"."""
        ...

    def count(self, number: int) -> int:
        """Pieces of epoch ``number``."""
        ...

    def epoch(self, number: int, skip: int = 0) -> Iterator[Piece]:
        """The pieces of epoch ``number``, without the first ``skip`` of them.

        Raises:
            ConfigError: number is below 0, or the epoch has fewer than ``skip`` pieces.
        """
        ...


def blank(values: Tensor, padded: Tensor) -> Tensor:
    """Put zeros where ``padded`` (B, T); by filling, for a product would keep NaN."""
    return values.masked_fill(padded.view(*padded.shape, *[1] * (values.dim() - 2)), 0)
