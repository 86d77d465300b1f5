"""Several folds judged as one, and how far that could have come out otherwise.

Axes: R rows.
"""

from collections.abc import Sequence

import numpy as np

from ...data.panel import Panel
from ...errors import ConfigError, did_you_mean
from ...evaluation import intervals
from ...experiment.scores import BaselineScores, RowMetrics, Scored, joint_settings
from .targets import Target

MOST_FOLDS = 100
WINDOWS = ("expanding", "rolling")

Ends = list[float | None]  # low and high


def pooled(target: Target, panel: Panel, scores: Sequence[Scored]) -> Scored:
    """The rows of all folds, the earliest first, as if they were one part; tests are on all of them.

    Every row is judged by the model and the baselines of its own fold. A metric is the mean over all rows; the AUC,
    which is no mean of rows, that of the folds' own, each weighing as many rows as it has.
    """
    if len(scores) == 1:
        return scores[0]
    names = list(scores[0].baselines)
    return target.scored(
        panel,
        np.concatenate([score.rows for score in scores]),
        _joined([score.columns for score in scores]),
        BaselineScores(
            {name: _joined([score.baselines[name] for score in scores]) for name in names},
            {name: _settings(name, scores) for name in scores[0].settings},
        ),
    )


def intervals_of(columns: RowMetrics, panel: Panel, rows: np.ndarray, horizon: int) -> dict[str, Ends]:
    """A 95 % interval for each metric that exists, from its rows (R,): see ``evaluation.intervals``.

    Rows of several series at one moment are drawn together.
    """
    time = panel.time[rows] if len(panel.starts) > 1 else None
    return {name: [low, high] for name, (low, high, _) in intervals(columns, horizon, time).items()}


def check_folds(folds: int, window: str) -> None:
    """Refuse what cannot be walked.

    Raises:
        ConfigError: folds or window are none that there are.
    """
    if not 1 <= folds <= MOST_FOLDS:
        raise ConfigError(f"folds must be 1 to {MOST_FOLDS}, got {folds:,}: each is a training of its own.")
    if window not in WINDOWS:
        raise ConfigError(
            f"window must be {' or '.join(WINDOWS)}, got {window!r}.{did_you_mean(window, WINDOWS)}"
        )


def _settings(name: str, scores: Sequence[Scored]) -> str:
    folds = [f"fold {place + 1}" for place in range(len(scores))]
    return joint_settings([score.settings.get(name, "") for score in scores], folds)


def _joined(parts: Sequence[RowMetrics]) -> RowMetrics:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
