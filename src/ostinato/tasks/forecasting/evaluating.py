"""Judging forecasts beside baselines on the same rows."""

from dataclasses import dataclass

import numpy as np

from ...data.splits import Part, Split
from ...data.trades import Trades
from ...errors import DataError
from ...evaluation import DIRECTION_BASELINES, diebold_mariano, direction_metrics, log_losses
from ...runs.results import Skill
from . import direction
from .opening import Run
from .predicting import foresee
from .recipe import Recipe


@dataclass(frozen=True)
class Evaluation:
    """What was found on the test part, and on the validation part."""

    test: dict[str, float | None]
    validation: dict[str, float | None]
    baselines: dict[str, dict[str, float | None]]  # on the rows of the test part
    skill: dict[str, Skill]  # Diebold–Mariano against each baseline
    p_up: np.ndarray  # (N,) for all rows
    part: Part  # the rows that were scored
    notes: tuple[str, ...] = ()


def evaluate(run: Run, trades: Trades) -> Evaluation:
    """Score a run on the test part of some trades: those it was fitted on, or others.

    Baselines are fitted on the rows before the test part of the same trades. If the trades begin as those of the run
    do, rows that the run has seen while it was fitted are never scored.

    Raises:
        DataError: no row is left to score.
    """
    split, notes = run.recipe.split(len(trades)), []
    if run.recipe.same_series(trades):
        used = run.recipe.split(run.recipe.rows).test.start
        if used >= len(trades) - 1:
            raise DataError(
                f"the run was fitted on the first {used:,} of these rows, and there are only {len(trades):,}: none is "
                "left to score. Bring later data."
            )
        if used > split.test.start:
            notes.append(f"rows {split.test.start:,} to {used:,} were left out: the run was fitted on them")
            split = Split(split.train, split.validation, Part(used, len(trades)), split.purge)
    return judge(run.recipe, trades, foresee(run, trades), split, tuple(notes))


def judge(
    recipe: Recipe, trades: Trades, p_up: np.ndarray, split: Split, notes: tuple[str, ...] = ()
) -> Evaluation:
    """Metrics, baselines and tests of skill for forecasts p_up (N,)."""
    up = direction.labels(trades.price)
    scored = slice(split.test.start, split.test.stop - recipe.horizon)  # the last rows have no label
    fitted = np.r_[split.train.rows, split.validation.rows]  # the rows the model may use
    ours = log_losses(p_up[scored], up[scored])
    baselines: dict[str, dict[str, float | None]] = {}
    skill: dict[str, Skill] = {}
    for name, kind in DIRECTION_BASELINES.items():
        theirs = kind().fit(trades.price, fitted).predict(trades.price)[scored]
        baselines[name] = dict(direction_metrics(theirs, up[scored]))
        test = diebold_mariano(ours, log_losses(theirs, up[scored]), horizon=recipe.horizon)
        skill[name] = Skill(statistic=test.statistic, p_value=test.p_value)
    return Evaluation(
        test=dict(direction_metrics(p_up[scored], up[scored])),
        validation=dict(direction_metrics(p_up[split.validation.rows], up[split.validation.rows])),
        baselines=baselines,
        skill=skill,
        p_up=p_up,
        part=split.test,
        notes=notes,
    )
