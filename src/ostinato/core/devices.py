"""Device and dtype of a layer, as given by its weights."""

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ShapeError
from .declared import Declared
from .representation import class_name
from .state import leaves

CPU = torch.device("cpu")


def input_dtype(layer: Declared) -> torch.dtype:
    """The dtype of x: int64 for codes, float64 for raw columns, otherwise the dtype of the weights."""
    if layer.takes_codes:
        return torch.int64
    if layer.reads_raw:
        return torch.float64
    held = (tensor.dtype for tensor in tensors_of(layer) if tensor.is_floating_point())
    return next(held, torch.get_default_dtype())


def device_of(layer: nn.Module) -> torch.device:
    """The device of the weights; the CPU if there are none."""
    return next((tensor.device for tensor in tensors_of(layer)), CPU)


def known_device(device: torch.device | str) -> torch.device:
    """A device that exists on this machine.

    Raises:
        ShapeError: it has none of that name.
    """
    # without CUDA torch raises an AssertionError, without another backend's package an ImportError
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError, ImportError):
        raise ShapeError(f"device must be one that torch has here, such as 'cpu', got {device!r}.") from None


def device_of_steps(layer: Declared, device: torch.device | str | None, state: Any) -> torch.device:
    """Where x of each step is: what was asked for, or where the layer is, or the state that it begins from.

    Raises:
        ShapeError: torch has no such device here, or the weights are on another one.
    """
    held = next(tensors_of(layer), None)
    if device is None:
        begun = None if state is None else next(leaves(state), None)
        return next((one.device for one in (held, begun) if one is not None), CPU)
    where = known_device(device)
    if held is not None and held.device != where:
        raise ShapeError(
            f"steps on {where} were requested, but the weights of {class_name(layer)} are on {held.device}. "
            "Move the layer, or leave the device out."
        )
    return where


def tensors_of(layer: nn.Module) -> "chain[Tensor]":
    """Weights and buffers."""
    return chain(layer.parameters(), layer.buffers())
