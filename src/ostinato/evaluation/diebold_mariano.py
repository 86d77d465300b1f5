"""The Diebold–Mariano test of equal expected losses of two forecasts.

Axes: n rows, in time order; h horizon; L lags.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ConfigError, DataError
from .columns import Floats, finite_numbers

FEWEST_ROWS = 8
ROWS_PER_HORIZON = 3  # below this the overlap leaves next to nothing to estimate a variance from


class DieboldMariano(NamedTuple):
    """What the test found. A negative statistic means that ours lost less than the baseline."""

    statistic: float
    p_value: float  # two-sided
    mean_difference: float  # mean of losses - baseline_losses, in the unit of the losses
    lags: int  # autocovariances that entered the variance


def diebold_mariano(
    losses: ArrayLike, baseline_losses: ArrayLike, horizon: int = 1, lags: int | None = None
) -> DieboldMariano:
    """Test that the expected losses of two forecasts are equal.

        d = losses - baseline_losses
        variance = c[0] + 2 sum_k (1 - k / (L + 1)) c[k],   c[k] autocovariance of d, k = 1..L
        statistic = mean(d) / sqrt(variance / n) * sqrt((n + 1 - 2 h + h (h - 1) / n) / n)

    and the statistic is held against Student's t with n - 1 degrees of freedom, on both sides.

    Equal losses, up to rounding, give statistic 0 and p-value 1; a difference that is the same in
    every row gives an infinite statistic and p-value 0. The test is for two forecasts whose
    parameters were fitted before the rows tested here. Losses of several series at one moment are one
    observation, not many: `bootstrap.by_time` takes their mean first.

    Args:
        losses: ours, one per row, in time order. (n,)
        baseline_losses: the baseline's, on the same rows. (n,)
        horizon: how many rows the label looks ahead, h; labels of neighbouring rows overlap by h - 1.
        lags: L. None chooses the larger of floor(4 (n / 100)^(2/9)) and 2 (h - 1).

    Raises:
        DataError: the two are not finite numbers on the same rows, or the rows are too few.
        ConfigError: horizon is below 1 or lags is not within 0..n-1.

    Source:
        Diebold and Mariano 1995, Journal of Business & Economic Statistics 13, 253-263, section 1.1.
        Harvey, Leybourne and Newbold 1997, International Journal of Forecasting 13, 281-291:
        the correction, equation 9, and Student's t.
        Newey and West 1987, Econometrica 55, 703-708, equation 5: the weights, under which the
        variance cannot be negative. The first two papers weigh L = h - 1 autocovariances equally.
        We take more, since losses on trades are correlated beyond the overlap; the rate and constant
        are the rule for these weights after Newey and West 1994, Review of Economic Studies 61,
        631-653. Twice the overlap, because the weights fall: with L = h - 1 they would miss a third
        of the variance that the overlap causes.
    """
    ours, baseline = _checked(losses, baseline_losses, horizon)
    n = len(ours)
    lags = _automatic_lags(n, horizon) if lags is None else lags
    if not 0 <= lags < n:
        raise ConfigError(f"lags must be 0 to {n - 1} for {n} rows, got {lags}.")
    difference = ours - baseline
    mean = float(np.mean(difference))
    # rounding is not skill, however regular it is
    dust = 8 * np.finfo(np.float64).eps * max(np.max(np.abs(ours)), np.max(np.abs(baseline)))
    if np.max(np.abs(difference)) <= dust:
        return DieboldMariano(0.0, 1.0, mean, lags)
    if np.ptp(difference) <= dust:
        return DieboldMariano(math.copysign(math.inf, mean), 0.0, mean, lags)
    from scipy.stats import t as student  # late: it takes half as long to load as torch

    correction = math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = mean / math.sqrt(long_run_variance(difference, lags) / n) * correction
    return DieboldMariano(statistic, float(2 * student.sf(abs(statistic), n - 1)), mean, lags)


def long_run_variance(series: Floats, lags: int) -> float:
    """n times the variance of the mean of an autocorrelated series (n,), with Bartlett's weights."""
    centred = series - np.mean(series)
    n = len(centred)
    total = float(centred @ centred)
    for k in range(1, lags + 1):
        total += 2 * (1 - k / (lags + 1)) * float(centred[k:] @ centred[: n - k])
    return total / n


def _automatic_lags(n: int, horizon: int) -> int:
    return max(math.floor(4 * (n / 100) ** (2 / 9)), 2 * (horizon - 1))


def _checked(losses: ArrayLike, baseline_losses: ArrayLike, horizon: int) -> tuple[Floats, Floats]:
    if horizon < 1:
        raise ConfigError(f"horizon must be at least 1 row, got {horizon}.")
    ours, baseline = finite_numbers("losses", losses), finite_numbers("baseline_losses", baseline_losses)
    if len(ours) != len(baseline):
        raise DataError(f"both losses must be on the same rows, got {len(ours)} and {len(baseline)} rows.")
    fewest = max(FEWEST_ROWS, ROWS_PER_HORIZON * horizon)
    if len(ours) < fewest:
        raise DataError(
            f"the Diebold-Mariano test needs at least {fewest} rows at horizon {horizon}, got {len(ours)}."
        )
    return ours, baseline
