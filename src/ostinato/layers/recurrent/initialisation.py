"""Initialisations of recurrent layers, like those of torch.nn.init: they write into the parameters of a layer.

Each works gate by gate, in all layers and directions.

Axes: H hidden features.
"""

import torch
from torch import Tensor, nn

from ...core import class_name
from ...errors import ConfigError
from .base import Recurrent


def orthogonal_(layer: Recurrent, gain: float = 1.0, generator: torch.Generator | None = None) -> Recurrent:
    """Recurrent weights U that keep lengths: each gate's block an orthogonal matrix times ``gain``.

    Where the hidden state is projected, U is not square, and its columns are orthogonal.

    Raises:
        ConfigError: the layer is no recurrent one.

    Source:
        Saxe et al. 2013, arXiv:1312.6120; for recurrent weights: Henaff et al. 2016, arXiv:1602.06662.

    >>> from ostinato.layers import RNN
    >>> u = orthogonal_(RNN(3, 5)).weight_hh_l0
    >>> bool(torch.allclose(u @ u.T, torch.eye(5), atol=1e-6))
    True
    """
    for block in _blocks(layer, "orthogonal_"):
        nn.init.orthogonal_(block, gain, generator)
    return layer


def identity_(layer: Recurrent, scale: float = 1.0) -> Recurrent:
    """Recurrent weights U that hand the state on as it is: each gate's block the identity times ``scale``; biases 0.

    Raises:
        ConfigError: the layer is no recurrent one.

    Source:
        Le et al. 2015, arXiv:1504.00941, section 3: for an RNN of relu, with small weights W.
    """
    for block in _blocks(layer, "identity_"):
        with torch.no_grad():
            nn.init.eye_(block).mul_(scale)
    for name, parameter in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
    return layer


def forget_bias_(layer: Recurrent, value: float = 1.0) -> Recurrent:
    """The bias of the forget gate, ``value`` in all: where there are two biases, their sum.

    Raises:
        ConfigError: the layer is no recurrent one, has no forget gate or no biases.

    Source:
        Gers et al. 2000; Jozefowicz et al. 2015, An empirical exploration of recurrent network architectures: 1 or 2.

    >>> from ostinato.layers import LSTM
    >>> layer = forget_bias_(LSTM(3, 2))
    >>> (layer.bias_ih_l0 + layer.bias_hh_l0)[2:4].tolist()
    [1.0, 1.0]
    """
    _check(layer, "forget_bias_")
    if "forget" not in layer.gates:
        raise ConfigError(
            f"{class_name(layer)} has no forget gate, its gates are {', '.join(layer.gates)}. "
            f"{'Pass it to chrono_, which sets its' if layer.retention_gates else 'Pass'} "
            f"{'update gate' if layer.retention_gates else 'an LSTM'}."
        )
    _check_biases(layer, "forget_bias_")
    for suffix in layer.suffixes:
        _set_bias(layer, "forget", suffix, torch.full((layer.hidden_size,), float(value)))
    return layer


def chrono_(layer: Recurrent, longest: float, generator: torch.Generator | None = None) -> Recurrent:
    """Biases with which the units remember for 1 to ``longest`` steps, each for a time of its own.

        b = log u, u even between 1 and longest - 1, for a gate that keeps when open, -b for one that keeps when closed

    An LSTM's forget gate gets b and its input gate -b of the same draw; a GRU's update gate gets b where z keeps.

    Args:
        layer: one with gates that keep.
        longest: steps over which something depends on something, at least 2.
        generator: of the draw.

    Raises:
        ConfigError: the layer is no recurrent one, has no such gate or no biases, or ``longest`` is below 2.

    Source:
        Tallec & Ollivier 2018, arXiv:1804.11188, section 2 (GRU) and equation 16 (LSTM).
    """
    _check(layer, "chrono_")
    if not isinstance(longest, int | float) or not 2 <= longest < float("inf"):
        raise ConfigError(f"longest must be a number of at least 2 steps, got {longest!r}.")
    if not layer.retention_gates:
        raise ConfigError(
            f"{class_name(layer)} has no gate that keeps its memory. Pass an LSTM or a GRU, or use orthogonal_."
        )
    _check_biases(layer, "chrono_")
    for suffix in layer.suffixes:
        times = torch.empty(layer.hidden_size).uniform_(1.0, longest - 1.0, generator=generator).log()
        for gate, sign in layer.retention_gates.items():
            _set_bias(layer, gate, suffix, sign * times)
    return layer


def _blocks(layer: Recurrent, caller: str) -> list[Tensor]:
    """Recurrent weights gate by gate: views of the parameters that may be written into."""
    _check(layer, caller)
    weights = [getattr(layer, f"weight_hh_{suffix}").data for suffix in layer.suffixes]
    return [block for weight in weights for block in weight.split(layer.hidden_size)]


def _set_bias(layer: Recurrent, gate: str, suffix: str, values: Tensor) -> None:
    start = layer.gates.index(gate) * layer.hidden_size
    rows = slice(start, start + layer.hidden_size)
    with torch.no_grad():
        getattr(layer, f"bias_ih_{suffix}")[rows] = values.to(layer.weight_hh_l0)
        getattr(layer, f"bias_hh_{suffix}")[rows] = 0.0


def _check(layer: object, caller: str) -> None:
    if not isinstance(layer, Recurrent):
        raise ConfigError(
            f"{caller} takes one recurrent layer, got {type(layer).__name__}. Of a chain pass the layer in question."
        )


def _check_biases(layer: Recurrent, caller: str) -> None:
    if not layer.bias:
        raise ConfigError(
            f"{caller} sets biases, and this {class_name(layer)} has none. Make it with bias=True."
        )
