"""The quasi-recurrent network: a convolution makes the gates, a scan pools along time.

Axes: B batch, T time steps, I input features, H hidden features, K kernel size, G gates.
"""

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...ops import scan
from ..history import join_steps, keep_last
from ..options import one_of, yes_or_no
from ..recurrent.dropout import check_rate
from ..sizes import at_least_one
from .base import LinearRecurrent, at_lengths


class QRNNState(NamedTuple):
    """What a QRNN remembers."""

    history: Tensor  # (B, K - 1, I), what the convolution needs of the past
    cell: Tensor  # (B, H)


class QRNNTrace(NamedTuple):
    """What a QRNN computes on the way; a gate that its pooling has not is what stands in its place."""

    input: Tensor
    forget: Tensor
    candidate: Tensor
    output: Tensor
    cell: Tensor
    hidden: Tensor


class QRNN(LinearRecurrent):
    """Quasi-recurrent network: a causal convolution, then pooling by gates.

        z = tanh(W_z * x),  f = sigmoid(W_f * x),  o = sigmoid(W_o * x),  i = sigmoid(W_i * x)

        pooling="f":    c = f * c + (1 - f) * z,  h = c
        pooling="fo":   c = f * c + (1 - f) * z,  h = o * c
        pooling="ifo":  c = f * c + i * z,        h = o * c

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.
        kernel_size: steps that the convolution sees, K, the newest last.
        pooling: "f", "fo" or "ifo".
        bias: whether the convolution has a bias.
        zoneout: rate at which f is 1 while training; otherwise f is what it is in the mean, rate + (1 - rate) f.

    Shape:
        x (B, T, I), y (B, T, H), state.history (B, K - 1, I), state.cell (B, H). ``weight`` (G * H, I, K) is as in
        torch.nn.Conv1d, its rows z, f and, where there are such gates, o, i.

    Raises:
        ConfigError: a size is below 1, the pooling is another word, or zoneout is no rate.

    Source:
        Bradbury et al. 2016, arXiv:1611.01576, sections 2 and 2.1. There zoneout leaves f alone at test time, which is
        not the mean of what was trained; here it is, as in Krueger et al. 2016, arXiv:1606.01305, equation 4.

    >>> y, state = QRNN(3, 5, kernel_size=2)(torch.zeros(4, 7, 3))
    >>> tuple(y.shape), tuple(state.history.shape), tuple(state.cell.shape)
    ((4, 7, 5), (4, 1, 3), (4, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        kernel_size: int = 2,
        *,
        pooling: Literal["f", "fo", "ifo"] = "fo",
        bias: bool = True,
        zoneout: float = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        at_least_one(kernel_size=kernel_size)
        yes_or_no(bias=bias)
        one_of("pooling", pooling, ("f", "fo", "ifo"))
        self.kernel_size, self.pooling, self.zoneout = kernel_size, pooling, check_rate("zoneout", zoneout)
        rows = (1 + len(pooling)) * hidden_size
        bound = 1 / math.sqrt(input_size * kernel_size)
        self.weight = nn.Parameter(torch.empty(rows, input_size, kernel_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(rows).uniform_(-bound, bound)) if bias else None

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> QRNNState:
        """Zeros."""
        cell = self.zeros(batch, dtype, device)
        return QRNNState(cell.new_zeros(batch, self.kernel_size - 1, self.input_size), cell)

    def steps(
        self, x: Tensor, state: QRNNState, lengths: Tensor | None, trace: bool = False
    ) -> tuple[Tensor, QRNNState, QRNNTrace | None]:
        """One product over windows, one scan."""
        buffer = join_steps(state.history, x)
        candidate, forget, *others = self._convolved(buffer, x.shape[1]).split(self.hidden_size, dim=-1)
        candidate, forget = candidate.tanh(), self._zoned_out(forget.sigmoid())
        gates = [gate.sigmoid() for gate in others]
        enter = gates[1] if self.pooling == "ifo" else 1 - forget
        cell = scan.linear(forget, enter * candidate, state.cell)
        h = gates[0] * cell if gates else cell
        after = QRNNState(
            keep_last(buffer, self.kernel_size - 1, lengths), at_lengths(cell, state.cell, lengths)
        )
        if not trace:
            return h, after, None
        leave = gates[0] if gates else torch.ones_like(cell)
        return h, after, QRNNTrace(enter, forget, candidate, leave, cell, h)

    def _convolved(self, buffer: Tensor, steps: int) -> Tensor:
        """(B, T, G * H), a step's numbers side by side as the scan wants them; a convolution would part them."""
        windows = torch.cat([buffer[:, index : index + steps] for index in range(self.kernel_size)], dim=2)
        return F.linear(windows, self.weight.transpose(1, 2).flatten(1), self.bias)

    def _zoned_out(self, forget: Tensor) -> Tensor:
        if not self.zoneout:
            return forget
        if not self.training:
            return self.zoneout + (1 - self.zoneout) * forget
        return torch.where(torch.rand_like(forget) < self.zoneout, 1.0, forget)
