"""A custom layer in a dozen lines, run through every check of the contract."""

from typing import NamedTuple

import torch
from torch import Tensor

from ostinato.checks import check_layer
from ostinato.core import SequenceLayer
from ostinato.errors import CheckError


class SumState(NamedTuple):
    total: Tensor  # (B, C)


class RunningSum(SequenceLayer):
    """y[t] = x[0] + ... + x[t]."""

    receptive_field = float("inf")

    def __init__(self, size: int) -> None:
        super().__init__()
        self.input_size = self.output_size = size

    def initial_state(self, batch, dtype=None, device=None):
        return SumState(torch.zeros(batch, self.input_size, dtype=dtype, device=device))

    def run(self, x, state, lengths):
        # padding is already zero here, so it adds nothing to the sum
        y = state.total[:, None] + x.cumsum(dim=1)
        return y, SumState(state.total + x.sum(dim=1))


class LazySum(RunningSum):
    """The same with a bug: it ignores the state, so chunks do not join."""

    def run(self, x, state, lengths):
        return x.cumsum(dim=1), SumState(x.sum(dim=1))


print(check_layer(RunningSum(3)).summary())
try:
    check_layer(LazySum(3))
except CheckError as error:
    print(error)
