"""minGRU and minLSTM: gates and candidate depend on the input alone, so that all steps are computed in parallel.

Axes: B batch, T time steps, I input features, H hidden features.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from ...ops import scan
from ..options import one_of, yes_or_no
from .base import LinearRecurrent, at_lengths

Candidate = Literal["linear", "positive"]


class MinState(NamedTuple):
    """What a minGRU or a minLSTM remembers."""

    hidden: Tensor  # (B, H)


class MinGRUTrace(NamedTuple):
    """What a minGRU computes on the way."""

    update: Tensor
    candidate: Tensor
    hidden: Tensor


class MinLSTMTrace(NamedTuple):
    """What a minLSTM computes on the way; ``kept`` and ``taken`` are the gates that act, with sum 1."""

    forget: Tensor
    input: Tensor
    kept: Tensor
    taken: Tensor
    candidate: Tensor
    hidden: Tensor


class Minimal(LinearRecurrent):
    """What both share: one projection of the input, a candidate, a hidden state."""

    def __init__(
        self, input_size: int, hidden_size: int, rows: int, bias: bool, candidate: Candidate
    ) -> None:
        super().__init__(input_size, hidden_size)
        yes_or_no(bias=bias)
        one_of("candidate", candidate, ("linear", "positive"))
        self.candidate = candidate
        self.projection = nn.Linear(input_size, rows * hidden_size, bias)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> MinState:
        """Zeros."""
        return MinState(self.zeros(batch, dtype, device))

    def shaped(self, candidate: Tensor) -> Tensor:
        """g of the candidate, where it must be positive."""
        if self.candidate == "linear":
            return candidate
        return torch.where(candidate >= 0, candidate + 0.5, candidate.sigmoid())


class MinGRU(Minimal):
    """Minimal gated recurrent unit.

        z = sigmoid(W_z x + b_z)
        c = g(W_c x + b_c)
        h = (1 - z) * h + z * c

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.
        bias: whether there are biases.
        candidate: "linear", g(a) = a; or "positive", g(a) = a + 0.5 for a of at least 0, else sigmoid(a).

    Shape:
        x (B, T, I), y (B, T, H), state.hidden (B, H). The rows of ``projection`` are z, c.

    Raises:
        ConfigError: a size is below 1, or the candidate is another word.

    Source:
        Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201, section 3.1; "positive" is what appendix B needs
        to take logarithms. Here nothing is logarithmic: the scan runs in linear space, and the state, zero at first, is
        h itself, not what g makes of it.

    >>> y, state = MinGRU(3, 5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.hidden.shape)
    ((2, 7, 5), (2, 5))
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, bias: bool = True, candidate: Candidate = "linear"
    ) -> None:
        super().__init__(input_size, hidden_size, 2, bias, candidate)

    def steps(
        self, x: Tensor, state: MinState, lengths: Tensor | None, trace: bool = False
    ) -> tuple[Tensor, MinState, MinGRUTrace | None]:
        """One product, one scan."""
        update, candidate = self.projection(x).chunk(2, dim=-1)
        update, candidate = update.sigmoid(), self.shaped(candidate)
        h = scan.linear(1 - update, update * candidate, state.hidden)
        after = MinState(at_lengths(h, state.hidden, lengths))
        return h, after, MinGRUTrace(update, candidate, h) if trace else None


class MinLSTM(Minimal):
    """Minimal long short-term memory.

        f = sigmoid(W_f x + b_f),  i = sigmoid(W_i x + b_i)
        c = g(W_c x + b_c)
        h = f / (f + i) * h + i / (f + i) * c

    Args:
        input_size, hidden_size, bias, candidate: as in ``MinGRU``.

    Shape:
        x (B, T, I), y (B, T, H), state.hidden (B, H). The rows of ``projection`` are f, i, c.

    Raises:
        ConfigError: a size is below 1, or the candidate is another word.

    Source:
        Feng et al. 2024, arXiv:2410.01201, section 3.2, with the gates divided by their sum. f / (f + i) is computed as
        sigmoid(softplus(-i) - softplus(-f)) of the numbers before the sigmoid, which is the same and stays a number
        where both gates vanish.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, bias: bool = True, candidate: Candidate = "linear"
    ) -> None:
        super().__init__(input_size, hidden_size, 3, bias, candidate)

    def steps(
        self, x: Tensor, state: MinState, lengths: Tensor | None, trace: bool = False
    ) -> tuple[Tensor, MinState, MinLSTMTrace | None]:
        """One product, one scan."""
        forget, enter, candidate = self.projection(x).chunk(3, dim=-1)
        kept = (nn.functional.logsigmoid(forget) - nn.functional.logsigmoid(enter)).sigmoid()
        taken, candidate = 1 - kept, self.shaped(candidate)
        h = scan.linear(kept, taken * candidate, state.hidden)
        after = MinState(at_lengths(h, state.hidden, lengths))
        if not trace:
            return h, after, None
        return h, after, MinLSTMTrace(forget.sigmoid(), enter.sigmoid(), kept, taken, candidate, h)
