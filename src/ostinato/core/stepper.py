"""Live steps: a layer that was made to run one step at a time, as fast as the machine allows.

    stepper = layer.stepper()
    y = stepper.step(x)

A ``Stepper`` owns a private copy of the state. It holds nothing else that changes: where two steppers export the same
state, the same inputs give the same bits from there on, whichever way each came to it. So everything that a rounding
could depend on is held fixed, the alignment of memory included. A copy, by ``copy`` or by ``pickle``, is therefore a
new stepper of the layer with a copy of the state: copied piece by piece, buffers and views of them would come apart.

Axes: B batch, T time steps, I input features, O output features.
"""

import hashlib
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from ..errors import ShapeError, StreamingError
from .shown import named
from .sizes import axes
from .state import leaves, map_state

if TYPE_CHECKING:
    from .layer import SequenceLayer

CPU = torch.device("cpu")
Array = np.ndarray  # (B, I) or (B, O), float32 or float64


class Stepper:
    """Steps of one layer; this one calls the layer's own ``run``, which every layer has.

    The weights are those of the moment it was made: after training or loading, make another. Hooks of modules do not
    run, nor does the door of the layer; ``x`` is held to its shape and dtype, and to nothing more.

    Made by ``SequenceLayer.stepper``.

    Shape:
        ``step`` takes x (B, I) and gives y (B, O), what ``layer(x[:, None], state)`` gives; None where a strided layer
        has no output yet.
    """

    def __init__(
        self, layer: "SequenceLayer", batch: int, dtype: torch.dtype, device: torch.device = CPU
    ) -> None:
        self.layer, self.batch, self.dtype, self.device = layer, batch, dtype, device
        self.size = layer.input_size
        self.build()
        self.reset()

    @classmethod
    def suits(cls, layer: "SequenceLayer") -> bool:
        """Whether this kind can step that layer, of the class that names it."""
        return True

    @property
    def state(self) -> Any:
        """The state as a value: fresh tensors, as ``layer`` returns and takes it."""
        return self.give()

    def reset(self) -> None:
        """Back to the beginning."""
        self.take(self.layer.initial_state(self.batch, self.dtype, self.device))

    def restore(self, state: Any) -> None:
        """Go on from a state that a stepper exported or the layer returned. It is copied, and left as it is.

        Raises:
            StateError: the state is another layer's or of another batch size.
        """
        self.check(state)
        self.take(state)

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

    def take(self, state: Any) -> None:
        """Copy a state into this stepper."""
        self._held = map_state(_settled, state)

    def give(self) -> Any:
        """The state in fresh tensors."""
        return map_state(_settled, self._held)

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
            y, after = self.layer.run(_settled(x)[:, None], self._held, None)
            self._held = map_state(_settled, after)
            return y[:, 0] if y.shape[1] else None


