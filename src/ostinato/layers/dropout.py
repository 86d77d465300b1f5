"""Dropout of whole channels, the same ones for a whole sequence.

Axes: B batch, T time steps, F frequencies, C channels.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..core import SequenceLayer, Size, axes
from .recurrent.dropout import check_rate, locked_mask
from .sizes import check_size


class Dropout1dState(NamedTuple):
    """The channels of this sequence."""

    mask: Tensor  # (B, C), 0 or 1 / (1 - rate)


class Dropout1d(SequenceLayer):
    """While training each channel of each row is 0 with a chance of ``dropout``, else divided by 1 - dropout.

    y[t] = m * x[t], m drawn once per sequence: it is part of the state, so chunks of a sequence lose the same channels.
    With frequencies a channel is lost at all of them.

    Args:
        input_size: features per step, C or (F, C).
        dropout: the chance.

    Shape:
        x (B, T, C) or (B, T, F, C), y alike, state.mask (B, C).

    Raises:
        ConfigError: a size is below 1, or the rate is no number from 0 on and below 1.

    Source:
        Tompson et al. 2014, arXiv:1411.4280, section 3.2 (SpatialDropout); ``torch.nn.Dropout1d`` and ``Dropout2d``. A
        state that began in ``eval()`` holds ones: begin anew after ``train()``.
    """

    def __init__(self, input_size: Size, dropout: float = 0.5) -> None:
        super().__init__()
        check_size(input_size=input_size)
        self.input_size = self.output_size = input_size
        self.dropout = check_rate("dropout", dropout)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Dropout1dState:
        """A new draw; ones in ``eval()``."""
        channels = axes(self.input_size or 0)[-1]
        return Dropout1dState(locked_mask((batch, channels), self.dropout, self.training, dtype, device))

    def run(self, x: Tensor, state: Dropout1dState, lengths: Tensor | None) -> tuple[Tensor, Dropout1dState]:
        """By the mask while training."""
        if not self.training:
            return x, state
        return x * state.mask.unflatten(1, (*[1] * (x.dim() - 2), -1)), state
