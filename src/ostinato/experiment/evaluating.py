"""Evaluate predictions and baselines on the same rows, of one fold or of several together.

Axes: R rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.folds import Fold
from ..runs.results import SkillTest
from .scores import BaselineScores, Metrics, RowMetrics, Scored, joined, joint_settings, means
from .task import AnyTask, Run


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics, baselines and tests on the test part, and metrics on the validation part."""

    measure: str  # the metric that is tested
    test: Metrics
    validation: Metrics  # empty where the run was fitted on all of these rows
    baselines: dict[str, Metrics]  # on the rows of the test part
    skill: dict[str, SkillTest]  # Diebold–Mariano against each baseline
    scored: Scored
    predictions: np.ndarray  # for the scored rows: those of the test part that have a label
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> np.ndarray:
        """The scored rows, (R,)."""
        return self.scored.rows


def evaluate(run: Run[Any], data: Any) -> Evaluation:
    """Score a run on the test part of the data that it was fitted on, or of other data.

    Baselines are fitted on the rows before the test part of the same data. Rows that the run may have been
    fitted on are never scored.

    Raises:
        DataError: too few rows are left to score.
    """
    task = run.task
    data = task.read(data, run.recipe)
    fold, notes = task.unseen_fold(run.recipe, data)
    rows = np.concatenate([fold.validation, fold.test])
    return judge(task, run.recipe, data, rows, task.predict_rows(run, data, rows), fold, notes)


def judge(
    task: AnyTask,
    recipe: Any,
    data: Any,
    rows: np.ndarray,
    predictions: np.ndarray,
    fold: Fold,
    notes: tuple[str, ...] = (),
    baselines: BaselineScores | None = None,
) -> Evaluation:
    """Compute metrics, baselines and tests of skill for predictions of the validation and test rows (R,).

    Args:
        baselines: scores on the labelled test rows if they are known already; they do not depend on the model.
    """
    test = task.labelled(recipe, data, fold.test)
    validation = task.labelled(recipe, data, fold.validation)
    position = np.full(len(data), -1, np.int64)
    position[rows] = np.arange(len(rows))
    ours = task.row_metrics(recipe, data, test, predictions[position[test]], fold)
    baselines = baselines or task.baselines(recipe, data, test, fold)
    scored = score(task, recipe, data, test, ours, baselines)
    return Evaluation(
        measure=scored.measure,
        test=scored.metrics,
        validation=means(task.row_metrics(recipe, data, validation, predictions[position[validation]], fold))
        if len(validation)
        else {},
        baselines=scored.baseline_metrics,
        skill=scored.skill,
        scored=scored,
        predictions=predictions[position[test]],
        notes=notes,
    )


def score(
    task: AnyTask, recipe: Any, data: Any, rows: np.ndarray, ours: RowMetrics, baselines: BaselineScores
) -> Scored:
    """Compute metrics of the model and of the baselines on rows (R,), with the tests of skill."""
    measure = task.measure(recipe)
    skill = {
        name: task.skill(recipe, data, rows, ours[measure], theirs[measure])
        for name, theirs in baselines.columns.items()
    }
    return Scored(rows, measure, ours, baselines.columns, skill, baselines.settings)


def pooled(task: AnyTask, recipe: Any, data: Any, scores: Sequence[Scored]) -> Scored:
    """Pool the rows of all folds, the earliest first; tests are on all of them.

    Every row is judged by the model and the baselines of its own fold. A metric is the mean over all rows; the AUC,
    which is not a mean of rows, is the mean of the folds' own, weighted by their rows.
    """
    if len(scores) == 1:
        return scores[0]
    names = list(scores[0].baselines)
    baselines = BaselineScores(
        {name: joined([fold.baselines[name] for fold in scores]) for name in names},
        {name: _settings(name, scores) for name in scores[0].settings},
    )
    rows = np.concatenate([fold.rows for fold in scores])
    return score(task, recipe, data, rows, joined([fold.columns for fold in scores]), baselines)


def _settings(name: str, scores: Sequence[Scored]) -> str:
    folds = [f"fold {number + 1}" for number in range(len(scores))]
    return joint_settings([score.settings.get(name, "") for score in scores], folds)
