"""Stepper of an anchored forecast: body, scale and location, and the output distribution.

Axes: B batch, J quantities, P numbers of a distribution, Q quantile levels, C columns.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...core import register_stepper
from ...core.stepper import Array, array
from ...core.stepper_registry import make_stepper
from ..features.anchored import Anchored
from ..features.outputs import Output, Point, Quantiles
from .combined import CombinedStepper


@register_stepper(Anchored)
class AnchoredStepper(CombinedStepper):
    """Body, scale and location, and what the output makes of them."""

    layer: Anchored

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

    def export_state(self) -> Any:
        """By the names of the three."""
        return self.layer.pack(list(super().export_state()))

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
