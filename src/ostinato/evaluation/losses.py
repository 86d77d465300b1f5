"""Loss functions of forecasts, each defined once, in bulk and for one row.

Offline metrics are means of these over rows in bulk, live scores are the same row by row; a row is an array without the
axis of rows. Only the log-loss has a second form for one row: a live step makes one float, and an array of one number
would cost more than the step. The two differ by the last bits at most, where the logarithms of NumPy and of C do.

Nothing is checked here. What comes from outside is checked by ``metrics.py``, ``quantile_metrics.py`` and ``online``.

Axes: C columns, H horizons, Q levels of quantiles; ... any axes before.

Source:
    Brier: Brier 1950, Monthly Weather Review 78, 1-3; the form for two classes, half of his equation 2.
    Pinball: Koenker and Bassett 1978, Econometrica 46, 33-50.
"""

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .columns import Floats

SMALLEST_PROBABILITY = 1e-12  # one forecast of certainty that fails costs 27.6 nats, not infinity
LEAST_KNOWN = 0.5  # of the labels of a row that is scored

P = TypeVar("P", float, Floats)


def log_losses(p: Floats, up: NDArray[np.bool_]) -> Floats:
    """-ln of the probability given to what happened, in nats, (...).

    p is kept SMALLEST_PROBABILITY away from 0 and from 1.
    """
    p = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return -np.where(up, np.log(p), np.log1p(-p))


def log_loss_of_row(p: float, up: bool | float) -> float:
    """`log_losses` of one row."""
    p = min(max(p, SMALLEST_PROBABILITY), 1 - SMALLEST_PROBABILITY)
    return -math.log(p) if up else -math.log1p(-p)


def brier_losses(p: P, up: Any) -> P:
    """The squared distance of p from 1 (up) or 0, (...)."""
    return squared(p - up)


def hits(p: Floats | float, up: NDArray[np.bool_] | bool) -> NDArray[np.bool_]:
    """Whether "p is above one half" agrees with "the price went up", (...). One half itself says "not up"."""
    return np.equal(np.greater(p, 0.5), up)


def pinball(error: Floats, at: Floats) -> Floats:
    """The pinball loss of each level, (..., Q), of errors label - quantile (..., Q) at levels (Q,)."""
    return np.maximum(at * error, (at - 1) * error)


def squared(error: P) -> P:
    """The squared error, (...)."""
    return error**2


def mean_of_known(values: Floats, known: NDArray[np.bool_], axis: int = -1) -> Floats:
    """The mean over an axis of the values that are known, (...); NaN where none is."""
    count = np.sum(known, axis=axis)
    return np.sum(np.where(known, values, 0.0), axis=axis) / np.where(count > 0, count, np.nan)


def joint_loss(
    losses: Floats, known: NDArray[np.bool_], units: Floats, measure: str, axis: int = -1
) -> Floats:
    """One loss of several columns, which only compare in units of their changes: the mean over the columns on an axis.

    Args:
        losses: pinball losses or squared errors, columns on ``axis``.
        known: which of them to take, those with a label; NaN where there is none.
        units: of each column, in the unit of the data; squared errors are in its square.
        measure: "pinball" or "mse".
    """
    return mean_of_known(losses / (units**2 if measure == "mse" else units), known, axis)
