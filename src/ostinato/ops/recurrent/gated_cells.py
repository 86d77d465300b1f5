"""Variants of the LSTM and the GRU: peepholes, coupled gates, the reset gate before the product, a context.

What a step slices or splits it finds sliced already: in a loop over steps each view costs a node of the graph.

Axes: B batch, T time steps, I input features, H hidden features, K features of a context.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .cell import Cell, Parts
from .cells import GRUTrace, LSTMTrace, Projecting, mixed
from .weights import Weights


class CoupledLSTMTrace(NamedTuple):
    """What a coupled LSTM computes on the way: its gates after the sigmoid, its candidate after the tanh."""

    forget: Tensor
    candidate: Tensor
    output: Tensor
    cell: Tensor
    hidden: Tensor


@dataclass(frozen=True)
class PeepholeLSTMCell(Projecting):
    """An LSTM whose gates see the cell: input and forget the old one, output the new one."""

    to_opening: Tensor  # (2 H, H) to input and forget gate, or (2 H,) where each unit sees its own cell only
    to_output: Tensor  # (H, H) or (H,)

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, LSTMTrace]:
        """One step."""
        total, size = projected[0] + self.recurrent_product(recurrent_input), state[1].shape[1]
        opening, new, output_gate = total.split([2 * size, size, size], dim=-1)
        input_gate, forget = (opening + self.peep(state[1], self.to_opening)).sigmoid().chunk(2, dim=-1)
        new = new.tanh()
        cell = forget * state[1] + input_gate * new
        output_gate = (output_gate + self.peep(cell, self.to_output)).sigmoid()
        hidden = output_gate * cell.tanh()
        return (hidden, cell), LSTMTrace(input_gate, forget, new, output_gate, cell, hidden)

    def peep(self, cell: Tensor, weights: Tensor) -> Tensor:
        """What gates see of the cell."""
        if weights.dim() == 2:
            return F.linear(cell, weights)
        return cell.repeat(1, len(weights) // cell.shape[1]) * weights


@dataclass(frozen=True)
class CoupledLSTMCell(Projecting):
    """An LSTM that takes in as much as it forgets."""

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, CoupledLSTMTrace]:
        """One step."""
        forget, new, output_gate = (projected[0] + self.recurrent_product(recurrent_input)).chunk(3, dim=-1)
        forget, new, output_gate = forget.sigmoid(), new.tanh(), output_gate.sigmoid()
        cell = torch.lerp(new, state[1], forget)
        hidden = output_gate * cell.tanh()
        return (hidden, cell), CoupledLSTMTrace(forget, new, output_gate, cell, hidden)


@dataclass(frozen=True)
class EarlyResetGRUCell(Projecting):
    """A gated recurrent unit, the reset gate before the recurrent product."""

    opening: Tensor  # (2 H, H), U of the reset and the update gate
    candidate: Tensor  # (H, H), U of the candidate
    renews: bool = False  # whether the update gate lets the new state in, not the old one through

    @classmethod
    def of(cls, weights: Weights, renews: bool) -> "EarlyResetGRUCell":
        """With U split once for all steps."""
        size = weights.from_hidden.shape[1]
        opening, candidate = weights.from_hidden.split([2 * size, size])
        return cls(weights, opening, candidate, renews)

    def project(self, x: Tensor, state: Parts) -> Parts:
        """W x + b + c of the gates and of the candidate, (B, T, 2 H) and (B, T, H)."""
        total = F.linear(x, self.weights.from_input, self.weights.input_bias)
        if self.weights.hidden_bias is not None:
            total = total + self.weights.hidden_bias
        return total.split([len(self.opening), len(self.candidate)], dim=-1)

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, GRUTrace]:
        """One step."""
        gates = (projected[0] + F.linear(recurrent_input, self.opening)).sigmoid()
        reset, update = gates.chunk(2, dim=-1)
        new = (projected[1] + F.linear(reset * recurrent_input, self.candidate)).tanh()
        hidden = mixed(state[0], new, update, self.renews)
        return (hidden,), GRUTrace(reset, update, new, hidden)


@dataclass(frozen=True)
class ContextCell:
    """Any cell with a context as another input: C k is added to what comes from x. The context is the last part."""

    cell: Cell
    weight: Tensor  # (G * H, K)

    def project(self, x: Tensor, state: Parts) -> Parts:
        """W x + b + C k."""
        parts = self.cell.project(x, state[:-1])
        added = F.linear(state[-1], self.weight)[:, None].split([part.shape[-1] for part in parts], dim=-1)
        return tuple(map(torch.add, parts, added))

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, Any]:
        """One step."""
        after, on_the_way = self.cell.step(projected, state[:-1], recurrent_input)
        return (*after, state[-1]), on_the_way
