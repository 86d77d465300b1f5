"""Layers that look at one step at a time.

Axes: B batch, T time steps, I input features, O output features.
"""

from torch import Tensor, nn

from ..core import SequenceLayer
from .sizes import at_least_one
from .steppers_plain import PointwiseStepper


class Pointwise(SequenceLayer):
    """Any module that maps each step on its own: an activation, dropout, ``nn.Linear``.

    Args:
        module: maps (B, T, I) to (B, T, O) without mixing steps.
        input_size, output_size: I and O; None where any number goes in and the same comes out.

    Shape:
        x (B, T, I), y (B, T, O). The state is ().
    """

    stepper_type = PointwiseStepper

    def __init__(
        self, module: nn.Module, input_size: int | None = None, output_size: int | None = None
    ) -> None:
        super().__init__()
        self.module = module
        self.input_size, self.output_size = input_size, output_size

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Apply the module."""
        return self.module(x), ()


class Dense(Pointwise):
    """y = W x + b at every step.

    Args:
        input_size: features per step, I.
        output_size: features of the output, O.
        bias: whether b is added.

    Shape:
        x (B, T, I), y (B, T, O).

    Raises:
        ConfigError: a size is below 1.

    Source:
        ``torch.nn.Linear``.
    """

    stepper_type = PointwiseStepper

    def __init__(self, input_size: int, output_size: int, bias: bool = True) -> None:
        at_least_one(input_size=input_size, output_size=output_size)
        super().__init__(nn.Linear(input_size, output_size, bias), input_size, output_size)
