"""Steps of layers made of layers: the steppers of their parts, put together in the same way.

Axes: B batch, O output features, J quantities, P numbers of a distribution, Q quantile levels, C columns.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from ..core import SequenceLayer, numbers
from ..core.stepper import Array, ArrayStepper, Stepper, array, gives_several, make_stepper, zeros
from .outputs import Output, Point, Quantiles

if TYPE_CHECKING:
    from .anchored import Anchored
    from .combinators import Chain, Residual
    from .parallel import Parallel


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


class AnchoredStepper(CombinedStepper):
    """Body, scale and location, and what the output makes of them."""

    layer: "Anchored"

    def build(self) -> None:
        """The steppers, and the output on arrays."""
        layer = self.layer
        self.parts = [make_stepper(part, self.batch, self.dtype) for part in layer.layers]
        self._calls = [part.advance for part in self.parts]
        self._usual = array(layer.usual)
        self._horizons = layer.output.quantities // len(self._usual)
        self._standard = standard_of(layer.output)

    def advance(self, x: Array) -> Array | None:
        """Distributions in the unit of the data, (B, J * P)."""
        numbers, scale, *location = [call(x) for call in self._calls]
        if numbers is None or scale is None:
            return None
        numbers = numbers.astype(np.float64)
        if self._standard is None:
            return self._by_torch(numbers, scale, location[0] if location else None)
        width = np.where(scale == 0, self._usual, scale).repeat(self._horizons, -1)[..., None]
        y = self._standard(numbers) * width
        if location and location[0] is not None:
            y += location[0].repeat(self._horizons, -1)[..., None]
        return y.reshape(self.batch, -1)

    def give(self) -> Any:
        """By the names of the three."""
        return self.layer._states(list(super().give()))

    def _by_torch(self, numbers: Array, scale: Array, location: Array | None) -> Array:
        with torch.inference_mode():
            standard = self.layer.output.standard(torch.from_numpy(numbers))
            where = None if location is None else torch.from_numpy(location.copy())
            return self.layer.placed(standard, torch.from_numpy(scale.copy()), where).flatten(1).numpy()


def standard_of(output: Output) -> Callable[[Array], Array] | None:
    """Numbers (B, inputs) float64 to distributions (B, J, P) in units of the scale; None where torch must do it."""
    if type(output) is Point:
        centre, spread = array(output.base.double())[:, :1], array(output.base.double())[:, 1:]
        cut = output.learnt_size
        return lambda numbers: (centre + spread * numbers[:, :cut, None]) + numbers[:, cut:, None]
    if type(output) is Quantiles and not output.free:
        return _moved_and_stretched(output)
    return None


def _moved_and_stretched(output: Quantiles) -> Callable[[Array], Array]:
    base = output.base.double()
    middle = array(base[:, output.middle, None])
    most = array(output.most(base.diff(dim=-1).sum(-1, keepdim=True), 1))
    spread, around = array(output.spread.double()[:, None]), array(base) - middle
    shape, cut = (-1, output.quantities, output.inputs), output.learnt_size

    def standard(numbers: Array) -> Array:
        learnt = numbers[:, :cut].reshape(shape)
        stretch = np.exp(most * np.tanh(learnt[..., 1:] / most))
        return (middle + spread * learnt[..., :1] + numbers[:, cut:, None]) + stretch * around

    return standard


def _output_dtype(stepper: Stepper) -> torch.dtype:
    return stepper.layer.output_dtype(stepper.dtype) or stepper.dtype
