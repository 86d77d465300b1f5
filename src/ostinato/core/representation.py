"""Names and ``repr`` of layers: the class, and the arguments of the constructor."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from reprlib import Repr
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

LOOKED_AT = 8  # elements of a list
SHORT = Repr()
SHORT.maxtuple = SHORT.maxlist = LOOKED_AT
SHORT.maxother = 60


def class_name(layer: nn.Module) -> str:
    """The name of the class as written; torch renames the class of a module whose weight is parametrised."""
    return type_before_parametrizations(layer).__name__


def constructor_repr(arguments: Sequence[Any], options: Mapping[str, Any]) -> str:
    """Arguments of a constructor as they were written, long ones cut, whatever they are: nothing has checked them yet.

    Modules are left out, because torch prints children below, and so are tensors; dots stand for those before others.

    >>> constructor_repr((nn.Tanh(), 3, 5), {"dilation": 4, "activation": nn.ReLU, "body": nn.Tanh()})
    '..., 3, 5, dilation=4, activation=ReLU'
    """
    shown = [_written(value) if _is_shown(value) else "..." for value in arguments]
    while shown and shown[-1] == "...":
        shown.pop()
    shown += [f"{name}={_written(value)}" for name, value in options.items() if _is_shown(value)]
    return ", ".join(shown)


def _is_shown(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return not any(isinstance(item, nn.Module | Tensor) for item in (value, *islice(inside, LOOKED_AT)))


def _written(value: Any) -> str:
    if isinstance(value, partial):
        value = value.func
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    try:
        return SHORT.repr(value)
    except Exception:  # whatever it is, the constructor says what is wrong with it
        return f"<{type(value).__name__}>"
