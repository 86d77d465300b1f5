"""Truncated back-propagation through time: which steps a gradient reaches, and what is carried on.

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
from typing import Any

import torch
from torch import Tensor

from ..core import SequenceLayer, detach, where_rows
from ..data.streams import Slice


class Truncation:
    """The memory of a training over streams: the present state, and the slices that are run again.

    Args:
        update_every: k1; None for whole streams.
        gradient_steps: k2; None for k1.
        carry_state: whether the state goes on from slice to slice.
    """

    def __init__(
        self, update_every: int | None, gradient_steps: int | None, carry_state: bool = True
    ) -> None:
        every, back = update_every, gradient_steps
        slices = 1 if None in (every, back) or back <= every else back // every  # type: ignore[operator]
        self.tail = back if back is not None and every is not None and back < every else None
        self.carry_state = carry_state
        self.state: Any = None
        # with the state before each, and the beginning of the rows that begin with it
        self.older: deque[tuple[Slice, Any, Any]] = deque(maxlen=slices - 1)
        self.begun: tuple[Slice, Any] | None = None  # the same of the newest slice

    def begin(self) -> None:
        """Streams begin anew."""
        self.state = None
        self.older.clear()
        self.begun = None

    def skipped(self, piece: Slice) -> int:
        """How many steps of a slice only move the state."""
        return 0 if self.tail is None else max(piece.x.shape[1] - self.tail, 0)

    def forward(self, model: SequenceLayer, piece: Slice) -> tuple[Tensor, Tensor, Tensor, Any]:
        """y, target and weight of the steps that are learnt from, and the state after them, detached.

        An optimizer may ask several times: nothing that decides an answer is changed here.
        """
        fresh = self._beginning(model, piece)
        state = self.older[0][1] if self.older else self.state
        for older, _, began in self.older:
            _, state = _advance(model, older, state, began)
        skipped = self.skipped(piece)
        if skipped:
            head, piece = _cut(piece, skipped)
            with torch.no_grad():
                _, state = _advance(model, head, state, fresh)
        y, state = _advance(model, piece, state, fresh)
        return y, piece.target, piece.weight, detach(state)

    def keep(self, piece: Slice, state: Any) -> None:
        """Go on from ``state``, which came after ``piece``."""
        if self.carry_state:
            began = self.begun[1] if self.begun and self.begun[0] is piece else None
            self.older.append((piece, self.state, began))
            self.state = state

    def restore(self, pieces: Sequence[Slice], states: Iterable[Any]) -> None:
        """Take up the memory of an earlier run: its older slices, and what ``states`` gave."""
        *earlier, self.state = states
        began = earlier[len(pieces) :] or [None] * len(pieces)  # a file of before knows none
        self.older.clear()
        self.older.extend(zip(pieces, earlier[: len(pieces)], began, strict=True))

    def states(self) -> list[Any]:
        """What ``restore`` takes: the states before the older slices, their beginnings, the present state."""
        return [*(state for _, state, _ in self.older), *(began for *_, began in self.older), self.state]

    def _beginning(self, model: SequenceLayer, piece: Slice) -> Any:
        """The state of rows that begin with a slice, None if no row does.

        It is made once: masks that are drawn with it must be the same whenever the slice is run again.
        """
        if self.begun is None or self.begun[0] is not piece:
            begins = self.state is None or piece.reset is not None
            fresh = model.initial_state(len(piece.x), piece.x.dtype, piece.x.device) if begins else None
            self.begun = piece, fresh
        return self.begun[1]


def _advance(model: SequenceLayer, piece: Slice, state: Any, fresh: Any) -> tuple[Tensor, Any]:
    """Run over a slice, from ``fresh`` on where the slice says so."""
    if state is None or (piece.reset is not None and bool(piece.reset.all())):
        state = fresh
    elif piece.reset is not None:
        state = (
            model.reset_rows(state, piece.reset) if fresh is None else where_rows(piece.reset, fresh, state)
        )
    return model(piece.x, state, piece.lengths)


def _cut(piece: Slice, at: int) -> tuple[Slice, Slice]:
    lengths = piece.lengths
    head = Slice(
        piece.x[:, :at],
        piece.target[:, :at],
        piece.weight[:, :at],
        None if lengths is None else lengths.clamp(max=at),
        piece.reset,
        piece.rows[:, :at],
    )
    tail = Slice(
        piece.x[:, at:],
        piece.target[:, at:],
        piece.weight[:, at:],
        None if lengths is None else (lengths - at).clamp(min=0),
        None,
        piece.rows[:, at:],
    )
    return head, tail
