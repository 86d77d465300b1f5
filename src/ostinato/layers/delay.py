"""Delay, and release in blocks: what a shortcut needs beside a path with latency or blocks.

Axes: B batch, T time steps, C features.
"""

from fractions import Fraction
from typing import Any

from torch import Tensor

from ..core import SequenceLayer, Size
from .sizes import at_least, at_least_one
from .sliding import Sliding


class Delay(Sliding):
    """y[t] = x[t - steps], zeros before the beginning.

    Args:
        input_size: features per step, C, or (F, C).
        steps: how long to wait, 0 or more.

    Shape:
        x (B, T, C), y (B, T, C), state.history (B, steps, C).

    Raises:
        ConfigError: steps is negative.
    """

    input_size: Size

    def __init__(self, input_size: Size, steps: int) -> None:
        at_least(0, steps=steps)
        super().__init__(input_size, input_size, span=steps + 1, latency=steps, offsets=[steps])

    def slide(self, buffer: Tensor) -> Tensor:
        """All but the newest ``steps``."""
        return buffer[:, : buffer.shape[1] - self.overlap]


class InBlocks(Sliding):
    """y = x, held back until ``block`` steps are there and handed on together.

    Beside a path that strides and comes back to the old rate, as ``Chain(Downsample(3, 2), Upsample(3, 2))``, it gives
    its steps when that one does. ``Residual`` puts it there by itself.

    Args:
        input_size: features per step, C, or (F, C).
        block: steps that are handed on together.

    Shape:
        x (B, T, C), y (B, block (T // block), C), state.history (B, phase, C).

    Raises:
        ConfigError: a size is below 1.
    """

    input_size: Size

    def __init__(self, input_size: Size, block: int) -> None:
        at_least_one(block=block)
        super().__init__(input_size, input_size, span=1, stride=block)
        self.stride, self.skip = Fraction(1), 0

    @property
    def block(self) -> int:
        """Steps that come out together."""
        return self.step

    def slide(self, buffer: Tensor) -> Tensor:
        """All that are in whole blocks."""
        return buffer[:, : buffer.shape[1] // self.step * self.step]

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """Whole blocks."""
        return super().out_lengths(lengths, state) * self.step


def waits_for(body: SequenceLayer) -> list[SequenceLayer]:
    """What x goes through beside ``body``, so that both refer to the same steps at the same time; possibly nothing."""
    size = body.input_size
    assert size is not None
    waits: list[SequenceLayer] = [InBlocks(size, body.block)] if body.block > 1 else []
    return [*waits, Delay(size, body.latency)] if body.latency else waits
