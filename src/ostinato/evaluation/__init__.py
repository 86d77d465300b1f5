"""How good a forecast is, beside baselines on the same rows, and whether the difference is real.

    columns.py          one value per row, checked at the door
    metrics.py          log-loss, Brier score, AUC and accuracy of a probability of "up"
    baselines.py        what a network has to beat: the base rate and the table of tick signs
    diebold_mariano.py  the test of equal losses

Everything here takes and gives numpy arrays and knows no model.
"""

from .baselines import DIRECTION_BASELINES, BaseRate, DirectionBaseline, SignTable
from .diebold_mariano import DieboldMariano, diebold_mariano
from .metrics import accuracy, auc, brier, direction_metrics, log_loss, log_losses

__all__ = [
    "DIRECTION_BASELINES",
    "BaseRate",
    "DieboldMariano",
    "DirectionBaseline",
    "SignTable",
    "accuracy",
    "auc",
    "brier",
    "diebold_mariano",
    "direction_metrics",
    "log_loss",
    "log_losses",
]
