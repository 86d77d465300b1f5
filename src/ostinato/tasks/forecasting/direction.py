"""Direction: the probability that the next price is strictly higher.

Axes: N rows, B batch, T steps.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import DataError

OUTPUTS = 1  # one logit


def labels(price: np.ndarray) -> np.ndarray:
    """1.0 where the next price is strictly higher, else 0.0; NaN for the last row, which has no next. (N,)"""
    up = np.full(len(price), np.nan)
    up[:-1] = price[1:] > price[:-1]
    return up


def losses(y: Tensor, target: Tensor) -> Tensor:
    """Log-loss in nats, (B, T) or (B,), of logits y (..., 1)."""
    return F.binary_cross_entropy_with_logits(y[..., 0], target.to(y.dtype), reduction="none")


def probability(y: Tensor) -> np.ndarray:
    """p_up (N,) in float64 from logits (N, 1).

    Raises:
        DataError: a logit is NaN.
    """
    p = torch.sigmoid(y[:, 0].double()).numpy()
    if np.isnan(p).any():
        raise DataError(
            f"the model's forecast in row {int(np.isnan(p).argmax()):,} is not a number. Its weights are damaged, or "
            "the trades there are beyond all that it was fitted on."
        )
    return p
