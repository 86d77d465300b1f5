"""The one seam of forecasting: what is foreseen.

    direction.py   the probability that a price will be strictly higher
    values.py      the distribution of a return, or of the columns of a table

Everything else asks a ``Target`` and knows neither.

Axes: N rows, R rows asked for, F features, O numbers of a model, K numbers of a label.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from torch import Tensor

from ...core import SequenceLayer
from ...data.folds import Fold
from ...data.panel import Panel
from ...experiment.scores import BaselineScores, Metrics, RowMetrics, Scored, means
from ...runs.results import loss_name
from ...training.objective import Objective
from .recipe import Recipe
from .skill import skill_of


@dataclass(frozen=True)
class Question:
    """What a training minimises.

    target: (N, K) or (N,); weight: (N,), 0 where a row has no label.
    """

    target: Tensor
    weight: Tensor
    losses: Objective


@dataclass(frozen=True, eq=False)
class BaselineForecasts:
    """What a baseline says of some rows.

    settings: what was chosen of it, such as its window, in words; "" where nothing was.
    forecasts: as a model gives them, one for each row.
    """

    name: str
    settings: str
    forecasts: np.ndarray


class Target(ABC):
    """What is foreseen, how it is learnt, and how it is judged."""

    measure: str  # the metric that is the mean of the losses

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @property
    def loss_name(self) -> str:
        """The measure in words."""
        return loss_name(self.measure)

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers that the network gives at each step."""

    @property
    def quantities(self) -> int:
        """Quantities whose place a linear path may tell; 0 for none."""
        return 0

    @abstractmethod
    def whole(self, body: SequenceLayer) -> SequenceLayer:
        """The model that lives: what is added to features, scaler and network."""

    @abstractmethod
    def question(self, model: SequenceLayer, panel: Panel, raw: Tensor, x: Tensor, fold: Fold) -> Question:
        """Labels of the rows of ``raw`` (N, I), the first of the panel, whose scaled features are x (N, F).

        What the model needs to know of the training rows is put into its buffers.
        """

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
    def columns(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray, fold: Fold) -> RowMetrics:
        """What the metrics of forecasts of labelled rows (R,) are means of, the measure among them."""

    @abstractmethod
    def baseline_forecasts(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Iterator[BaselineForecasts]:
        """Those of each baseline, fitted on train and validation rows."""

    def baselines(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Iterator[tuple[str, np.ndarray]]:
        """Forecasts of each baseline, by name."""
        for baseline in self.baseline_forecasts(panel, rows, fold):
            yield baseline.name, baseline.forecasts

    def rivals(self, panel: Panel, rows: np.ndarray, fold: Fold) -> BaselineScores:
        """``columns`` of each baseline; they do not depend on the model, so several may share them."""
        found = BaselineScores({})
        for baseline in self.baseline_forecasts(panel, rows, fold):
            found.columns[baseline.name] = self.columns(panel, rows, baseline.forecasts, fold)
            if baseline.settings:
                found.settings[baseline.name] = baseline.settings
        return found

    def judge(
        self,
        panel: Panel,
        rows: np.ndarray,
        forecasts: np.ndarray,
        fold: Fold,
        rivals: BaselineScores | None = None,
    ) -> Scored:
        """Score forecasts of labelled rows (R,) beside the baselines; ``rivals`` are theirs, where known already."""
        rivals = self.rivals(panel, rows, fold) if rivals is None else rivals
        return self.scored(panel, rows, self.columns(panel, rows, forecasts, fold), rivals)

    def scored(self, panel: Panel, rows: np.ndarray, ours: RowMetrics, rivals: BaselineScores) -> Scored:
        """RowMetrics of the model and of the baselines, with the tests of skill."""
        skill = {
            name: skill_of(ours[self.measure], theirs[self.measure], panel, rows, self.recipe.purge)
            for name, theirs in rivals.columns.items()
        }
        return Scored(rows, self.measure, ours, rivals.columns, skill, rivals.settings)

    def metrics(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray, fold: Fold) -> Metrics:
        """Metrics alone. One that does not exist is None."""
        return means(self.columns(panel, rows, forecasts, fold))

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
