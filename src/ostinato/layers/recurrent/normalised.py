"""Recurrent layers with layer normalisation, each sum over features brought to mean 0 and variance 1.

    LN(a) = (a - mean) / sqrt(variance + 1e-5) * gain + bias, mean and variance over all features of a

Gains begin at 1, biases at 0. There is no other bias: the one that the paper adds to the sum of two LN is in theirs.

Axes: B batch, T time steps, I input features, H hidden features, L layers, D directions (1 or 2).
"""

from typing import ClassVar, Unpack

from torch import Tensor

from ...errors import ConfigError
from ...ops import recurrent as ops
from .base import Recurrent, RecurrentOptions
from .rnn import GRUState, LSTMState, RNNState


class LayerNormRecurrent(Recurrent):
    """What the three share: gains, and biases where there are any. Subclasses name in ``norms`` what is normalised."""

    norms: ClassVar[tuple[str, ...]]
    eps: float = 1e-5

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, **options: Unpack[RecurrentOptions]
    ) -> None:
        if hidden_size == 1:
            raise ConfigError(
                "hidden_size must be at least 2, got 1: the norm of a single number is always 0."
            )
        super().__init__(input_size, hidden_size, num_layers, **options)

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Two weights, then a gain and a bias for each norm: "h" and "c" of H features, "ih" and "hh" of all rows."""
        size = self.hidden_size
        rows = len(self.gates) * size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, size)}
        for name in self.norms:
            for kind in ("gain", "bias") if self.bias else ("gain",):
                shapes[f"{kind}_{name}"] = (rows if name in ("ih", "hh") else size,)
        return shapes

    def initialise(self, name: str, values: Tensor) -> None:
        """Gains 1, biases 0, weights as always."""
        kind = name.split("_")[0]
        if kind == "weight":
            super().initialise(name, values)
        else:
            values.fill_(1.0 if kind == "gain" else 0.0)

    def norm(self, name: str, suffix: str) -> ops.Norm:
        """One gain and its bias."""
        return ops.Norm(
            getattr(self, f"gain_{name}_{suffix}"), self.parameter(f"bias_{name}", suffix), self.eps
        )


class LayerNormRNN(LayerNormRecurrent):
    """Elman's recurrent network, the sum normalised.

        h = f(LN(W x + U h)),  f tanh or relu

    Parameters: ``weight_ih`` W, ``weight_hh`` U, ``gain_h`` and ``bias_h`` of LN, (H,).

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H, at least 2.
        num_layers: layers above each other, L.
        nonlinearity: "tanh" or "relu".
        options: as in ``Recurrent``; ``bias`` is that of LN.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden (B, L, H).

    Raises:
        ConfigError: as in ``Recurrent``, hidden_size is 1, or the nonlinearity is another.
        StreamingError: as in ``Recurrent``.

    Source:
        Ba, Kiros & Hinton 2016, arXiv:1607.06450, section 3.1, equation 4; with 1e-5 below the root.
    """

    gates = ("hidden",)
    norms = ("h",)
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

    def cell(self, suffix: str) -> ops.LayerNormRNNCell:
        """The equation above."""
        return ops.LayerNormRNNCell(self.weights(suffix), self.norm("h", suffix), self.nonlinearity)


class LayerNormLSTM(LayerNormRecurrent):
    """Long short-term memory, normalised in three places.

        (i, f, g, o) = LN(W x) + LN(U h), each LN over all 4 H features together
        cell = sigmoid(f) * cell + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(LN(cell))

    Parameters: ``weight_ih`` W, ``weight_hh`` U; gain and bias of the three LN: ``gain_ih``, ``bias_ih``, ``gain_hh``,
    ``bias_hh``, (4 H,), and ``gain_c``, ``bias_c``, (H,).

    Args:
        input_size: features per step, I.
        hidden_size: features of the hidden and the cell state, H, at least 2.
        num_layers: layers above each other, L.
        options: as in ``Recurrent``; ``bias`` is that of LN.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden and state.cell (B, L, H).

    Raises:
        ConfigError: as in ``Recurrent``, or hidden_size is 1.
        StreamingError: as in ``Recurrent``.

    Source:
        Ba, Kiros & Hinton 2016, arXiv:1607.06450, supplementary material, equations 20 to 22; with 1e-5 below the root,
        and without the third bias of the gates, which the two of LN make idle. The cell itself is handed on as it is.
    """

    gates = ("input", "forget", "candidate", "output")
    norms = ("ih", "hh", "c")
    state_type = LSTMState

    @property
    def retention_gates(self) -> dict[str, int]:
        """The forget gate, and the input gate the other way round."""
        return {"forget": 1, "input": -1}

    def cell(self, suffix: str) -> ops.LayerNormLSTMCell:
        """The equations above."""
        return ops.LayerNormLSTMCell(self.weights(suffix), *(self.norm(name, suffix) for name in self.norms))


class LayerNormGRU(LayerNormRecurrent):
    """Gated recurrent unit, normalised in four places.

        (r, z) = sigmoid(LN(W x) + LN(U h)), each LN over both gates together
        n = tanh(LN(W x) + r * LN(U h))
        h = (1 - z) * h + z * n

    Parameters: ``weight_ih`` W, ``weight_hh`` U; gains and biases of W x and of U h, those of the gates and of the
    candidate below each other: ``gain_ih``, ``bias_ih``, ``gain_hh``, ``bias_hh``, (3 H,).

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H, at least 2.
        num_layers: layers above each other, L.
        options: as in ``Recurrent``; ``bias`` is that of LN.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden (B, L, H).

    Raises:
        ConfigError: as in ``Recurrent``, or hidden_size is 1.
        StreamingError: as in ``Recurrent``.

    Source:
        Ba, Kiros & Hinton 2016, arXiv:1607.06450, supplementary material, equations 29 to 31; with 1e-5 below the root,
        and r before z in the parameters, as in ``GRU``.
    """

    gates = ("reset", "update", "candidate")
    norms = ("ih", "hh")
    state_type = GRUState

    @property
    def retention_gates(self) -> dict[str, int]:
        """The update gate, when closed."""
        return {"update": -1}

    def cell(self, suffix: str) -> ops.LayerNormGRUCell:
        """The equations above."""
        return ops.LayerNormGRUCell.of(self.weights(suffix), self.norm("ih", suffix), self.norm("hh", suffix))
