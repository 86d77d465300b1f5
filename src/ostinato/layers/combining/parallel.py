"""Layers side by side.

Axes: B batch, T time steps, I input features, O output features.
"""

from typing import Any

import torch
from torch import Tensor

from ...core import SequenceLayer, Size, axes
from ...errors import ConfigError
from ..steppers.combined import ParallelStepper
from .combinators import Ordered, counted, pace


class Parallel(Ordered):
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

    stepper_type = ParallelStepper

    def __init__(self, *layers: SequenceLayer, **named: SequenceLayer) -> None:
        super().__init__(*layers, **named)
        self._add_up()

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """The layers' initial states; () if one of them does not stream."""
        if not self.streams:
            return ()
        return tuple(layer.initial_state(batch, dtype, device) for layer in self.layers)

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Each layer over the same steps."""
        befores = state if self.streams else [None] * self.parts
        pairs = [layer(x, before, lengths) for layer, before in zip(self.layers, befores, strict=True)]
        y = _beside([y for y, _ in pairs])
        return y, tuple(after for _, after in pairs) if self.streams else ()

    def last(self, x: Tensor) -> Tensor:
        """Each layer may need less than all of x."""
        return torch.cat([layer.last(x) for layer in self.layers], dim=-1)

    def tail(self, x: Tensor, count: int) -> Tensor:
        """Each layer at the last steps."""
        return _beside([layer.tail(x, count) for layer in self.layers])

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """What the first layer gives; the others must agree."""
        return self.layers[0].output_dtype(dtype)

    @property
    def block(self) -> int:
        """The same for every layer."""
        return self.layers[0].block

    def oldest(self, step: int) -> float:
        """Of the layer that sees furthest back."""
        return min(layer.oldest(step) for layer in self.layers)

    def newest(self, step: int) -> float:
        """Of the layer that looks furthest ahead."""
        return max(layer.newest(step) for layer in self.layers)

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """The same for every layer."""
        return self.layers[0].out_lengths(lengths, state[0] if state else None)

    def flush(self, state: Any) -> Tensor:
        """What all of them owe."""
        self._check_kind(state)
        if not self.latency:
            return super().flush(state)
        owed = [layer.flush(part) for layer, part in zip(self.layers, state, strict=True)]
        steps = min(part.shape[1] for part in owed)  # in blocks, one may owe more of a block than another
        return torch.cat([part[:, :steps] for part in owed], dim=-1)

    def _add_up(self) -> None:
        layers = self.layers
        sizes = {layer.input_size for layer in layers if layer.input_size is not None}
        if len(sizes) > 1:
            raise ConfigError(
                f"the layers take {', '.join(sorted(map(str, sizes)))} features. Make them equal."
            )
        outputs = [layer.output_size for layer in layers]
        if None in outputs:
            kind = type(layers[outputs.index(None)]).__name__
            raise ConfigError(f"{kind} does not say its output_size, so its part of y has no place. Name it.")
        for name in ("stride", "latency", "block", "steps_out"):
            found = [getattr(layer, name) for layer in layers]
            if len(set(found)) > 1:
                raise ConfigError(
                    f"the layers have {name} {', '.join(map(str, found))}. They must give the same steps."
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


def _beside(parts: list[Tensor]) -> Tensor:
    """Joined along the last axis, in channel-first memory where a part is in it: what follows need not re-order."""
    if all(part.is_contiguous() for part in parts) or not any(map(_channel_first, parts)):
        return torch.cat(parts, dim=-1)
    return torch.cat([part.movedim(-1, 1) for part in parts], dim=1).movedim(1, -1)


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
