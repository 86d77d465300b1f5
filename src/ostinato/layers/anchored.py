"""A network's answer, put where the series is.

Axes: B batch, T time steps, I columns, C columns that are foreseen, H horizons, J = C H quantities, P numbers each.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core import SequenceLayer, require_layers
from ..errors import ConfigError
from .combinators import Combinator
from .outputs import Output


class AnchoredState(NamedTuple):
    """What the body remembers, and the anchor."""

    body: Any
    anchor: Any


class Anchored(Combinator):
    """Distributions in the unit of the data: location + scale * what the body says.

    The network sees stationary numbers and answers in units of the present scale, so that a price it never saw is no
    stranger to it.

    Args:
        body: from raw columns to ``output.input_size`` numbers.
        anchor: from raw columns to locations and scales, float64 (B, T, 2 C); locations come first.
        output: what the body's numbers mean, for quantities (column, horizon) in that order.

    Shape:
        x (B, T, I) float64, y (B, T, J * P) float64: a price needs more digits than float32 has.

    Raises:
        ConfigError: the sizes do not fit, or the two differ in stride or latency.
    """

    def __init__(self, body: SequenceLayer, anchor: SequenceLayer, output: Output) -> None:
        super().__init__()
        require_layers("an anchored", body, anchor)
        if body.output_size != output.input_size:
            raise ConfigError(
                f"the body gives {body.output_size} numbers, the output wants {output.input_size}."
            )
        columns = (anchor.output_size or 0) // 2
        if columns < 1 or output.quantities % columns:
            raise ConfigError(
                f"the anchor gives {anchor.output_size} numbers, a location and a scale are wanted for each of the "
                f"columns that the {output.quantities} quantities are made of."
            )
        for name in ("stride", "latency"):
            if getattr(body, name) != getattr(anchor, name):
                raise ConfigError(f"body and anchor differ in {name}. They must give the same steps.")
        self.body, self.anchor, self.output = body, anchor, output
        self.parts, self.state_type, self.columns = 2, AnchoredState, columns
        self.input_size = anchor.input_size
        self.output_size = output.quantities * output.numbers
        self.stride, self.latency = body.stride, body.latency
        self.receptive_field = max(body.receptive_field, anchor.receptive_field)
        self.streams = body.streams and anchor.streams

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """The initial states of both; () if one does not stream."""
        if not self.streams:
            return ()
        return AnchoredState(
            self.body.initial_state(batch, dtype, device), self.anchor.initial_state(batch, dtype, device)
        )

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Both over the same steps."""
        body, anchor = state if self.streams else (None, None)
        numbers, body = self.body(x, body, lengths)
        place, anchor = self.anchor(x, anchor, lengths)
        y = self.output.placed(self.output.standard(numbers.double()), *self.spread(place))
        return y.flatten(2), AnchoredState(body, anchor) if self.streams else ()

    def spread(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """Location and scale (..., J) from what the anchor gives (..., 2 C)."""
        horizons = self.output.quantities // self.columns
        location, scale = place.repeat_interleave(horizons, dim=-1).chunk(2, dim=-1)
        return location, scale

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """Always float64."""
        return torch.float64

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """Those of the body."""
        return self.body.out_lengths(lengths, state.body if state else None)

    def reset_rows(self, state: Any, mask: Tensor) -> Any:
        """Both."""
        if not self.streams:
            return state
        return AnchoredState(
            self.body.reset_rows(state.body, mask), self.anchor.reset_rows(state.anchor, mask)
        )
