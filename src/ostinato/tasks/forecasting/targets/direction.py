"""Direction: the probability that the price some rows on is strictly higher.

Axes: N rows, R requested rows, B batch, T steps.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from ....core import SequenceLayer
from ....data.folds import Fold
from ....data.levels import Levels
from ....data.panel import Panel
from ....errors import DataError
from ....evaluation import DIRECTION_BASELINES, direction_rows
from ....experiment.scores import RowMetrics
from .base import BaselineForecasts, Target, TrainingProblem, row_columns
from .live_scorers import DirectionScorer


class Direction(Target):
    """One logit at every step."""

    measure = "log_loss"
    outputs = 1

    def build_model(self, body: SequenceLayer) -> SequenceLayer:
        """The body is the complete model."""
        return body

    def levels(self, panel: Panel) -> Levels:
        """The price itself, because rounding its logarithm could hide a small rise."""
        return Levels(panel.price, panel.starts, self.recipe.ahead, True, panel.season, panel.observed)

    def training_problem(
        self, model: SequenceLayer, panel: Panel, raw: Tensor, x: Tensor, fold: Fold
    ) -> TrainingProblem:
        """1 where the price is higher."""
        up = torch.from_numpy(self.labels(panel)[: len(raw)])
        return TrainingProblem(up.nan_to_num(), (~up.isnan()).to(up), losses)

    def labels(self, panel: Panel, rows: np.ndarray | None = None) -> np.ndarray:
        """1.0 where the price is strictly higher, else 0.0; NaN where it is not known. (R,)"""
        change = self.levels(panel).labels(rows)[:, 0]
        return np.where(np.isnan(change), np.nan, change > 0)

    def forecasts(self, y: Tensor) -> np.ndarray:
        """p_up (R,)."""
        return probability(y)

    def labelled(self, panel: Panel, rows: np.ndarray) -> np.ndarray:
        """Rows with a price at the horizon."""
        return rows[~np.isnan(self.labels(panel, rows))]

    def row_metrics(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray, fold: Fold) -> RowMetrics:
        """log_loss, auc (of several folds the mean of theirs), brier, accuracy."""
        return dict(direction_rows(forecasts, self.labels(panel, rows)))

    def baseline_forecasts(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Iterator[BaselineForecasts]:
        """The base rate, the sign table and a logistic regression."""
        levels, fitted = self.levels(panel), self.fitted(panel, fold)
        for name, kind in DIRECTION_BASELINES.items():
            baseline = kind().fit(levels, fitted)
            yield BaselineForecasts(name, baseline.settings(), baseline.predict(levels, rows))

    def live_scorer(self, units: Sequence[float] | None = None) -> DirectionScorer:
        """The scorer of p_up; there is one quantity, so units have no effect."""
        return DirectionScorer(self.recipe, self.forecasts)

    def frame(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray) -> pl.DataFrame:
        """p_up and the outcome: 1 for up, 0 for not up."""
        actual = pl.Series(self.labels(panel, rows), nan_to_null=True)
        return pl.DataFrame({**row_columns(panel, rows), "actual": actual, "p_up": forecasts})


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
