"""How a layer is named and printed: by its class, and by what it was made with."""

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


def named(layer: nn.Module) -> str:
    """The name of its class, as it was written: a weight that is parametrised gives it another."""
    return type_before_parametrizations(layer).__name__


def made_with(arguments: Sequence[Any], options: Mapping[str, Any]) -> str:
    """Arguments of a constructor as they were written, long ones cut, whatever they are: nothing has checked them yet.

    Modules are left out, because torch prints children below, and so are tensors; dots stand for those before others.

    >>> made_with((nn.Tanh(), 3, 5), {"dilation": 4, "activation": nn.ReLU, "body": nn.Tanh()})
    '..., 3, 5, dilation=4, activation=ReLU'
    """
    told = [_written(value) if _is_told(value) else "..." for value in arguments]
    while told and told[-1] == "...":
        told.pop()
    told += [f"{name}={_written(value)}" for name, value in options.items() if _is_told(value)]
    return ", ".join(told)


def _is_told(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return not any(isinstance(one, nn.Module | Tensor) for one in (value, *islice(inside, LOOKED_AT)))


def _written(value: Any) -> str:
    if isinstance(value, partial):
        value = value.func
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    try:
        return SHORT.repr(value)
    except Exception:  # whatever it is, the constructor says what is wrong with it
        return f"<{type(value).__name__}>"
