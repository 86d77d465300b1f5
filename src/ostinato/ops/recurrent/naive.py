"""The standard recurrences step by step: these functions define the numbers.

Axes: B batch, T time steps, I input features, H hidden features.
"""

from torch import Tensor

from .cell import unroll
from .cells import GRUCell, LSTMCell, RNNCell
from .weights import Weights


def rnn(
    x: Tensor, hidden: Tensor, weights: Weights, lengths: Tensor | None, nonlinearity: str = "tanh"
) -> tuple[Tensor, Tensor]:
    """Elman network: h = f(W x + b + U h + c), f tanh or relu.  x (B, T, I), hidden (B, H)."""
    y, state = unroll(RNNCell(weights, nonlinearity), x, (hidden,), lengths)
    return y, state[0]


def gru(x: Tensor, hidden: Tensor, weights: Weights, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Gated recurrent unit, the reset gate after the recurrent product.  x (B, T, I), hidden (B, H)."""
    y, state = unroll(GRUCell(weights), x, (hidden,), lengths)
    return y, state[0]


def lstm(
    x: Tensor, hidden: Tensor, cell: Tensor, weights: Weights, lengths: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory.  x (B, T, I), hidden (B, H) or projected (B, P), cell (B, H)."""
    y, state = unroll(LSTMCell(weights), x, (hidden, cell), lengths)
    return y, state[0], state[1]
