"""Steppers: a layer compiled to run one step at a time, with a private copy of its state.

    stepper = layer.stepper()
    y = stepper.step(x)

A ``Stepper`` owns a private copy of the state, and nothing else in it changes. If two steppers export the same state,
the same inputs therefore give the same bits afterwards, however each reached that state. Everything that rounding
depends on is fixed, including the alignment of memory. ``copy`` and ``pickle`` build a new stepper and load a copy of
the state: if attributes were copied one by one, buffers and the views into them would no longer share memory.

Axes: B batch, T time steps, I input features, O output features.
"""

import hashlib
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ShapeError, StreamingError
from .devices import CPU, tensors_of
from .representation import class_name
from .sizes import axes
from .state import map_state
from .validation import Validated

Array = np.ndarray  # (B, I) or (B, O), float32 or float64
FLOATS: tuple[torch.dtype, ...] = (torch.float32, torch.float64)


class Stepper:
    """Runs one layer step by step. This base class calls the layer's ``run``, so it works for every layer.

    The weights are read when the stepper is made: make a new one after training or loading. Module hooks do not run,
    and only the shape, dtype and device of x are checked.

    Made by ``SequenceLayer.stepper``; register a faster subclass with ``register_stepper``.

    Shape:
        ``step`` takes x (B, I) and gives y (B, O), what ``layer(x[:, None], state)`` gives; None where a strided layer
        has no output yet.
    """

    def __init__(self, layer: Validated, batch: int, dtype: torch.dtype, device: torch.device = CPU) -> None:
        self.layer, self.batch, self.dtype, self.device = layer, batch, dtype, device
        self.size = layer.input_size
        self.build()
        self.reset()

    @classmethod
    def refuses(cls, layer: Validated, dtype: torch.dtype, device: torch.device) -> str | None:
        """The reason why this class cannot step that layer; None if it can."""
        return None

    @property
    def state(self) -> Any:
        """A copy of the state, in the form that ``layer`` takes and returns."""
        return self.export_state()

    def reset(self) -> None:
        """Set the state to the initial state."""
        self.load_state(self.layer.initial_state(self.batch, self.dtype, self.device))

    def restore(self, state: Any) -> None:
        """Continue from a state exported by a stepper or returned by the layer. The state is copied.

        Raises:
            StateError: the state belongs to another layer or batch size.
        """
        self.check(state)
        self.load_state(state)

    def step(self, x: Tensor) -> Tensor | None:
        """One step: x (B, I) to y (B, O).

        Raises:
            ShapeError: x has another shape, dtype or device.
        """
        self.refuse_other(x)
        y = self._run(x)
        return None if y is None else y.clone()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle as the layer and the state: ``copy.copy`` shares the layer, ``copy.deepcopy`` copies it.

        Raises:
            StreamingError: the layer changed after this stepper read its weights.
        """
        return _rebuilt, (type(self), self.layer, self.batch, self.dtype, self.device, self.state)

    # What follows is for subclasses and for steppers made of steppers, not for users.

    passes = False  # y is x unchanged, so a chain of steppers skips this one

    def build(self) -> None:
        """Read the weights and allocate the buffers that steps write to."""

    def advance(self, x: Array) -> Array | None:
        """One step on arrays. The stepper owns the result, and overwrites it at its next step."""
        y = self._run(torch.from_numpy(x))
        return None if y is None else y.numpy()

    def check(self, state: Any) -> None:
        """Refuse a state that does not fit the layer.

        Raises:
            StateError: the state belongs to another layer or batch size.
        """
        like = torch.empty(self.batch, 0, *axes(self.size or 0), dtype=self.dtype, device=self.device)
        self.layer._check_state(state, like)

    def load_state(self, state: Any) -> None:
        """Copy a state into this stepper."""
        self._held = map_state(_contiguous_copy, state)

    def export_state(self) -> Any:
        """A copy of the state."""
        return map_state(_contiguous_copy, self._held)

    def refuse_other(self, x: Tensor) -> None:
        """Refuse x of another shape, dtype or device."""
        if not isinstance(x, Tensor):
            raise ShapeError(
                f"x of a step must be a torch.Tensor, got {type(x).__name__}. Pass torch.as_tensor(x)."
            )
        free = self.size is None and x.dim() > 1
        shape = (self.batch, *(x.shape[1:] if free else axes(self.size or 0)))
        if x.shape == shape and x.dtype is self.dtype and x.device == self.device:
            return
        features = ("features",) if self.size is None else axes(self.size)
        raise ShapeError(
            f"a step wants {(self.batch, *features)} {self.dtype} on {self.device}, got "
            f"{tuple(x.shape)} {x.dtype} on {x.device}. Pass one row for each of the {self.batch} streams."
        )

    def _run(self, x: Tensor) -> Tensor | None:
        with torch.inference_mode():
            y, after = self.layer.run(_contiguous_copy(x)[:, None], self._held, None)
            self._held = map_state(_contiguous_copy, after)
            return y[:, 0] if y.shape[1] else None


class ArrayStepper(Stepper):
    """A stepper on NumPy arrays, for layers on the CPU.

    With one row, the overhead of calling torch exceeds the arithmetic, and NumPy's calls are cheaper.

    Subclasses implement ``build`` and ``advance``, and, if they have a state, ``load_state`` and ``export_state``.
    """

    def __init__(self, layer: Validated, batch: int, dtype: torch.dtype, device: torch.device = CPU) -> None:
        super().__init__(layer, batch, dtype, device)
        self._read = _digest(layer)
        # x is copied into a buffer, so that its layout and alignment, and with them rounding, never vary
        self._x = None if self.size is None else zeros((batch, *axes(self.size)), dtype)
        self._shape = None if self.size is None else torch.Size((batch, *axes(self.size)))

    def step(self, x: Tensor) -> Tensor | None:
        """One step: x (B, I) to y (B, O)."""
        if (
            not isinstance(x, Tensor)
            or x.shape != self._shape
            or x.dtype is not self.dtype
            or not x.is_cpu
            or x.requires_grad
        ):
            self.refuse_other(x)
            x = x.detach()
        into = self._x if self._x is not None else zeros(tuple(x.shape), self.dtype)
        into[...] = x.numpy()
        with np.errstate(all="ignore"):  # torch does not warn about infinities and NaN either
            y = self.advance(into)
        return None if y is None else torch.from_numpy(y.copy())

    @classmethod
    def refuses(cls, layer: Validated, dtype: torch.dtype, device: torch.device) -> str | None:
        """Arrays are on the CPU and hold float32 or float64, or int64 codes if the layer takes codes."""
        tensors = [tensor for tensor in tensors_of(layer) if tensor.is_floating_point()]
        if device != CPU or not all(tensor.is_cpu for tensor in tensors):
            return "arrays lie on the CPU"
        if dtype not in FLOATS and not (layer.takes_codes and dtype == torch.int64):
            return "arrays hold float32 or float64"
        if not all(tensor.dtype in FLOATS for tensor in tensors):
            return "arrays hold float32 or float64"
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        """As in ``Stepper``, provided that the layer still has the weights that were read."""
        if any(module.training for module in self.layer.modules()) or _digest(self.layer) != self._read:
            raise StreamingError(
                f"the {class_name(self.layer)} was trained or loaded after this stepper had read its weights, so a "
                "copy would give other numbers. Make a new stepper() in eval(), and restore() the state of this one in "
                "it if it is to go on from there."
            )
        return super().__reduce__()

    def advance(self, x: Array) -> Array | None:
        """One step on arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not define advance().")

    def load_state(self, state: Any) -> None:
        """Do nothing: the layer has no state."""

    def export_state(self) -> Any:
        """The empty state."""
        return ()


