"""Steppers of recurrent layers: one product for input and hidden state together, results written in place.

A sigmoid is half of 1 + tanh of half its argument. The halves stand in the weights, exactly, so that one tanh serves
all gates.

Axes: B batch, I input features, H hidden features, L layers, G rows of a product.
"""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ...core import register_stepper
from ...core.stepper import Array, ArrayStepper, array, tensor, zeros
from ...core.validation import Validated
from ..recurrent.base import Recurrent
from ..recurrent.rnn import GRU, LSTM, RNN

Blocks = list[
    tuple[Tensor, Tensor, Tensor]
]  # of each product: from x (H, I), from the hidden state (H, H), bias (H,)


class StepCell:
    """One layer: buffers, weights and one step."""

    blocks: int  # products of H rows each

    def __init__(self, owner: Recurrent, layer: int, batch: int, dtype: torch.dtype) -> None:
        size = owner.hidden_size
        blocks = self.laid_out(owner, layer)
        inputs = blocks[0][0].shape[1]
        weights = torch.cat([torch.cat([across, back], dim=1) for across, back, _ in blocks])
        self.weight = array(weights.to(dtype).t())  # (I + H, G)
        self.bias = array(torch.cat([bias for _, _, bias in blocks]).to(dtype))
        self.joined = zeros((batch, inputs + size), dtype)
        self.x, self.hidden = self.joined[:, :inputs], self.joined[:, inputs:]
        self.gates = zeros((batch, len(self.bias)), dtype)
        self.parts = np.split(self.gates, len(self.bias) // size, axis=1)  # views
        self.remembered = [self.hidden]

    def laid_out(self, owner: Recurrent, layer: int) -> Blocks:
        """The blocks of rows in the order in which they are worked on."""
        raise NotImplementedError(f"{type(self).__name__} does not define laid_out().")

    def step(self, x: Array) -> Array:
        """x (B, I) to the hidden state (B, H)."""
        raise NotImplementedError(f"{type(self).__name__} does not define step().")

    def project(self, x: Array) -> Array:
        """W x + U h + b for all blocks, (B, G)."""
        gates = self.gates
        self.x[...] = x
        np.dot(self.joined, self.weight, gates)
        return np.add(gates, self.bias, gates)


class RNNStepCell(StepCell):
    """h = f(W x + U h + b)."""

    def __init__(self, owner: Any, layer: int, batch: int, dtype: torch.dtype) -> None:
        super().__init__(owner, layer, batch, dtype)
        self.bounded = owner.nonlinearity == "tanh"

    def laid_out(self, owner: Recurrent, layer: int) -> Blocks:
        """The only one."""
        return gates_of(owner, layer)

    def step(self, x: Array) -> Array:
        """tanh or relu."""
        gates = self.project(x)
        return np.tanh(gates, self.hidden) if self.bounded else np.maximum(gates, 0.0, out=self.hidden)


class LSTMStepCell(StepCell):
    """Input, forget and output gates, then the candidate."""

    def __init__(self, owner: Recurrent, layer: int, batch: int, dtype: torch.dtype) -> None:
        super().__init__(owner, layer, batch, dtype)
        self.cell, self.work = zeros(self.hidden.shape, dtype), zeros(self.hidden.shape, dtype)
        self.opening = self.gates[:, : 3 * owner.hidden_size]
        self.remembered.append(self.cell)

    def laid_out(self, owner: Recurrent, layer: int) -> Blocks:
        """Three sigmoids beside each other."""
        enter, forget, candidate, leave = gates_of(owner, layer)
        return [halved(enter), halved(forget), halved(leave), candidate]

    def step(self, x: Array) -> Array:
        """As the equations of ``LSTM`` say."""
        np.tanh(self.project(x), self.gates)
        opening, cell, work = self.opening, self.cell, self.work
        np.multiply(opening, 0.5, opening)
        np.add(opening, 0.5, opening)
        enter, forget, leave, candidate = self.parts
        np.multiply(cell, forget, cell)
        np.multiply(enter, candidate, work)
        np.add(cell, work, cell)
        np.tanh(cell, work)
        return np.multiply(leave, work, self.hidden)


class GRUStepCell(StepCell):
    """Reset and update gates, then the candidate's two halves, which the reset gate must keep apart."""

    def __init__(self, owner: Recurrent, layer: int, batch: int, dtype: torch.dtype) -> None:
        super().__init__(owner, layer, batch, dtype)
        self.opening = self.gates[:, : 2 * owner.hidden_size]

    def laid_out(self, owner: Recurrent, layer: int) -> Blocks:
        """What does not see x, or the hidden state, has zeros for it."""
        reset, update, (across, back, bias) = gates_of(owner, layer)
        parts = owner.weights(f"l{layer}")
        from_input, from_hidden = (
            torch.zeros_like(bias) if part is None else part.detach()[-owner.hidden_size :]
            for part in (parts.input_bias, parts.hidden_bias)
        )
        seen = (across, torch.zeros_like(back), from_input)
        kept = (torch.zeros_like(across), back, from_hidden)
        return [halved(reset), halved(update), seen, kept]

    def step(self, x: Array) -> Array:
        """As the equations of ``GRU`` say, (1 - z) n + z h written as n + z (h - n)."""
        self.project(x)
        opening, hidden = self.opening, self.hidden
        np.tanh(opening, opening)
        np.multiply(opening, 0.5, opening)
        np.add(opening, 0.5, opening)
        reset, update, candidate, kept = self.parts
        np.multiply(kept, reset, kept)
        np.add(candidate, kept, candidate)
        np.tanh(candidate, candidate)
        np.subtract(hidden, candidate, hidden)
        np.multiply(hidden, update, hidden)
        return np.add(hidden, candidate, hidden)


class RecurrentStepper(ArrayStepper):
    """Cells above each other."""

    layer: Recurrent
    cell: type[StepCell]

    @classmethod
    def refuses(cls, layer: Validated, dtype: torch.dtype, device: torch.device) -> str | None:
        """Only the bare recurrence."""
        if not cast(Recurrent, layer).is_vanilla:
            return "options beside the cell, such as zoneout, locked dropout or a projection"
        return super().refuses(layer, dtype, device)

    def build(self) -> None:
        """One cell for each layer."""
        layer = self.layer
        self._cells = [self.cell(layer, index, self.batch, self.dtype) for index in range(layer.num_layers)]
        self._calls = [cell.step for cell in self._cells]

    def advance(self, x: Array) -> Array:
        """From the lowest to the highest."""
        for call in self._calls:
            x = call(x)
        return x

    def load_state(self, state: Any) -> None:
        """Each cell its layer's part."""
        for index, cell in enumerate(self._cells):
            for own, part in zip(cell.remembered, state, strict=True):
                own[...] = part[:, index].numpy(force=True)

    def export_state(self) -> Any:
        """Layers side by side, (B, L, H)."""
        fields = zip(*(cell.remembered for cell in self._cells), strict=True)
        return self.layer.state_type(*(tensor(np.stack(parts, axis=1)) for parts in fields))


@register_stepper(RNN)
class RNNStepper(RecurrentStepper):
    """Of an RNN."""

    cell = RNNStepCell


@register_stepper(LSTM)
class LSTMStepper(RecurrentStepper):
    """Of an LSTM."""

    cell = LSTMStepCell


@register_stepper(GRU)
class GRUStepper(RecurrentStepper):
    """Of a GRU."""

    cell = GRUStepCell


def gates_of(owner: Recurrent, layer: int) -> Blocks:
    """The weights of one layer, gate by gate, the two biases added."""
    weights, size = owner.weights(f"l{layer}"), owner.hidden_size
    across, back = weights.from_input.detach(), weights.from_hidden.detach()
    bias = across.new_zeros(len(across))
    for part in (weights.input_bias, weights.hidden_bias):
        bias = bias if part is None else bias + part.detach()
    return list(zip(across.split(size), back.split(size), bias.split(size), strict=True))


def halved(block: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Half of everything: a power of two changes no digit."""
    across, back, bias = block
    return across / 2, back / 2, bias / 2
