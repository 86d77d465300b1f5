"""Scores of a model and of the baselines on the same rows.

Axes: R rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..evaluation import by_time, diebold_mariano, intervals
from ..evaluation.diebold_mariano import FEWEST_ROWS, ROWS_PER_HORIZON
from ..runs.results import SkillTest
from ..runs.writing import plain

MOST_SETTINGS = 3  # of one baseline, in a sentence

Metrics = dict[str, float | None]
RowMetrics = dict[str, np.ndarray]  # per-row values (R,) of each metric, which is their mean; NaN is left out
Ends = list[float | None]  # low and high


@dataclass(frozen=True, eq=False)
class BaselineScores:
    """Per-row metrics of baselines on some rows, and their settings, by name."""

    columns: dict[str, RowMetrics]
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scored:
    """Per-row metrics of the model and of each baseline on the same rows, in their order."""

    rows: np.ndarray  # (R,)
    measure: str  # the metric that is the mean of the losses
    columns: RowMetrics
    baselines: dict[str, RowMetrics]
    skill: dict[str, SkillTest]  # Diebold–Mariano against each baseline
    settings: dict[str, str] = field(default_factory=dict)  # of the baselines that have some

    @property
    def losses(self) -> np.ndarray:
        """Losses of the model, (R,)."""
        return self.columns[self.measure]

    @property
    def metrics(self) -> Metrics:
        """Metrics of the model."""
        return means(self.columns)

    @property
    def baseline_metrics(self) -> dict[str, Metrics]:
        """Metrics of each baseline."""
        return {name: means(columns) for name, columns in self.baselines.items()}


def joint_settings(settings: Sequence[str], names: Sequence[str]) -> str:
    """Settings of one baseline for each of several columns or folds: once where all are the same.

    >>> joint_settings(["the last 64 rows", "the last 336 rows"], ["OT", "HUFL"])
    'the last 64 rows (OT), the last 336 rows (HUFL)'
    """
    if len(set(settings)) == 1:
        return settings[0]
    listed = [f"{text} ({name})" for text, name in zip(settings, names, strict=True)][:MOST_SETTINGS]
    return ", ".join(listed) + (" and others" if len(settings) > MOST_SETTINGS else "")


def means(columns: RowMetrics) -> Metrics:
    """Metrics from their per-row values; with mse, also its root. A metric that does not exist is None."""
    found: Metrics = {}
    for name, values in columns.items():
        known = values[np.isfinite(values)]
        found[name] = plain(float(known.mean())) if len(known) else None
        if name.split(".")[-1] == "mse":
            mse = found[name]
            found[f"{name[:-3]}rmse"] = None if mse is None else mse**0.5
    return found


def joined(parts: Sequence[RowMetrics]) -> RowMetrics:
    """Concatenate the per-row metrics of several folds."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def skill_of(
    ours: np.ndarray, theirs: np.ndarray, horizon: int, moments: np.ndarray | None = None
) -> SkillTest:
    """Diebold–Mariano test on losses (R,) of the same rows.

    Rows of one moment are one observation: what moves one of several series moves the others. Too few rows for the
    horizon give no statistic.
    """
    if moments is not None:
        ours, theirs = by_time(ours, moments), by_time(theirs, moments)
    if len(ours) < max(FEWEST_ROWS, ROWS_PER_HORIZON * horizon):
        return SkillTest(statistic=None, p_value=None)
    test = diebold_mariano(ours, theirs, horizon=horizon)
    return SkillTest(statistic=test.statistic, p_value=test.p_value)


def intervals_of(columns: RowMetrics, horizon: int, moments: np.ndarray | None = None) -> dict[str, Ends]:
    """A 95 % interval for each metric that exists, from its rows (R,): see ``evaluation.intervals``.

    Rows of one moment are drawn together.
    """
    return {name: [low, high] for name, (low, high, _) in intervals(columns, horizon, moments).items()}
