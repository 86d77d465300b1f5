"""Reversed: a layer that runs from the end of each row to its beginning.

Axes: B batch, T time steps, I input features, O output features.
"""

import torch
from torch import Tensor

from ...core import SequenceLayer, StepSet, class_name, require_layers, reverse_steps
from ...errors import ConfigError
from .combinators import Combinator


class Reversed(Combinator):
    """A layer that runs over each row backwards: y[t] is about x[t] and what comes after it. Needs the whole sequence.

        y = reverse(layer(reverse(x)))      each row by its own length, padding left where it is

    Beside the layer itself in a ``Parallel`` it makes any layer bidirectional.

    Args:
        layer: with an output for each step, about that step.

    Shape:
        x (B, T, I) and y (B, T, O) of the layer. The state is ().

    Raises:
        ConfigError: the layer has a stride, latency, or a fixed number of outputs.
        StreamingError: a state is given.

    Source:
        Schuster & Paliwal 1997, Bidirectional recurrent neural networks, the backward half.

    >>> from ostinato.layers import MinGRU, Parallel
    >>> both = Parallel(MinGRU(3, 5), Reversed(MinGRU(3, 5)))
    >>> tuple(both(torch.zeros(2, 7, 3))[0].shape), both.streams
    ((2, 7, 10), False)
    """

    streams = False

    def __init__(self, layer: SequenceLayer) -> None:
        super().__init__()
        require_layers("a reversed layer", layer)
        for name, plain in (("stride", 1), ("block", 1), ("latency", 0), ("steps_out", None)):
            value = getattr(layer, name)
            if value != plain:
                raise ConfigError(
                    f"a layer that is run from the end must have {name} {plain}, got {class_name(layer)} with "
                    f"{name} {value}. Reverse the layers before or after it."
                )
        self.layer = layer
        self.input_size, self.output_size = layer.input_size, layer.output_size
        self.takes_codes = layer.takes_codes
        self._measure()

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Backwards in, backwards out."""
        y, _ = self.layer(reverse_steps(x, lengths), None, lengths)
        return reverse_steps(y, lengths), ()

    def sees(self, step: int) -> StepSet:
        """As far ahead as the layer looks back, and as far back as it looks ahead."""
        return self.layer.sees(step).mirrored(step)

    def sees_any(self, steps: StepSet) -> StepSet:
        """Output by output."""
        return SequenceLayer.sees_any(self, steps)

    @property
    def reads_raw(self) -> bool:
        """Whether the layer does."""
        return self.layer.reads_raw

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """That of the layer."""
        return self.layer.output_dtype(dtype)
