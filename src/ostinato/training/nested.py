"""Nested Python values as named tensors plus JSON, so that optimizer states need no pickle."""

import math
from typing import Any

from torch import Tensor

from ..errors import TrainingError


def pack(value: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """JSON for ``value``; its tensors are put into ``tensors`` under names that begin with ``name``.

    Raises:
        TrainingError: a value is neither a tensor, a number, text, None nor a list, tuple or dict of such.
    """
    if isinstance(value, Tensor):
        key = f"{name}.{len(tensors)}"
        tensors[key] = value
        return {"tensor": key}
    if isinstance(value, dict):
        return {"dict": [[pack(k, tensors, name), pack(v, tensors, name)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [pack(item, tensors, name) for item in value]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TrainingError(f"{name} holds a {type(value).__name__}, which a checkpoint cannot keep.")


def unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The value that ``pack`` packed.

    Raises:
        ValueError, KeyError, TypeError: it was not packed by ``pack``.
    """
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "tensor":
        return tensors[inside]
    if kind == "dict":
        return {unpack(k, tensors): unpack(v, tensors) for k, v in inside}
    if kind == "float":
        return float(inside)
    return {"list": list, "tuple": tuple}[kind](unpack(item, tensors) for item in inside)
