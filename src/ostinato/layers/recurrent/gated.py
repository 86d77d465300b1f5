"""Variants of the LSTM: peephole connections, and coupled input and forget gates.

Axes: B batch, T time steps, I input features, H hidden features, L layers, D directions (1 or 2).
"""

from typing import Unpack

from ...errors import ConfigError
from ...ops import recurrent as ops
from .base import Recurrent, RecurrentOptions
from .rnn import LSTMState


class PeepholeLSTM(Recurrent):
    """Long short-term memory whose gates see the cell.

        i, f = sigmoid(W x + b + U h + c + P cell), each with its own W, b, U, c, P
        g = tanh(W x + b + U h + c)
        cell = f * cell + i * g
        o = sigmoid(W x + b + U h + c + P cell), the new cell
        h = o * tanh(cell)

    With diagonal peepholes P is a vector and P cell a product number by number: each unit sees its own cell. With full
    ones P is a matrix. The parameter ``weight_ch`` holds P of i, f and o below each other: (3 H,) or (3 H, H).

    Args:
        input_size: features per step, I.
        hidden_size: features of the hidden and the cell state, H.
        num_layers: layers above each other, L.
        peepholes: "diagonal" or "full".
        options: as in ``Recurrent``; ``weight_dropout`` takes part of P too.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden and state.cell (B, L, H).

    Raises:
        ConfigError: as in ``Recurrent``, or the peepholes are others.
        StreamingError: as in ``Recurrent``.

    Source:
        Gers & Schmidhuber 2000, Recurrent nets that time and count; Gers, Schraudolph & Schmidhuber 2002, Learning
        precise timing with LSTM recurrent networks: diagonal. In the form of Graves 2013, arXiv:1308.0850, equations 7
        to 11, which has tanh for both squashing functions. Gradients go through everything; Gers et al. cut them.
        Initialised as the other weights.

    >>> import torch
    >>> layer = PeepholeLSTM(3, 5)
    >>> tuple(layer.weight_ch_l0.shape), tuple(layer(torch.zeros(2, 7, 3))[0].shape)
    ((15,), (2, 7, 5))
    """

    gates = ("input", "forget", "candidate", "output")
    state_type = LSTMState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        peepholes: str = "diagonal",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        if peepholes not in ("diagonal", "full"):
            raise ConfigError(f"peepholes must be diagonal or full, got {peepholes!r}.")
        self.peepholes = peepholes
        super().__init__(input_size, hidden_size, num_layers, **options)

    @property
    def retention_gates(self) -> dict[str, int]:
        """The forget gate, and the input gate the other way round."""
        return {"forget": 1, "input": -1}

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """The usual four and P."""
        size = self.hidden_size
        return super().shapes(inputs) | {
            "weight_ch": (3 * size,) if self.peepholes == "diagonal" else (3 * size, size)
        }

    def cell(self, suffix: str) -> ops.PeepholeLSTMCell:
        """The equations above."""
        size = self.hidden_size
        return ops.PeepholeLSTMCell(
            self.weights(suffix), *self.dropped("weight_ch", suffix).split([2 * size, size])
        )


class CoupledLSTM(Recurrent):
    """Long short-term memory that takes in as much as it forgets: a quarter fewer parameters.

        f, o = sigmoid(W x + b + U h + c), each with its own W, b, U, c
        g = tanh(W x + b + U h + c)
        cell = f * cell + (1 - f) * g
        h = o * tanh(cell)

    Args:
        input_size: features per step, I.
        hidden_size: features of the hidden and the cell state, H.
        num_layers: layers above each other, L.
        options: as in ``Recurrent``.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden and state.cell (B, L, H).

    Raises:
        ConfigError, StreamingError: as in ``Recurrent``.

    Source:
        Greff et al. 2015, arXiv:1503.04069, the variant CIFG, which writes f = 1 - i and has peepholes; here i = 1 - f
        and none.

    >>> tuple(CoupledLSTM(3, 5).weight_ih_l0.shape)
    (15, 3)
    """

    gates = ("forget", "candidate", "output")
    state_type = LSTMState

    @property
    def retention_gates(self) -> dict[str, int]:
        """The forget gate alone."""
        return {"forget": 1}

    def cell(self, suffix: str) -> ops.CoupledLSTMCell:
        """The equations above."""
        return ops.CoupledLSTMCell(self.weights(suffix))
