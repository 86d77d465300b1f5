"""The one seam of forecasting: what is foreseen.

    direction.py   the probability that a price will be strictly higher
    values.py      the distribution of a return, or of the columns of a table

Everything else asks a ``Target`` and knows neither.

Axes: N rows, R rows asked for, F features, O numbers of a model, K numbers of a label.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import polars as pl
from torch import Tensor

from ...core import SequenceLayer
from ...data.folds import Fold
from ...data.panel import Panel
from ...runs.results import Skill
from ...training.objective import Objective
from .recipe import Recipe

Metrics = dict[str, float | None]


@dataclass(frozen=True)
class Question:
    """What a training minimises.

    target: (N, K) or (N,); weight: (N,), 0 where a row has no label.
    """

    target: Tensor
    weight: Tensor
    losses: Objective


@dataclass(frozen=True, eq=False)
class Scored:
    """Losses of some rows, in their order: of the model, and of each baseline on the same rows."""

    rows: np.ndarray  # (R,)
    losses: np.ndarray  # (R,)
    metrics: Metrics
    baselines: dict[str, np.ndarray]  # (R,) each
    baseline_metrics: dict[str, Metrics]
    skill: dict[str, Skill]  # Diebold–Mariano against each baseline


class Target(ABC):
    """What is foreseen, how it is learnt, and how it is judged."""

    measure: str  # the metric that is the mean of the losses
    loss_name: str  # in words

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers that the network gives at each step."""

    @abstractmethod
    def whole(self, body: SequenceLayer) -> SequenceLayer:
        """The model that lives: what is added to features, scaler and network."""

    @abstractmethod
    def question(self, model: SequenceLayer, panel: Panel, raw: Tensor, train: np.ndarray) -> Question:
        """Labels of the rows of ``raw`` (N, I), the first of the panel; what the model needs to know of the training
        rows is put into its buffers."""

    @abstractmethod
    def forecasts(self, y: Tensor) -> np.ndarray:
        """Forecasts, one for each row, from what the model gives, (R, O).

        Raises:
            DataError: a forecast is not a number.
        """

    @abstractmethod
    def labelled(self, panel: Panel, rows: np.ndarray) -> np.ndarray:
        """Those of the rows (R,) that have a label."""

    @abstractmethod
    def judge(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray, fold: Fold) -> Scored:
        """Score forecasts of labelled rows (R,), beside baselines that were fitted on train and validation rows."""

    @abstractmethod
    def metrics(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray, fold: Fold) -> Metrics:
        """Metrics alone. One that does not exist is None."""

    def fitted(self, panel: Panel, fold: Fold) -> np.ndarray:
        """The rows that baselines are fitted on: those the model may use."""
        return self.labelled(panel, np.concatenate([fold.train, fold.validation]))

    @abstractmethod
    def frame(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray) -> pl.DataFrame:
        """Forecasts of some rows as predictions.parquet holds them."""


def target_of(recipe: Recipe) -> Target:
    """The target that a recipe names."""
    from .direction import Direction
    from .values import Values

    return Direction(recipe) if recipe.target == "direction" else Values(recipe)


def row_columns(panel: Panel, rows: np.ndarray) -> dict[str, np.ndarray | pl.Series]:
    """Number, time in seconds since the Unix epoch, and id of some rows.

    The id of a trade is the exchange's own where there is one, that of a table the name of its series.
    """
    first = {"row": rows, "time": panel.time[rows]}
    if panel.row_ids is not None:
        return first | {"id": panel.row_ids[rows]}
    if panel.ids == ("",):
        return first | {"id": rows}
    return first | {"id": pl.Series(np.array(panel.ids)[panel.series[rows]])}
