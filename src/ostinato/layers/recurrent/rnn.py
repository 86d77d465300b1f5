"""The standard recurrent layers: RNN, LSTM, GRU.

Parameters are named as in torch.nn (``weight_ih_l0``, ``bias_hh_l1_reverse``), so weights go from there to
here and back by ``load_state_dict`` alone.

Axes: B batch, T time steps, I input features, H hidden features, L layers, D directions (1 or 2).
"""

from typing import Any, ClassVar, NamedTuple, Unpack

from torch import Tensor

from ...errors import ConfigError
from ...ops import recurrent as ops
from ..sizes import at_least_one
from .base import Recurrent, RecurrentOptions


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

    >>> import torch
    >>> y, state = RNN(3, 5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.hidden.shape)
    ((2, 7, 5), (2, 1, 5))
    """

    gates = ("hidden",)
    state_type = RNNState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        nonlinearity: str = "tanh",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ConfigError(f"nonlinearity must be tanh or relu, got {nonlinearity!r}.")
        super().__init__(input_size, hidden_size, num_layers, **options)
        self.nonlinearity = nonlinearity
        self.bounded = nonlinearity == "tanh"

    def cell(self, suffix: str) -> ops.RNNCell:
        """The equation above."""
        return ops.RNNCell(self.weights(suffix), self.nonlinearity)


class LSTM(Recurrent):
    """Long short-term memory.

        i, f, o = sigmoid(W x + b + U h + c), each with its own W, b, U, c
        g = tanh(W x + b + U h + c)
        cell = f * cell + i * g
        h = o * tanh(cell), with a projection V (o * tanh(cell))

    Args:
        input_size: features per step, I.
        hidden_size: features of the hidden and the cell state, H.
        num_layers: layers above each other, L.
        proj_size: features that the hidden state is projected to, P; 0 for none, then P = H.
        options: as in ``Recurrent``.

    Shape:
        x (B, T, I), y (B, T, D * P), state.hidden (B, L, P), state.cell (B, L, H).

    Raises:
        ConfigError: as in ``Recurrent``, or the projection is not smaller than the hidden state.
        StreamingError: as in ``Recurrent``.

    Source:
        Hochreiter & Schmidhuber 1997; with the forget gate of Gers et al. 2000, without peepholes; the projection of
        Sak et al. 2014, arXiv:1402.1128, section 2.2, its recurrent part only. Two biases, the order of gates
        (i, f, g, o) and the initialisation as in ``torch.nn.LSTM``.

    >>> import torch
    >>> y, state = LSTM(3, 5, num_layers=2)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.cell.shape)
    ((2, 7, 5), (2, 2, 5))
    """

    gates = ("input", "forget", "candidate", "output")
    state_type = LSTMState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        proj_size: int = 0,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        at_least_one(hidden_size=hidden_size)
        if not isinstance(proj_size, int) or isinstance(proj_size, bool) or not 0 <= proj_size < hidden_size:
            raise ConfigError(
                f"proj_size must be a whole number of at least 0 and less than hidden_size {hidden_size}, got "
                f"{proj_size!r}. 0 is no projection."
            )
        self.proj_size = proj_size
        super().__init__(input_size, hidden_size, num_layers, **options)

    @property
    def is_vanilla(self) -> bool:
        """Not with a projection."""
        return super().is_vanilla and not self.proj_size

    @property
    def retention_gates(self) -> dict[str, int]:
        """The forget gate, and the input gate the other way round."""
        return {"forget": 1, "input": -1}

    def sizes(self) -> tuple[int, ...]:
        """P and H."""
        return self.proj_size or self.hidden_size, self.hidden_size

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """As torch names them: V is ``weight_hr``."""
        projection = {"weight_hr": (self.proj_size, self.hidden_size)} if self.proj_size else {}
        return super().shapes(inputs) | projection

    def weights(self, suffix: str) -> ops.Weights:
        """The usual four and V."""
        return super().weights(suffix)._replace(projection=self.parameter("weight_hr", suffix))

    def cell(self, suffix: str) -> ops.LSTMCell:
        """The equations above."""
        return ops.LSTMCell(self.weights(suffix))


class GRU(Recurrent):
    """Gated recurrent unit.

        r, z = sigmoid(W x + b + U h + c), each with its own W, b, U, c
        n = tanh(W x + b + r * (U h + c))       reset="after", the recurrent product
        n = tanh(W x + b + U (r * h) + c)       reset="before" it
        h = z * h + (1 - z) * n                 update="keep", what z keeps is the old state
        h = (1 - z) * h + z * n                 update="renew", what z lets in is the new one

    The two ways of writing the update are one layer with W, b, U, c of z negated. The two positions of the reset gate
    are different layers.

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.
        num_layers: layers above each other, L.
        reset: "after" or "before"; after is torch's and runs on its kernel, before runs step by step.
        update: "keep" or "renew".
        options: as in ``Recurrent``.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden (B, L, H).

    Raises:
        ConfigError: as in ``Recurrent``, or reset or update is another word.
        StreamingError: as in ``Recurrent``.

    Source:
        Cho et al. 2014, arXiv:1406.1078, section 2.3: before, keep. After, keep: cuDNN and ``torch.nn.GRU``, from where
        the two biases and the initialisation are. Before, renew: Chung et al. 2014, arXiv:1412.3555, section 3.2.

    >>> import torch
    >>> y, state = GRU(3, 5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.hidden.shape)
    ((2, 7, 5), (2, 1, 5))
    """

    gates = ("reset", "update", "candidate")
    state_type: ClassVar[type[Any]] = GRUState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        reset: str = "after",
        update: str = "keep",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        if reset not in ("after", "before"):
            raise ConfigError(f"reset must be after or before (the recurrent product), got {reset!r}.")
        if update not in ("keep", "renew"):
            raise ConfigError(f"update must be keep (the old state) or renew (it), got {update!r}.")
        self.reset, self.update = reset, update
        super().__init__(input_size, hidden_size, num_layers, **options)

    @property
    def is_vanilla(self) -> bool:
        """Only as torch has it."""
        return super().is_vanilla and self.reset == "after" and self.update == "keep"

    @property
    def retention_gates(self) -> dict[str, int]:
        """The update gate, in one way or the other."""
        return {"update": 1 if self.update == "keep" else -1}

    def cell(self, suffix: str) -> ops.Cell:
        """The equations above."""
        weights, renews = self.weights(suffix), self.update == "renew"
        return (
            ops.GRUCell(weights, renews)
            if self.reset == "after"
            else ops.EarlyResetGRUCell.of(weights, renews)
        )