class ArrayStepper(Stepper):
    """A stepper on NumPy arrays, of a layer on the CPU: at one row the call costs more than the sum.

    Subclasses write ``build`` and ``advance``, and where they remember something ``take`` and ``give``.
    """

    def __init__(
        self, layer: "SequenceLayer", batch: int, dtype: torch.dtype, device: torch.device = CPU
    ) -> None:
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

    def __reduce__(self) -> tuple[Any, ...]:
        """As of every stepper, as long as the layer still has the weights that were read."""
        if any(module.training for module in self.layer.modules()) or _digest(self.layer) != self._read:
            raise StreamingError(
                f"the {named(self.layer)} was trained or loaded after this stepper had read its weights, so a copy "
                "would give other numbers. Make a new stepper() in eval(), and restore() the state of this one in it "
                "if it is to go on from there."
            )
        return super().__reduce__()

    def advance(self, x: Array) -> Array | None:
        """One step on arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not define advance().")

    def take(self, state: Any) -> None:
        """Nothing is remembered."""

    def give(self) -> Any:
        """The state of a layer that remembers nothing."""
        return ()


def check_steps(layer: "SequenceLayer", batch: int) -> None:
    """Refuse a layer that cannot go step by step.

    Raises:
        StreamingError: it needs the whole sequence, is training, or gives several outputs for one step.
        ShapeError: the batch is no whole number of at least 1.
    """
    name = named(layer)
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise ShapeError(f"batch must be a whole number of at least 1, got {batch!r}.")
    if not layer.streams:
        raise StreamingError(
            f"{name} needs the whole sequence at once, so it has no single steps. Use a layer that streams (causal, "
            "one direction)."
        )
    if any(module.training for module in layer.modules()):
        raise StreamingError(
            f"{name} is in train(), where dropout and batch statistics take part. Call eval() before stepper()."
        )
    if gives_several(layer):
        raise StreamingError(
            f"{name} gives several outputs for one step (stride {layer.stride}, in blocks of {layer.block}), and a "
            "stepper one or none. Call the layer with chunks and hand its state on."
        )


def gives_several(layer: "SequenceLayer") -> bool:
    """Whether one step in can be several steps out."""
    return layer.stride.denominator != 1 or layer.block != layer.stride.numerator


def make_stepper(
    layer: "SequenceLayer", batch: int, dtype: torch.dtype, device: torch.device = CPU
) -> Stepper:
    """The fastest stepper that the layer's own class names and that suits it, at its beginning.

    A class does not inherit it: a subclass may compute otherwise, and would step as its parent does.
    """
    kind = vars(type_before_parametrizations(layer)).get("stepper_type") or Stepper
    if issubclass(kind, ArrayStepper) and not (_on_arrays(layer, dtype, device) and kind.suits(layer)):
        kind = Stepper
    return kind(layer, batch, dtype, device)


def _rebuilt(
    kind: type[Stepper],
    layer: "SequenceLayer",
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
    for held in _tensors(layer):
        found.update(held.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.digest()


def input_dtype(layer: "SequenceLayer") -> torch.dtype:
    """What a layer reads: int64 for codes, float64 where that are raw columns, else the dtype of its weights."""
    if layer.takes_codes:
        return torch.int64
    if layer.reads_raw:
        return torch.float64
    held = (tensor.dtype for tensor in _tensors(layer) if tensor.is_floating_point())
    return next(held, torch.get_default_dtype())


def device_of(layer: nn.Module) -> torch.device:
    """Where the weights of a layer are; the CPU where it has none."""
    return next((tensor.device for tensor in _tensors(layer)), CPU)


def known_device(device: torch.device | str) -> torch.device:
    """A device that torch has here.

    Raises:
        ShapeError: it has none of that name.
    """
    # without CUDA torch raises an AssertionError, without another backend's package an ImportError
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError, ImportError):
        raise ShapeError(f"device must be one that torch has here, such as 'cpu', got {device!r}.") from None


def device_of_steps(layer: "SequenceLayer", device: torch.device | str | None, state: Any) -> torch.device:
    """Where x of each step is: what was asked for, or where the layer is, or the state that it begins from.

    Raises:
        ShapeError: torch has no such device here, or the weights are on another one.
    """
    held = next(_tensors(layer), None)
    if device is None:
        begun = None if state is None else next(leaves(state), None)
        return next((one.device for one in (held, begun) if one is not None), CPU)
    where = known_device(device)
    if held is not None and held.device != where:
        raise ShapeError(
            f"steps on {where} were asked for, the weights of {named(layer)} are on {held.device}. Move the layer, or "
            "leave the device out."
        )
    return where


def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Array:
    """Zeros in memory aligned as torch's is, to 64 bytes; NumPy's own differs from call to call."""
    return torch.zeros(shape, dtype=dtype, device="cpu").numpy()


def array(values: Tensor) -> Array:
    """A copy of ``values``, aligned."""
    return _settled(values.detach()).numpy()


def tensor(values: Array) -> Tensor:
    """A fresh tensor of ``values``."""
    return torch.from_numpy(np.array(values, order="C"))


def _settled(leaf: Tensor) -> Tensor:
    """A copy in the one layout that all states and inputs are worked on in."""
    return leaf.detach().clone(memory_format=torch.contiguous_format)


def _on_arrays(layer: "SequenceLayer", dtype: torch.dtype, device: torch.device) -> bool:
    usual: tuple[torch.dtype, ...] = (torch.float32, torch.float64)
    tensors = [tensor for tensor in _tensors(layer) if tensor.is_floating_point()]
    known = dtype in usual or (layer.takes_codes and dtype == torch.int64)
    return known and device == CPU and all(tensor.is_cpu and tensor.dtype in usual for tensor in tensors)


def _tensors(layer: nn.Module) -> "chain[Tensor]":
    return chain(layer.parameters(), layer.buffers())
