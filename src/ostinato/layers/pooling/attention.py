"""Attention pooling: a learned query attends to all steps so far.

Axes: B batch, T time steps, C features, A features of the scorer, H heads.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core import SequenceLayer, fill_padding
from ...errors import ConfigError
from ...ops.scan import linear
from ..options import yes_or_no
from ..sizes import at_least_one


class AttentionState(NamedTuple):
    """A softmax under way: everything relative to the largest score so far."""

    largest: Tensor  # (B, H) float64, minus infinity at the beginning
    total: Tensor  # (B, H, C) float64, the sum of exp(score - largest) x
    weight: Tensor  # (B, H) float64, the sum of exp(score - largest)


class AttentionPool(SequenceLayer):
    """The mean of all steps so far, each weighted by the softmax of a learned score.

        score[t] = w x[t]                   scorer='linear'
        score[t] = w tanh(V x[t] + b)       scorer='tanh'
        y[t]     = sum of exp(score[i]) x[i] over i = 0..t, divided by the sum of exp(score[i])

    The output at the last valid step is attention over the whole row; ``last(x)`` gives it alone, ``weights`` what
    each step had in it. Scores may be of any size: the largest so far is taken out of every exponent.

    Args:
        input_size: features per step, C.
        heads: queries w, each with a mean of its own, H.
        scorer: 'linear' or 'tanh'.
        hidden_size: features of the tanh scorer, A; None means C.
        bias: whether the tanh scorer has b.

    Shape:
        x (B, T, C), y (B, T, H * C), head after head; query (H, C) or (H, A). The state is an ``AttentionState``,
        float64 whatever x is.

    Raises:
        ConfigError: a size is below 1, ``scorer`` is neither, or hidden_size is given for a linear scorer.

    Source:
        'linear': Felbo et al. 2017, arXiv:1708.00524, section 3, its attention layer. 'tanh': Yang et al. 2016,
        Hierarchical Attention Networks, NAACL, 1480-1489, equations 5 to 7; with several heads and bias=False it is
        Lin et al. 2017, arXiv:1703.03130, section 2.1, equations 5 to 7. Step by step: Milakov & Gimelshein 2018,
        arXiv:1805.02867, algorithm 3. That there is an output at every step is ours.

    >>> pool = AttentionPool(3, heads=2)
    >>> x = torch.randn(4, 7, 3)
    >>> tuple(pool(x)[0].shape), tuple(pool.last(x).shape), tuple(pool.weights(x).shape)
    ((4, 7, 6), (4, 6), (4, 7, 2))
    """

    input_size: int
    receptive_field = math.inf

    def __init__(
        self,
        input_size: int,
        heads: int = 1,
        scorer: str = "linear",
        hidden_size: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        at_least_one(
            input_size=input_size, heads=heads, hidden_size=1 if hidden_size is None else hidden_size
        )
        yes_or_no(bias=bias)
        if scorer not in ("linear", "tanh"):
            raise ConfigError(f"scorer must be 'linear' or 'tanh', got {scorer!r}.")
        if scorer == "linear" and hidden_size is not None:
            raise ConfigError(
                f"hidden_size is of the 'tanh' scorer, got {hidden_size} for a linear one. Leave it out."
            )
        self.input_size, self.output_size = input_size, heads * input_size
        self.heads = heads
        self.hidden: nn.Linear | None = None
        if scorer == "tanh":
            self.hidden = nn.Linear(input_size, hidden_size or input_size, bias)
        self.query = nn.Linear(
            input_size if self.hidden is None else self.hidden.out_features, heads, bias=False
        )

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> AttentionState:
        """Nothing seen. ``dtype`` does not matter."""
        largest = torch.full((batch, self.heads), -math.inf, dtype=torch.float64, device=device)
        total = torch.zeros(batch, self.heads, self.input_size, dtype=torch.float64, device=device)
        return AttentionState(largest, total, torch.zeros_like(largest))

    def run(self, x: Tensor, state: AttentionState, lengths: Tensor | None) -> tuple[Tensor, AttentionState]:
        """A scan of the weighted sums and of the weights; its decay is what a new largest score leaves of the old."""
        if x.shape[1] == 0:
            return x.new_zeros(len(x), 0, self.heads * self.input_size), state
        scores = fill_padding(self.scores(x).double(), lengths, -math.inf)  # (B, T, H)
        # any shift gives the same y: none of its gradient is needed
        largest = torch.cat([state.largest[:, None], scores], dim=1).detach().cummax(1).values
        shift = torch.where(largest == -math.inf, 0.0, largest)[:, 1:]
        decay = (largest[:, :-1] - shift).exp()
        weight = (scores - shift).exp()
        terms = (
            weight[..., None] * F.pad(x, (0, 1), value=1.0)[:, :, None]
        )  # (B, T, H, C + 1): the weight is last
        start = torch.cat([state.total, state.weight[..., None]], dim=-1)
        sums = linear(decay[..., None], terms, start)
        total, weights = sums[..., :-1], sums[..., -1]
        y = total / torch.where(weights > 0, weights, 1.0)[..., None]
        after = AttentionState(largest[:, -1].clone(), total[:, -1].clone(), weights[:, -1].clone())
        return y.flatten(2).to(x.dtype), after

    def scores(self, x: Tensor) -> Tensor:
        """What the softmax is taken of: (B, T, H)."""
        scores: Tensor = self.query(x if self.hidden is None else self.hidden(x).tanh())
        return scores

    def weights(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """How much of the last valid output each step is: (B, T, H), of sum 1 over the valid steps, 0 on the others."""
        x, _, lengths = self._validate(x, None, lengths)
        weights = fill_padding(self.scores(x).double(), lengths, -math.inf).softmax(1)
        return fill_padding(weights, lengths).to(x.dtype)  # of no steps they are NaN until here

    def tail(self, x: Tensor, count: int) -> Tensor:
        """The last output alone is one softmax."""
        self._check_input(x)
        if count != 1 or x.shape[1] == 0:
            return super().tail(x, count)
        weights = self.scores(x).double().softmax(1)
        return torch.einsum("bth,btc->bhc", weights, x.double()).flatten(1)[:, None].to(x.dtype)
