"""Steps of layers made of layers: the steppers of their parts, put together in the same way.

Axes: B batch, O output features.
"""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from ...core import SequenceLayer, numbers
from ...core.stepper import Array, ArrayStepper, Stepper, gives_several, make_stepper, zeros

if TYPE_CHECKING:
    from ..combining.chain import Chain
    from ..combining.parallel import Parallel
    from ..combining.residual import Residual


class CombinedStepper(ArrayStepper):
    """What the combinators share: a state in as many parts as there are steppers."""

    parts: list[Stepper]

    def check(self, state: Any) -> None:
        """Each part is one of its layer."""
        super().check(state)
        for part, own in zip(self.parts, state, strict=False):
            part.check(own)

    def take(self, state: Any) -> None:
        """Each stepper its own."""
        for part, own in zip(self.parts, state, strict=False):
            part.take(own)

    def give(self) -> Any:
        """The states of all, in order."""
        return tuple(part.give() for part in self.parts)


class ChainStepper(CombinedStepper):
    """One after the other."""

    layer: "Chain"

    @classmethod
    def suits(cls, layer: SequenceLayer) -> bool:
        """Unless several steps pass between two layers, of which fewer come out in the end."""
        return not any(gives_several(one) for one in cast("Chain", layer).layers)

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


class ResidualStepper(CombinedStepper):
    """Both paths, and their sum."""

    layer: "Residual"

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

    def give(self) -> Any:
        """By the names of the paths."""
        return self.layer.state_type(*super().give())


class ParallelStepper(CombinedStepper):
    """All of them on the same x."""

    layer: "Parallel"

    @classmethod
    def suits(cls, layer: SequenceLayer) -> bool:
        """Steps of one axis; others go by ``run``."""
        return isinstance(layer.output_size, int)

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