def _rebuilt(
    kind: type[Stepper],
    layer: Validated,
    batch: int,
    dtype: torch.dtype,
    device: torch.device,
    state: Any,
) -> Stepper:
    """A stepper of the same class that continues from ``state``."""
    made = kind(layer, batch, dtype, device)
    made.restore(state)
    return made


def _digest(layer: nn.Module) -> bytes:
    """Digest of all weights and buffers. ``_version`` would be cheaper, but misses changes through ``tensor.data``."""
    found = hashlib.blake2b(digest_size=16)
    for held in tensors_of(layer):
        found.update(held.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.digest()


def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Array:
    """Zeros in memory aligned to 64 bytes, as in torch. NumPy's alignment varies, and rounding with it."""
    return torch.zeros(shape, dtype=dtype, device="cpu").numpy()


def array(values: Tensor) -> Array:
    """A copy of ``values``, aligned."""
    return _contiguous_copy(values.detach()).numpy()


def tensor(values: Array) -> Tensor:
    """A fresh tensor of ``values``."""
    return torch.from_numpy(np.array(values, order="C"))


def _contiguous_copy(leaf: Tensor) -> Tensor:
    """A copy in contiguous layout, the only one used for states and inputs."""
    return leaf.detach().clone(memory_format=torch.contiguous_format)
