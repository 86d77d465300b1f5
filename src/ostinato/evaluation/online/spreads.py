"""Online baselines for values: random walk, constant quantiles, and quantiles scaled by a volatility.

Axes: H horizons, Q levels of quantiles.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ConfigError, DataError, shortened
from ..baselines.spread import LEAST
from ..columns import Floats
from .baselines import State, count, finite_level, optional_number


class _Values:
    """A baseline for values whose quantiles stay as they were fitted."""

    def __init__(self, quantiles: ArrayLike, relative: bool) -> None:
        self.quantiles = np.array(quantiles, dtype=np.float64)  # (H, Q)
        if self.quantiles.ndim != 2 or not self.quantiles.size or not np.isfinite(self.quantiles).all():
            raise ConfigError(
                f"quantiles must be finite numbers (horizons, levels), got shape {self.quantiles.shape}."
            )
        self.relative = relative
        self._level: float | None = None

    def see(self, level: float, gap: bool = False) -> None:
        """The level of the row that has just come."""
        found = finite_level(level)
        if found is not None:
            self._level = found

    def learn(self, label: float) -> None:
        """Nothing: the quantiles stay as they were fitted."""

    def state(self) -> State:
        """The last level."""
        return {"level": self._level}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The last level of `state`."""
        self._level = optional_number(state, "level")

    def _from_here(self, change: Floats) -> Floats:
        """Quantiles of what a label is, from those of the change; NaN before the first level is known."""
        if self.relative:
            return change
        return change + (math.nan if self._level is None else self._level)


class OnlineNaive(_Values):
    """`baselines.Naive`: no change, with the quantiles of its errors.

    Args:
        quantiles: of the errors, in the unit of the level, (H, Q).
        relative: labels are changes of the level, rather than levels.

    Raises:
        ConfigError: quantiles are not finite numbers (H, Q).
    """

    def predict(self) -> Floats:
        """Quantiles (H, Q)."""
        return self._from_here(self.quantiles.copy())


class OnlineConstantQuantiles(_Values):
    """`baselines.ConstantQuantiles`: the same quantiles for every row.

    Args:
        quantiles: of the label, (H, Q).

    Raises:
        ConfigError: quantiles are not finite numbers (H, Q).
    """

    def __init__(self, quantiles: ArrayLike) -> None:
        super().__init__(quantiles, relative=True)

    def predict(self) -> Floats:
        """Quantiles (H, Q)."""
        return self.quantiles.copy()


class OnlineEwmaQuantiles(_Values):
    """`baselines.EwmaQuantiles`: quantiles of the change over its volatility, times the volatility now.

        variance = d variance + (1 - d) change^2 / steps,   d = 0.5^(1 / half_life)
        quantile[h] = sqrt(variance h) * quantiles[h],   sqrt(variance) at least 1 % of the first

    A row that was not observed counts as a step. Across a gap the variance is kept and no change is taken.

    Args:
        half_life: rows after which a change counts half.
        variance: of a step, before the first row.
        quantiles: of the change over its volatility, (H, Q).
        horizons: rows ahead, (H,).
        relative: labels are changes of the level, rather than levels.

    Raises:
        ConfigError: quantiles are not finite numbers (H, Q), or the others are not above 0.
    """

    def __init__(
        self,
        half_life: float,
        variance: float,
        quantiles: ArrayLike,
        horizons: Sequence[int],
        relative: bool,
    ) -> None:
        super().__init__(quantiles, relative)
        if not 0 < half_life < math.inf or not 0 < variance < math.inf:
            raise ConfigError(f"half_life and variance must be above 0, got {half_life} and {variance}.")
        if len(horizons) != len(self.quantiles) or min(horizons) < 1:
            raise ConfigError(
                f"horizons must be {len(self.quantiles)} rows ahead, got {shortened(list(horizons))}."
            )
        self.horizons = tuple(horizons)
        self._roots = np.sqrt(np.asarray(horizons, np.float64))[:, None]
        self._decay = 0.5 ** (1 / half_life)
        self._least = LEAST**2 * variance
        self._variance = float(variance)
        self._steps = 0  # since the last level

    def see(self, level: float, gap: bool = False) -> None:
        """The level of the row that has just come."""
        found = finite_level(level)
        self._steps += 1
        if found is None:
            return
        if self._level is not None and not gap:
            square = (found - self._level) ** 2 / self._steps
            self._variance = (1 - self._decay) * square + self._decay * self._variance
        self._level, self._steps = found, 0

    def predict(self) -> Floats:
        """Quantiles (H, Q)."""
        volatility = math.sqrt(max(self._variance, self._least))
        return self._from_here(volatility * self._roots * self.quantiles)

    def state(self) -> State:
        """The last level, the variance, and rows since the level."""
        return {"level": self._level, "variance": self._variance, "steps": self._steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Level and variance of `state`."""
        steps, level = count(state, "steps"), optional_number(state, "level")
        variance = optional_number(state, "variance")
        if variance is None or variance < 0:
            raise DataError(f"the state is not that of an EWMA: its variance is {variance}.")
        self._steps, self._level, self._variance = steps, level, variance
