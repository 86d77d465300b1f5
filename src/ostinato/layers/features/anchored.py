"""Anchored: moves and scales the output of a network to the present location and scale of the series.

Axes: B batch, T time steps, I columns, C columns that are forecast, H horizons, J = C H quantities, P numbers each.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...core import SequenceLayer, require_layers
from ...errors import ConfigError, shortened
from ..combining.paths import Paths, pace
from .outputs import Output


class AnchoredState(NamedTuple):
    """What each of the three remembers; () for a location that there is not."""

    body: Any
    scale: Any
    location: Any


class Anchored(Paths):
    """Distributions in the unit of the data: location + scale * what the body says.

    The network sees stationary numbers and answers in units of the present scale, so that a price it never saw is no
    stranger to it. Where the present scale is 0, before the first change, the usual one (``usual``, set by whoever
    fits the model) stands in: nobody is certain that a series will stand still.

    Args:
        body: from raw columns to ``output.input_size`` numbers.
        output: what the body's numbers mean, for quantities (column, horizon) in that order.
        scale: from raw columns to the scale of each column that is forecast, (B, T, C) float64.
        location: from raw columns to where each column is, (B, T, C) float64; None is 0, of what is itself a change.

    Shape:
        x (B, T, I) float64, y (B, T, J * P) float64: a price needs more digits than float32 has.

    Raises:
        ConfigError: the sizes do not fit, or the layers differ in stride or latency.
    """

    usual: Tensor  # (C,) float64, above 0

    def __init__(
        self, body: SequenceLayer, output: Output, scale: SequenceLayer, location: SequenceLayer | None = None
    ) -> None:
        super().__init__()
        if not isinstance(output, Output):
            raise ConfigError(f"output must be an Output, such as Point(1), got {shortened(output)}.")
        require_layers("an anchored", body, scale, *([] if location is None else [location]))
        self.body, self.output, self.scale, self.location = body, output, scale, location
        self.parts, self.state_type = 3, AnchoredState
        self._check_sizes()
        self.register_buffer("usual", torch.ones(scale.output_size or 0, dtype=torch.float64))
        self.input_size = scale.input_size
        self.output_size = output.quantities * output.numbers
        self.stride, self.latency, self.steps_out = body.stride, body.latency, body.steps_out
        self.streams = all(layer.streams for layer in self.layers)
        self._measure()

    @property
    def layers(self) -> list[SequenceLayer]:
        """Body and scale, and the location if there is one."""
        return [layer for layer in (self.body, self.scale, self.location) if layer is not None]

    def join(self, parts: list[Tensor]) -> Tensor:
        """The body's distributions, put where the series is."""
        body, scale, *location = parts
        y = self.placed(self.output.standard(body.double()), scale, location[0] if location else None)
        return y.flatten(-2)

    def pack(self, states: list[Any]) -> AnchoredState:
        """Each by its name."""
        return AnchoredState(*states, *[()] * (3 - len(states)))

    def sound(self) -> bool:
        """Whether the usual scale is one: a file from outside can hold any numbers."""
        return bool(self.usual.isfinite().all() and (self.usual > 0).all())

    def placed(self, standard: Tensor, scale: Tensor, location: Tensor | None) -> Tensor:
        """Distributions (..., J, P) in the unit of the data, from scale and location (..., C)."""
        scale = torch.where(scale == 0, self.usual.to(scale.dtype), scale)
        horizons = self.output.quantities // scale.shape[-1]
        location = torch.zeros_like(scale) if location is None else location
        return self.output.placed(
            standard, location.repeat_interleave(horizons, -1), scale.repeat_interleave(horizons, -1)
        )

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """Always float64."""
        return torch.float64

    def _check_sizes(self) -> None:
        body, output, columns = self.body, self.output, self.scale.output_size
        if body.output_size != output.input_size:
            raise ConfigError(
                f"the body gives {body.output_size} numbers, the output wants {output.input_size}."
            )
        if not isinstance(columns, int) or output.quantities % columns:
            raise ConfigError(
                f"the scale is of {columns} columns, {output.quantities} quantities cannot be shared among them."
            )
        if self.location is not None and self.location.output_size != columns:
            raise ConfigError(f"location and scale are of {self.location.output_size} and {columns} columns.")
        if len({layer.input_size for layer in self.layers}) > 1:
            raise ConfigError("body, scale and location differ in input_size. They read the same columns.")
        if differs := self._disagreement():
            name, values = differs
            raise ConfigError(
                f"body, scale and location differ in {name}: {', '.join(map(str, values))}. They must give the same "
                "steps."
            )
        if len({tuple(pace(layer)) for layer in self.layers}) > 1:
            raise ConfigError(
                "body, scale and location give their steps at different times. They must agree."
            )
