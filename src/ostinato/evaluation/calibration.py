"""Calibration of forecasts: tables of reliability and of coverage.

Axes: R rows, H horizons, Q levels, K bins.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ConfigError, DataError
from ..quiet import first_import
from .baselines.series import blocks
from .columns import Floats, quantile_levels
from .metrics import checked_direction


class Reliability(NamedTuple):
    """Rows with a like forecast, side by side with what happened; (K,) each, by ascending p."""

    p: Floats  # mean forecast
    up: Floats  # share that went up
    rows: NDArray[np.int64]  # how many
    low: Floats  # Wilson's interval for the share, 95 %
    high: Floats


class Coverage(NamedTuple):
    """How often the label was at most the quantile, for each level; (Q,) each, or one number."""

    nominal: Floats
    observed: Floats  # share of the known labels
    labels: int  # how many were known


def reliability(p: ArrayLike, up: ArrayLike, bins: int = 10) -> Reliability:
    """Rows sorted by p, in bins of about equally many; rows with the same p share a bin, so there may be fewer.

    Wilson's interval takes the rows as independent: where labels overlap it is too narrow.

    Args:
        p: forecast probability of up. (R,)
        up: whether it went up, booleans or 0 and 1. (R,)

    Raises:
        ConfigError: bins is below 1.   DataError: as the metrics of direction.

    Source:
        Wilson 1927, Journal of the American Statistical Association 22, 209-212; statsmodels'
        `proportion_confint`.
    """
    with first_import("statsmodels.stats.proportion"):
        from statsmodels.stats.proportion import proportion_confint

    from scipy.stats import rankdata  # late: it takes half as long to load as torch

    if bins < 1:
        raise ConfigError(f"bins must be at least 1, got {bins}.")
    p, up = checked_direction(p, up)
    place = ((rankdata(p) - 0.5) / len(p) * bins).astype(np.int64)  # equal p have one rank, in their middle
    count = np.bincount(place)
    kept = count > 0
    ups = np.bincount(place, weights=up, minlength=len(count))[kept]
    forecast = np.bincount(place, weights=p, minlength=len(count))[kept]
    count = count[kept]
    low, high = proportion_confint(ups, count, alpha=0.05, method="wilson")
    return Reliability(forecast / count, ups / count, count, np.asarray(low), np.asarray(high))


def expected_calibration_error(p: ArrayLike, up: ArrayLike, bins: int = 10) -> float:
    """The mean over rows of how far the share of ups in a bin of `reliability` is from its mean forecast.

    Bins hold equally many rows. It depends on their number, and is above 0 for a perfect forecast of few rows.

    Source:
        Naeini, Cooper and Hauskrecht 2015, AAAI, section "Calibration metrics"; Nixon et al. 2019, arXiv:1904.01685,
        section 3, for bins of equal count.
    """
    table = reliability(p, up, bins)
    return float(np.average(np.abs(table.up - table.p), weights=table.rows))


def coverage(quantiles: ArrayLike, at: ArrayLike, labels: ArrayLike) -> Coverage:
    """For each level, the share of labels that were not above the quantile, over all rows and horizons.

    Args:
        quantiles: (R, H, Q).   at: their levels, (Q,).   labels: (R, H), NaN where unknown: left out.

    Raises:
        DataError: shapes disagree, or no label is known.   ConfigError: at is not ascending within 0 and 1.
    """
    at, quantiles, labels = quantile_levels(at), np.asarray(quantiles), np.asarray(labels)
    if labels.ndim != 2 or quantiles.shape != (*labels.shape, len(at)):
        raise DataError(
            f"quantiles must be (rows, horizons, {len(at)} levels) for labels (rows, horizons), got "
            f"{quantiles.shape} for {labels.shape}."
        )
    count = int(np.sum(np.isfinite(labels)))
    if count == 0:
        raise DataError(f"none of the {len(labels):,} rows has a label, so there is nothing to judge.")
    below = np.zeros(len(at))
    for rows in blocks(len(labels), labels.shape[1] * len(at)):
        below += np.sum(labels[rows][:, :, None] <= quantiles[rows], axis=(0, 1))  # NaN is not below
    return Coverage(at, below / count, count)
