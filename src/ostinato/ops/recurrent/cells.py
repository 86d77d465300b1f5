"""The standard cells: RNN, LSTM and GRU as in torch.

Axes: B batch, T time steps, I input features, H hidden features, G gates.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .cell import Parts
from .weights import Weights


class RNNTrace(NamedTuple):
    """What an RNN computes on the way."""

    hidden: Tensor


class LSTMTrace(NamedTuple):
    """What an LSTM computes on the way: its gates after the sigmoid, its candidate after the tanh."""

    input: Tensor
    forget: Tensor
    candidate: Tensor
    output: Tensor
    cell: Tensor
    hidden: Tensor


class GRUTrace(NamedTuple):
    """What a GRU computes on the way: its gates after the sigmoid, its candidate after the tanh."""

    reset: Tensor
    update: Tensor
    candidate: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class Projecting:
    """What the cells share: W x + b for all steps at once, U h + c at each."""

    weights: Weights

    def project(self, x: Tensor, state: Parts) -> Parts:
        """W x + b, (B, T, G * H)."""
        return (F.linear(x, self.weights.from_input, self.weights.input_bias),)

    def recurrent_product(self, recurrent_input: Tensor) -> Tensor:
        """U h + c, (B, G * H)."""
        return F.linear(recurrent_input, self.weights.from_hidden, self.weights.hidden_bias)


@dataclass(frozen=True)
class RNNCell(Projecting):
    """Elman network: h = f(W x + b + U h + c), f tanh or relu."""

    nonlinearity: str = "tanh"

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, RNNTrace]:
        """One step."""
        total = projected[0] + self.recurrent_product(recurrent_input)
        hidden = total.tanh() if self.nonlinearity == "tanh" else total.relu()
        return (hidden,), RNNTrace(hidden)


@dataclass(frozen=True)
class LSTMCell(Projecting):
    """Long short-term memory; where there is a projection, the hidden state is P h."""

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, LSTMTrace]:
        """One step."""
        input_gate, forget, new, output_gate = (projected[0] + self.recurrent_product(recurrent_input)).chunk(
            4, dim=-1
        )
        input_gate, forget, new, output_gate = (
            input_gate.sigmoid(),
            forget.sigmoid(),
            new.tanh(),
            output_gate.sigmoid(),
        )
        cell = forget * state[1] + input_gate * new
        hidden = output_gate * cell.tanh()
        if self.weights.projection is not None:
            hidden = F.linear(hidden, self.weights.projection)
        return (hidden, cell), LSTMTrace(input_gate, forget, new, output_gate, cell, hidden)


@dataclass(frozen=True)
class GRUCell(Projecting):
    """Gated recurrent unit, the reset gate after the recurrent product."""

    renews: bool = False  # whether the update gate lets the new state in, not the old one through

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, GRUTrace]:
        """One step."""
        reset_x, update_x, new_x = projected[0].chunk(3, dim=-1)
        reset_h, update_h, new_h = self.recurrent_product(recurrent_input).chunk(3, dim=-1)
        reset, update = (reset_x + reset_h).sigmoid(), (update_x + update_h).sigmoid()
        new = (new_x + reset * new_h).tanh()
        hidden = mixed(state[0], new, update, self.renews)
        return (hidden,), GRUTrace(reset, update, new, hidden)


def mixed(old: Tensor, new: Tensor, update: Tensor, renews: bool) -> Tensor:
    """(1 - z) h + z n where the update gate renews, (1 - z) n + z h where it keeps."""
    return torch.lerp(old, new, update) if renews else torch.lerp(new, old, update)
