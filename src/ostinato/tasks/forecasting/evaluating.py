"""Judging forecasts beside baselines on the same rows."""

from dataclasses import dataclass

import numpy as np

from ...data.report import counted, utc
from ...data.splits import Part, Split
from ...data.trades import Trades
from ...errors import DataError
from ...evaluation import DIRECTION_BASELINES, diebold_mariano, direction_metrics, log_losses
from ...evaluation.diebold_mariano import FEWEST_ROWS
from ...runs.results import Skill
from ...runs.writing import plain
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
    part: Part  # the rows that were scored: those of the test part that have a label
    notes: tuple[str, ...] = ()


def evaluate(run: Run, trades: Trades) -> Evaluation:
    """Score a run on the test part of some trades: those it was fitted on, or others.

    Baselines are fitted on the rows before the test part of the same trades. Rows that the run may have seen while it
    was fitted are never scored.

    Raises:
        DataError: too few rows are left to score.
    """
    split, notes = _unseen(run.recipe, trades)
    return judge(run.recipe, trades, foresee(run, trades), split, notes)


def _unseen(recipe: Recipe, trades: Trades) -> tuple[Split, tuple[str, ...]]:
    """The parts of some trades, the test part without rows that the run may have been fitted on.

    Other trades than those of the run are held against the time that it was fitted on: a slice of the same file, the
    same market from another source and another market cannot be told apart.
    """
    split = recipe.split(len(trades))
    if recipe.begins(trades):  # a longer series has a later test part
        return split, ()
    if recipe.fitted_until is None:
        return split, ("the run is too old to say whether it was fitted on some of these rows",)
    used = recipe.used(trades)
    if used <= split.test.start:
        return split, ()
    why = f"the run was fitted on trades up to {utc(recipe.fitted_until)} UTC, perhaps on these"
    left = max(len(trades) - recipe.horizon - used, 0)
    if left < FEWEST_ROWS:
        raise DataError(
            f"{counted(left, 'row')} of the test part can be scored, and at least {FEWEST_ROWS} are needed: {why}. "
            "Bring later trades."
        )
    note = f"rows {split.test.start:,} to {used - 1:,} were left out: {why}"
    return Split(split.train, split.validation, Part(used, len(trades)), split.purge), (note,)


def judge(
    recipe: Recipe, trades: Trades, p_up: np.ndarray, split: Split, notes: tuple[str, ...] = ()
) -> Evaluation:
    """Metrics, baselines and tests of skill for forecasts p_up (N,). A metric that does not exist is None."""
    up = direction.labels(trades.price)
    part = Part(split.test.start, split.test.stop - recipe.horizon)  # the last rows have no label
    scored = part.rows
    fitted = np.r_[split.train.rows, split.validation.rows]  # the rows the model may use
    ours = log_losses(p_up[scored], up[scored])
    baselines: dict[str, dict[str, float | None]] = {}
    skill: dict[str, Skill] = {}
    for name, kind in DIRECTION_BASELINES.items():
        theirs = kind().fit(trades.price, fitted).predict(trades.price)[scored]
        baselines[name] = plain(direction_metrics(theirs, up[scored]))
        test = diebold_mariano(ours, log_losses(theirs, up[scored]), horizon=recipe.horizon)
        skill[name] = Skill(statistic=test.statistic, p_value=test.p_value)
    return Evaluation(
        test=plain(direction_metrics(p_up[scored], up[scored])),
        validation=plain(direction_metrics(p_up[split.validation.rows], up[split.validation.rows])),
        baselines=baselines,
        skill=skill,
        p_up=p_up,
        part=part,
        notes=notes,
    )
