"""Scaling as a layer: live input goes through the numbers that training used.

Axes: B batch, T time steps, C features, N rows.
"""

import torch
from torch import Tensor

from ...core import SequenceLayer
from ...errors import ConfigError, DataError, ShapeError
from ..options import number
from ..sizes import at_least_one


class StandardScaler(SequenceLayer):
    """y = (x - mean) / deviation, held within ``limit`` deviations.

    The limit keeps one wild trade from throwing a recurrent state far from anything seen in training.

    Args:
        input_size: features per step, C.
        limit: largest magnitude of y, in standard deviations.

    Shape:
        x (B, T, C), y (B, T, C). The state is ().

    Raises:
        ConfigError: a size is below 1.
        ShapeError: ``fit`` is given something other than (N, C) with N at least 1.
        DataError: ``fit`` is given a number that is not finite.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, input_size: int, limit: float = 8.0) -> None:
        super().__init__()
        at_least_one(input_size=input_size)
        self.input_size = self.output_size = input_size
        number(limit=limit)
        if limit <= 0:
            raise ConfigError(f"limit must be above 0 deviations, got {limit}.")
        self.limit = limit
        self.register_buffer("mean", torch.zeros(input_size))
        self.register_buffer("deviation", torch.ones(input_size))

    def fit(self, x: Tensor) -> "StandardScaler":
        """Take mean and standard deviation from the rows of x (N, C). A constant feature is only centred."""
        if not isinstance(x, Tensor) or x.dim() != 2 or x.shape[1] != self.input_size or len(x) == 0:
            found = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise ShapeError(f"fit wants (rows, {self.input_size}) with at least one row, got {found}.")
        rows = x.detach().double()
        wrong = (~rows.isfinite()).nonzero()
        if len(wrong):
            row, feature = wrong[0].tolist()
            raise DataError(
                f"fit wants finite numbers, got {float(rows[row, feature])} in row {row:,}, feature {feature}."
            )
        deviation = rows.std(dim=0, correction=0)
        scale = rows.abs().amax(dim=0)
        # what is left of a constant after rounding is no deviation
        constant = deviation <= 1e-9 * scale
        self.mean.copy_(rows.mean(dim=0))
        self.deviation.copy_(torch.where(constant | (deviation == 0), 1.0, deviation))
        return self

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Scale each step on its own."""
        return ((x - self.mean) / self.deviation).clamp(-self.limit, self.limit), ()
