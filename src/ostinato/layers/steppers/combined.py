"""Steppers of layers made of layers: the steppers of the parts, combined in the same way.

Axes: B batch, O output features.
"""

from typing import Any, cast

import numpy as np
import torch

from ...core import numbers, register_stepper
from ...core.stepper import Array, ArrayStepper, Stepper, zeros
from ...core.stepper_registry import gives_several, make_stepper
from ...core.validation import Validated
from ..combining.chain import Chain
from ..combining.parallel import Parallel
from ..combining.repeat import Repeat
from ..combining.residual import Residual


class CombinedStepper(ArrayStepper):
    """What the combinators share: a state in as many parts as there are steppers."""

    parts: list[Stepper]

    def check(self, state: Any) -> None:
        """Each part is one of its layer."""
        super().check(state)
        for part, own in zip(self.parts, state, strict=False):
            part.check(own)

    def load_state(self, state: Any) -> None:
        """Each stepper its own."""
        for part, own in zip(self.parts, state, strict=False):
            part.load_state(own)

    def export_state(self) -> Any:
        """The states of all, in order."""
        return tuple(part.export_state() for part in self.parts)


@register_stepper(Chain, Repeat)
class ChainStepper(CombinedStepper):
    """One after the other."""

    layer: Chain

    @classmethod
    def refuses(cls, layer: Validated, dtype: torch.dtype, device: torch.device) -> str | None:
        """Between two layers one step or none is handed on."""
        if any(gives_several(one) for one in cast(Chain, layer).layers):
            return "several steps pass between two layers"
        return super().refuses(layer, dtype, device)

    def build(self) -> None:
        """In the dtypes that they hand on."""
        self.parts, dtype = [], self.dtype
        for layer in self.layer.layers:
            self.parts.append(make_stepper(layer, self.batch, dtype))
            dtype = cast(torch.dtype, layer.output_dtype(dtype))
        self._calls = [part.advance for part in self.parts if not part.passes]

    def advance(self, x: Array) -> Array | None:
        """Until one has nothing to give yet."""
        y: Array | None = x
        for call in self._calls:
            y = call(y)  # type: ignore[arg-type]
            if y is None:
                return None
        return y


@register_stepper(Residual)
class ResidualStepper(CombinedStepper):
    """Both paths, and their sum."""

    layer: Residual

    def build(self) -> None:
        """Body, then shortcut."""
        self.parts = [
            make_stepper(layer, self.batch, self.dtype) for layer in (self.layer.body, self.layer.shortcut)
        ]
        self._body, self._shortcut = self.parts[0].advance, self.parts[1].advance

    def advance(self, x: Array) -> Array | None:
        """Body plus shortcut."""
        body, shortcut = self._body(x), self._shortcut(x)
        return None if body is None or shortcut is None else body + shortcut

    def export_state(self) -> Any:
        """By the names of the paths."""
        return self.layer.state_type(*super().export_state())


@register_stepper(Parallel)
class ParallelStepper(CombinedStepper):
    """All of them on the same x."""

    layer: Parallel

    @classmethod
    def refuses(cls, layer: Validated, dtype: torch.dtype, device: torch.device) -> str | None:
        """The parts of y stand side by side on one axis."""
        if not isinstance(layer.output_size, int):
            return "steps have frequencies"
        return super().refuses(layer, dtype, device)

    def build(self) -> None:
        """Each with its place in y."""
        self.parts = [make_stepper(layer, self.batch, self.dtype) for layer in self.layer.layers]
        self._y = zeros((self.batch, numbers(self.layer.output_size or 0)), _output_dtype(self))
        ends = np.cumsum([numbers(layer.output_size or 0) for layer in self.layer.layers])
        places = np.split(self._y, ends[:-1], axis=1)  # views
        self._pairs = [(part.advance, place) for part, place in zip(self.parts, places, strict=True)]

    def advance(self, x: Array) -> Array | None:
        """Side by side."""
        ready = True
        for call, place in self._pairs:
            part = call(x)
            if part is None:
                ready = False
            else:
                place[...] = part
        return self._y if ready else None


def _output_dtype(stepper: Stepper) -> torch.dtype:
    return stepper.layer.output_dtype(stepper.dtype) or stepper.dtype
