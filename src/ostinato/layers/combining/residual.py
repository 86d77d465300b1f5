"""Residual: a body, and a shortcut around it that is added.

Axes: B batch, T time steps, I input features, O output features.
"""

from fractions import Fraction
from typing import Any, NamedTuple

from torch import Tensor

from ...core import SequenceLayer, Size, class_name, require_layers
from ...errors import ConfigError
from ..delay import waits_for
from .chain import Chain
from .identity import Identity
from .paths import Paths, counted, pace


class ResidualState(NamedTuple):
    """What both paths remember."""

    body: Any
    shortcut: Any


class Residual(Paths):
    """y = body(x) + shortcut(x). If the body looks ahead, the shortcut waits for it.

    Args:
        body: any layer.
        shortcut: a layer that gives as many features and as many steps; None passes x on as it is.

    Shape:
        x (B, T, I), y (B, T', O) of the body.

    Raises:
        ConfigError: the two paths differ in features, in or out, in stride or in latency.

    Source:
        He et al. 2015, arXiv:1512.03385, section 3.1, equations 1 and 2.
    """

    def __init__(self, body: SequenceLayer, shortcut: SequenceLayer | None = None) -> None:
        super().__init__()
        require_layers("a residual", body, *([] if shortcut is None else [shortcut]))
        self.parts, self.state_type = 2, ResidualState
        self.body = body
        self.shortcut = shortcut or _waiting(body)
        self._check_sizes()
        self._check_paces()
        self.stride, self.latency = body.stride, body.latency
        self.streams = body.streams and self.shortcut.streams
        self.steps_out, self.takes_codes = body.steps_out, body.takes_codes and self.shortcut.takes_codes
        self._measure()

    @property
    def layers(self) -> list[SequenceLayer]:
        """Body and shortcut."""
        return [self.body, self.shortcut]

    def join(self, parts: list[Tensor]) -> Tensor:
        """Their sum."""
        body, shortcut = parts
        return body + shortcut

    def pack(self, states: list[Any]) -> ResidualState:
        """Each by its name."""
        return ResidualState(*states)

    def _check_sizes(self) -> None:
        body, shortcut = self.body, self.shortcut
        takes = [layer.input_size for layer in self.layers]
        if None not in takes and takes[0] != takes[1]:
            raise ConfigError(
                f"the body takes {takes[0]} features, the shortcut {takes[1]}. Both take the same x: make them equal."
            )
        self.input_size = takes[1] if takes[0] is None else takes[0]
        sizes = (_given(body, self.input_size), _given(shortcut, self.input_size))
        if None not in sizes and sizes[0] != sizes[1]:
            raise ConfigError(
                f"the body gives {sizes[0]} features, the shortcut {sizes[1]}. Pass a shortcut that maps "
                f"to {sizes[0]}, for example a Conv1d with kernel_size=1."
            )
        self.output_size = body.output_size if shortcut.output_size is None else shortcut.output_size

    def _check_paces(self) -> None:
        body, shortcut = self.body, self.shortcut
        if differs := self._disagreement():
            name, values = differs
            raise ConfigError(
                f"the body has {name} {values[0]}, the shortcut {values[1]}. Both paths must give the same steps."
            )
        if pace(body) != pace(shortcut):
            raise ConfigError(
                f"step by step the body gives {counted(pace(body))} steps in all, the shortcut "
                f"{counted(pace(shortcut))}. Both must give them at the same steps."
            )


def _given(layer: SequenceLayer, taken: Size | None) -> Size | None:
    """Features of its output, for ``taken`` features."""
    return taken if layer.output_size is None else layer.output_size


def _waiting(body: SequenceLayer) -> SequenceLayer:
    """x itself, as late as the body and in blocks as large."""
    if body.steps_out is not None:
        raise ConfigError(
            f"the body ({class_name(body)}) gives {body.steps_out} steps for any sequence: pass a shortcut "
            "that does too."
        )
    if body.stride != Fraction(1):
        raise ConfigError(f"the body has stride {body.stride}: pass a shortcut with the same stride.")
    size = body.input_size
    if size is None:
        if body.latency or body.block > 1:
            why = "latency" if body.latency else f"blocks of {body.block} steps"
            raise ConfigError(
                f"a body with {why} must say its input_size, so that the shortcut can wait for it."
            )
        return Identity()
    waits = waits_for(body)
    return Chain(*waits) if len(waits) > 1 else waits[0] if waits else Identity()
