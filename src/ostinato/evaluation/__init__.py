"""How good a forecast is, beside baselines on the same rows, and whether the difference is real.

    columns.py          one value per row, checked at the door
    metrics.py          log-loss, Brier score, AUC and accuracy of a probability of "up"
    value_metrics.py    pinball loss, CRPS, coverage and errors of quantiles
    baselines/          what a network has to beat
    diebold_mariano.py  the test of equal losses
    verdict.py          what a comparison says in words, corrected for how many were compared and tried

Everything here takes and gives numpy arrays and `data.levels.Levels`, and knows no model.
"""

from .baselines import (
    DIRECTION_BASELINES,
    VALUE_BASELINES,
    BaseRate,
    DirectionBaseline,
    SignTable,
    ValueBaseline,
    value_baselines,
)
from .diebold_mariano import DieboldMariano, diebold_mariano
from .metrics import accuracy, auc, brier, direction_metrics, log_loss, log_losses
from .value_metrics import Scale, by_horizon, by_row, pinball_losses, scale_of, value_metrics

__all__ = [
    "DIRECTION_BASELINES",
    "VALUE_BASELINES",
    "BaseRate",
    "DieboldMariano",
    "DirectionBaseline",
    "Scale",
    "SignTable",
    "ValueBaseline",
    "accuracy",
    "auc",
    "brier",
    "by_horizon",
    "by_row",
    "diebold_mariano",
    "direction_metrics",
    "log_loss",
    "log_losses",
    "pinball_losses",
    "scale_of",
    "value_baselines",
    "value_metrics",
]
