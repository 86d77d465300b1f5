"""Dropout of recurrent layers: locked masks and zoneout.

A mask that is drawn once per sequence is part of the state, so that chunks join in training; one that is drawn at each
step is not.

Axes: B batch, T time steps, I input features, H hidden features, L layers.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ConfigError
from ...ops.recurrent import Parts


class LockedState(NamedTuple):
    """State of a layer with locked dropout: its memory, and the masks of this sequence."""

    memory: Any  # as without dropout
    inputs: Tensor  # (B, sum of the layers' inputs), what the inputs are multiplied by
    hidden: Tensor  # (B, L, H), what the hidden states are multiplied by


class Zoneout:
    """Zoneout: units keep their previous value, at random while training and in the mean otherwise.

    Source:
        Krueger et al. 2016, arXiv:1606.01305, section 3.2, equations 4 and 5: each part of the state has its rate.
    """

    def __init__(self, rates: Sequence[float], training: bool) -> None:
        self.rates, self.training = rates, training

    def __call__(self, before: Parts, after: Parts) -> Parts:
        """The state after the step, mixed with the state before it."""
        return tuple(map(self._mixed, before, after, self.rates))

    def _mixed(self, before: Tensor, after: Tensor, rate: float) -> Tensor:
        if not rate:
            return after
        if not self.training:
            return rate * before + (1 - rate) * after
        return torch.where(torch.rand_like(after) < rate, before, after)


def locked_mask(
    shape: tuple[int, ...],
    rate: float,
    training: bool,
    dtype: torch.dtype | None,
    device: torch.device | str | None,
) -> Tensor:
    """Ones; while training 0 with a chance of ``rate``, else 1 / (1 - rate)."""
    return F.dropout(torch.ones(shape, dtype=dtype, device=device), rate, training)


def check_rate(name: str, rate: object) -> float:
    """The rate as a number.

    Raises:
        ConfigError: it is not a number of at least 0 and less than 1.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
        raise ConfigError(f"{name} must be a number of at least 0 and less than 1, got {rate!r}.")
    return float(rate)


def check_zoneout(zoneout: object, fields: Sequence[str]) -> tuple[float, ...]:
    """A rate for each part of the state.

    Raises:
        ConfigError: it is neither one rate nor one for each part.
    """
    rates = zoneout if isinstance(zoneout, tuple) else (zoneout,) * len(fields)
    if len(rates) != len(fields):
        raise ConfigError(
            f"zoneout must be one rate, or one for each of {', '.join(fields)}, got {len(rates)} rates."
        )
    return tuple(check_rate("zoneout", rate) for rate in rates)
