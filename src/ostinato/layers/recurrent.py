"""Plain recurrent layers: RNN, LSTM, GRU.

Parameters are named as in torch.nn (``weight_ih_l0``, ``bias_hh_l1_reverse``), so weights go from there to
here and back by ``load_state_dict`` alone.

Axes: B batch, T time steps, I input features, H hidden features, L layers, D directions (1 or 2).
"""

import math
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core import SequenceLayer, reverse_steps
from ..errors import ConfigError
from ..ops import recurrent as ops
from .sizes import at_least_one
from .steppers_recurrent import GRUStepper, LSTMStepper, RNNStepper

# what one layer in one direction remembers: hidden, or hidden and cell, (B, H) each
Parts = tuple[Tensor, ...]


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


class Recurrent(SequenceLayer):
    """Stacking, directions, dropout and parameters: what RNN, LSTM and GRU share.

    A subclass says how many gates its cell has, what its state is called, and runs one layer in ``scan``.
    """

    gates: ClassVar[int]
    state_type: ClassVar[type[Any]]
    bounded: bool = True  # whether the output stays finite however many steps are run
    weight_hh_l0: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        at_least_one(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
            raise ConfigError(f"dropout must be a number of at least 0 and less than 1, got {dropout!r}.")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.dropout, self.bidirectional = bias, dropout, bidirectional
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self.output_size = hidden_size * len(self.directions)
        self.receptive_field = math.inf
        self.streams = not bidirectional
        for layer in range(num_layers):
            for direction in self.directions:
                self._add_weights(layer, direction)

    def scan(
        self, x: Tensor, parts: Parts, weights: ops.Weights, lengths: Tensor | None
    ) -> tuple[Tensor, Parts]:
        """One layer, one direction: y (B, T, H) and what it remembers."""
        raise NotImplementedError(f"{type(self).__name__} does not define scan().")

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """Zeros; () if bidirectional."""
        if self.bidirectional:
            return ()
        like = self.weight_hh_l0
        shape = (batch, self.num_layers, self.hidden_size)
        # a tensor of its own for each field: safetensors refuses two names for one memory
        return self.state_type(
            *(
                torch.zeros(shape, dtype=dtype or like.dtype, device=device or like.device)
                for _ in self.state_type._fields
            )
        )

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Layer upon layer, dropout between them."""
        ends = []
        for layer in range(self.num_layers):
            if layer > 0:
                x = F.dropout(x, self.dropout, self.training)
            if self.bidirectional:
                x = self._both_directions(x, layer, lengths)
            else:
                x, end = self.scan(x, tuple(part[:, layer] for part in state), self.weights(layer), lengths)
                ends.append(end)
        if self.bidirectional:
            return x, ()
        return x, self.state_type(*(torch.stack(parts, dim=1) for parts in zip(*ends, strict=True)))

    def weights(self, layer: int, direction: str = "") -> ops.Weights:
        """The parameters of one layer in one direction, "" or "_reverse"."""
        place = f"l{layer}{direction}"
        return ops.Weights(
            getattr(self, f"weight_ih_{place}"),
            getattr(self, f"weight_hh_{place}"),
            getattr(self, f"bias_ih_{place}", None),
            getattr(self, f"bias_hh_{place}", None),
        )

    def extra_repr(self) -> str:
        """Sizes, as torch.nn shows them."""
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, dropout={self.dropout}"

    def _both_directions(self, x: Tensor, layer: int, lengths: Tensor | None) -> Tensor:
        zeros = (x.new_zeros(x.shape[0], self.hidden_size),) * len(self.state_type._fields)
        # neither end state is needed, so a bounded cell may run over the padding: it comes after the valid steps
        until = None if self.bounded else lengths
        forward, _ = self.scan(x, zeros, self.weights(layer), until)
        backward, _ = self.scan(reverse_steps(x, lengths), zeros, self.weights(layer, "_reverse"), until)
        return torch.cat([forward, reverse_steps(backward, lengths)], dim=2)

    def _add_weights(self, layer: int, direction: str) -> None:
        inputs = self.input_size if layer == 0 else self.output_size
        assert inputs is not None
        rows = self.gates * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, inputs),
            "weight_hh": (rows, self.hidden_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        bound = 1 / math.sqrt(self.hidden_size)
        for name, shape in shapes.items():
            values = torch.empty(shape).uniform_(-bound, bound)
            self.register_parameter(f"{name}_l{layer}{direction}", nn.Parameter(values))


class RNN(Recurrent):
    """Elman's recurrent network.

        h = f(W x + b + U h + c),  f tanh or relu

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.
        num_layers: layers above each other, L.
        nonlinearity: "tanh" or "relu".
        bias: whether b and c are there.
        dropout: rate between layers while training, 0 to 1.
        bidirectional: a second pass from the end of each row; then the layer needs the whole sequence.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden (B, L, H).

    Raises:
        ConfigError: a size is below 1, the rate or the nonlinearity is not one of the above.
        StreamingError: a state is given to a bidirectional layer.

    Source:
        Elman 1990, Finding structure in time; two biases and the initialisation as in ``torch.nn.RNN``.

    >>> y, state = RNN(3, 5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.hidden.shape)
    ((2, 7, 5), (2, 1, 5))
    """

    stepper_type = RNNStepper

    gates = 1
    state_type = RNNState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        nonlinearity: str = "tanh",
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ConfigError(f"nonlinearity must be tanh or relu, got {nonlinearity!r}.")
        super().__init__(
            input_size, hidden_size, num_layers, bias=bias, dropout=dropout, bidirectional=bidirectional
        )
        self.nonlinearity = nonlinearity
        self.bounded = nonlinearity == "tanh"

    def scan(
        self, x: Tensor, parts: Parts, weights: ops.Weights, lengths: Tensor | None
    ) -> tuple[Tensor, Parts]:
        """One layer, one direction."""
        y, hidden = ops.rnn(x, *parts, weights, lengths, self.nonlinearity)
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
        bias, dropout, bidirectional: as in ``RNN``.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden and state.cell (B, L, H).

    Raises:
        ConfigError: a size is below 1, or the rate is not one.
        StreamingError: a state is given to a bidirectional layer.

    Source:
        Hochreiter & Schmidhuber 1997; with the forget gate of Gers et al. 2000, without peepholes. Two
        biases, the order of gates (i, f, g, o) and the initialisation as in ``torch.nn.LSTM``.

    >>> y, state = LSTM(3, 5, num_layers=2)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.cell.shape)
    ((2, 7, 5), (2, 2, 5))
    """

    stepper_type = LSTMStepper

    gates = 4
    state_type = LSTMState

    def scan(
        self, x: Tensor, parts: Parts, weights: ops.Weights, lengths: Tensor | None
    ) -> tuple[Tensor, Parts]:
        """One layer, one direction."""
        y, hidden, cell = ops.lstm(x, *parts, weights, lengths)
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
        bias, dropout, bidirectional: as in ``RNN``.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden (B, L, H).

    Raises:
        ConfigError: a size is below 1, or the rate is not one.
        StreamingError: a state is given to a bidirectional layer.

    Source:
        Cho et al. 2014, arXiv:1406.1078, section 2.3. As in cuDNN and ``torch.nn.GRU`` the reset gate acts
        after the product with U, not before it as in the paper, and z keeps the old state.

    >>> y, state = GRU(3, 5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.hidden.shape)
    ((2, 7, 5), (2, 1, 5))
    """

    stepper_type = GRUStepper

    gates = 3
    state_type = GRUState

    def scan(
        self, x: Tensor, parts: Parts, weights: ops.Weights, lengths: Tensor | None
    ) -> tuple[Tensor, Parts]:
        """One layer, one direction."""
        y, hidden = ops.gru(x, *parts, weights, lengths)
        return y, (hidden,)
