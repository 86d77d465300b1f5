"""Truncated back-propagation through time: the state carried between pieces, and the steps that a gradient reaches.

BPTT(k1, k2) makes an update every k1 steps with gradients through the last k2 (Williams & Peng 1990, An efficient
gradient-based algorithm for on-line training of recurrent network trajectories; the letters are Sutskever's, 2013,
thesis, section 2.8.6).

    k2 = k1   each slice is one forward and backward pass
    k2 > k1   the last k2 / k1 slices are run again from the state before them; the loss is that of the newest slice
    k2 < k1   the first k1 - k2 steps of a slice move the state only; the loss is that of the last k2

Axes: B streams, T steps of a slice.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ..core import SequenceLayer, detach, where_rows
from ..data.piece import Piece
from ..data.timing import STEP_BY_STEP, Timing


class PieceMemory(Protocol):
    """What a training run remembers from piece to piece."""

    state: Any  # before the next piece

    @property
    def rerun(self) -> list[Piece]:
        """The pieces that the next update runs again."""
        ...

    @property
    def most_rerun(self) -> int:
        """How many these can be."""
        ...

    def begin(self) -> None:
        """An epoch begins."""
        ...

    def weight(self, piece: Piece) -> Tensor:
        """Of the answers that are learnt from."""
        ...

    def forward(self, model: SequenceLayer, piece: Piece) -> tuple[Tensor, Tensor, Tensor, Any]:
        """Answers, target and weight of what is learnt from, and the state after the piece, detached."""
        ...

    def keep(self, piece: Piece, state: Any) -> None:
        """Go on from ``state``, which came after ``piece``."""
        ...

    def states(self) -> list[Any]:
        """What a checkpoint holds."""
        ...

    def restore(self, pieces: Sequence[Piece], states: Iterable[Any]) -> None:
        """Go on from what an earlier run had: ``rerun`` and ``states``."""
        ...


class NoMemory:
    """Of pieces that have nothing to do with one another: each is a whole by itself."""

    state: Any = None
    most_rerun = 0

    @property
    def rerun(self) -> list[Piece]:
        """None."""
        return []

    def begin(self) -> None:
        """Nothing."""

    def weight(self, piece: Piece) -> Tensor:
        """All of it."""
        return piece.weight

    def forward(self, model: SequenceLayer, piece: Piece) -> tuple[Tensor, Tensor, Tensor, Any]:
        """Run from the beginning."""
        return piece.answers.ask(model, piece.x, piece.lengths), piece.target, piece.weight, None

    def keep(self, piece: Piece, state: Any) -> None:
        """Nothing."""

    def states(self) -> list[Any]:
        """The beginning."""
        return [None]

    def restore(self, pieces: Sequence[Piece], states: Iterable[Any]) -> None:
        """Nothing."""


class Truncation:
    """The memory of a training run over streams: the present state, and the slices that are run again.

    Args:
        update_every: k1; None for whole streams.
        gradient_steps: k2; None for k1.
        carry_state: whether the state goes on from slice to slice.
        timing: of the model: a slice is cut between two of its blocks.
    """

    def __init__(
        self,
        update_every: int | None,
        gradient_steps: int | None,
        carry_state: bool = True,
        timing: Timing = STEP_BY_STEP,
    ) -> None:
        every, back = update_every, gradient_steps
        slices = 1 if None in (every, back) or back <= every else back // every  # type: ignore[operator]
        self.tail = back if back is not None and every is not None and back < every else None
        self.carry_state, self.timing = carry_state, timing
        self.state: Any = None
        # with the state before each, and the beginning of the rows that begin with it
        self.older: deque[tuple[Piece, Any, Any]] = deque(maxlen=slices - 1)
        self.beginning: tuple[Piece, Any] | None = None  # the same of the newest slice

    @property
    def rerun(self) -> list[Piece]:
        """The older slices."""
        return [piece for piece, *_ in self.older]

    @property
    def most_rerun(self) -> int:
        """k2 / k1 - 1."""
        return self.older.maxlen or 0

    def begin(self) -> None:
        """Streams begin anew."""
        self.state = None
        self.older.clear()
        self.beginning = None

    def skipped(self, piece: Piece) -> int:
        """How many steps of a slice only move the state."""
        if self.tail is None:
            return 0
        steps = max(piece.x.shape[1] - self.tail, 0)
        return steps // self.timing.block * self.timing.block

    def weight(self, piece: Piece) -> Tensor:
        """Of the steps that are learnt from."""
        return piece.weight[:, int(self.skipped(piece) / self.timing.stride) :]

    def forward(self, model: SequenceLayer, piece: Piece) -> tuple[Tensor, Tensor, Tensor, Any]:
        """Answers, target and weight of the steps that are learnt from, and the state after them, detached.

        An optimizer may ask several times: nothing that decides an answer is changed here.
        """
        fresh = self._beginning(model, piece)
        state = self.older[0][1] if self.older else self.state
        for older, _, began in self.older:
            _, state = _advance(model, older, state, began)
        skipped = self.skipped(piece)
        if skipped:
            head, piece = piece.cut(skipped, int(skipped / self.timing.stride))
            with torch.no_grad():
                _, state = _advance(model, head, state, fresh)
        answers, state = _advance(model, piece, state, fresh)
        return answers, piece.target, piece.weight, detach(state)

    def keep(self, piece: Piece, state: Any) -> None:
        """Go on from ``state``, which came after ``piece``."""
        if self.carry_state:
            began = self.beginning[1] if self.beginning and self.beginning[0] is piece else None
            self.older.append((piece, self.state, began))
            self.state = state

    def restore(self, pieces: Sequence[Piece], states: Iterable[Any]) -> None:
        """Take the memory of an earlier run: its older slices, and what ``states`` gave."""
        *earlier, self.state = states
        began = earlier[len(pieces) :] or [None] * len(pieces)  # a file of before knows none
        self.older.clear()
        self.older.extend(zip(pieces, earlier[: len(pieces)], began, strict=True))

    def states(self) -> list[Any]:
        """What ``restore`` takes: the states before the older slices, their beginnings, the present state."""
        return [*(state for _, state, _ in self.older), *(began for *_, began in self.older), self.state]

    def _beginning(self, model: SequenceLayer, piece: Piece) -> Any:
        """The state of rows that begin with a slice, None if no row does.

        It is made once: masks that are drawn with it must be the same whenever the slice is run again.
        """
        if self.beginning is None or self.beginning[0] is not piece:
            begins = self.state is None or piece.reset is not None
            fresh = model.initial_state(len(piece.x), piece.x.dtype, piece.x.device) if begins else None
            self.beginning = piece, fresh
        return self.beginning[1]


def _advance(model: SequenceLayer, piece: Piece, state: Any, fresh: Any) -> tuple[Tensor, Any]:
    """Answers to a slice, and the state after it, from ``fresh`` on where the slice says so."""
    if state is None or (piece.reset is not None and bool(piece.reset.all())):
        state = fresh
    elif piece.reset is not None:
        state = (
            model.reset_rows(state, piece.reset) if fresh is None else where_rows(piece.reset, fresh, state)
        )
    y, after = model(piece.x, state, piece.lengths)
    return piece.answers.of(model, y, state, piece.lengths), after
