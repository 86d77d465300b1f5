"""The registry of steppers by class of layer. The first stepper that does not refuse a layer is used.

    @register_stepper(MyLayer)
    class MyStepper(ArrayStepper):
        ...

A subclass inherits the steppers of its parent unless it overrides something that a step could depend on. Such a
subclass is stepped with its ``run`` until a stepper is registered for it: slower, but never with the numbers of its
parent.
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

# Attributes that a subclass may define without changing a step: a constructor, which only chooses the arguments of the
# parent's, and attributes that Python writes into every class.
HARMLESS = frozenset({"__init__", "_abc_impl"})
WRITTEN_BY_PYTHON = re.compile(
    "__(module|doc|dict|weakref|annot.*|static_attributes|firstlineno|orig_bases|parameters|abstractmethods)__"
)

_registered: dict[type[nn.Module], list[type[Stepper]]] = {}


def register_stepper(*layer_types: type[Validated]) -> Callable[[S], S]:
    """Register a stepper for classes of layers; among several for one class, the last one registered is tried first.

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
    """The steppers for a class of layers, in the order in which they are tried."""
    found: list[type[Stepper]] = []
    for owner in layer_type.__mro__:
        if owner in _registered:
            if _changes_steps(layer_type, owner):
                break
            found += _registered[owner]
    return found


def make_stepper(layer: Validated, batch: int, dtype: torch.dtype, device: torch.device = CPU) -> Stepper:
    """A stepper in the initial state: the first registered one that does not refuse, or one that calls ``run``."""
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
    """Refuse a layer that cannot run step by step.

    Raises:
        StreamingError: the layer needs the whole sequence, is in train(), or returns several outputs for one step.
        ShapeError: the batch is not a whole number of at least 1.
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
    """Whether one input step can give several output steps."""
    return layer.stride.denominator != 1 or layer.block != layer.stride.numerator


def _changes_steps(layer_type: type[nn.Module], owner: type[nn.Module]) -> bool:
    """Whether a class between ``layer_type`` and ``owner`` overrides an attribute of ``owner``.

    A method with a new name does not count, because nothing in ``owner`` calls it. A new property counts: it can hide
    an attribute that the constructor of ``owner`` sets.
    """
    between = [parent for parent in layer_type.__mro__ if parent not in owner.__mro__]
    return any(
        name not in HARMLESS
        and not WRITTEN_BY_PYTHON.fullmatch(name)
        and (hasattr(owner, name) or isdatadescriptor(value))
        for parent in between
        for name, value in vars(parent).items()
    )
