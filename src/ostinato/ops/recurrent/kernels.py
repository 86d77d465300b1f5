"""The kernels of recurrent cells: a list for each type of cell, and the loop over steps for all others.

Axes: B batch, T time steps, I input features, H hidden features, K features of a context.
"""

from typing import Any, Protocol

import torch
from torch import Tensor

from ...core import autocast_active
from ...core.kernels import DEFINITION, Operation
from . import torch_kernels
from .cell import Cell, Change, Parts, unroll
from .cells import GRUCell, LSTMCell, RNNCell
from .gated_cells import ContextCell, CoupledLSTMCell, EarlyResetGRUCell, PeepholeLSTMCell
from .normalised_cells import LayerNormGRUCell, LayerNormLSTMCell, LayerNormRNNCell
from .weights import Weights


class RecurrentKernel(Protocol):
    """One layer in one direction, all steps."""

    name: str

    def refuses(
        self,
        cell: Any,
        x: Tensor,
        state: Parts,
        lengths: Tensor | None,
        *,
        mask: Tensor | None,
        change: Change | None,
        trace: bool,
    ) -> str | None:
        """Why not, for this very call."""
        ...

    def __call__(
        self,
        cell: Any,
        x: Tensor,
        state: Parts,
        lengths: Tensor | None,
        *,
        mask: Tensor | None,
        change: Change | None,
        seen: list[Any] | None,
    ) -> tuple[Tensor, Parts]:
        """As ``unroll``."""
        ...


class Loop:
    """The loop over steps, which defines the numbers of every cell and can do everything."""

    name = DEFINITION

    def refuses(self, *_: Any, **__: Any) -> str | None:
        """Never."""
        return None

    def __call__(self, cell: Any, x: Tensor, state: Parts, lengths: Tensor | None, **options: Any) -> Any:
        """``unroll``."""
        return unroll(cell, x, state, lengths, **options)


class TorchKernel:
    """What torch's own kernels share: they know the bare recurrence, and hand out nothing on the way."""

    name = "torch"

    def refuses(
        self,
        cell: Any,
        x: Tensor,
        state: Parts,
        lengths: Tensor | None,
        *,
        mask: Tensor | None,
        change: Change | None,
        trace: bool,
    ) -> str | None:
        """Masks, changes of the state and traces need each step."""
        if trace:
            return "a trace hands out each step"
        if mask is not None:
            return "a mask drops parts of the state at each step"
        if change is not None:
            return "zoneout changes the state at each step"
        return None

    def __call__(self, cell: Any, x: Tensor, state: Parts, lengths: Tensor | None, **_: Any) -> Any:
        """All steps at once."""
        raise NotImplementedError(f"{type(self).__name__} does not define a call.")


class TorchRNN(TorchKernel):
    """``torch.rnn_tanh`` and ``torch.rnn_relu``."""

    def __call__(self, cell: RNNCell, x: Tensor, state: Parts, lengths: Tensor | None, **_: Any) -> Any:
        """All steps at once."""
        y, hidden = torch_kernels.rnn(x, state[0], cell.weights, lengths, cell.nonlinearity)
        return y, (hidden,)


class TorchGRU(TorchKernel):
    """``torch.gru``."""

    def __call__(self, cell: GRUCell, x: Tensor, state: Parts, lengths: Tensor | None, **_: Any) -> Any:
        """All steps at once; a gate that renews is one that keeps, of opposite sign."""
        weights = negated_update(cell.weights) if cell.renews else cell.weights
        y, hidden = torch_kernels.gru(x, state[0], weights, lengths)
        return y, (hidden,)


