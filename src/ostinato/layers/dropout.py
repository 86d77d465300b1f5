"""Dropout of whole channels, the same ones for a whole sequence.

Axes: B batch, T time steps, C channels.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..core import SequenceLayer
from .recurrent.chances import check_rate, locked_mask
from .sizes import at_least_one


class Dropout1dState(NamedTuple):
    """The channels of this sequence."""

    mask: Tensor  # (B, C), 0 or 1 / (1 - rate)


class Dropout1d(SequenceLayer):
    """While training each channel of each row is 0 with a chance of ``dropout``, else divided by 1 - dropout.

    y[t] = m * x[t], m drawn once per sequence: it is part of the state, so chunks of a sequence lose the same channels.

    Args:
        input_size: features per step, C.
        dropout: the chance.

    Shape:
        x (B, T, C), y (B, T, C), state.mask (B, C).

    Raises:
        ConfigError: a size is below 1, or the rate is no number from 0 on and below 1.

    Source:
        Tompson et al. 2014, arXiv:1411.4280, section 3.2 (SpatialDropout); ``torch.nn.Dropout1d``. A state that began
        in ``eval()`` holds ones: begin anew after ``train()``.
    """

    def __init__(self, input_size: int, dropout: float = 0.5) -> None:
        super().__init__()
        at_least_one(input_size=input_size)
        self.input_size = self.output_size = input_size
        self.dropout = check_rate("dropout", dropout)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Dropout1dState:
        """A new draw; ones in ``eval()``."""
        assert isinstance(self.input_size, int)
        return Dropout1dState(
            locked_mask((batch, self.input_size), self.dropout, self.training, dtype, device)
        )

    def run(self, x: Tensor, state: Dropout1dState, lengths: Tensor | None) -> tuple[Tensor, Dropout1dState]:
        """By the mask while training."""
        if not self.training:
            return x, state
        return x * state.mask[:, None], state
