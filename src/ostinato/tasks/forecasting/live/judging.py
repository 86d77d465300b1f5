"""The loss of a live prediction once its outcome is known: one row of the measure of ``Target.row_metrics``.

Axes: C columns, H horizons, J = C H quantities, Q levels, P numbers of a prediction, K baselines.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ....evaluation.metrics import SMALLEST_PROBABILITY
from ..recipe import Recipe
from ..targets import LEAST_KNOWN, Target, Values, probability
from .rows import Row


class Judge(ABC):
    """Levels of rows, labels of predictions, and their losses."""

    numbers: int  # of a prediction, P
    names: tuple[str, ...]  # of those numbers

    @abstractmethod
    def forecast(self, y: Tensor) -> np.ndarray:
        """Numbers of a prediction (P,) from what the model gives, (1, O).

        Raises:
            DataError: it is not a number.
        """

    @abstractmethod
    def level(self, row: Row) -> tuple[float, ...]:
        """The quantities that are foreseen, (C,)."""

    @abstractmethod
    def labels(self, then: Sequence[float], ahead: np.ndarray) -> np.ndarray:
        """What was to be foreseen, (J,), from the level then and those ahead (C, H); NaN where it was not seen."""

    @abstractmethod
    def loss(self, numbers: np.ndarray, labels: np.ndarray) -> float:
        """The cost of numbers (P,); NaN where too little was seen."""

    def losses(self, numbers: np.ndarray, baselines: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The model's and those of the baselines (K * P,), (1 + K,)."""
        each = [numbers, *baselines.reshape(-1, self.numbers)]
        return np.array([self.loss(one, labels) for one in each])


class DirectionJudge(Judge):
    """Log-loss in nats of p_up; flat counts as not up."""

    numbers, names = 1, ("p_up",)

    def __init__(self, recipe: Recipe) -> None:
        self.place = recipe.inputs.index("price" if recipe.kind == "trades" else "close")

    def forecast(self, y: Tensor) -> np.ndarray:
        """As ``direction.probability``, without what arrays of one number cost."""
        logit = float(y)
        if math.isnan(logit):
            return probability(y)  # which says so
        if logit < 0:
            small = math.exp(logit)
            return np.array([small / (1 + small)])
        return np.array([1 / (1 + math.exp(-logit))])

    def level(self, row: Row) -> tuple[float, ...]:
        """The price."""
        return (row.values[self.place],)

    def labels(self, then: Sequence[float], ahead: np.ndarray) -> np.ndarray:
        """1.0 where the price is strictly higher, else 0.0."""
        price = float(ahead[0, 0])
        return np.array([math.nan if math.isnan(price) else float(price > then[0])])

    def loss(self, numbers: np.ndarray, labels: np.ndarray) -> float:
        """As ``evaluation.log_losses``, of one row."""
        p, up = float(numbers[0]), float(labels[0])
        if math.isnan(up):
            return math.nan
        p = min(max(p, SMALLEST_PROBABILITY), 1 - SMALLEST_PROBABILITY)
        return -math.log(p) if up else -math.log1p(-p)


class ValuesJudge(Judge):
    """Pinball loss of quantiles, the mean over levels and horizons; of points the squared error.

    Args:
        units: (C,) what losses are measured in where there are several columns.
    """

    def __init__(self, target: Values, units: Sequence[float] | None = None) -> None:
        recipe = target.recipe
        self.at = np.array(target.quantile_levels)
        self.returns, self.point = recipe.target == "return", recipe.form == "point"
        if self.returns:
            self.places = [recipe.inputs.index("price" if recipe.kind == "trades" else "close")]
        else:
            self.places = [recipe.inputs.index(name) for name in recipe.targets]
        self.columns, self.horizons = len(self.places), len(recipe.ahead)
        self.units = np.ones(self.columns) if units is None or self.columns == 1 else np.array(units)
        self.names = tuple(_names(target))
        self.numbers = len(self.names)
        self.forecasts = target.forecasts

    def forecast(self, y: Tensor) -> np.ndarray:
        """Quantiles, one after the other."""
        return self.forecasts(y).ravel()

    def level(self, row: Row) -> tuple[float, ...]:
        """The logarithm of the price, or the columns."""
        values = tuple(row.values[place] for place in self.places)
        return (float(np.log(values[0])),) if self.returns else values

    def labels(self, then: Sequence[float], ahead: np.ndarray) -> np.ndarray:
        """Returns, or the columns at each horizon."""
        return (ahead - np.array(then)[:, None] if self.returns else ahead).ravel()

    def loss(self, numbers: np.ndarray, labels: np.ndarray) -> float:
        """The mean over columns of the mean over what was seen of each."""
        known = np.isfinite(labels)
        if known.mean() < LEAST_KNOWN:
            return math.nan
        error = labels[:, None] - numbers.reshape(len(labels), -1)
        pinball = np.maximum(self.at * error, (self.at - 1) * error).mean(axis=1)
        each = error[:, 0] ** 2 if self.point else pinball
        of_column = np.where(known, each, 0.0).reshape(self.columns, -1).sum(axis=1)
        count = known.reshape(self.columns, -1).sum(axis=1)
        seen = count > 0
        unit = self.units**2 if self.point else self.units
        return float((of_column[seen] / count[seen] / unit[seen]).mean())


def _names(target: Values) -> list[str]:
    from ....runs.predictions import quantile_name

    recipe, names = target.recipe, []
    for column in target.names:
        prefix = f"{column}." if len(target.names) > 1 else ""
        for horizon in recipe.ahead:
            suffix = f"@{horizon}" if len(recipe.ahead) > 1 else ""
            names += [f"{prefix}{quantile_name(level)}{suffix}" for level in target.quantile_levels]
    return names


def judge_of(target: Target, units: Sequence[float] | None = None) -> Judge:
    """The judge of a target."""
    return ValuesJudge(target, units) if isinstance(target, Values) else DirectionJudge(target.recipe)
