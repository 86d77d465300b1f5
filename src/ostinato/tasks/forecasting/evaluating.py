"""Choose the rows of some data that a run was not fitted on; only those may evaluate it."""

from dataclasses import replace

import numpy as np

from ...data.folds import Fold
from ...data.panel import Panel
from ...data.report import counted, utc
from ...errors import DataError
from ...evaluation.diebold_mariano import FEWEST_ROWS
from .recipe import Recipe
from .targets import target_of


def unseen_fold(recipe: Recipe, panel: Panel) -> tuple[Fold, tuple[str, ...]]:
    """The parts of some data, without rows to be scored that the run may have been fitted on.

    The run's own data have the parts that it was fitted with. Others are held against the time that it was fitted on: a
    slice of the same file, the same market from another source and another market cannot be told apart. Baselines are
    then fitted on all that comes before the rows that are scored, as the run may have been.
    """
    begins = recipe.begins(panel)
    if begins and len(panel) == recipe.rows:
        return recipe.own_fold(panel), ()
    fold = recipe.folds(panel)[0]
    if recipe.fitted_until is None and not begins:
        return fold, ("the run is too old to say whether it was fitted on some of these rows",)
    seen = _seen(recipe, panel, fold.test, begins)
    seen_before = _seen(recipe, panel, fold.validation, begins)
    if not seen.any():
        return _from(
            panel, fold, fold.validation[~seen_before], recipe.purge
        ) if seen_before.any() else fold, ()
    why = "the run was fitted on them" if begins else _perhaps(recipe)
    left = fold.test[~seen]
    labelled = len(target_of(recipe).labelled(panel, left))
    if labelled < FEWEST_ROWS:
        raise DataError(
            f"{counted(labelled, 'row')} of the test part can be scored, and at least {FEWEST_ROWS} are needed: {why}. "
            "Bring later ones."
        )
    first, last = fold.test[seen].min(), fold.test[seen].max()
    nothing = np.empty(0, np.int64)
    kept = _from(panel, replace(fold, test=left), nothing, recipe.purge)
    return kept, (f"rows {first:,} to {last:,} were left out: {why}",)


def _seen(recipe: Recipe, panel: Panel, rows: np.ndarray, begins: bool) -> np.ndarray:
    """Whether the run may have been fitted on each of some rows, (R,) bool."""
    if begins and len(panel.starts) == 1:  # rows tell, where several trades happened at one moment
        return rows < recipe.rows_fitted
    assert recipe.fitted_until is not None
    return (panel.time[rows] <= recipe.fitted_until) & recipe.overlaps(panel)


def _from(panel: Panel, fold: Fold, validation: np.ndarray, purge: int) -> Fold:
    """The fold with a shorter validation part, and all rows before the scored ones as train part of the baselines."""
    scored = np.concatenate([validation, fold.test])
    series = panel.series[scored]
    firsts = panel.stops.copy()
    np.minimum.at(firsts, series, scored)

    def before(gap: int) -> np.ndarray:
        ends = np.maximum(firsts - gap, panel.starts)
        ranges = [np.arange(start, end) for start, end in zip(panel.starts, ends, strict=True)]
        return np.concatenate(ranges).astype(np.int64)

    return replace(fold, train=before(purge), validation=validation, train_part=before(0))


def _perhaps(recipe: Recipe) -> str:
    assert recipe.fitted_until is not None
    return f"the run was fitted on rows up to {utc(recipe.fitted_until)} UTC, perhaps on these"
