"""Fit the baselines that the live predictions of a run are scored beside; baselines.json holds them."""

import numpy as np

from ...data.folds import Fold
from ...data.panel import Panel
from ...evaluation import BaseRate, SignTable, scale_of, value_baselines
from ...evaluation.online import counts_of, parameters_of
from ...runs.baselines import LiveBaselines
from .targets import Direction, Target, Values

OF_DIRECTIONS = ("base_rate", "sign_table")  # these can also start without data
OF_VALUES = ("naive", "constant_quantiles", "ewma_quantiles")


def fit_live_baselines(target: Target, panel: Panel, fold: Fold) -> LiveBaselines:
    """Fit live baselines on the rows that the run may use; of several series, none."""
    rows = target.fitted(panel, fold)
    if isinstance(target, Direction):
        levels = target.levels(panel)
        kinds = {"base_rate": BaseRate, "sign_table": SignTable}
        counts = {name: [counts_of(kind().fit(levels, rows), levels, rows)] for name, kind in kinds.items()}
        return LiveBaselines(baselines=counts, units=[1.0])
    assert isinstance(target, Values)
    if len(panel.starts) > 1:
        return LiveBaselines()
    columns = target.levels(panel)
    kinds = value_baselines(columns[0])
    found = {
        name: [
            parameters_of(kinds[name]().fit(levels, rows), levels, target.quantile_levels)
            for levels in columns
        ]
        for name in OF_VALUES
        if name in kinds
    }
    units = [float(scale_of(levels, fold.scaled_by, rows[:1]).change[0]) for levels in columns]
    return LiveBaselines(
        baselines=found, units=[unit if np.isfinite(unit) and unit > 0 else 1.0 for unit in units]
    )
