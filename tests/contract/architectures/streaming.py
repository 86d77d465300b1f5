"""Chunks, rows, padding, states and steppers: what one call over all steps gives is the truth."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from contract.architectures.subject import ROWS, Examined, FaultError, cut, in_pieces, same
from ostinato.errors import StreamingError


def runs(subject: Examined) -> None:
    """Any number of steps runs, and enough of them give an output that is finite and hears something."""
    layer = subject.layer
    for steps in (0, 1, 2):
        layer(subject.x(steps))
    y, _ = subject.whole
    if y.shape[1] == 0:
        many = max(8 * subject.steps, 2 * layer.block)
        y, _ = layer(subject.x(many, 1))
        if y.shape[1] == 0:
            raise FaultError(f"it never gives an output: none after {many} steps")
    if not bool(y.isfinite().all()):
        raise FaultError("y is not finite")


def chunks(subject: Examined) -> None:
    """Pieces join to the whole."""
    if not subject.layer.streams:
        return
    x, (y, _) = subject.x(subject.steps), subject.whole
    for salt in range(3):
        pieces = cut(subject.random(salt), subject.steps)
        same("y", in_pieces(subject.layer, x, pieces)[0], y, f"cut into {pieces}")


def rows(subject: Examined) -> None:
    """A row of a ragged batch, beside padding of NaN, is that row trimmed and alone."""
    layer, steps = subject.layer, subject.steps
    lengths = torch.tensor([steps, 0, 1, steps // 2, steps - 1])
    x = subject.x(steps, len(lengths))
    for row, length in enumerate(lengths.tolist()):
        x[row, length:] = torch.nan
    y, _ = layer(x, None, lengths)
    counts = layer.out_lengths(lengths).tolist()
    for row, length in enumerate(lengths.tolist()):
        alone, _ = layer(x[row : row + 1, :length])
        where = f"row {row} of lengths {lengths.tolist()} against alone"
        if alone.shape[1] != counts[row]:
            raise FaultError(f"{length} steps give {alone.shape[1]} outputs, out_lengths says {counts[row]}")
        same("y", y[row : row + 1, : counts[row]], alone, where)
        if bool((y[row, counts[row] :] != 0).any()):
            raise FaultError(f"y is not zero on padding, {where}")


def states(subject: Examined) -> None:
    """Rows that were run alone go on together, and rows that were run together go on alone."""
    layer, steps = subject.layer, subject.steps
    if not layer.streams:
        return
    middle = subject.random(7).randint(0, steps)
    x = subject.x(steps)
    expected, _ = layer(x)
    parts = [layer(x[row : row + 1, :middle]) for row in range(ROWS)]
    together = _joined([state for _, state in parts])
    y, _ = layer(x[:, middle:], together)
    same(
        "y",
        torch.cat([torch.cat([part for part, _ in parts]), y], dim=1),
        expected,
        f"joined after {middle} steps",
    )
    first, state = layer(x[:, :middle])
    for row in range(ROWS):
        y, _ = layer(x[row : row + 1, middle:], _row(state, row))
        alone = torch.cat([first[row : row + 1], y], dim=1)
        same("y", alone, expected[row : row + 1], f"row {row} alone after {middle} steps")


def steppers(subject: Examined) -> None:
    """A stepper gives each output at the step at which a chunk of one does."""
    layer = subject.layer
    if not layer.streams:
        return
    pieces = layer.out_lengths(torch.arange(max(subject.steps, 2 * layer.block) + 1)).tolist()
    if any(after - before > 1 for before, after in pairwise(pieces)):
        return  # several at once
    whole = layer.stride.denominator == 1 and layer.block == layer.stride.numerator
    try:
        stepper = layer.stepper(ROWS, dtype=torch.float64)
    except StreamingError as error:
        if not whole:
            return
        raise FaultError(f"no stepper, though no step gives more than one output: {error}") from error
    found: list[Tensor] = []
    for place, x in enumerate(subject.x(subject.steps).unbind(1)):
        y = stepper.step(x)
        found += [] if y is None else [y]
        if len(found) != pieces[place + 1]:
            raise FaultError(f"{len(found)} outputs after step {place}, chunks give {pieces[place + 1]}")
    expected, _ = subject.whole
    same("y", torch.stack(found, dim=1) if found else expected[:, :0], expected, "step by step")


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], Tensor):
        return torch.cat(parts)
    joined = [_joined(list(together)) for together in zip(*parts, strict=True)]
    return type(parts[0])(*joined) if hasattr(parts[0], "_fields") else tuple(joined)


def _row(state: Any, row: int) -> Any:
    if isinstance(state, Tensor):
        return state[row : row + 1]
    parts = [_row(part, row) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
