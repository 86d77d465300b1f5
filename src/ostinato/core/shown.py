"""How a layer is named and printed: by its class, and by what it was made with."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

LONGEST = 60  # characters of one argument


def named(layer: nn.Module) -> str:
    """The name of its class, as it was written: a weight that is parametrised gives it another."""
    return type_before_parametrizations(layer).__name__


def made_with(arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Arguments of a constructor, as they were written.

    Modules are left out, because torch prints children below, and so are tensors.

    >>> made_with((3, 5), {"dilation": 4, "activation": nn.ReLU, "body": nn.Tanh()})
    '3, 5, dilation=4, activation=ReLU'
    """
    told = [_written(value) for value in arguments if _is_told(value)]
    told += [f"{name}={_written(value)}" for name, value in named.items() if _is_told(value)]
    return ", ".join(told)


def _is_told(value: Any) -> bool:
    several = isinstance(value, list | tuple) and any(isinstance(one, nn.Module | Tensor) for one in value)
    return not (several or isinstance(value, nn.Module | Tensor))


def _written(value: Any) -> str:
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = repr(value)
    return text if len(text) <= LONGEST else f"<{type(value).__name__}>"
