"""A chain is its layers in order, however they are bracketed."""

from collections.abc import Callable

import torch
from torch import Tensor

from contract.architectures.subject import Examined, FaultError, same
from ostinato.core import SequenceLayer
from ostinato.errors import OstinatoError
from ostinato.layers import Chain

FIGURES = ("stride", "latency", "block", "steps_out", "streams", "input_size", "output_size")


def brackets(subject: Examined) -> None:
    """Outputs, figures and what is owed are those of the flat chain, and of one that is nested in other places."""
    layer = subject.layer
    if type(layer) is not Chain:
        return
    flat = _flat(layer)
    for other in _bracketed(flat):
        try:
            nested = Chain(*other).eval()
        except OstinatoError:
            continue  # ``refused_alike`` is about this
        where = f"bracketed as {_shape(other)}"
        _same_figures(layer, nested, where)
        x = subject.x(subject.steps)
        same("y", nested(x)[0], layer(x)[0], where)
        if layer.streams and layer.latency:
            same("y and flush", _with_owed(nested, x), _with_owed(layer, x), where)


def refused_alike(subject: Examined) -> None:
    """A warning: what is accepted in one bracketing is refused in another."""
    layer = subject.layer
    if type(layer) is not Chain:
        return
    for other in _bracketed(_flat(layer)):
        try:
            Chain(*other)
        except OstinatoError as error:
            raise FaultError(f"bracketed as {_shape(other)} it is refused: {error}") from error


def _same_figures(layer: SequenceLayer, other: SequenceLayer, where: str) -> None:
    for name in FIGURES:
        if getattr(layer, name) != getattr(other, name):
            raise FaultError(f"{name} is {getattr(layer, name)}, {getattr(other, name)} {where}")


def _with_owed(layer: SequenceLayer, x: Tensor) -> Tensor:
    y, state = layer(x)
    return torch.cat([y, layer.flush(state)], dim=1)


def _flat(layer: SequenceLayer) -> list[SequenceLayer]:
    if type(layer) is not Chain:
        return [layer]
    return [part for inner in layer.layers for part in _flat(inner)]


def _bracketed(flat: list[SequenceLayer]) -> list[list[SequenceLayer]]:
    makes: list[Callable[[], list[SequenceLayer]]] = [lambda: flat]
    if len(flat) > 2:
        makes += [lambda: [flat[0], Chain(*flat[1:])], lambda: [Chain(*flat[:-1]), flat[-1]]]
    found = []
    for make in makes:
        try:
            found.append(make())
        except OstinatoError:
            continue
    return found


def _shape(layers: list[SequenceLayer]) -> str:
    return ", ".join(
        f"({len(layer.layers)} layers)" if type(layer) is Chain else type(layer).__name__ for layer in layers
    )
