"""Cells with layer normalisation: every sum over features is brought to mean 0 and variance 1 before it is used.

    LN(a) = (a - mean) / sqrt(variance + eps) * gain + bias, mean and variance over the features of a

Axes: B batch, T time steps, I input features, H hidden features.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from .cell import Parts
from .cells import GRUTrace, LSTMTrace, RNNTrace, mixed
from .weights import Weights

EPS = 1e-5


class Norm(NamedTuple):
    """What a normalised sum is multiplied by, and what is added to it."""

    gain: Tensor
    bias: Tensor | None
    eps: float = EPS

    def __call__(self, total: Tensor) -> Tensor:
        """LN of the last axis."""
        return F.layer_norm(total, self.gain.shape, self.gain, self.bias, self.eps)

    def split(self, *sizes: int) -> "tuple[Norm, ...]":
        """Norms of parts of the rows."""
        biases = [None] * len(sizes) if self.bias is None else self.bias.split(sizes)
        pairs = zip(self.gain.split(sizes), biases, strict=True)
        return tuple(Norm(gain, bias, self.eps) for gain, bias in pairs)


@dataclass(frozen=True)
class LayerNormRNNCell:
    """h = f(LN(W x + U h)), f tanh or relu."""

    weights: Weights
    norm: Norm
    nonlinearity: str = "tanh"

    def project(self, x: Tensor, state: Parts) -> Parts:
        """W x."""
        return (F.linear(x, self.weights.from_input),)

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, RNNTrace]:
        """One step."""
        total = self.norm(projected[0] + F.linear(recurrent_input, self.weights.from_hidden))
        hidden = total.tanh() if self.nonlinearity == "tanh" else total.relu()
        return (hidden,), RNNTrace(hidden)


@dataclass(frozen=True)
class LayerNormLSTMCell:
    """An LSTM of LN(W x) + LN(U h), its output from LN(cell)."""

    weights: Weights
    across: Norm  # of W x
    back: Norm  # of U h
    inside: Norm  # of the cell

    def project(self, x: Tensor, state: Parts) -> Parts:
        """LN(W x)."""
        return (self.across(F.linear(x, self.weights.from_input)),)

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, LSTMTrace]:
        """One step."""
        total = projected[0] + self.back(F.linear(recurrent_input, self.weights.from_hidden))
        input_gate, forget, new, output_gate = total.chunk(4, dim=-1)
        input_gate, forget, new, output_gate = (
            input_gate.sigmoid(),
            forget.sigmoid(),
            new.tanh(),
            output_gate.sigmoid(),
        )
        cell = forget * state[1] + input_gate * new
        hidden = output_gate * self.inside(cell).tanh()
        return (hidden, cell), LSTMTrace(input_gate, forget, new, output_gate, cell, hidden)


@dataclass(frozen=True)
class LayerNormGRUCell:
    """A gated recurrent unit of LN(W x) and LN(U h): of both gates together, and of the candidate."""

    weights: Weights
    across: tuple[Norm, ...]  # of W x: gates, candidate
    back: tuple[Norm, ...]  # of U h, as well

    @classmethod
    def of(cls, weights: Weights, across: Norm, back: Norm) -> "LayerNormGRUCell":
        """With the norms split once for all steps."""
        size = weights.from_hidden.shape[1]
        return cls(weights, across.split(2 * size, size), back.split(2 * size, size))

    def project(self, x: Tensor, state: Parts) -> Parts:
        """LN(W x) of the gates and of the candidate, (B, T, 2 H) and (B, T, H)."""
        return self._normed(self.across, F.linear(x, self.weights.from_input))

    def step(self, projected: Parts, state: Parts, recurrent_input: Tensor) -> tuple[Parts, GRUTrace]:
        """One step."""
        opening, kept = self._normed(self.back, F.linear(recurrent_input, self.weights.from_hidden))
        reset, update = (projected[0] + opening).sigmoid().chunk(2, dim=-1)
        new = (projected[1] + reset * kept).tanh()
        hidden = mixed(state[0], new, update, renews=True)
        return (hidden,), GRUTrace(reset, update, new, hidden)

    @staticmethod
    def _normed(norms: tuple[Norm, ...], total: Tensor) -> Parts:
        parts = total.split([len(norm.gain) for norm in norms], dim=-1)
        return tuple(norm(part) for norm, part in zip(norms, parts, strict=True))
