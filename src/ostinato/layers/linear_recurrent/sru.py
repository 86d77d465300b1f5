"""The simple recurrent unit: a cell that forgets element by element, and a highway around it.

Axes: B batch, T time steps, I input features, H hidden features.
"""

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError
from ...ops import scan
from ..options import one_of, yes_or_no
from .base import LinearRecurrent, at_lengths


class SRUState(NamedTuple):
    """What an SRU remembers."""

    cell: Tensor  # (B, H)


class SRUTrace(NamedTuple):
    """What an SRU computes on the way."""

    forget: Tensor
    reset: Tensor
    candidate: Tensor
    cell: Tensor
    hidden: Tensor


class SRU(LinearRecurrent):
    """Simple recurrent unit.

        f = sigmoid(W_f x + v_f * c' + b_f)      c' is the cell before
        c = f * c' + (1 - f) * W x
        r = sigmoid(W_r x + v_r * c' + b_r)
        h = r * g(c) + (1 - r) * x * alpha,      alpha = sqrt(1 + 2 exp(highway_bias))

    Without v (gates="input") all steps are run by one scan; with it the cell is looped over, element by element.

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.
        gates: "input", the version of 2017: there is no v; or "state", that of 2018.
        activation: g, "identity" or "tanh".
        highway: whether x is added; where H is not I, it is W_x x.
        rescale: whether alpha is as above, as in 2018; else it is 1, as in 2017. None is as its version has it.
        highway_bias: what b_r begins with; below 0, more of x is let through at first.

    Shape:
        x (B, T, I), y (B, T, H), state.cell (B, H). The rows of ``weight`` are W, W_f, W_r and W_x where there is one,
        those of ``bias`` b_f, b_r, those of ``weight_cell`` v_f, v_r.

    Raises:
        ConfigError: a size is below 1, an option is another word, or highway_bias is no number below 100 in size.

    Source:
        Lei et al., arXiv:1709.02755: version 1 of 2017, Training RNNs as Fast as CNNs, section 2.1, and version 5,
        EMNLP 2018, Simple Recurrent Units for Highly Parallelizable Recurrence, sections 3.1 and 3.2, with W uniform of
        variance 1 / I. How v begins is not said there: here it is uniform of variance 1/2.

    >>> y, state = SRU(3, 5, gates="state")(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.cell.shape)
    ((2, 7, 5), (2, 5))
    """

    weight_cell: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        gates: Literal["input", "state"] = "input",
        activation: Literal["identity", "tanh"] = "identity",
        highway: bool = True,
        rescale: bool | None = None,
        highway_bias: float = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        yes_or_no(highway=highway, rescale=False if rescale is None else rescale)
        one_of("gates", gates, ("input", "state"))
        one_of("activation", activation, ("identity", "tanh"))
        alpha = _alpha(highway_bias)
        self.alpha = alpha if rescale or (rescale is None and gates == "state") else 1.0
        self.gates, self.activation, self.highway = gates, activation, highway
        rows = 3 + (highway and input_size != hidden_size)
        bound = math.sqrt(3 / input_size)
        self.weight = nn.Parameter(torch.empty(rows * hidden_size, input_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.tensor([0.0, float(highway_bias)]).repeat_interleave(hidden_size))
        bound = math.sqrt(3 / 2)
        v = torch.empty(2 * hidden_size).uniform_(-bound, bound)
        self.register_parameter("weight_cell", nn.Parameter(v) if gates == "state" else None)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> SRUState:
        """Zeros."""
        return SRUState(self.zeros(batch, dtype, device))

    def steps(
        self, x: Tensor, state: SRUState, lengths: Tensor | None, trace: bool = False
    ) -> tuple[Tensor, SRUState, SRUTrace | None]:
        """One product, the cell, and what is read from it."""
        bias = F.pad(self.bias, (self.hidden_size, len(self.weight) - 3 * self.hidden_size))
        made = F.linear(x, self.weight, bias).to(
            x.dtype
        )  # autocast may have narrowed it: one dtype for the loop
        candidate, forget, reset, *short = made.split(self.hidden_size, dim=-1)
        if self.weight_cell is None:
            forget = forget.sigmoid()
            cell = scan.linear(forget, (1 - forget) * candidate, state.cell)
        else:
            of_forget, of_reset = self.weight_cell.to(x.dtype).chunk(2)
            cell = _gated_by_cell(forget, candidate, of_forget, state.cell)
            before = torch.cat([state.cell[:, None], cell], dim=1)[:, :-1]
            reset = torch.addcmul(reset, of_reset, before)
            if trace:
                forget = torch.addcmul(forget, of_forget, before).sigmoid()
        reset = reset.sigmoid()
        read = cell.tanh() if self.activation == "tanh" else cell
        h = torch.lerp(self.alpha * (short[0] if short else x), read, reset) if self.highway else reset * read
        after = SRUState(at_lengths(cell, state.cell, lengths))
        return h, after, SRUTrace(forget, reset, candidate, cell, h) if trace else None


def _gated_by_cell(forget: Tensor, candidate: Tensor, weight: Tensor, cell: Tensor) -> Tensor:
    """c = f * c' + (1 - f) * candidate with f = sigmoid(forget + weight * c'), step by step: (B, T, H)."""
    cells = []
    for gate, new in zip(forget.unbind(1), candidate.unbind(1), strict=True):
        cell = torch.lerp(new, cell, torch.addcmul(gate, weight, cell).sigmoid())
        cells.append(cell)
    return torch.stack(cells, dim=1) if cells else torch.zeros_like(candidate)


def _alpha(highway_bias: float) -> float:
    if (
        isinstance(highway_bias, bool)
        or not isinstance(highway_bias, int | float)
        or not abs(highway_bias) < 100
    ):
        raise ConfigError(f"highway_bias must be a number between -100 and 100, got {highway_bias!r}.")
    return math.sqrt(1 + 2 * math.exp(highway_bias))
