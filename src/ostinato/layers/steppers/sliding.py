"""Steppers of layers that look back a fixed number of steps.

Axes: B batch, C features in, O features out, H steps kept, K kernel size, L window in steps.
"""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ...core import Size, axes, register_stepper
from ...core.stepper import Array, ArrayStepper, array, tensor, zeros
from ...core.validation import Validated
from ..combining.windowed import Windowed
from ..convolution.causal import Conv1d
from ..delay import Delay
from .stateless import array_function, knows

ROOM = 64  # steps at least until the past is moved back to the front


class Past:
    """The last ``count`` steps and the one that is here, in one piece: (H + 1, B, C).

    They walk through a buffer of at least twice their number, so that a step writes one row, and moving them back
    costs as much a step as writing one.
    """

    def __init__(self, count: int, batch: int, size: Size, dtype: torch.dtype) -> None:
        self.count = count
        self.buffer = zeros((2 * count + ROOM, batch, *axes(size)), dtype)
        self.end = count

    def push(self, x: Array) -> int:
        """Add a step; where the past ends now."""
        end = self.end
        if end == len(self.buffer):
            self.buffer[: self.count] = self.buffer[end - self.count : end]
            end = self.count
        self.buffer[end] = x
        self.end = end + 1
        return self.end

    def load(self, history: Tensor) -> None:
        """``history`` is (B, H, C)."""
        self.buffer[: self.count] = history.transpose(0, 1).numpy(force=True)
        self.end = self.count

    def export(self) -> Tensor:
        """(B, H, C), fresh."""
        return tensor(self.buffer[self.end - self.count : self.end].swapaxes(0, 1))


class SlidingStepper(ArrayStepper):
    """What layers share whose state is a history."""

    _past: Past

    def load_state(self, state: Any) -> None:
        """The history."""
        self._past.load(state.history)

    def export_state(self) -> Any:
        """As the layer has it."""
        return type(self.layer.initial_state(0))(self._past.export())


@register_stepper(Conv1d)
class ConvolutionStepper(SlidingStepper):
    """One product with the steps that the kernel touches. Parametrised weights are computed once."""

    layer: Conv1d

    @classmethod
    def refuses(cls, layer: Validated, dtype: torch.dtype, device: torch.device) -> str | None:
        """One product with the whole kernel at every step."""
        convolution = cast(Conv1d, layer)
        if convolution.stride != 1:
            return "a stride"
        if convolution.groups != 1:
            return "features in groups"
        return super().refuses(layer, dtype, device)

    def build(self) -> None:
        """The kernel as one matrix (K * C, O)."""
        layer = self.layer
        weight = layer.weight.detach()
        outputs, size, kernel = weight.shape
        self._past = Past(layer.overlap, self.batch, size, self.dtype)
        self._weight = array(weight.permute(2, 1, 0).reshape(kernel * size, outputs))
        self._bias = None if layer.bias is None else array(layer.bias)
        self._seen = zeros((self.batch, kernel * size), self.dtype)
        self._touched = self._seen.reshape(self.batch, kernel, size).transpose(1, 0, 2)  # (K, B, C), a view
        self._span, self._dilation = (kernel - 1) * layer.dilation + 1, layer.dilation
        self._y = zeros((self.batch, outputs), self.dtype)

    def advance(self, x: Array) -> Array:
        """Gather, multiply, add."""
        past, y = self._past, self._y
        end = past.push(x)
        self._touched[...] = past.buffer[end - self._span : end : self._dilation]
        np.dot(self._seen, self._weight, y)
        return y if self._bias is None else np.add(y, self._bias, y)


@register_stepper(Delay)
class DelayStepper(SlidingStepper):
    """Of a ``Delay``."""

    layer: Delay

    def build(self) -> None:
        """As many steps as it waits."""
        self._past = Past(self.layer.overlap, self.batch, self.layer.input_size, self.dtype)

    def advance(self, x: Array) -> Array:
        """The oldest."""
        end = self._past.push(x)
        y: Array = self._past.buffer[end - self.layer.overlap - 1]
        return y


@register_stepper(Windowed)
class WindowStepper(SlidingStepper):
    """The module of a ``Windowed`` on its window; on arrays where it is flattened first, and the rest is known."""

    layer: Windowed

    def build(self) -> None:
        """The window in channel-first memory, as the layer hands it to the module."""
        layer, size = self.layer, self.layer.input_size
        self._past = Past(layer.length - 1, self.batch, size, self.dtype)
        flat = _after_flatten(layer.module)
        shape = (self.batch, size, layer.length) if flat is None else (self.batch, layer.length, size)
        self._window = zeros(shape, self.dtype)
        self._seen = self._window.transpose((2, 0, 1) if flat is None else (1, 0, 2))  # (L, B, C), a view
        self._tensor = torch.from_numpy(self._window)
        self._function = None
        if flat is not None:
            with torch.inference_mode():  # arrays that do not fit would say so in NumPy's words
                layer._answer(self._tensor.transpose(1, 2))
            self._function = array_function(flat, self.batch, self.dtype)

    def advance(self, x: Array) -> Array:
        """Lay the window out, ask the module."""
        end = self._past.push(x)
        self._seen[...] = self._past.buffer[end - self.layer.length : end]
        if self._function is not None:
            return self._function(self._window.reshape(self.batch, -1))
        with torch.inference_mode():
            return self.layer._answer(self._tensor).numpy()


def _after_flatten(module: nn.Module) -> nn.Module | None:
    """What comes after flattening the window, if that is known."""
    if type(module) is not nn.Sequential or len(module) < 2 or not knows(module[1:]):
        return None
    first = module[0]
    flattens = type(first) is nn.Flatten and first.start_dim == 1 and first.end_dim == -1
    hooked = any(one._forward_hooks or one._forward_pre_hooks for one in (module, first))
    return module[1:] if flattens and not hooked else None
