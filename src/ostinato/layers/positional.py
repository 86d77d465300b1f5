"""Positional features: the position of each step in its sequence.

Axes: B batch, T time steps, I input features, D features of a position.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..core import SequenceLayer
from ..errors import ConfigError
from .constants import Constant
from .options import number, one_of
from .sizes import at_least_one

MODES = ("add", "concat")


class PositionState(NamedTuple):
    """How far a row is."""

    position: Tensor  # (B,) int64, steps that it has seen


class PositionalFeatures(SequenceLayer):
    """Sines and cosines of the position p = 0, 1, 2, ..., added to x or beside it.

    P[p, 2 i] = sin(p / longest^(2 i / D)), P[p, 2 i + 1] = cos(p / longest^(2 i / D)). The position is counted in
    int64 and angles are computed in float64 whatever the dtype of x, so step 10 million is as exact as the first.

    Args:
        input_size: features per step, I.
        size: features of a position, D; I if they are added. Where it is odd the last cosine is left out.
        mode: "add" gives x + P, "concat" x and then P.
        longest: what wavelengths, from 2 pi steps on, come near to: 2 pi longest^((D - 2) / D) is the slowest; above 1.

    Shape:
        x (B, T, I), y (B, T, I) or (B, T, I + D), state.position (B,).

    Raises:
        ConfigError: a size is below 1, the mode is unknown, ``longest`` is not above 1, or sizes to add differ.

    Source:
        Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762, section 3.5.

    >>> y, state = PositionalFeatures(2, 4, mode="concat")(torch.ones(1, 3, 2))
    >>> tuple(y.shape), (100 * y[0, :, 2:4]).round().tolist(), state.position.tolist()
    ((1, 3, 6), [[0.0, 100.0], [84.0, 54.0], [91.0, -42.0]], [3])
    """

    def __init__(
        self, input_size: int, size: int | None = None, mode: str = "add", longest: float = 10_000.0
    ) -> None:
        super().__init__()
        size = input_size if size is None else size
        at_least_one(input_size=input_size, size=size)
        one_of("mode", mode, MODES)
        if mode == "add" and size != input_size:
            raise ConfigError(
                f"what is added to {input_size} features has as many, got size {size}. Use mode='concat'."
            )
        number(longest=longest)
        if not (longest > 1 and math.isfinite(longest)):
            raise ConfigError(f"longest must be a number of steps above 1, got {longest}.")
        self.input_size, self.output_size = input_size, input_size + (size if mode == "concat" else 0)
        self.size, self.mode = size, mode
        pairs = torch.arange(0, size, 2, dtype=torch.float64)
        self.frequencies = Constant(torch.exp(pairs * (-math.log(longest) / size)))

    @property
    def counts_steps(self) -> bool:
        """It is what it is for."""
        return True

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> PositionState:
        """The first step."""
        return PositionState(torch.zeros(batch, dtype=torch.int64, device=device))

    def run(self, x: Tensor, state: PositionState, lengths: Tensor | None) -> tuple[Tensor, PositionState]:
        """Waves at the positions of these steps."""
        position = state.position[:, None] + torch.arange(x.shape[1], device=x.device)
        angles = position[..., None] * self.frequencies.like(position.double())
        waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(2)[..., : self.size].to(x.dtype)
        after = PositionState(state.position + (x.shape[1] if lengths is None else lengths))
        return (x + waves if self.mode == "add" else torch.cat([x, waves], dim=-1)), after
