"""A linear map that is fitted in closed form and not trained.

Axes: B batch, T time steps, N rows, I features, O outputs.
"""

import torch
from torch import Tensor

from ...core import SequenceLayer
from ...errors import ShapeError
from ..sizes import at_least_one


class Regression(SequenceLayer):
    """y = W x + b, with buffers in the place of weights: the part of an answer that a network need not learn.

    Args:
        input_size: features per step, I.
        output_size: features of the output, O.

    Shape:
        x (B, T, I), y (B, T, O). The state is ().

    Raises:
        ConfigError: a size is below 1.

    Source:
        The autoregressive path beside a network: Lai et al. 2018, LSTNet, arXiv:1703.07015, section 3.6. There it is
        trained with the network; here it is fitted before, so that training begins where linear regression ends.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, input_size: int, output_size: int) -> None:
        super().__init__()
        at_least_one(input_size=input_size, output_size=output_size)
        self.input_size, self.output_size = input_size, output_size
        self.register_buffer("weight", torch.zeros(output_size, input_size))
        self.register_buffer("bias", torch.zeros(output_size))

    def take(self, weight: Tensor, bias: Tensor) -> None:
        """Set W (O, I) and b (O,).

        Raises:
            ShapeError: they have other shapes.
        """
        found = [
            tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in (weight, bias)
        ]
        if found != [tuple(self.weight.shape), tuple(self.bias.shape)]:
            raise ShapeError(
                f"a regression from {self.input_size} to {self.output_size} wants W {tuple(self.weight.shape)} and b "
                f"{tuple(self.bias.shape)}, got {found[0]} and {found[1]}."
            )
        self.weight.copy_(weight)
        self.bias.copy_(bias)

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Map each step on its own."""
        return torch.nn.functional.linear(x, self.weight.to(x.dtype), self.bias.to(x.dtype)), ()
