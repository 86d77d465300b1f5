"""The recurrent cells step by step: these functions define the numbers.

Axes: B batch, T time steps, I input features, H hidden features.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .weights import Weights


def rnn(
    x: Tensor, hidden: Tensor, weights: Weights, lengths: Tensor | None, nonlinearity: str = "tanh"
) -> tuple[Tensor, Tensor]:
    """Elman network: h = f(W x + b + U h + c), f tanh or relu.  x (B, T, I), hidden (B, H)."""
    activate = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]

    def cell(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        from_input, from_hidden = _project(x, state[0], weights)
        return (activate(from_input + from_hidden),)

    y, state = _scan(cell, x, (hidden,), lengths)
    return y, state[0]


def gru(x: Tensor, hidden: Tensor, weights: Weights, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Gated recurrent unit, the reset gate after the recurrent product.  x (B, T, I), hidden (B, H)."""

    def cell(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        from_input, from_hidden = _project(x, state[0], weights)
        reset_x, update_x, new_x = from_input.chunk(3, dim=-1)
        reset_h, update_h, new_h = from_hidden.chunk(3, dim=-1)
        reset, update = torch.sigmoid(reset_x + reset_h), torch.sigmoid(update_x + update_h)
        new = torch.tanh(new_x + reset * new_h)
        return ((1 - update) * new + update * state[0],)

    y, state = _scan(cell, x, (hidden,), lengths)
    return y, state[0]


def lstm(
    x: Tensor, hidden: Tensor, cell: Tensor, weights: Weights, lengths: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory.  x (B, T, I), hidden and cell (B, H)."""

    def step(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        from_input, from_hidden = _project(x, state[0], weights)
        enter, forget, new, leave = (from_input + from_hidden).chunk(4, dim=-1)
        memory = torch.sigmoid(forget) * state[1] + torch.sigmoid(enter) * torch.tanh(new)
        return torch.sigmoid(leave) * torch.tanh(memory), memory

    y, state = _scan(step, x, (hidden, cell), lengths)
    return y, state[0], state[1]


def _project(x: Tensor, hidden: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
    return (
        F.linear(x, weights.from_input, weights.input_bias),
        F.linear(hidden, weights.from_hidden, weights.hidden_bias),
    )


def _scan(
    cell: Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]],
    x: Tensor,
    state: tuple[Tensor, ...],
    lengths: Tensor | None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Step ``cell`` along time; the first part of its state is the output."""
    outputs = []
    for t in range(x.shape[1]):
        after = cell(x[:, t], state)
        if lengths is not None:
            # a row that has ended keeps its state
            running = (t < lengths)[:, None]
            after = tuple(torch.where(running, new, old) for new, old in zip(after, state, strict=True))
        state = after
        outputs.append(state[0])
    y = torch.stack(outputs, dim=1) if outputs else x.new_zeros(x.shape[0], 0, state[0].shape[1])
    return y, state
