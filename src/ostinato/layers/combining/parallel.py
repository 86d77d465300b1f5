"""Parallel: several layers on the same input, their outputs concatenated.

Axes: B batch, T time steps, I input features, O output features.
"""

import torch
from torch import Tensor

from ...core import SequenceLayer, Size, axes, class_name
from ...errors import ConfigError
from .combinators import Ordered
from .paths import Paths, counted, pace


class Parallel(Ordered, Paths):
    """y holds what each layer makes of the same x, side by side along the features.

    Args:
        layers: in the order of their outputs; given by keyword, they are attributes of those names.

    Shape:
        x (B, T, I), y (B, T', O), O the sum of the layers' own; of y (B, T', F, O) the channels are laid side by side.
        The state is a tuple of the layers' states.

    Raises:
        ConfigError: no layer is given, a name is taken, or the layers differ in input size, stride or latency, or one
            does not say its output size.

    Source:
        Szegedy et al. 2014, arXiv:1409.4842, section 4: filters of several sizes, concatenated.
    """

    def __init__(self, *layers: SequenceLayer, **named: SequenceLayer) -> None:
        super().__init__(*layers, **named)
        self._add_up()

    def join(self, parts: list[Tensor]) -> Tensor:
        """Along the last axis, in channel-first memory where a part is in it: what follows need not re-order."""
        if all(part.is_contiguous() for part in parts) or not any(map(_channel_first, parts)):
            return torch.cat(parts, dim=-1)
        return torch.cat([part.movedim(-1, 1) for part in parts], dim=1).movedim(1, -1)

    def last(self, x: Tensor) -> Tensor:
        """Each layer may need less than all of x."""
        return torch.cat([layer.last(x) for layer in self.layers], dim=-1)

    def _add_up(self) -> None:
        layers = self.layers
        sizes = {layer.input_size for layer in layers if layer.input_size is not None}
        if len(sizes) > 1:
            raise ConfigError(
                f"the layers take {', '.join(sorted(map(str, sizes)))} features. Make them equal."
            )
        outputs = [layer.output_size for layer in layers]
        if None in outputs:
            kind = class_name(layers[outputs.index(None)])
            raise ConfigError(f"{kind} does not say its output_size, so its part of y has no place. Name it.")
        if differs := self._disagreement():
            name, values = differs
            raise ConfigError(
                f"the layers have {name} {', '.join(map(str, values))}. They must give the same steps."
            )
        if len({tuple(pace(layer)) for layer in layers}) > 1:
            paces = "; ".join(counted(pace(layer)) for layer in layers)
            raise ConfigError(
                f"step by step the layers give {paces} steps in all. They must give them at the same steps."
            )
        self.input_size = next(iter(sizes), None)
        self.output_size = _side_by_side([size for size in outputs if size is not None])
        self.stride, self.latency = layers[0].stride, layers[0].latency
        self.steps_out, self.takes_codes = layers[0].steps_out, all(layer.takes_codes for layer in layers)
        self._measure()


def _channel_first(part: Tensor) -> bool:
    return part.movedim(-1, 1).is_contiguous()


def _side_by_side(sizes: list[Size]) -> Size:
    """The size of all together, joined along the last axis."""
    others = {axes(size)[:-1] for size in sizes}
    if len(others) > 1:
        raise ConfigError(
            f"the layers give steps of sizes {', '.join(map(str, sizes))}. They may differ in the last axis only."
        )
    total = sum(axes(size)[-1] for size in sizes)
    first = others.pop()
    return (*first, total) if first else total
