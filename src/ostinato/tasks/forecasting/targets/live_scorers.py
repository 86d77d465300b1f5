"""Live scorers: a target one row at a time, with quantities, labels and losses.

The bulk form of the same is ``Target``; losses of both are those of ``evaluation.losses``.

Axes: C columns, H horizons, J = C H quantities, Q levels, P numbers of a prediction, K baselines, O outputs of a model.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from ....evaluation.losses import LEAST_KNOWN, joint_loss, log_loss_of_row, mean_of_known, pinball, squared
from ..recipe import Recipe

Forecasts = Callable[[Tensor], np.ndarray]  # of a target: what it makes of (1, O)


class LiveScorer(ABC):
    """Quantities of rows, labels of predictions, and their losses."""

    names: tuple[str, ...]  # of the numbers of a prediction, (P,)

    @property
    def size(self) -> int:
        """Numbers of a prediction, P."""
        return len(self.names)

    @abstractmethod
    def forecast(self, y: Tensor) -> np.ndarray:
        """Numbers of a prediction (P,) from the outputs of the model (1, O).

        Raises:
            DataError: it is not a number.
        """

    @abstractmethod
    def quantities(self, values: Sequence[float]) -> tuple[float, ...]:
        """What is forecast, (C,), in one row of the recipe's inputs."""

    @abstractmethod
    def labels(self, then: Sequence[float], ahead: np.ndarray) -> np.ndarray:
        """Labels (J,) from the quantities then (C,) and those ahead (C, H); NaN where one was not observed."""

    @abstractmethod
    def losses(self, numbers: np.ndarray, baselines: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Losses of the model (P,) and of the baselines (K * P,), (1 + K,); NaN where too few labels are known."""


class DirectionScorer(LiveScorer):
    """Log-loss in nats of p_up; flat counts as not up.

    Args:
        forecasts: of the target; it refuses what is not a number.
    """

    names = ("p_up",)

    def __init__(self, recipe: Recipe, forecasts: Forecasts) -> None:
        self.place, self.forecasts = price_position(recipe), forecasts

    def forecast(self, y: Tensor) -> np.ndarray:
        """The numbers of the bulk version, without the cost of arrays of one number."""
        logit = float(y)
        if math.isnan(logit):
            return self.forecasts(y)  # which refuses it
        if logit < 0:  # otherwise exp would overflow
            small = math.exp(logit)
            return np.array([small / (1 + small)])
        return np.array([1 / (1 + math.exp(-logit))])

    def quantities(self, values: Sequence[float]) -> tuple[float, ...]:
        """The price."""
        return (values[self.place],)

    def labels(self, then: Sequence[float], ahead: np.ndarray) -> np.ndarray:
        """1.0 where the price is strictly higher, else 0.0."""
        price = float(ahead[0, 0])
        return np.array([math.nan if math.isnan(price) else float(price > then[0])])

    def losses(self, numbers: np.ndarray, baselines: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The log-loss of each forecaster."""
        up, every = float(labels[0]), [float(numbers[0]), *baselines.tolist()]
        return np.array([math.nan if math.isnan(up) else log_loss_of_row(p, up) for p in every])


class ValueScorer(LiveScorer):
    """Pinball loss of quantiles, the mean over levels and horizons; of points the squared error.

    Args:
        names: of the numbers of a prediction, column by column, horizon by horizon, level by level.
        measure: "pinball" or "mse".
        levels: of the quantiles, (Q,).
        units: (C,) in which losses of several columns are measured; None: as they are.
    """

    def __init__(
        self,
        recipe: Recipe,
        forecasts: Forecasts,
        names: Sequence[str],
        measure: str,
        levels: Sequence[float],
        units: Sequence[float] | None = None,
    ) -> None:
        self.names, self.forecasts, self.measure = tuple(names), forecasts, measure
        self.relative = recipe.target == "return"
        self.positions = (
            [price_position(recipe)]
            if self.relative
            else [recipe.inputs.index(name) for name in recipe.targets]
        )
        self.levels, columns = np.array(levels), len(self.positions)
        self.units = np.ones(columns) if units is None or columns == 1 else np.array(units)
        self.shape = (columns, len(recipe.ahead), len(self.levels))  # of a prediction

    def forecast(self, y: Tensor) -> np.ndarray:
        """Quantiles, one after the other."""
        return self.forecasts(y).ravel()

    def quantities(self, values: Sequence[float]) -> tuple[float, ...]:
        """The logarithm of the price, or the columns."""
        own = tuple(values[position] for position in self.positions)
        return (float(np.log(own[0])),) if self.relative else own

    def labels(self, then: Sequence[float], ahead: np.ndarray) -> np.ndarray:
        """Returns, or the columns at each horizon."""
        return (ahead - np.array(then)[:, None] if self.relative else ahead).ravel()

    def losses(self, numbers: np.ndarray, baselines: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The mean over columns of the mean over the known horizons of each; all forecasters at once."""
        every = np.concatenate([numbers, baselines]).reshape(-1, *self.shape)
        known = np.isfinite(labels).reshape(self.shape[:2])
        if known.mean() < LEAST_KNOWN:
            return np.full(len(every), math.nan)
        error = labels.reshape(*self.shape[:2], 1) - every
        cells = squared(error[..., 0]) if self.measure == "mse" else pinball(error, self.levels).mean(axis=-1)
        # a loss that is NaN although its label is known stays NaN: a failed forecast must not be left out
        return joint_loss(mean_of_known(cells, known), known.any(axis=-1), self.units, self.measure)


def price_position(recipe: Recipe) -> int:
    """Position of the price among the recipe's inputs."""
    return recipe.inputs.index("price" if recipe.kind == "trades" else "close")
