"""A layer within a combinator that adds nothing is the layer itself, figures included."""

import math
from collections.abc import Iterator

import torch

from contract.architectures.subject import Examined, FaultError, same
from ostinato.core import SequenceLayer
from ostinato.errors import OstinatoError
from ostinato.layers import Chain, Identity, Parallel, Repeat, Residual

FIGURES = (
    "stride",
    "latency",
    "block",
    "steps_out",
    "streams",
    "input_size",
    "output_size",
    "receptive_field",
)


def wrapped(subject: Examined) -> None:
    """In a chain, beside nothing, and repeated once: outputs, ends, what is owed, and all that is declared."""
    layer, x = subject.layer, subject.x(subject.steps)
    y, state = subject.whole
    for name, other in _around(layer):
        for figure in FIGURES:
            if getattr(other, figure) != getattr(layer, figure):
                raise FaultError(f"{figure} is {getattr(layer, figure)}, {getattr(other, figure)} in {name}")
        found, after = other(x)
        same("y", found, y, f"in {name}")
        same("tail", other.tail(x, 2), y[:, -2:], f"in {name}")
        if layer.streams and layer.latency:
            same("flush", other.flush(after), layer.flush(state), f"in {name}")


def doubled(subject: Examined) -> None:
    """Beside itself it gives everything twice, and in a sum twice as much, to the last step that is owed."""
    layer, x = subject.layer, subject.x(subject.steps)
    y, state = subject.whole
    if layer.output_size is None:
        return
    for other, expected in (
        (Parallel(layer, layer), torch.cat([y, y], dim=-1)),
        (Residual(layer, layer), y + y),
    ):
        found, after = other(x)
        where = f"twice in a {type(other).__name__}"
        same("y", found, expected, where)
        same("tail", other.tail(x, 3), expected[:, -3:], where)
        if not math.isinf(layer.receptive_field) and other.receptive_field != layer.receptive_field:
            raise FaultError(f"receptive_field is {layer.receptive_field}, {other.receptive_field} {where}")
        if layer.streams and layer.latency:
            owed = layer.flush(state)
            twice = torch.cat([owed, owed], dim=-1) if isinstance(other, Parallel) else owed + owed
            same("flush", other.flush(after), twice, where)


def _around(layer: SequenceLayer) -> Iterator[tuple[str, SequenceLayer]]:
    makes = {
        "Chain(layer)": lambda: Chain(layer),
        "Chain(Identity(), layer)": lambda: Chain(Identity(), layer),
        "Chain(Chain(layer), Identity())": lambda: Chain(Chain(layer), Identity()),
        "Parallel(layer)": lambda: Parallel(layer),
        "Repeat(layer, 1)": lambda: Repeat(layer, 1),
    }
    for name, make in makes.items():
        if name.startswith("Parallel") and layer.output_size is None:
            continue
        if name.startswith("Repeat") and layer.input_size != layer.output_size:
            continue
        try:
            yield name, make().eval()
        except OstinatoError as error:
            raise FaultError(f"{name} is refused: {error}") from error
