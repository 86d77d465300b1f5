"""Dense connections: every layer takes the outputs of all layers before it.

Axes: B batch, T time steps, C features.
"""

from collections.abc import Callable
from typing import Self

from ...core import SequenceLayer, class_name, require_layers
from ...errors import ConfigError
from ..delay import Delay
from ..sizes import at_least_one
from .chain import Chain
from .parallel import Parallel


class DenseConnections(Chain):
    """x_n = H_n([x_0, ..., x_(n-1)]), y = [x_0, ..., x_N]: each layer takes x_0 and the outputs of all layers before
    it.

        x -+-> H_1 -+-> H_2 -+-> y
           '--------+--------+      side by side along the features, the oldest first

    Where a layer looks ahead, what is older waits for it, so that all are about the same step.

    Args:
        layers: H_1 to H_N, in order. Each takes the features of x_0 and of all outputs before it together.

    Shape:
        x (B, T, C), y (B, T, C + the sum of the layers' outputs). The state is a tuple, one part for each layer: what
        its older features wait in, and the layer's own.

    Raises:
        ConfigError: no layer is given, one does not say its sizes, takes other features than there are, or strides.

    Source:
        Huang et al. 2016, arXiv:1608.06993, section 3, equation 2.

    >>> from ostinato.layers import Conv1d
    >>> dense = DenseConnections(Conv1d(3, 4, 2), Conv1d(7, 4, 2))
    >>> dense.output_size, dense.receptive_field
    (11, 3)
    >>> DenseConnections.grown(3, 5, lambda size: Conv1d(size, 4, 2)).output_size
    23
    """

    def __init__(self, *layers: SequenceLayer) -> None:
        require_layers("dense connections", *layers)
        if not layers:
            raise ConfigError("dense connections need at least one layer, got none.")
        steps, size = [], layers[0].input_size
        for index, layer in enumerate(layers):
            size, before = _grown(index, layer, size), size
            assert isinstance(before, int)
            steps.append(Parallel(older=Delay(before, layer.latency), layer=layer))
        super().__init__(*steps)

    @classmethod
    def grown(cls, input_size: int, count: int, make: Callable[[int], SequenceLayer]) -> Self:
        """``count`` layers, each made for as many features as have come together before it.

        Raises:
            ConfigError: a size is below 1, or what ``make`` makes does not fit.
        """
        at_least_one(input_size=input_size, count=count)
        layers: list[SequenceLayer] = []
        size = input_size
        for index in range(count):
            layers.append(make(size))
            require_layers("dense connections", layers[-1])
            size = _grown(index, layers[-1], size)
        return cls(*layers)


def _grown(index: int, layer: SequenceLayer, size: object) -> int:
    """Features after a layer, of ``size`` before it."""
    name = f"layer {index} of the dense connections ({class_name(layer)})"
    if not isinstance(layer.input_size, int) or not isinstance(layer.output_size, int):
        raise ConfigError(
            f"{name} takes {layer.input_size} and gives {layer.output_size}, which cannot be laid side by side. Use a "
            "layer with a whole number of features for both."
        )
    if layer.input_size != size:
        raise ConfigError(
            f"{name} takes {layer.input_size} features, but {size} have come together before it. Make it for {size}."
        )
    if given := _pace(layer):
        raise ConfigError(
            f"{name} does not give a step for each step ({given}), so its output has no place beside its input. Pool "
            "between two dense connections instead."
        )
    return layer.input_size + layer.output_size


def _pace(layer: SequenceLayer) -> str:
    """How a layer gives its steps, where that is not one for each step, at once."""
    if layer.steps_out is not None:
        return f"{layer.steps_out} for any sequence"
    if layer.stride != 1:
        return f"stride {layer.stride}"
    return f"{layer.block} for each {layer.block} together" if layer.block != 1 else ""
