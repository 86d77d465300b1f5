"""``Target``, the interface of what is forecast: how it is learned and how it is scored.

Axes: N rows, R requested rows, F features, O outputs of a model, K numbers of a label.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from torch import Tensor

from ....core import SequenceLayer
from ....data.folds import Fold
from ....data.panel import Panel
from ....experiment.scores import BaselineScores, RowMetrics
from ....training.objective import Objective
from ..recipe import Recipe
from .live_scorers import LiveScorer


@dataclass(frozen=True)
class TrainingProblem:
    """What a training run minimises.

    target: (N, K) or (N,); weight: (N,), 0 where a row has no label.
    """

    target: Tensor
    weight: Tensor
    losses: Objective


@dataclass(frozen=True, eq=False)
class BaselineForecasts:
    """Forecasts of one baseline for some rows.

    settings: what was selected for it, such as its window, in words; "" if nothing was.
    forecasts: in the form that a model gives, one for each row.
    """

    name: str
    settings: str
    forecasts: np.ndarray


class Target(ABC):
    """What is forecast, how it is learned and how it is scored."""

    measure: str  # the metric that is the mean of the losses

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @property
    def quantile_levels(self) -> tuple[float, ...]:
        """Levels of the quantiles of a forecast, (Q,); empty if forecasts are not quantiles."""
        return ()

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers that the network gives at each step."""

    @property
    def quantities(self) -> int:
        """Quantities whose location a linear path may forecast; 0 for none."""
        return 0

    @abstractmethod
    def build_model(self, body: SequenceLayer) -> SequenceLayer:
        """The complete model around features, scaler and network."""

    @abstractmethod
    def training_problem(
        self, model: SequenceLayer, panel: Panel, raw: Tensor, x: Tensor, fold: Fold
    ) -> TrainingProblem:
        """Labels of the rows of ``raw`` (N, I), the first of the panel, whose scaled features are x (N, F).

        Statistics of the training rows that the model needs are written into its buffers.
        """

    @abstractmethod
    def forecasts(self, y: Tensor) -> np.ndarray:
        """Forecasts, one for each row, from the outputs of the model (R, O).

        Raises:
            DataError: a forecast is not a number.
        """

    @abstractmethod
    def labelled(self, panel: Panel, rows: np.ndarray) -> np.ndarray:
        """Those of the rows (R,) that have a label."""

    @abstractmethod
    def row_metrics(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray, fold: Fold) -> RowMetrics:
        """Per-row values of every metric for forecasts of labelled rows (R,), the measure among them."""

    @abstractmethod
    def baseline_forecasts(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Iterator[BaselineForecasts]:
        """Forecasts of each baseline, fitted on train and validation rows."""

    def baselines(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Iterator[tuple[str, np.ndarray]]:
        """Forecasts of each baseline, by name."""
        for baseline in self.baseline_forecasts(panel, rows, fold):
            yield baseline.name, baseline.forecasts

    def baseline_metrics(self, panel: Panel, rows: np.ndarray, fold: Fold) -> BaselineScores:
        """``row_metrics`` of each baseline; they do not depend on the model, so several models may share them."""
        found = BaselineScores({})
        for baseline in self.baseline_forecasts(panel, rows, fold):
            found.columns[baseline.name] = self.row_metrics(panel, rows, baseline.forecasts, fold)
            if baseline.settings:
                found.settings[baseline.name] = baseline.settings
        return found

    def fitted(self, panel: Panel, fold: Fold) -> np.ndarray:
        """The labelled rows that baselines are fitted on: train and validation, as for the model."""
        return self.labelled(panel, np.concatenate([fold.train, fold.validation]))

    @abstractmethod
    def live_scorer(self, units: Sequence[float] | None = None) -> LiveScorer:
        """The target for one row at a time, for live runs; ``units`` (C,) are those of the columns' losses."""

    @abstractmethod
    def frame(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray) -> pl.DataFrame:
        """Forecasts of some rows as predictions.parquet holds them."""


def row_columns(panel: Panel, rows: np.ndarray) -> dict[str, np.ndarray | pl.Series]:
    """Row number, time in seconds since the Unix epoch, and id of some rows.

    The id of a trade is the exchange's own where there is one, that of a table the name of its series.
    """
    first = {"row": rows, "time": panel.time[rows]}
    if panel.row_ids is not None:
        return first | {"id": panel.row_ids[rows]}
    if panel.ids == ("",):
        return first | {"id": rows}
    return first | {"id": pl.Series(np.array(panel.ids)[panel.series[rows]])}
