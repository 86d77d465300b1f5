"""Weights and biases of one recurrent layer in one direction, in torch's order of gates.

Axes: G gates (RNN 1; LSTM 4: input, forget, cell, output; GRU 3: reset, update, new), I, H features.
"""

from typing import NamedTuple

from torch import Tensor


class Weights(NamedTuple):
    """What one cell multiplies with."""

    from_input: Tensor  # (G * H, I)
    from_hidden: Tensor  # (G * H, H)
    input_bias: Tensor | None  # (G * H,)
    hidden_bias: Tensor | None  # (G * H,)
    projection: Tensor | None = None  # (P, H), P < H, of an LSTM whose hidden state is P h; U is (G * H, P)

    def tensors(self) -> list[Tensor]:
        """The tensors that are there, in torch's order."""
        return [tensor for tensor in self if tensor is not None]
