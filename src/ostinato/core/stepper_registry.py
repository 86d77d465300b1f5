"""The registry of steppers by class of layer; the first one that does not refuse a layer is made.

    @register_stepper(MyLayer)
    class MyStepper(ArrayStepper):
        ...

A subclass has the steppers of its parent as long as it overrides nothing that a step could depend on; one that computes
otherwise runs by its own ``run``, until a stepper is registered for it.
"""

import re
from collections.abc import Callable
from inspect import isdatadescriptor
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

from ..errors import ShapeError, StreamingError
from .declared import Declared
from .devices import CPU
from .kernels import step_refusals
from .representation import class_name
from .stepper import Stepper
from .validation import Validated

S = TypeVar("S", bound=type[Stepper])

# What a class may have of its own without changing a step: a constructor, which only chooses what the parent is built
# with, and what Python itself writes into classes.
HARMLESS = frozenset({"__init__", "_abc_impl"})
WRITTEN_BY_PYTHON = re.compile(
    "__(module|doc|dict|weakref|annot.*|static_attributes|firstlineno|orig_bases|parameters|abstractmethods)__"
)

_registered: dict[type[nn.Module], list[type[Stepper]]] = {}


def register_stepper(*layer_types: type[Validated]) -> Callable[[S], S]:
    """Register a stepper for classes of layers; of several for one class, the one that came last is asked first.

    >>> from ostinato.core import Stepper, register_stepper
    >>> from ostinato.layers import GRU
    >>> class Doubled(GRU):
    ...     def run(self, x, state, lengths):
    ...         y, after = super().run(x, state, lengths)
    ...         return 2 * y, after
    >>> type(Doubled(3, 5).eval().stepper()).__name__
    'Stepper'
    >>> @register_stepper(Doubled)
    ... class DoubledStepper(Stepper):
    ...     pass
    >>> type(Doubled(3, 5).eval().stepper()).__name__
    'DoubledStepper'
    """

    def register(stepper_type: S) -> S:
        for layer_type in layer_types:
            _registered.setdefault(layer_type, []).insert(0, stepper_type)
        return stepper_type

    return register


def registered_steppers(layer_type: type[nn.Module]) -> list[type[Stepper]]:
    """The steppers for a class of layers, in the order in which they are asked."""
    found: list[type[Stepper]] = []
    for owner in layer_type.__mro__:
        if owner in _registered:
            if _changes_steps(layer_type, owner):
                break
            found += _registered[owner]
    return found


def make_stepper(layer: Validated, batch: int, dtype: torch.dtype, device: torch.device = CPU) -> Stepper:
    """The first registered stepper that does not refuse the layer, else one that calls ``run``; at its beginning."""
    refused: list[tuple[str, str]] = []
    made: type[Stepper] = Stepper
    for stepper_type in registered_steppers(type_before_parametrizations(layer)):
        reason = stepper_type.refuses(layer, dtype, device)
        if reason is None:
            made = stepper_type
            break
        refused.append((stepper_type.__name__, reason))
    if refused:
        refusals = step_refusals(class_name(layer))
        refusals.ran = made.__name__
        for name, reason in refused:
            refusals.add(name, reason)
    return made(layer, batch, dtype, device)


def check_steps(layer: Declared, batch: int) -> None:
    """Refuse a layer that cannot go step by step.

    Raises:
        StreamingError: it needs the whole sequence, is training, or gives several outputs for one step.
        ShapeError: the batch is no whole number of at least 1.
    """
    name = class_name(layer)
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


def gives_several(layer: Declared) -> bool:
    """Whether one step in can be several steps out."""
    return layer.stride.denominator != 1 or layer.block != layer.stride.numerator


def _changes_steps(layer_type: type[nn.Module], owner: type[nn.Module]) -> bool:
    """Whether a class between overrides an attribute of ``owner``, for which a stepper was written.

    A method of a new name does not count, because nothing of ``owner`` calls it. A new property does: it may stand in
    front of what the constructor of ``owner`` sets.
    """
    between = [one for one in layer_type.__mro__ if one not in owner.__mro__]
    return any(
        name not in HARMLESS
        and not WRITTEN_BY_PYTHON.fullmatch(name)
        and (hasattr(owner, name) or isdatadescriptor(value))
        for one in between
        for name, value in vars(one).items()
    )
