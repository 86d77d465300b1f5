"""Steppers of layers without a state, and torch modules rewritten in NumPy.

Axes: B batch, I input features, O output features.
"""

import math
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ...core import axes, register_stepper
from ...core.stepper import Array, ArrayStepper, array, zeros
from ...core.validation import Validated
from ..combining.identity import Identity
from ..features.raw import Calendar, Columns, ToNetwork
from ..features.regression import Regression
from ..features.scaling import StandardScaler
from ..pointwise import Pointwise

Function = Callable[[Array], Array]


@register_stepper(Identity)
class IdentityStepper(ArrayStepper):
    """Nothing to do."""

    passes = True

    def advance(self, x: Array) -> Array:
        """x."""
        return x


@register_stepper(Pointwise)
class PointwiseStepper(ArrayStepper):
    """A module that ``array_function`` knows."""

    layer: Pointwise

    @classmethod
    def refuses(cls, layer: Validated, dtype: torch.dtype, device: torch.device) -> str | None:
        """The module must be known."""
        if not knows(cast(Pointwise, layer).module):
            return "a module that is not written on arrays, or has hooks"
        return super().refuses(layer, dtype, device)

    def build(self) -> None:
        """The weights of the module, for all frequencies at once where there are some."""
        self.passes = isinstance(self.layer.module, PASSING)
        *others, _ = axes(self.size or 1)
        self._function = array_function(self.layer.module, self.batch * math.prod(others), self.dtype)
        self._others = bool(others)

    def advance(self, x: Array) -> Array:
        """Apply it."""
        if self._others:
            return self._function(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)
        return self._function(x)


@register_stepper(StandardScaler)
class ScalerStepper(ArrayStepper):
    """Of a ``StandardScaler``."""

    layer: StandardScaler

    def build(self) -> None:
        """Mean and deviation."""
        self._mean, self._deviation = array(self.layer.mean), array(self.layer.deviation)

    def advance(self, x: Array) -> Array:
        """Scaled and held within the limit."""
        y = x - self._mean
        y /= self._deviation
        np.maximum(y, -self.layer.limit, out=y)
        return np.minimum(y, self.layer.limit, out=y)


@register_stepper(Columns)
class ColumnsStepper(ArrayStepper):
    """Of ``Columns``."""

    layer: Columns

    def build(self) -> None:
        """One block where they stand beside each other."""
        columns, self._y = self.layer.columns, zeros((self.batch, len(self.layer.columns)), self.dtype)
        beside = columns == tuple(range(columns[0], columns[0] + len(columns)))
        self._places = slice(columns[0], columns[0] + len(columns)) if beside else list(columns)
        self._low = self.layer.floor if self.layer.floor > 1e-300 else 1.0

    def advance(self, x: Array) -> Array:
        """Picked; logarithms where they are wanted."""
        y = self._y
        y[...] = x[:, self._places]
        if self.layer.log:
            y[~(y > self.layer.floor)] = self._low
            np.log(y, y)
        return y


@register_stepper(Calendar)
class CalendarStepper(ArrayStepper):
    """Of a ``Calendar``."""

    layer: Calendar

    def build(self) -> None:
        """Periods and where they count from."""
        self._periods, self._offset = np.array(self.layer.periods), self.layer.offset
        self._y = zeros((self.batch, 2 * len(self._periods)), self.dtype)
        self._sines, self._cosines = self._y[:, 0::2], self._y[:, 1::2]

    def advance(self, x: Array) -> Array:
        """Sine and cosine of each angle."""
        time = x[:, :1] + self._offset
        angles = np.remainder(time, self._periods) / self._periods * (2 * math.pi)
        self._sines[...], self._cosines[...] = np.sin(angles), np.cos(angles)
        return self._y


@register_stepper(ToNetwork)
class ToNetworkStepper(ArrayStepper):
    """Of ``ToNetwork``."""

    layer: ToNetwork

    def build(self) -> None:
        """In the dtype of the network."""
        self._y = zeros((self.batch, *axes(self.layer.input_size or 0)), self.layer.anchor.dtype)

    def advance(self, x: Array) -> Array:
        """Cast."""
        self._y[...] = x
        return self._y


@register_stepper(Regression)
class RegressionStepper(ArrayStepper):
    """Of a ``Regression``."""

    layer: Regression

    def build(self) -> None:
        """In the dtype of x, as the layer has it."""
        self._function = linear(self.layer.weight, self.layer.bias, self.batch, self.dtype)

    def advance(self, x: Array) -> Array:
        """Map it."""
        return self._function(x)


def linear(weight: Tensor, bias: Tensor | None, batch: int, dtype: torch.dtype) -> Function:
    """W x + b for x (B, I), W (O, I), b (O,)."""
    across = array(weight.to(dtype).t())
    x, y = zeros((batch, across.shape[0]), dtype), zeros((batch, across.shape[1]), dtype)
    if bias is None:

        def product(values: Array) -> Array:
            x[...] = values
            return np.dot(x, across, y)

        return product
    offset = array(bias.to(dtype))

    def affine(values: Array) -> Array:
        x[...] = values
        np.dot(x, across, y)
        return np.add(y, offset, y)

    return affine


PASSING = (nn.Identity, nn.Dropout, nn.Dropout1d)  # in eval(), as all steppers are
SHAPES: dict[type[nn.Module], Function] = {
    nn.ReLU: lambda x: np.maximum(x, 0.0),
    nn.Tanh: np.tanh,
    nn.Identity: lambda x: x,
    nn.Dropout: lambda x: x,
    nn.Dropout1d: lambda x: x,
}


def knows(module: nn.Module) -> bool:
    """Whether ``array_function`` can say what the module does to x (B, I): exactly that class, and no hook on it."""
    if module._forward_hooks or module._forward_pre_hooks:
        return False
    if type(module) is nn.Sequential:
        return all(knows(part) for part in module)
    if type(module) is nn.LeakyReLU:
        return 0 <= module.negative_slope <= 1
    return type(module) in SHAPES or type(module) is nn.Linear


def array_function(module: nn.Module, batch: int, dtype: torch.dtype) -> Function:
    """A module that is known, on arrays."""
    if isinstance(module, nn.Sequential):
        return composed(
            [array_function(part, batch, dtype) for part in module if not isinstance(part, PASSING)]
        )
    if isinstance(module, nn.Linear):
        return linear(module.weight, module.bias, batch, dtype)
    if isinstance(module, nn.LeakyReLU):
        slope = module.negative_slope
        return lambda x: np.maximum(x, slope * x)
    return SHAPES[type(module)]


def composed(functions: list[Function]) -> Function:
    """One after the other."""

    def run(x: Array) -> Array:
        for function in functions:
            x = function(x)
        return x

    return run
