"""Plain recurrent layers: RNN, LSTM, GRU.

Parameters are named as in torch.nn (``weight_ih_l0``, ``bias_hh_l1_reverse``), so weights go from there to
here and back by ``load_state_dict`` alone.

Axes: B batch, T time steps, I input features, H hidden features, L layers, D directions (1 or 2).
"""

from typing import NamedTuple, Unpack

from torch import Tensor

from ...errors import ConfigError
from ...ops import recurrent as ops
from ...ops.recurrent import Parts
from ..steppers_recurrent import GRUStepper, LSTMStepper, RNNStepper
from .base import Options, Recurrent


class RNNState(NamedTuple):
    """What an RNN remembers."""

    hidden: Tensor  # (B, L, H)


class LSTMState(NamedTuple):
    """What an LSTM remembers."""

    hidden: Tensor  # (B, L, H)
    cell: Tensor  # (B, L, H)


class GRUState(NamedTuple):
    """What a GRU remembers."""

    hidden: Tensor  # (B, L, H)


class RNN(Recurrent):
    """Elman's recurrent network.

        h = f(W x + b + U h + c),  f tanh or relu

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.
        num_layers: layers above each other, L.
        nonlinearity: "tanh" or "relu".
        options: by keyword, as in ``Recurrent``: bias, bidirectional, reverse, residual and the rates of dropout.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden (B, L, H).

    Raises:
        ConfigError: as in ``Recurrent``, or the nonlinearity is another.
        StreamingError: a state is given to a layer that runs from the end.

    Source:
        Elman 1990, Finding structure in time; two biases and the initialisation as in ``torch.nn.RNN``.

    >>> y, state = RNN(3, 5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.hidden.shape)
    ((2, 7, 5), (2, 1, 5))
    """

    stepper_type = RNNStepper

    gates = ("hidden",)
    state_type = RNNState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        nonlinearity: str = "tanh",
        **options: Unpack[Options],
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ConfigError(f"nonlinearity must be tanh or relu, got {nonlinearity!r}.")
        super().__init__(input_size, hidden_size, num_layers, **options)
        self.nonlinearity = nonlinearity
        self.bounded = nonlinearity == "tanh"

    def cell(self, place: str) -> ops.RNNCell:
        """The equation above."""
        return ops.RNNCell(self.weights(place), self.nonlinearity)

    def kernel(self, x: Tensor, parts: Parts, place: str, lengths: Tensor | None) -> tuple[Tensor, Parts]:
        """torch's."""
        y, hidden = ops.rnn(x, *parts, self.weights(place), lengths, self.nonlinearity)
        return y, (hidden,)


class LSTM(Recurrent):
    """Long short-term memory.

        i, f, o = sigmoid(W x + b + U h + c), each with its own W, b, U, c
        g = tanh(W x + b + U h + c)
        cell = f * cell + i * g
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
        Hochreiter & Schmidhuber 1997; with the forget gate of Gers et al. 2000, without peepholes. Two
        biases, the order of gates (i, f, g, o) and the initialisation as in ``torch.nn.LSTM``.

    >>> y, state = LSTM(3, 5, num_layers=2)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.cell.shape)
    ((2, 7, 5), (2, 2, 5))
    """

    stepper_type = LSTMStepper

    gates = ("input", "forget", "candidate", "output")
    state_type = LSTMState

    def cell(self, place: str) -> ops.LSTMCell:
        """The equations above."""
        return ops.LSTMCell(self.weights(place))

    def kernel(self, x: Tensor, parts: Parts, place: str, lengths: Tensor | None) -> tuple[Tensor, Parts]:
        """torch's."""
        y, hidden, cell = ops.lstm(x, *parts, self.weights(place), lengths)
        return y, (hidden, cell)


class GRU(Recurrent):
    """Gated recurrent unit, the reset gate after the recurrent product.

        r, z = sigmoid(W x + b + U h + c), each with its own W, b, U, c
        n = tanh(W x + b + r * (U h + c))
        h = (1 - z) * n + z * h

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.
        num_layers: layers above each other, L.
        options: as in ``Recurrent``.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden (B, L, H).

    Raises:
        ConfigError, StreamingError: as in ``Recurrent``.

    Source:
        Cho et al. 2014, arXiv:1406.1078, section 2.3. As in cuDNN and ``torch.nn.GRU`` the reset gate acts
        after the product with U, not before it as in the paper, and z keeps the old state.

    >>> y, state = GRU(3, 5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.hidden.shape)
    ((2, 7, 5), (2, 1, 5))
    """

    stepper_type = GRUStepper

    gates = ("reset", "update", "candidate")
    state_type = GRUState

    def cell(self, place: str) -> ops.GRUCell:
        """The equations above."""
        return ops.GRUCell(self.weights(place))

    def kernel(self, x: Tensor, parts: Parts, place: str, lengths: Tensor | None) -> tuple[Tensor, Parts]:
        """torch's."""
        y, hidden = ops.gru(x, *parts, self.weights(place), lengths)
        return y, (hidden,)
