"""Whether one forecast loses less than another, on rows of any number of series."""

import numpy as np

from ....data.panel import Panel
from ....evaluation import by_time, diebold_mariano
from ....evaluation.diebold_mariano import FEWEST_ROWS, ROWS_PER_HORIZON
from ....runs.results import Skill


def skill_of(ours: np.ndarray, theirs: np.ndarray, panel: Panel, rows: np.ndarray, horizon: int) -> Skill:
    """Diebold–Mariano on losses (R,) of the same rows.

    Rows of several series at one time are one observation: what moves one moves the others. Too few rows for the
    horizon give no statistic.
    """
    if len(panel.starts) > 1:
        ours, theirs = by_time(ours, panel.time[rows]), by_time(theirs, panel.time[rows])
    if len(ours) < max(FEWEST_ROWS, ROWS_PER_HORIZON * horizon):
        return Skill(statistic=None, p_value=None)
    test = diebold_mariano(ours, theirs, horizon=horizon)
    return Skill(statistic=test.statistic, p_value=test.p_value)
