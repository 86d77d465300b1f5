"""Metrics of the forecast probability of "up": log-loss, AUC, Brier score, accuracy.

Every function takes `p` (N,), the forecast probability that the next price is strictly higher, and
`up` (N,), whether it was: booleans, or the numbers 0 and 1. A flat price is not up. The order of the
rows does not matter. N is at least 1.

Raises, all of them:
    DataError: p or up is not one number per row, p is not within 0..1, or up is not 0 or 1.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from . import losses
from .columns import Floats, numbers

Bools = NDArray[np.bool_]


def log_losses(p: ArrayLike, up: ArrayLike) -> Floats:
    """-ln of the probability given to what happened, in nats, row by row (N,): `losses.log_losses`, checked."""
    return losses.log_losses(*checked_direction(p, up))


def log_loss(p: ArrayLike, up: ArrayLike) -> float:
    """The mean of `log_losses`, in nats. Lower is better."""
    return float(np.mean(log_losses(p, up)))


def brier(p: ArrayLike, up: ArrayLike) -> float:
    """The mean squared distance of p from 0 or 1. Lower is better, 0.25 is a coin's."""
    return float(np.mean(losses.brier_losses(*checked_direction(p, up))))


def auc(p: ArrayLike, up: ArrayLike) -> float:
    """The chance that a row that went up was given a higher p than a row that did not.

    Ties count one half. NaN if every row went up, or none did: then there is no such pair.

    Source:
        Mann and Whitney 1947, Annals of Mathematical Statistics 18, 50-60: U over the number of pairs.
    """
    from scipy.stats import rankdata  # late: it takes half as long to load as torch

    p, up = checked_direction(p, up)
    ups = int(np.sum(up))
    pairs = ups * (len(up) - ups)
    if pairs == 0:
        return float("nan")
    wins = np.sum(rankdata(p)[up]) - ups * (ups + 1) / 2
    return float(wins / pairs)


def accuracy(p: ArrayLike, up: ArrayLike) -> float:
    """The share of rows where "p is above one half" agrees with "the price went up".

    Worth little beside the base rate: where 32 % of rows go up, saying "never" scores 0.68.
    """
    return float(np.mean(losses.hits(*checked_direction(p, up))))


def direction_metrics(p: ArrayLike, up: ArrayLike) -> dict[str, float]:
    """All of them by name: log_loss, auc, brier, accuracy."""
    return {metric.__name__: metric(p, up) for metric in (log_loss, auc, brier, accuracy)}


def direction_rows(p: ArrayLike, up: ArrayLike) -> dict[str, Floats]:
    """What the metrics are means of, row by row, (N,) each, for tests and intervals: log_loss, auc, brier, accuracy.

    AUC is no mean of rows. Its rows are its influence function: their mean is the AUC, and up to terms that vanish
    with N a mean over other rows is the AUC of those. They are NaN where there is no AUC.

    Source:
        DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44, 837-845, equations 4 and 5: the components.
    """
    p, up = checked_direction(p, up)
    return {
        "log_loss": losses.log_losses(p, up),
        "auc": _auc_rows(p, up),
        "brier": losses.brier_losses(p, up),
        "accuracy": losses.hits(p, up).astype(np.float64),
    }


def _auc_rows(p: Floats, up: Bools) -> Floats:
    from scipy.stats import rankdata  # late: it takes half as long to load as torch

    ups = int(np.sum(up))
    flats = len(up) - ups
    if ups * flats == 0:
        return np.full(len(p), np.nan)
    rank, within = rankdata(p), np.empty(len(p))
    within[up], within[~up] = rankdata(p[up]), rankdata(p[~up])
    won = (rank - within) / np.where(up, flats, ups)  # share of the other kind that is below, ties half
    share = np.where(up, won, 1 - won)
    found = float(np.mean(share[up]))
    return found + (share - found) * np.where(up, len(p) / ups, len(p) / flats)


def checked_direction(p: ArrayLike, up: ArrayLike) -> tuple[Floats, Bools]:
    """p as float64 and up as booleans, (N,) each, refused where they are no forecast of a direction."""
    p, up = numbers("p", p), numbers("up", up)
    if p.shape != up.shape:
        raise DataError(f"p and up must have one value per row each, got {len(p)} and {len(up)} rows.")
    # written so that NaN fails too
    if not np.all((p >= 0) & (p <= 1)):
        wrong = int(np.argmin((p >= 0) & (p <= 1)))
        raise DataError(f"p must lie within 0 and 1, got {p[wrong]} in row {wrong}.")
    if not np.all((up == 0) | (up == 1)):
        wrong = int(np.argmin((up == 0) | (up == 1)))
        raise DataError(f"up must be True or False (or 1 and 0), got {up[wrong]} in row {wrong}.")
    return p, up.astype(bool)
