"""Values: the distribution of a return, or of the columns of a table, at one or many horizons.

Axes: N rows, R requested rows, C columns, H horizons, J = C H quantities, Q levels of quantiles.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import torch
from torch import Tensor

from ....core import SequenceLayer
from ....data.folds import Fold
from ....data.levels import Levels, levels_of
from ....data.panel import Panel
from ....data.report import counted
from ....errors import DataError
from ....evaluation import ValueBaseline, by_row, scale_of, value_baselines
from ....evaluation.losses import LEAST_KNOWN, joint_loss
from ....experiment.scores import RowMetrics, joint_settings
from ....layers import Anchored, Output, Point, Quantiles, Regression, StudentT
from ....runs.predictions import quantile_name
from ..features import location_of, running_scale
from ..streaming import stream
from .base import BaselineForecasts, Target, TrainingProblem, row_columns
from .distributions import objective
from .live_scorers import ValueScorer
from .ridge import ridge


class Values(Target):
    """Quantiles, a Student's t or a mean of each quantity (column, horizon)."""

    @property
    def measure(self) -> str:  # type: ignore[override]
        """The tested metric; losses of several columns or series are compared in units of their changes."""
        return "mse" if self.recipe.form == "point" else "pinball"

    @property
    def outputs(self) -> int:
        """Outputs that the network learns."""
        return self.output().learnt_size

    @property
    def quantities(self) -> int:
        """Columns times horizons."""
        return len(self.names) * len(self.recipe.ahead)

    @property
    def quantile_levels(self) -> tuple[float, ...]:
        """Levels of the quantiles of a forecast; 0.5 alone stands for a mean."""
        return (0.5,) if self.recipe.form == "point" else self.recipe.levels

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are forecast."""
        return ("return",) if self.recipe.target == "return" else self.recipe.targets

    def output(self) -> Output:
        """The output distribution of the network."""
        form = self.recipe.form
        if form == "point":
            return Point(self.quantities)
        if form == "student_t":
            return StudentT(self.quantities)
        return Quantiles(self.quantities, self.recipe.levels, free=form == "free_quantiles")

    def build_model(self, body: SequenceLayer) -> SequenceLayer:
        """The model with its outputs anchored at the present location and scale of the series."""
        return Anchored(body, self.output(), running_scale(self.recipe), location_of(self.recipe))

    def levels(self, panel: Panel) -> list[Levels]:
        """Levels of each column."""
        columns = [None] if self.recipe.target == "return" else self.recipe.targets
        return [levels_of(panel, column, self.recipe.ahead) for column in columns]

    def training_problem(
        self, model: SequenceLayer, panel: Panel, raw: Tensor, x: Tensor, fold: Fold
    ) -> TrainingProblem:
        """Labels in units of the present scale, (N, J), then that scale over its mean in the series, (N, C)."""
        assert isinstance(model, Anchored)
        rows, train = np.arange(len(raw)), fold.train
        labels = np.concatenate([levels.labels(rows) for levels in self.levels(panel)], axis=1)
        scale = stream(model.scale, raw, panel).cpu().numpy()
        horizons = len(self.recipe.ahead)
        wide = np.repeat(scale, horizons, axis=1)
        if model.location is not None:
            labels = labels - np.repeat(stream(model.location, raw, panel).cpu().numpy(), horizons, axis=1)
        moved = wide > 0
        z = np.where(moved, labels / np.where(moved, wide, 1.0), np.nan)
        share = scale / self.units(panel, scale, train)[panel.series[rows]]
        self._check_labelled(panel, torch.from_numpy(z[train]))
        centre = self._linear(model, x, z, share, fold)
        model.output.fit(torch.from_numpy(z[train] - centre[train]))
        model.usual.copy_(torch.from_numpy(usual_scale(scale[train])))
        known = torch.from_numpy(np.isfinite(z).any(axis=1))
        dtype = next(model.parameters()).dtype
        target = torch.from_numpy(np.concatenate([z, share], axis=1)).to(dtype)
        return TrainingProblem(target, known.to(dtype), objective(model.output, len(self.names)))

    def _linear(self, model: Anchored, x: Tensor, z: np.ndarray, share: np.ndarray, fold: Fold) -> np.ndarray:
        """Fit the linear path, column by column; returns its forecasts of every row, (N, J)."""
        features = x.detach().cpu().double().numpy()
        horizons, weights, biases = len(self.recipe.ahead), [], []
        for place in range(len(self.names)):
            part = slice(place * horizons, (place + 1) * horizons)
            weight, bias = ridge(
                features, z[:, part], share[:, place] ** 2, fold.train, fold.validation, self.recipe.purge
            )
            weights.append(weight)
            biases.append(bias)
        regression = model.body.network.linear  # type: ignore[union-attr]
        assert isinstance(regression, Regression)
        weight, bias = np.concatenate(weights), np.concatenate(biases)
        regression.take(torch.from_numpy(weight), torch.from_numpy(bias))
        return features @ weight.T + bias

    def units(self, panel: Panel, scale: np.ndarray, train: np.ndarray) -> np.ndarray:
        """The mean scale of each series over its training rows, (S, C); above 0.

        Raises:
            DataError: a column never changes.
        """
        series = panel.series[train]
        count = np.bincount(series, minlength=len(panel.starts))[:, None]
        sums = np.stack([np.bincount(series, column, len(panel.starts)) for column in scale[train].T], axis=1)
        means = sums / np.maximum(count, 1)
        still = ~(means > 0).any(axis=0)
        if still.any():
            name = self.names[int(still.argmax())]
            raise DataError(
                f"{panel.report.source}: {name} never changes in the training part, so there is nothing to forecast. "
                "Choose another column, or bring other data."
            )
        typical = np.array([column[column > 0].mean() if (column > 0).any() else 1.0 for column in means.T])
        return np.where(means > 0, means, typical)

    def _check_labelled(self, panel: Panel, z: Tensor) -> None:
        """Refuse labels z (N, J) of training rows where a horizon of a column has none."""
        missing = ~z.isfinite().any(dim=0)
        if bool(missing.any()):
            column, horizon = divmod(int(missing.int().argmax()), len(self.recipe.ahead))
            raise DataError(
                f"{panel.report.source}: no row of the training part has {self.names[column]} "
                f"{counted(self.recipe.ahead[horizon], 'row')} ahead. Bring more data, or look less far ahead."
            )

    def forecasts(self, y: Tensor) -> np.ndarray:
        """Quantiles (R, J, Q) float64 at the recipe's levels: a price needs more digits than float32 has.

        Memory is bounded by whoever asks (``predicting.MOST_NUMBERS``).
        """
        output = self.output()
        numbers = y.detach().cpu().double().numpy().reshape(len(y), output.quantities, output.numbers)
        if not np.isfinite(numbers).all():
            row = int(np.argmin(np.isfinite(numbers).all(axis=(1, 2))))
            raise DataError(
                f"the model's forecast in row {row:,} is not a number. Its weights are damaged, or the data there are "
                "beyond all that it was fitted on."
            )
        if self.recipe.form != "student_t":
            return numbers
        from scipy.stats import t as student  # imported late: it takes half as long to load as torch

        location, scale, freedom = (numbers[..., place, None] for place in range(3))
        return location + scale * student.ppf(np.array(self.quantile_levels), freedom)

    def labelled(self, panel: Panel, rows: np.ndarray) -> np.ndarray:
        """Rows whose horizons all lie within what was observed of their series, and of whose labels enough are known.

        So all horizons are judged on the same rows, but for steps that are missing in the source.
        """
        known = np.zeros(len(rows), np.int64)
        for levels in self.levels(panel):
            for block in _blocks(len(rows), len(self.recipe.ahead)):
                known[block] += np.isfinite(levels.labels(rows[block])).sum(axis=1)
        within = rows + self.recipe.purge < panel.ends[panel.series[rows]]
        return rows[within & (known >= LEAST_KNOWN * len(self.names) * len(self.recipe.ahead))]

    def row_metrics(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray, fold: Fold) -> RowMetrics:
        """Per-row metrics of one column by name; of several columns, each prefixed by the name of the column.

        Of several columns or series the measure is in units of the naive change of each.
        """
        found: RowMetrics = {}
        losses, units = [], []
        for name, levels, part in self._columns(panel, forecasts):
            scale = scale_of(levels, fold.scaled_by, rows)
            columns = dict(by_row(part, self.quantile_levels, levels.labels(rows), scale))
            if self.recipe.form == "point":  # a point forecast has no spread
                columns = {key: value for key, value in columns.items() if key not in ("pinball", "crps")}
            losses.append(columns[self.measure])
            units.append(
                np.where(np.isfinite(scale.change), scale.change, 1.0)
            )  # for a series that never moved
            prefix = f"{name}." if len(self.names) > 1 else ""
            found |= {prefix + key: value for key, value in columns.items()}
        if self.several(panel):
            each = np.stack(losses)
            found[self.measure] = joint_loss(each, np.isfinite(each), np.stack(units), self.measure, axis=0)
        return found

    def baseline_forecasts(self, panel: Panel, rows: np.ndarray, fold: Fold) -> Iterator[BaselineForecasts]:
        """The baselines for values that suit the levels, as quantiles; for a point, their means."""
        columns, fitted = self.levels(panel), self.fitted(panel, fold)
        for name, kind in value_baselines(columns[0]).items():
            parts, settings = [], []
            for levels in columns:  # one fitted baseline at a time: it keeps its errors
                baseline = kind().fit(levels, fitted)
                parts.append(self._quantiles(baseline, levels, rows))
                settings.append(baseline.settings())
            yield BaselineForecasts(name, joint_settings(settings, self.names), np.concatenate(parts, axis=1))

    def several(self, panel: Panel) -> bool:
        """Whether there are several columns or series, whose losses are only comparable in units of their changes."""
        return len(self.names) > 1 or len(panel.starts) > 1

    def live_scorer(self, units: Sequence[float] | None = None) -> ValueScorer:
        """The scorer of quantiles or points, column by column, horizon by horizon."""
        return ValueScorer(
            self.recipe, self.forecasts, self._number_names(), self.measure, self.quantile_levels, units
        )

    def frame(self, panel: Panel, rows: np.ndarray, forecasts: np.ndarray) -> pl.DataFrame:
        """One line for each row, column and horizon: the outcome (null if it is not known yet), and the quantiles."""
        frames = []
        for name, levels, part in self._columns(panel, forecasts):
            actual = levels.labels(rows)
            for place, horizon in enumerate(self.recipe.ahead):
                columns = row_columns(panel, rows)
                if len(self.names) > 1:
                    columns["column"] = pl.Series([name]).new_from_index(0, len(rows))
                if len(self.recipe.ahead) > 1:
                    columns["horizon"] = np.full(len(rows), horizon, np.int32)
                columns["actual"] = pl.Series(actual[:, place], nan_to_null=True)
                quantiles = {
                    quantile_name(level): part[:, place, q] for q, level in enumerate(self.quantile_levels)
                }
                frames.append(pl.DataFrame(columns | quantiles))
        return pl.concat(frames)

    def _columns(self, panel: Panel, forecasts: np.ndarray) -> Iterator[tuple[str, Levels, np.ndarray]]:
        """Each column with its levels and its forecasts (R, H, Q)."""
        horizons = len(self.recipe.ahead)
        for place, (name, levels) in enumerate(zip(self.names, self.levels(panel), strict=True)):
            yield name, levels, forecasts[:, place * horizons : (place + 1) * horizons]

    def _number_names(self) -> list[str]:
        """Names of the numbers of a prediction: "q10", of several columns and horizons "OT.q10@24"."""
        names = []
        for column in self.names:
            prefix = f"{column}." if len(self.names) > 1 else ""
            for horizon in self.recipe.ahead:
                suffix = f"@{horizon}" if len(self.recipe.ahead) > 1 else ""
                names += [f"{prefix}{quantile_name(level)}{suffix}" for level in self.quantile_levels]
        return names

    def _quantiles(self, baseline: ValueBaseline, levels: Levels, rows: np.ndarray) -> np.ndarray:
        if self.recipe.form == "point":
            return baseline.point(levels, rows)[..., None]
        return baseline.quantiles(levels, rows, self.quantile_levels)


def usual_scale(scale: np.ndarray) -> np.ndarray:
    """The mean of scales (R, C) of training rows where there is one, (C,); 1 of a column that never moved."""
    moved = scale > 0
    return np.where(moved.any(axis=0), scale.sum(axis=0) / np.maximum(moved.sum(axis=0), 1), 1.0)


def _blocks(rows: int, horizons: int, cells: int = 4_000_000) -> Iterator[slice]:
    step = max(cells // horizons, 1)
    return (slice(start, start + step) for start in range(0, rows, step))
