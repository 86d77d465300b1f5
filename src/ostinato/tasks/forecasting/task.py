"""``Forecasting``: the task protocol for forecasts; each method calls the file that is named like it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor

from ...core import SequenceLayer
from ...data.folds import Fold, Window, absent_series
from ...data.layout import Layout
from ...data.panel import Panel
from ...experiment import comparing, fitting, opening, tuning, walking
from ...experiment.panel_folder import read_panel, write_panel
from ...experiment.scores import BaselineScores, RowMetrics
from ...experiment.task import Predictions, Prepared, Run, Task, bind
from ...runs.predictions import write_predictions
from ...runs.results import PartFacts
from ...runs.schema import validated
from ...training import TrainingConfig
from .defaults import defaults_of
from .evaluating import unseen_fold
from .features import raw_rows
from .live_baselines import fit_live_baselines
from .model import forecast_model, parts_of
from .predicting import CHUNK, forecast_rows, left_out, predict, test_frame
from .preparing import prepare
from .reading import panel_of
from .recipe import FACTS, Recipe, digest, layout_of
from .targets import target_of


class Forecasting(Task[Recipe, Panel]):
    """Forecasts of trades, bars and tables."""

    name = noun = "forecast"
    recipe = Recipe
    facts = FACTS
    files = ("baselines.json",)

    def read(self, source: Any, recipe: Recipe) -> Panel:
        """Read a panel."""
        return panel_of(source, recipe)

    def digest(self, data: Panel) -> str:
        """Digest of times and columns."""
        return digest(data)

    def folds(self, recipe: Recipe, data: Panel, count: int = 1, window: Window = "expanding") -> list[Fold]:
        """Folds in the order of time, purged by the horizon."""
        return recipe.folds(data, count, window)

    def write_data(self, folder: Path, data: Panel) -> None:
        """Write the panel as arrays and JSON."""
        write_panel(folder, data)

    def read_data(self, folder: Path) -> Panel:
        """Read the panel back."""
        return read_panel(folder)

    def settle(self, recipe: Recipe, data: Panel, fold: Fold | None = None) -> Recipe:
        """Add columns, step, season, origin, layout, digest and the span of time of the fold."""
        settled = recipe.of(data)
        return settled if fold is None else settled.fitted_on(data, fold)

    def same_rows(self, recipe: Recipe, data: Panel, fold: Fold) -> bool:
        """Compares the span of time, which runs of older versions do not record."""
        return recipe.fitted_until is None or recipe.fitted_on(data, fold) == recipe

    def layout(self, data: Panel) -> dict[str, Any] | None:
        """The layout of the panel."""
        found = layout_of(data)
        return None if found is None else found.model_dump(mode="json")

    def with_layout(self, recipe: Recipe, layout: Mapping[str, Any] | None, where: str) -> Recipe:
        """The recipe with that layout."""
        if layout is None:
            return recipe
        return recipe.model_copy(update={"layout": validated(Layout, layout, where)})

    def notes(self, data: Panel, fold: Fold) -> list[str]:
        """Notes on series that are missing in a part."""
        return absent_series(data, fold)

    def part(self, data: Panel, rows: np.ndarray) -> PartFacts:
        """Rows, first and last time of a part."""
        times = data.time[rows]
        return PartFacts(rows=len(rows), first=float(times.min()), last=float(times.max()))

    def build(self, recipe: Recipe, model: str, options: Mapping[str, Any]) -> SequenceLayer:
        """Build features, scaler, network and output."""
        return forecast_model(recipe, model, options)

    def network(self, model: SequenceLayer) -> SequenceLayer:
        """The network; features and scaler are not trained by gradient."""
        return parts_of(model).network

    def prepare(
        self, recipe: Recipe, data: Panel, fold: Fold, model: SequenceLayer, training: TrainingConfig
    ) -> Prepared:
        """Prepare scaled features, labels, and a sampler over them."""
        return prepare(recipe, data, fold, model, training)

    def training_defaults(self, recipe: Recipe, model: str) -> dict[str, Any]:
        """Defaults that were chosen on validation data."""
        return defaults_of(model, recipe)

    def timed_steps(self, recipe: Recipe, data: Panel) -> Tensor:
        """Raw rows of the panel."""
        return raw_rows(recipe, data)

    def measure(self, recipe: Recipe) -> str:
        """Log-loss, pinball loss or squared error."""
        return target_of(recipe).measure

    def predict_rows(self, run: Run[Recipe], data: Panel, rows: np.ndarray) -> np.ndarray:
        """Forecasts, streamed from the first row of each series."""
        return forecast_rows(run, data, rows)

    def labelled(self, recipe: Recipe, data: Panel, rows: np.ndarray) -> np.ndarray:
        """Rows whose label is known."""
        return target_of(recipe).labelled(data, rows)

    def row_metrics(
        self, recipe: Recipe, data: Panel, rows: np.ndarray, predictions: np.ndarray, fold: Fold
    ) -> RowMetrics:
        """As the target defines them."""
        return target_of(recipe).row_metrics(data, rows, predictions, fold)

    def baselines(self, recipe: Recipe, data: Panel, rows: np.ndarray, fold: Fold) -> BaselineScores:
        """As the target defines them."""
        return target_of(recipe).baseline_metrics(data, rows, fold)

    def unseen_fold(self, recipe: Recipe, data: Panel) -> tuple[Fold, tuple[str, ...]]:
        """Rows after the time that the run was fitted on."""
        return unseen_fold(recipe, data)

    def horizon(self, recipe: Recipe) -> int:
        """The furthest step ahead."""
        return recipe.purge

    def moments(self, data: Panel, rows: np.ndarray) -> np.ndarray | None:
        """Times of the rows: errors of several series at one time are correlated."""
        return data.time[rows] if len(data.starts) > 1 else None

    def subject(self, recipe: Recipe) -> str:
        """Direction, return, or columns of a table."""
        return recipe.target

    def frame(self, recipe: Recipe, data: Panel, rows: np.ndarray, predictions: np.ndarray) -> pl.DataFrame:
        """One line for each row, column and horizon."""
        return target_of(recipe).frame(data, rows, predictions)

    def test_frame(
        self, recipe: Recipe, data: Panel, rows: np.ndarray, predictions: np.ndarray
    ) -> pl.DataFrame:
        """Forecasts of every k-th row where there are very many horizons."""
        return test_frame(recipe, data, rows, predictions)

    def predict(
        self, run: Run[Recipe], data: Panel, chunk: int | None = None, last: int | None = None
    ) -> Predictions:
        """A forecast for every row that can have one."""
        frame = predict(run, data, CHUNK if chunk is None else chunk, last)
        lost = left_out(run.recipe, data, last)
        return Predictions(frame, (lost,) if lost else ())

    def write_predictions(self, path: Path, frame: pl.DataFrame) -> None:
        """Times, outcomes, and p_up or quantiles."""
        write_predictions(path, frame)

    def extra_files(self, recipe: Recipe, data: Panel, fold: Fold) -> dict[str, Any]:
        """The baselines that live predictions are scored beside."""
        return {"baselines.json": fit_live_baselines(target_of(recipe), data, fold).model_dump()}


FORECASTING = Forecasting()

fit = bind(fitting.fit, FORECASTING)
"""``ostinato.experiment.fit`` of a forecast: the same arguments but for the task."""

open_run = bind(opening.open_run, FORECASTING)
"""``ostinato.experiment.open_run`` of a forecast."""

compare = bind(comparing.compare, FORECASTING)
"""``ostinato.experiment.compare`` of forecasts."""

tune = bind(tuning.tune, FORECASTING)
"""``ostinato.experiment.tune`` of a forecast."""

walk = bind(walking.walk, FORECASTING)
"""``ostinato.experiment.walk`` of a forecast."""
