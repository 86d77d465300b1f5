"""The standard cells on torch's own functions (oneDNN, ATen, cuDNN), padding handled without packing if possible.

For RNN and GRU the state after a row's length *is* an output, so rows are gathered from y. An LSTM's cell
state is not among its outputs: there one more input, 1 on the padding, shuts the input gate and opens the forget
gate, so the cell comes through the padding as it was, and its gradient comes back. Relu may grow over the padding until
its gradient is NaN: its ragged rows go through a PackedSequence, which is several times slower.

Axes: B batch, T time steps, I input features, H hidden features.
"""

import re
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ...core import autocast_active
from .weights import Weights

# cuDNN wants a cell's weights in one block, and copies them into one at each call where they are not: megabytes, beside
# the gigabytes that the steps read. One block would tie together parameters that masks and parametrisations set apart.
warnings.filterwarnings(
    "ignore", "RNN module weights are not part of single", UserWarning, re.escape(__name__)
)

SHUT = 2.0**60  # far beyond what a float64 sigmoid tells from 1, whatever weights and biases add to it
SHUT_IN_HALF = 2.0**15  # the same within half precision


def rnn(
    x: Tensor, hidden: Tensor, weights: Weights, lengths: Tensor | None, nonlinearity: str = "tanh"
) -> tuple[Tensor, Tensor]:
    """As ``naive.rnn``."""
    if nonlinearity == "tanh":
        return _run_by_outputs(torch.rnn_tanh, x, hidden, weights, lengths)
    if lengths is None or x.shape[1] == 0:
        return _run_by_outputs(torch.rnn_relu, x, hidden, weights, None)
    y, after = _run_packed(torch.rnn_relu, x, (hidden,), weights, lengths)
    return y, after


def gru(x: Tensor, hidden: Tensor, weights: Weights, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """As ``naive.gru``."""
    return _run_by_outputs(torch.gru, x, hidden, weights, lengths)


def lstm(
    x: Tensor, hidden: Tensor, cell: Tensor, weights: Weights, lengths: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """As ``naive.lstm``."""
    if x.shape[0] == 0 or x.shape[1] == 0:
        return x.new_zeros(x.shape[0], x.shape[1], hidden.shape[1]), hidden, cell
    if lengths is not None:
        x, weights = _held_on_padding(x, weights, lengths)
    start = [_as_stack(hidden), _as_stack(cell)]
    y, *after = torch.lstm(x, start, *_arguments(weights), batch_first=True)  # type: ignore[call-overload]
    hidden_after, cell_after = after[0][0], after[1][0]
    return y, hidden_after if lengths is None else _at(lengths, y, hidden), cell_after


def _run_by_outputs(
    kernel: Callable[..., Any], x: Tensor, hidden: Tensor, weights: Weights, lengths: Tensor | None
) -> tuple[Tensor, Tensor]:
    if x.shape[0] == 0 or x.shape[1] == 0:
        return x.new_zeros(x.shape[0], x.shape[1], hidden.shape[1]), hidden
    y, after = kernel(x, _as_stack(hidden), *_arguments(weights), True)
    return y, after[0] if lengths is None else _at(lengths, y, hidden)


def lstm_autocasts(dtype: torch.dtype) -> bool:
    """Whether oneDNN has an LSTM of 16 bits for this processor: autocast asks for one, without AVX-512 there is none.

    Only trying tells: ``torch.lstm`` on bfloat16 itself goes another way, and works.
    """
    if dtype not in _tried:
        _tried[dtype] = _lstm_runs_under_autocast(dtype)
    return _tried[dtype]


_tried: dict[
    torch.dtype, bool
] = {}  # not lru_cache: the compiler looks through its wrapper, and past the mark below
# What torch.compiler.assume_constant_result does, without loading the compiler: that takes longer than torch itself,
# and every command would pay for it.
lstm_autocasts._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _lstm_runs_under_autocast(dtype: torch.dtype) -> bool:
    weights = [torch.zeros(4, 1, dtype=torch.float32, device="cpu")] * 2
    x = torch.zeros(1, 1, 1, dtype=torch.float32, device="cpu")
    try:
        with torch.no_grad(), torch.autocast("cpu", dtype):
            torch.lstm(x, [x, x], weights, False, 1, 0.0, False, False, True)
    except RuntimeError:
        return False
    return True


def _at(lengths: Tensor, y: Tensor, before: Tensor) -> Tensor:
    """The output at the last step of each row; what was before where a row has no step."""
    last = y.gather(1, (lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, y.shape[2]))[:, 0]
    return torch.where((lengths > 0)[:, None], last, before)


def _held_on_padding(x: Tensor, weights: Weights, lengths: Tensor) -> tuple[Tensor, Weights]:
    """x, zero on the padding, and W with one feature more: it holds an LSTM's cell still there.

    The sigmoids of ±SHUT are 0 and 1 to the last bit, and so are their slopes 0, as long as |U h + b + c| stays well
    below it.
    """
    padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
    size = len(weights.from_hidden) // 4
    half = x.dtype == torch.float16 or autocast_active(x)
    bound = SHUT_IN_HALF if half else SHUT
    shut = torch.zeros_like(weights.from_input[:, :1])
    shut[:size], shut[size : 2 * size] = -bound, bound
    wider = torch.cat([weights.from_input, shut], dim=1)
    return torch.cat([x, padding[:, :, None].to(x.dtype)], dim=2), weights._replace(from_input=wider)


def _run_packed(
    kernel: Callable[..., Any], x: Tensor, state: tuple[Tensor, ...], weights: Weights, lengths: Tensor
) -> tuple[Tensor, ...]:
    """y and the state after. A packed batch has no empty rows: those are left out and keep their state."""
    live = lengths.nonzero()[:, 0]
    if len(live) == 0:
        return x.new_zeros(*x.shape[:2], state[0].shape[1]), *state
    packed = pack_padded_sequence(x[live], lengths[live].cpu(), batch_first=True, enforce_sorted=False)
    order = live[packed.sorted_indices]
    start = [_as_stack(part[order]) for part in state]
    data, *after = kernel(
        packed.data, packed.batch_sizes, start if len(start) > 1 else start[0], *_arguments(weights)
    )
    rows, _ = pad_packed_sequence(packed._replace(data=data), batch_first=True, total_length=x.shape[1])
    y = rows.new_zeros(*x.shape[:2], rows.shape[2]).index_copy(0, live, rows)
    return y, *(old.index_copy(0, order, new[0]) for old, new in zip(state, after, strict=True))


def _as_stack(state: Tensor) -> Tensor:
    return state[None].contiguous()


def _arguments(weights: Weights) -> tuple[Any, ...]:
    """weights, biases?, layers, dropout, train, bidirectional: what torch's kernels expect in this order."""
    # cuDNN keeps what its backward pass needs only when told to train
    return weights.tensors(), weights.input_bias is not None, 1, 0.0, torch.is_grad_enabled(), False
