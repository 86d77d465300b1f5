"""Waiting: what a shortcut does while the other path looks ahead.

Axes: B batch, T time steps, C features.
"""

from torch import Tensor

from ..core import Size
from ..errors import ConfigError
from .sliding import Sliding
from .steppers_sliding import DelayStepper


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
    stepper_type = DelayStepper

    def __init__(self, input_size: Size, steps: int) -> None:
        if not isinstance(steps, int) or steps < 0:
            raise ConfigError(f"steps must be a whole number of 0 or more, got {steps!r}.")
        super().__init__(input_size, input_size, span=steps + 1, latency=steps)

    def slide(self, buffer: Tensor) -> Tensor:
        """All but the newest ``steps``."""
        return buffer[:, : buffer.shape[1] - self.overlap]
