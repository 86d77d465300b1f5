"""Residual diagnostics: autocorrelation of errors, and mean loss by group.

Axes: n rows, in the order of time; L lags; G groups.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ConfigError, DataError
from ..quiet import first_import
from .columns import Floats, numbers


class Autocorrelation(NamedTuple):
    """Autocorrelations of residuals at lags 1 to L; (L,) each, or one number."""

    lags: NDArray[np.int64]
    values: Floats
    bound: float  # 95 % of the autocorrelations of white noise lie within plus and minus this
    p_values: Floats  # of Ljung and Box's test that those up to a lag are all 0


class Groups(NamedTuple):
    """Means by group; (G,) each, by ascending group."""

    groups: NDArray
    mean: Floats
    rows: NDArray[np.int64]  # how many
    standard_error: Floats  # as if rows were independent; NaN for one row


def autocorrelation(residuals: ArrayLike, lags: int = 40) -> Autocorrelation:
    """Autocorrelations of one series of residuals (n,), label less forecast; unknown ones (NaN) are left out.

    At horizon h neighbouring labels overlap: the first h - 1 autocorrelations are not 0 even for a perfect forecast.
    There are at most n / 2 lags. Residuals that are all equal have none: values are 0 and p-values 1.

    Raises:
        ConfigError: lags is below 1.   DataError: fewer than 4 residuals are known.

    Source:
        Ljung and Box 1978, Biometrika 65, 297-303; statsmodels' `acf` and `acorr_ljungbox`.
    """
    with first_import("statsmodels.tsa.stattools"):
        from statsmodels.stats.diagnostic import acorr_ljungbox
        from statsmodels.tsa.stattools import acf

    if lags < 1:
        raise ConfigError(f"lags must be at least 1, got {lags}.")
    known = numbers("residuals", residuals)
    known = known[np.isfinite(known)]
    if len(known) < 4:
        raise DataError(f"autocorrelation needs at least 4 residuals, got {len(known)}.")
    lags = min(lags, len(known) // 2)
    places, bound = np.arange(1, lags + 1), 1.959964 / len(known) ** 0.5
    if np.ptp(known) == 0:
        return Autocorrelation(places, np.zeros(lags), bound, np.ones(lags))
    values = acf(known, nlags=lags, fft=True)[1:]
    p_values = acorr_ljungbox(known, lags=lags)["lb_pvalue"].to_numpy()
    return Autocorrelation(places, np.asarray(values), bound, p_values)


def error_by(values: ArrayLike, groups: ArrayLike) -> Groups:
    """Means of losses (n,) by group (n,), such as the hour of the day or the name of a series; NaN are left out.

    Raises:
        DataError: the two are not on the same rows, or no value is known.

    >>> error_by([1.0, 2.0, 4.0], [9, 10, 10]).mean.tolist()
    [1.0, 3.0]
    """
    values, names = numbers("values", values), np.asarray(groups)
    if names.shape != values.shape:
        raise DataError(
            f"values and groups must be on the same rows, got {len(values)} and {names.shape} rows."
        )
    known = np.isfinite(values)
    if not np.any(known):
        raise DataError(f"none of the {len(values):,} values is known.")
    found, place = np.unique(names[known], return_inverse=True)
    count = np.bincount(place)
    mean = np.bincount(place, weights=values[known]) / count
    squares = np.bincount(place, weights=(values[known] - mean[place]) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(count > 1, np.sqrt(squares / (count - 1) / count), np.nan)
    return Groups(found, mean, count, error)
