"""Steppers: a layer compiled to run one step at a time, with a private copy of its state.

    stepper = layer.stepper()
    y = stepper.step(x)

A ``Stepper`` owns a private copy of the state. It holds nothing else that changes: where two steppers export the same
state, the same inputs give the same bits from there on, whichever way each came to it. So everything that a rounding
could depend on is held fixed, the alignment of memory included. A copy, by ``copy`` or by ``pickle``, is therefore a
new stepper of the layer with a copy of the state: copied piece by piece, buffers and views of them would come apart.

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
    """Steps of one layer; this one calls the layer's own ``run``, which every layer has.

    The weights are those of the moment it was made: after training or loading, make another. Hooks of modules do not
    run, nor is x validated beyond its shape and dtype.

    Made by ``SequenceLayer.stepper``; a kind of its own is registered with ``register_stepper``.

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
        """Why this kind cannot step that layer, of a class that it is registered for; None where it can."""
        return None

    @property
    def state(self) -> Any:
        """The state as a value: fresh tensors, as ``layer`` returns and takes it."""
        return self.export_state()

    def reset(self) -> None:
        """Back to the beginning."""
        self.load_state(self.layer.initial_state(self.batch, self.dtype, self.device))

    def restore(self, state: Any) -> None:
        """Go on from a state that a stepper exported or the layer returned. It is copied, and left as it is.

        Raises:
            StateError: the state is another layer's or of another batch size.
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
        """How copies and pickles are made: ``copy.copy`` shares the layer, ``copy.deepcopy`` copies it too.

        Raises:
            StreamingError: the layer changed after this stepper had read its weights.
        """
        return _rebuilt, (type(self), self.layer, self.batch, self.dtype, self.device, self.state)

    # What follows is for other steppers, and for writing one.

    passes = False  # whether y is x as it is, so that there is nothing to call

    def build(self) -> None:
        """Read the weights and lay out what steps write into."""

    def advance(self, x: Array) -> Array | None:
        """One step on arrays. What comes back is the stepper's own, and good until its next step."""
        y = self._run(torch.from_numpy(x))
        return None if y is None else y.numpy()

    def check(self, state: Any) -> None:
        """Refuse a state that is not one of the layer.

        Raises:
            StateError: it is another layer's or of another batch size.
        """
        like = torch.empty(self.batch, 0, *axes(self.size or 0), dtype=self.dtype, device=self.device)
        self.layer._check_state(state, like)

    def load_state(self, state: Any) -> None:
        """Copy a state into this stepper."""
        self._held = map_state(_contiguous_copy, state)

    def export_state(self) -> Any:
        """The state in fresh tensors."""
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
    """A stepper on NumPy arrays, of a layer on the CPU: at one row the call costs more than the sum.

    Subclasses write ``build`` and ``advance``, and where they remember something ``load_state`` and ``export_state``.
    """

    def __init__(self, layer: Validated, batch: int, dtype: torch.dtype, device: torch.device = CPU) -> None:
        super().__init__(layer, batch, dtype, device)
        self._read = _digest(layer)
        # on arrays of its own, x is always laid out alike
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
        with np.errstate(all="ignore"):  # what is not finite goes through in silence, as in torch
            y = self.advance(into)
        return None if y is None else torch.from_numpy(y.copy())

    @classmethod
    def refuses(cls, layer: Validated, dtype: torch.dtype, device: torch.device) -> str | None:
        """Arrays lie on the CPU and hold float32 or float64, or codes where the layer takes them."""
        tensors = [tensor for tensor in tensors_of(layer) if tensor.is_floating_point()]
        if device != CPU or not all(tensor.is_cpu for tensor in tensors):
            return "arrays lie on the CPU"
        if dtype not in FLOATS and not (layer.takes_codes and dtype == torch.int64):
            return "arrays hold float32 or float64"
        if not all(tensor.dtype in FLOATS for tensor in tensors):
            return "arrays hold float32 or float64"
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        """As of every stepper, as long as the layer still has the weights that were read."""
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
        """Nothing is remembered."""

    def export_state(self) -> Any:
        """The state of a layer that remembers nothing."""
        return ()


def _rebuilt(
    kind: type[Stepper],
    layer: Validated,
    batch: int,
    dtype: torch.dtype,
    device: torch.device,
    state: Any,
) -> Stepper:
    """A stepper of the same kind, that goes on from ``state``."""
    made = kind(layer, batch, dtype, device)
    made.restore(state)
    return made


def _digest(layer: nn.Module) -> bytes:
    """Of all weights and buffers: ``_version`` counts no change that goes through ``data``."""
    found = hashlib.blake2b(digest_size=16)
    for held in tensors_of(layer):
        found.update(held.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.digest()


def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Array:
    """Zeros in memory aligned as torch's is, to 64 bytes; NumPy's own differs from call to call."""
    return torch.zeros(shape, dtype=dtype, device="cpu").numpy()


def array(values: Tensor) -> Array:
    """A copy of ``values``, aligned."""
    return _contiguous_copy(values.detach()).numpy()


def tensor(values: Array) -> Tensor:
    """A fresh tensor of ``values``."""
    return torch.from_numpy(np.array(values, order="C"))


def _contiguous_copy(leaf: Tensor) -> Tensor:
    """A copy in the one layout that all states and inputs are worked on in."""
    return leaf.detach().clone(memory_format=torch.contiguous_format)
