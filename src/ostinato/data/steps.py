"""Time steps as tensors: what the samplers cut.

Axes: N steps, F features, K targets per step.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, DataError, ShapeError


@dataclass(frozen=True, eq=False)
class Steps:
    """One or more sequences, laid end to end.

    Args:
        x: features, (N, F).
        target: what to forecast at each step, (N,) or (N, K).
        weight: of each step in the loss, (N,), 0 where the step has no label. The target there may be
            anything, NaN too, so a loss must select by the weight, not multiply by it alone.
        starts: whether a step begins a sequence of its own, (N,) bool. Step 0 always does; None means
            that no other does.

    Raises:
        ShapeError: the shapes do not agree.   DataError: there are no steps, or a weight is below 0 or NaN.
    """

    x: Tensor
    target: Tensor
    weight: Tensor
    starts: Tensor | None = None

    def __post_init__(self) -> None:
        if self.x.ndim != 2:
            raise ShapeError(f"x must be (steps, features), got {tuple(self.x.shape)}.")
        if len(self.x) == 0:
            raise DataError("there are no steps to sample from: x has 0 rows.")
        check_shape("target", self.target, len(self.x), axes=(1, 2))
        check_shape("weight", self.weight, len(self.x), axes=(1,))
        if not bool((self.weight >= 0).all()):
            raise DataError("every weight must be 0 or more; 0 leaves a step out of the loss.")
        if self.starts is not None:
            check_shape("starts", self.starts, len(self.x), axes=(1,))
            if self.starts.dtype != torch.bool:
                raise ShapeError(f"starts must be bool, got {self.starts.dtype}.")

    def __len__(self) -> int:
        return len(self.x)

    def first_steps(self) -> Tensor:
        """The steps at which sequences begin, (sequences,), the first of them 0."""
        if self.starts is None:
            return torch.zeros(1, dtype=torch.long, device=self.x.device)
        starts = self.starts.clone()
        starts[0] = True
        return starts.nonzero()[:, 0]


def check_shape(name: str, tensor: Tensor, steps: int, axes: tuple[int, ...]) -> None:
    """Refuse a tensor that does not have the same steps as x."""
    if tensor.ndim not in axes or len(tensor) != steps:
        allowed = " or ".join(f"({steps},)" if n == 1 else f"({steps}, targets)" for n in axes)
        raise ShapeError(f"{name} must be {allowed} for the {steps} steps of x, got {tuple(tensor.shape)}.")


def epoch_generator(seed: int, number: int) -> torch.Generator:
    """Random numbers of one epoch, the same whenever it is run.

    Raises:
        ConfigError: the seed or the number of the epoch is below 0.
    """
    if seed < 0 or number < 0:
        raise ConfigError(f"seed and epoch must be 0 or more, got {seed} and {number}.")
    mixed = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))


def check_at_least(name: str, number: int, least: int, unit: str) -> None:
    """Refuse a size that is too small.

    Raises:
        ConfigError: it is.
    """
    if number < least:
        raise ConfigError(f"{name} must be at least {least} {unit}, got {number}.")


def check_skip(skip: int, count: int, what: str) -> None:
    """Refuse to resume before the beginning or after the end of an epoch.

    Raises:
        ConfigError: skip is not 0 to count.
    """
    if not 0 <= skip <= count:
        raise ConfigError(f"skip must be 0 to {count}, the {what} of this epoch, got {skip}.")
