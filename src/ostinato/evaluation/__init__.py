"""Evaluation of forecasts: metrics, baselines on the same rows, and tests of the difference.

    columns.py           validation of columns: one value per row
    losses.py            every loss once, in bulk and for one row
    metrics.py           log-loss, Brier score, AUC and accuracy of a probability of "up"
    quantile_metrics.py  pinball loss, CRPS, coverage and errors of quantiles
    baselines/           what a network has to beat
    calibration.py       reliability of probabilities, coverage of quantiles
    diagnostics.py       what is left in the errors: autocorrelation, error by hour or by series
    bootstrap.py         block-bootstrap intervals of every metric; rows of one moment taken as one
    diebold_mariano.py   the test of equal losses
    mean_test.py         the cosine test of a mean difference, with its interval, where rows are ordered in time
    group_test.py        the same where they do not: sign flips over groups, McNemar's test
    verdict.py           which baseline is the best, whether a model is better, and the sentence: the one place for it
    online/              the same while it happens, in constant memory, with baselines that live beside a model

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
from .bootstrap import Interval, block_length, by_time, interval, intervals, mean_interval
from .calibration import Coverage, Reliability, coverage, expected_calibration_error, reliability
from .diagnostics import Autocorrelation, Groups, autocorrelation, error_by
from .diebold_mariano import DieboldMariano, diebold_mariano
from .group_test import group_test, mcnemar
from .mean_test import MeanTest, mean_test, most_degrees
from .metrics import accuracy, auc, brier, direction_metrics, direction_rows, log_loss, log_losses
from .online import (
    ConfidenceSequence,
    OnlineBaseline,
    OnlineDirection,
    OnlineValues,
    break_even_move,
    counts_of,
    online_baseline,
    parameters_of,
)
from .quantile_metrics import Scale, by_horizon, by_row, pinball_losses, scale_of, value_metrics
from .verdict import ModelScores, ModelVerdict, Outcome, best_baseline, holm, judge, scores_of

__all__ = [
    "DIRECTION_BASELINES",
    "VALUE_BASELINES",
    "Autocorrelation",
    "BaseRate",
    "ConfidenceSequence",
    "Coverage",
    "DieboldMariano",
    "DirectionBaseline",
    "Groups",
    "Interval",
    "MeanTest",
    "ModelScores",
    "ModelVerdict",
    "OnlineBaseline",
    "OnlineDirection",
    "OnlineValues",
    "Outcome",
    "Reliability",
    "Scale",
    "SignTable",
    "ValueBaseline",
    "accuracy",
    "auc",
    "autocorrelation",
    "best_baseline",
    "block_length",
    "break_even_move",
    "brier",
    "by_horizon",
    "by_row",
    "by_time",
    "counts_of",
    "coverage",
    "diebold_mariano",
    "direction_metrics",
    "direction_rows",
    "error_by",
    "expected_calibration_error",
    "group_test",
    "holm",
    "interval",
    "intervals",
    "judge",
    "log_loss",
    "log_losses",
    "mcnemar",
    "mean_interval",
    "mean_test",
    "most_degrees",
    "online_baseline",
    "parameters_of",
    "pinball_losses",
    "reliability",
    "scale_of",
    "scores_of",
    "value_baselines",
    "value_metrics",
]
