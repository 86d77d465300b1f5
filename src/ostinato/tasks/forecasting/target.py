"""The one seam of forecasting: what is foreseen.

    direction.py   the probability that a price will be strictly higher
    values.py      the distribution of a return, or of the columns of a table

Everything else asks a ``Target`` and knows neither.

Axes: N rows, R rows asked for, F features, O numbers of a model, K numbers of a label.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from torch import Tensor

from ...core import SequenceLayer
from ...data.folds import Fold
from ...data.panel import Panel
from ...runs.results import Skill, loss_name
from ...runs.writing import plain
from ...training.objective import Objective
from .recipe import Recipe
from .skill import skill_of

SETTINGS_TOLD = 3

Metrics = dict[str, float | None]
Columns = dict[str, np.ndarray]  # what each metric is the mean of, row by row, (R,); NaN is left out


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


@dataclass(frozen=True, eq=False)
class Rivals:
    """What baselines reached on some rows, and their settings, each by name."""

    columns: dict[str, Columns]
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scored:
    """What was reached on some rows, in their order: by the model, and by each baseline on the same rows."""

    rows: np.ndarray  # (R,)
    measure: str  # the metric that is the mean of the losses
    columns: Columns
    baselines: dict[str, Columns]
    skill: dict[str, Skill]  # Diebold–Mariano against each baseline
    settings: dict[str, str] = field(default_factory=dict)  # of the baselines that have some

    @property
    def losses(self) -> np.ndarray:
        """The model's, (R,)."""
        return self.columns[self.measure]

    @property
    def metrics(self) -> Metrics:
        """The model's."""
        return means(self.columns)

    @property
    def baseline_metrics(self) -> dict[str, Metrics]:
        """Those of each baseline."""
        return {name: means(columns) for name, columns in self.baselines.items()}


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
    def columns(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray, fold: Fold) -> Columns:
        """What the metrics of forecasts of labelled rows (R,) are means of, the measure among them."""

    @abstractmethod
    def baseline_forecasts(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Iterator[BaselineForecasts]:
        """Those of each baseline, fitted on train and validation rows."""

    def baselines(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Iterator[tuple[str, np.ndarray]]:
        """Forecasts of each baseline, by name."""
        for baseline in self.baseline_forecasts(panel, rows, fold):
            yield baseline.name, baseline.forecasts

    def rivals(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Rivals:
        """``columns`` of each baseline; they do not depend on the model, so several may share them."""
        found = Rivals({})
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
        rivals: Rivals | None = None,
    ) -> Scored:
        """Score forecasts of labelled rows (R,) beside the baselines; ``rivals`` are theirs, where known already."""
        rivals = self.rivals(panel, rows, fold) if rivals is None else rivals
        return self.scored(panel, rows, self.columns(panel, rows, forecasts, fold), rivals)

    def scored(self, panel: Panel, rows: np.ndarray, ours: Columns, rivals: Rivals) -> Scored:
        """Columns of the model and of the baselines, with the tests of skill."""
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


def joint_settings(settings: Sequence[str], names: Sequence[str]) -> str:
    """Settings of one baseline for each of several columns or folds: once where all are the same.

    >>> joint_settings(["the last 64 rows", "the last 336 rows"], ["OT", "HUFL"])
    'the last 64 rows (OT), the last 336 rows (HUFL)'
    """
    if len(set(settings)) == 1:
        return settings[0]
    told = [f"{text} ({name})" for text, name in zip(settings, names, strict=True)][:SETTINGS_TOLD]
    return ", ".join(told) + (" and others" if len(settings) > SETTINGS_TOLD else "")


def means(columns: Columns) -> Metrics:
    """Metrics from what they are means of; with mse, its root. One that does not exist is None."""
    found: Metrics = {}
    for name, values in columns.items():
        known = values[np.isfinite(values)]
        found[name] = plain(float(known.mean())) if len(known) else None
        if name.split(".")[-1] == "mse":
            mse = found[name]
            found[f"{name[:-3]}rmse"] = None if mse is None else mse**0.5
    return found


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
