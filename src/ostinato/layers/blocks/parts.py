"""Norms, activations and dropout of blocks, chosen by name. Each can be left out."""

from collections.abc import Callable, Iterable

from torch import nn

from ...core import SequenceLayer, require_layers
from ...errors import ConfigError
from ..combining.chain import Chain
from ..convolution import Conv1d
from ..dropout import Dropout1d
from ..normalisation import BatchNorm, LayerNorm
from ..pointwise import Pointwise
from ..recurrent.dropout import check_rate

Norm = str | Callable[[int], SequenceLayer] | None
Activation = str | Callable[[], nn.Module] | None

NORMS: dict[str, Callable[[int], SequenceLayer]] = {"batch": BatchNorm, "layer": LayerNorm}
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def norm_layer(norm: Norm, size: int) -> SequenceLayer | None:
    """The norm of ``size`` features.

    Raises:
        ConfigError: it is no known name and no function that makes a layer.
    """
    if norm is None:
        return None
    if isinstance(norm, str):
        norm = NORMS.get(norm, norm)
    if not callable(norm) or isinstance(norm, nn.Module):
        raise ConfigError(
            f"norm must be {_listed(NORMS)}, None or a function of the size that makes a layer, got {norm!r}."
        )
    made = norm(size)
    require_layers("norm", made)
    return made


def activation_layer(activation: Activation) -> SequenceLayer | None:
    """The activation as a layer.

    Raises:
        ConfigError: it is no known name and no function that makes a module.
    """
    if activation is None:
        return None
    if isinstance(activation, str):
        activation = ACTIVATIONS.get(activation, activation)
    ready = isinstance(activation, nn.Module)  # one module in two places would be shared
    made = activation() if callable(activation) and not ready else activation
    if ready or not isinstance(made, nn.Module):
        raise ConfigError(
            f"activation must be {_listed(ACTIVATIONS)}, None or a function that makes a module, got {made!r}."
        )
    return Pointwise(made)


def dropout_layer(rate: float, size: int | None = None) -> SequenceLayer | None:
    """Dropout of single numbers, or of whole channels where their number ``size`` is given; None for a rate of 0.

    Raises:
        ConfigError: the rate is no number from 0 on and below 1.
    """
    rate = check_rate("dropout", rate)
    if not rate:
        return None
    return Pointwise(nn.Dropout(rate)) if size is None else Dropout1d(size, rate)


def projection(input_size: int, output_size: int, stride: int, norm: Norm = None) -> SequenceLayer:
    """A shortcut that maps to other features or fewer steps: the newest step of each block, by 1 x 1."""
    mapped = Conv1d(input_size, output_size, 1, stride=stride, bias=norm is None)
    return in_order(convolution=mapped, norm=norm_layer(norm, output_size))


def in_order(**layers: SequenceLayer | None) -> SequenceLayer:
    """A chain of those that are there."""
    return Chain(**present(**layers))


def present(**layers: SequenceLayer | None) -> dict[str, SequenceLayer]:
    """Those that are there, by name."""
    return {name: layer for name, layer in layers.items() if layer is not None}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