class TorchLSTM(TorchKernel):
    """``torch.lstm``."""

    def refuses(
        self, cell: LSTMCell, x: Tensor, state: Parts, lengths: Tensor | None, **options: Any
    ) -> str | None:
        """Also what oneDNN has no LSTM for."""
        if x.is_cpu and cell.weights.projection is not None and x.dtype != torch.float64:
            # torch would warn, and then be no faster than the loop
            return "oneDNN knows no projections"
        if (
            x.is_cpu
            and autocast_active(x)
            and not torch_kernels.lstm_autocasts(torch.get_autocast_dtype("cpu"))
        ):
            return "no LSTM of 16 bits on this processor"
        return super().refuses(cell, x, state, lengths, **options)

    def __call__(self, cell: LSTMCell, x: Tensor, state: Parts, lengths: Tensor | None, **_: Any) -> Any:
        """All steps at once."""
        y, hidden, memory = torch_kernels.lstm(x, state[0], state[1], cell.weights, lengths)
        return y, (hidden, memory)


class TorchContextGRU(TorchGRU):
    """``torch.gru``, the context as more features of x."""

    def refuses(
        self, cell: ContextCell, x: Tensor, state: Parts, lengths: Tensor | None, **options: Any
    ) -> str | None:
        """Also a cell that torch does not have."""
        if type(cell.cell) is not GRUCell:
            return "the cell within is not torch's GRU"
        return super().refuses(cell, x, state, lengths, **options)

    def __call__(self, cell: Any, x: Tensor, state: Parts, lengths: Tensor | None, **_: Any) -> Any:
        """All steps at once."""
        inner, (hidden, context) = cell.cell, state
        across = torch.cat([inner.weights.from_input, cell.weight], dim=1)
        joined = torch.cat([x, context[:, None].expand(-1, x.shape[1], -1)], dim=2)
        wider = GRUCell(inner.weights._replace(from_input=across), inner.renews)
        y, after = super().__call__(wider, joined, (hidden,), lengths)
        return y, (*after, context)


LOOP = Loop()
KERNELS: dict[type[Any], Operation[RecurrentKernel]] = {
    RNNCell: Operation("rnn", TorchRNN(), LOOP),
    GRUCell: Operation("gru", TorchGRU(), LOOP),
    LSTMCell: Operation("lstm", TorchLSTM(), LOOP),
    ContextCell: Operation("context_gru", TorchContextGRU(), LOOP),
    PeepholeLSTMCell: Operation("peephole_lstm", LOOP),
    CoupledLSTMCell: Operation("coupled_lstm", LOOP),
    EarlyResetGRUCell: Operation("early_reset_gru", LOOP),
    LayerNormRNNCell: Operation("layer_norm_rnn", LOOP),
    LayerNormLSTMCell: Operation("layer_norm_lstm", LOOP),
    LayerNormGRUCell: Operation("layer_norm_gru", LOOP),
}


def run(
    cell: Cell,
    x: Tensor,
    state: Parts,
    lengths: Tensor | None,
    *,
    mask: Tensor | None = None,
    change: Change | None = None,
    seen: list[Any] | None = None,
) -> tuple[Tensor, Parts]:
    """Run any cell along time, on the first kernel of its type that does not refuse this call; else by the loop.

    Args, returns: as ``unroll``.
    """
    operation = KERNELS.get(type(cell))
    if operation is None:
        return unroll(cell, x, state, lengths, mask=mask, change=change, seen=seen)
    kernel = operation.select(cell, x, state, lengths, mask=mask, change=change, trace=seen is not None)
    return kernel(cell, x, state, lengths, mask=mask, change=change, seen=seen)


def negated_update(weights: Weights) -> Weights:
    """With an update gate that closes where it opened: sigmoid(-a) is 1 - sigmoid(a)."""
    size = weights.from_hidden.shape[1]
    sign = weights.from_hidden.new_ones(3 * size, 1)
    sign[size : 2 * size] = -1
    biases = (
        None if bias is None else bias * sign[:, 0] for bias in (weights.input_bias, weights.hidden_bias)
    )
    return Weights(weights.from_input * sign, weights.from_hidden * sign, *biases)
