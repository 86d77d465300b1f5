"""Validation of the inputs of a layer: x, lengths and state, each refused with one clear message.

Axes: B batch, T time steps, I input features, F frequencies, C channels.
"""

from typing import Any

import torch
from torch import Tensor

from ..errors import ShapeError, StateError, StreamingError
from .autocast import autocast_active
from .declared import Declared
from .lengths import check_lengths, fill_padding
from .representation import class_name
from .sizes import axes
from .state import leaves, same_structure

HALF = (torch.float16, torch.bfloat16)


class Validated(Declared):
    """A layer's declarations, and the validation of everything that a caller hands to it."""

    def _validate(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any, Tensor | None]:
        """Refuse invalid input, set the padding to zero, and replace a state of None by the initial state."""
        self._check_input(x)
        if autocast_active(x) and x.dtype in HALF:
            weight = next(self.parameters(), None)
            x = x.to(torch.float32 if weight is None else weight.dtype)
        check_lengths(lengths, x.shape[0], x.shape[1], x.device)
        lengths = None if lengths is None else lengths.long()  # older versions of torch gather by no other
        if state is None:
            state = self.initial_state(x.shape[0], x.dtype, x.device)
        else:
            self._check_state(state, x)
        return fill_padding(x, lengths), state, lengths

    def _check_input(self, x: Tensor) -> None:
        if not isinstance(x, Tensor):
            raise ShapeError(f"x must be a torch.Tensor, got {type(x).__name__}. Pass torch.as_tensor(x).")
        wanted = ("features",) if self.input_size is None else axes(self.input_size)
        fits = x.dim() > 2 if self.input_size is None else x.shape[2:] == wanted
        if not fits:
            hint = "" if self.input_size is None else " After batch and time comes the layer's input_size."
            listed = ", ".join(("batch", "time", *map(str, wanted)))
            raise ShapeError(f"x must be ({listed}), got {tuple(x.shape)}.{hint}")
        if not x.is_floating_point() and (not self.takes_codes or x.is_complex()):
            raise ShapeError(f"x must hold floating point numbers, got {x.dtype}. Pass x.float().")
        weight = next(self.parameters(), None)
        if weight is not None and weight.device != x.device:
            raise ShapeError(
                f"x is on {x.device}, the weights of {class_name(self)} are on {weight.device}. "
                f"Pass x.to({str(weight.device)!r}), or move the layer."
            )
        self._check_dtype(x)

    def _check_dtype(self, x: Tensor) -> None:
        weight = next(self.parameters(), None)
        if weight is not None and weight.dtype != x.dtype and not autocast_active(x):
            raise ShapeError(
                f"x is {x.dtype}, the weights of {class_name(self)} are {weight.dtype}. "
                f"Pass x.to({weight.dtype}), or move the layer."
            )

    def _check_state(self, state: Any, x: Tensor) -> None:
        name = class_name(self)
        if not self.streams:
            if state == ():
                return
            raise StreamingError(
                f"{name} needs the whole sequence at once and takes no state. Pass state=None with all "
                "steps, or use a layer that streams (causal, one direction)."
            )
        template = self.initial_state(0, x.dtype, x.device)
        self._check_kind(state, template)
        for index, (leaf, like) in enumerate(zip(leaves(state), leaves(template), strict=True)):
            self._check_leaf(index, leaf, like, len(x))

    def _check_kind(self, state: Any, template: Any = None) -> None:
        """Refuse a state with another structure than the states of this layer."""
        if not same_structure(state, self.initial_state(0) if template is None else template):
            raise StateError(
                f"this state is not one of {class_name(self)}. Pass what it returned, or None to begin."
            )

    def _check_leaf(self, index: int, leaf: Tensor, like: Tensor, rows: int) -> None:
        """Refuse a tensor of the state that does not match ``like``, which has no rows."""
        if leaf.dim() == 0 or len(leaf) != rows:
            held = len(leaf) if leaf.dim() else 0
            raise StateError(f"state is for {held} rows, x has {rows}. Start a new stream with state=None.")
        if self._fits(leaf, like) and leaf.dtype == like.dtype and leaf.device == like.device:
            return
        raise StateError(
            f"tensor {index} of the state is {tuple(leaf.shape)} {leaf.dtype} on {leaf.device}, "
            f"{class_name(self)} wants {(rows, *like.shape[1:])} {like.dtype} on {like.device}. "
            "Pass what this very layer returned, moved with it, or None to begin."
        )

    def _fits(self, leaf: Tensor, like: Tensor) -> bool:
        """Whether a tensor of the state has the features and steps of ``like``."""
        return leaf.shape[1:] == like.shape[1:]
