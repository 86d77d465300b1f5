"""What ``flush`` gives, by a definition of our own: all outputs of a stream that ends.

A layer that holds no other meets ``latency`` zeros behind its last step. A chain is its layers in order, each over all
that the one before it gives, what is owed included; layers side by side give what all of them give. A layer with
latency must never take the middle of a stream for its end: where steps wait in a block that was not filled, it would.
"""

from fractions import Fraction

import torch
from torch import Tensor

from contract.architectures.subject import ROWS, Examined, FaultError, cut, in_pieces, same
from ostinato.core import SequenceLayer
from ostinato.errors import OstinatoError
from ostinato.layers import Anchored, Chain, Parallel, Residual


def ended(layer: SequenceLayer, x: Tensor) -> Tensor:
    """All outputs (B, N, O) of a stream that ends after x: y, and what is owed behind it.

    Raises:
        FaultError: a layer with latency meets the end of a stream that has steps waiting before it.
    """
    if not layer.latency or not layer.streams:
        return layer(x)[0]
    if isinstance(layer, Chain):
        return _through(layer.layers, x)
    if isinstance(layer, Parallel):
        parts = [ended(part, x) for part in layer.layers]
        steps = min(part.shape[1] for part in parts)
        return torch.cat([part[:, :steps] for part in parts], dim=-1)
    if isinstance(layer, Residual):
        body, shortcut = ended(layer.body, x), ended(layer.shortcut, x)
        steps = min(body.shape[1], shortcut.shape[1])
        return body[:, :steps] + shortcut[:, :steps]
    if isinstance(layer, Anchored):
        return _anchored(layer, x)
    zeros = x.new_zeros(x.shape[0], layer.latency, *x.shape[2:])
    return layer(torch.cat([x, zeros], dim=1))[0]


def _through(layers: list[SequenceLayer], x: Tensor) -> Tensor:
    for layer in layers:
        x = ended(layer, x)
    return x


def _anchored(layer: Anchored, x: Tensor) -> Tensor:
    numbers, scale, *location = [ended(part, x) for part in layer.layers]
    steps = min(part.shape[1] for part in (numbers, scale, *location))
    standard = layer.output.standard(numbers[:, :steps])
    where = location[0][:, :steps] if location else None
    return layer.placed(standard, scale[:, :steps], where).flatten(2)


def flush_counts(subject: Examined) -> None:
    """y and what is owed are the outputs of latency steps more, but for what waits in a block that is not full.

    Where nothing within goes up in rate, every output that the steps can give comes, whatever their number.
    """
    layer = subject.layer
    if not layer.streams:
        return
    for steps in range(2 * layer.block + 2):
        y, state = layer(subject.x(steps, 1))
        total = torch.cat([y, layer.flush(state)], dim=1).shape[1]
        counted = steps - steps % layer.block if _goes_up(layer) else steps
        least = _said(layer, counted + layer.latency)
        most = int(Fraction(steps + layer.latency) / layer.stride)
        if not least <= total <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise FaultError(
                f"{steps} steps give {y.shape[1]} outputs, and with what is owed {total}: latency {layer.latency}, "
                f"stride {layer.stride} and block {layer.block} promise {wanted}"
            )


def flush_meets_the_end(subject: Examined) -> None:
    """No layer that looks ahead takes the middle of a stream for its end, because steps wait in a block before it."""
    layer = subject.layer
    if layer.streams and layer.latency:
        for blocks in range(3):
            steps = blocks * layer.block
            _meet(layer, steps, Fraction(steps))


def _meet(layer: SequenceLayer, count: int, due: Fraction) -> tuple[int, Fraction]:
    """Steps that come out of ``count``, what is owed included, and those that would had none been left in a block."""
    if isinstance(layer, Chain):
        for part in layer.layers:
            count, due = _meet(part, count, due)
        return count, due
    if isinstance(layer, Parallel | Residual | Anchored):
        paths = [layer.body, layer.shortcut] if isinstance(layer, Residual) else layer.layers
        met = [_meet(path, count, due) for path in paths]
        return min(count for count, _ in met), met[0][1]
    if layer.latency and count < int(due):
        raise FaultError(
            f"{type(layer).__name__} looks {layer.latency} steps ahead beyond {count} steps, but {int(due)} are due"
        )
    return _said(layer, count + layer.latency), (due + layer.latency) / layer.stride


def flush_values(subject: Examined) -> None:
    """The numbers of y and flush are those of the definition, whole, in chunks, and row by row."""
    layer = subject.layer
    if not layer.streams:
        return
    for steps in (subject.steps, subject.steps - 1, 1):
        x = subject.x(steps)
        y, state = layer(x)
        owed = layer.flush(state)
        if layer.latency:
            same("y and flush", torch.cat([y, owed], dim=1), ended(layer, x), f"after {steps} steps")
        _flushed_alike(subject, x, owed)


def _flushed_alike(subject: Examined, x: Tensor, owed: Tensor) -> None:
    layer, steps = subject.layer, x.shape[1]
    pieces = cut(subject.random(11), steps)
    again = layer.flush(in_pieces(layer, x, pieces)[1])
    same("flush", again, owed, f"after {steps} steps cut into {pieces}")
    if layer.latency:
        alone = torch.cat([layer.flush(layer(x[row : row + 1])[1]) for row in range(ROWS)])
        same("flush", owed, alone, f"of {ROWS} rows against alone")


def flush_joins(subject: Examined) -> None:
    """What is owed can be joined to y, whatever the layer."""
    layer = subject.layer
    if not layer.streams:
        return
    y, state = layer(subject.x(5))
    owed = layer.flush(state)
    try:
        joined = torch.cat([y, owed], dim=1)
    except RuntimeError as error:
        raise FaultError(
            f"flush gives {tuple(owed.shape)}, which does not join y {tuple(y.shape)}"
        ) from error
    if joined[:, :0].shape != y[:, :0].shape or joined.dtype != y.dtype:
        raise FaultError(f"flush gives {tuple(owed.shape)} {owed.dtype}, y is {tuple(y.shape)} {y.dtype}")


def flush_ragged(subject: Examined) -> None:
    """Of rows of different lengths each owes what it owes alone; a layer that has a phase may refuse."""
    layer, steps = subject.layer, subject.steps
    if not layer.streams or not layer.latency:
        return
    lengths = torch.tensor([steps, steps - 2, 1])
    x = subject.x(steps)
    _, state = layer(x, None, lengths)
    try:
        owed = layer.flush(state)
    except OstinatoError as error:
        if layer.block == 1 and all(part.block == 1 for part in _parts(layer)):
            raise FaultError(f"rows of lengths {lengths.tolist()} cannot be flushed: {error}") from error
        return
    for row, length in enumerate(lengths.tolist()):
        alone = layer.flush(layer(x[row : row + 1, :length])[1])
        count = min(alone.shape[1], owed.shape[1])
        same(
            "flush",
            owed[row : row + 1, :count],
            alone[:, :count],
            f"of row {row} of lengths {lengths.tolist()}",
        )


def _goes_up(layer: SequenceLayer) -> bool:
    """Whether something in it gives several steps at once."""
    return any(part.stride.denominator > 1 or part.block > part.stride.numerator for part in _parts(layer))


def _parts(layer: SequenceLayer) -> list[SequenceLayer]:
    return [part for part in layer.modules() if isinstance(part, SequenceLayer)]


def _said(layer: SequenceLayer, steps: int) -> int:
    return int(layer.out_lengths(torch.tensor([steps])))
