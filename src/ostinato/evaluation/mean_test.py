"""Is the mean of a series of numbers zero, and how well is it known? The equal-weighted cosine test.

The numbers are differences of losses, row by row: a mean below zero says that the first forecast loses less. Rows that
follow one another are alike, so n rows hold less than n rows' worth of information; the test estimates how much from
B low frequencies of the series, and B is its degrees of freedom. It replaces the Diebold-Mariano test with Bartlett
weights in every verdict, because that one rejects far too often where rows are few or alike.

Axes: n rows, in time order (of a panel: moments, see `bootstrap.by_time`).

Source:
    Lazarus, Lewis, Stock and Watson 2018, Journal of Business & Economic Statistics 36, 541-559, equations 5 to 9: the
    statistic (EWC), Student's t with B degrees, and B = 0.4 n^(2/3).
    Kendall 1954, Biometrika 41, 403-404: a first autocorrelation is estimated (1 + 4 rho) / n too low.
    The bound of B by the horizon and the autocorrelation, and the least B, are ours: `benchmarks/bench_judging.py`
    measures the sizes that they give.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ConfigError
from .columns import Floats, check_level, finite_numbers

FEWEST_DEGREES = 6  # below it the variance is a guess, and there is no p
MOST_CORRELATION = 0.98
ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of the largest value: a difference below it is no difference
UPPER = 1.64  # standard errors above the estimate: a one-sided 95 % bound
USUALLY = 2.05  # standard errors that 98 % of estimates stay below


class MeanTest(NamedTuple):
    """A mean, its two-sided p-value against zero, and its interval.

    Attributes:
        mean: of the values.
        degrees: B, the effective number of observations behind the variance; the test needs `FEWEST_DEGREES`.
        statistic, p_value: None where there are too few degrees or the values do not vary.
        low, high: ends of the interval; None likewise.
        rows: n.
    """

    mean: float
    degrees: int
    statistic: float | None
    p_value: float | None
    low: float | None
    high: float | None
    rows: int


def mean_test(
    values: ArrayLike, horizon: int = 1, *, ordered: bool = True, scale: float = 0.0, level: float = 0.95
) -> MeanTest:
    """Test that the expected value of a series is zero.

        L[j] = sqrt(2 / n) sum_t (d[t] - mean) cos(pi j (t - 1/2) / n),   j = 1..B
        variance = mean of L[j]^2,   statistic = mean / sqrt(variance / n)

    held against Student's t with B degrees of freedom on both sides.

    Args:
        values: d (n,), in time order.
        horizon: rows that a label looks ahead; neighbouring labels overlap by one row less.
        ordered: whether rows follow one another in time. If not, they are taken as uncorrelated.
        scale: size of the numbers that were subtracted; a spread that is rounding beside it counts as none.
        level: of the interval.

    Raises:
        DataError: values are not finite numbers, one per row.
        ConfigError: horizon is below 1, or level is not within 0 and 1.
    """
    check_level(level)
    series = finite_numbers("values", values)
    n, mean = len(series), float(np.mean(series))
    rounding = ROUNDING * max(scale, float(np.max(np.abs(series))))
    if float(np.ptp(series)) <= rounding:
        return MeanTest(mean, most_degrees(n, horizon), None, None, None, None, n)
    degrees = degrees_of(series, horizon, ordered=ordered)
    if degrees < FEWEST_DEGREES:
        return MeanTest(mean, degrees, None, None, None, None, n)
    from scipy.special import stdtr, stdtrit  # late: no command needs SciPy to start

    error = math.sqrt(float(np.mean(cosine_coefficients(series - mean, degrees) ** 2)) / n)
    if error <= rounding / math.sqrt(n):  # the variation lies in high frequencies alone: nothing is estimated
        return MeanTest(mean, degrees, None, None, None, None, n)
    statistic = mean / error
    half = float(stdtrit(degrees, (1 + level) / 2)) * error
    p_value = float(2 * stdtr(degrees, -abs(statistic)))
    return MeanTest(mean, degrees, statistic, p_value, mean - half, mean + half, n)


def cosine_coefficients(centred: Floats, count: int) -> Floats:
    """L[1..count] of a series (n,) without its mean, by one Fourier transform.

    The transform is the type-II cosine transform, from a complex one of the same length (Makhoul 1980, IEEE
    Transactions on Acoustics, Speech and Signal Processing 28, 27-34).
    """
    n = len(centred)
    folded = np.concatenate([centred[::2], centred[1::2][::-1]])
    j = np.arange(1, count + 1)
    turned = np.fft.fft(folded)[1 : count + 1] * np.exp(-0.5j * np.pi * j / n)
    return math.sqrt(2 / n) * np.real(turned)


def degrees_of(series: Floats, horizon: int, *, ordered: bool = True) -> int:
    """B for a series (n,): fewer degrees the longer labels overlap and the more neighbours are alike."""
    n = len(series)
    if not ordered:
        return most_degrees(n, 1)
    return min(most_degrees(n, horizon), math.floor(n / (2 * persistence(series))))


def most_degrees(rows: int, horizon: int = 1) -> int:
    """B if neighbours were not alike: what can be said before anything is trained.

    `FEWEST_DEGREES` takes 59 rows and twelve times the horizon.

    Raises:
        ConfigError: horizon is below 1.

    >>> most_degrees(58), most_degrees(59), most_degrees(2160, 336), most_degrees(5000)
    (5, 6, 3, 116)
    """
    if horizon < 1:
        raise ConfigError(f"horizon must be at least 1 row, got {horizon}.")
    # at least one coefficient less than rows
    return max(0, min(math.floor(0.4 * rows ** (2 / 3)), math.floor(rows / (2 * horizon)), rows - 1))


def persistence(series: Floats) -> float:
    """(1 + rho) / (1 - rho): how many rows are worth one independent row, from the first autocorrelation.

    Near the point where B falls below its least, the series that are judged at all would be those whose rho came out
    too low. Where more than one in fifty of such series would not be judged, rho is therefore taken at its upper bound.
    """
    n = len(series)
    centred = series - np.mean(series)
    power = float(centred @ centred)
    if n < 3 or power == 0:
        return 1.0
    estimate = float(centred[1:] @ centred[:-1]) / power
    rho = estimate + (1 + 4 * estimate) / n
    error = math.sqrt(max(0.0, 1 - rho * rho) / n)
    most = n / (2 * FEWEST_DEGREES)
    judged_below = (most - 1) / (most + 1)
    if rho + USUALLY * error > judged_below:
        rho += UPPER * error
    rho = min(max(rho, 0.0), MOST_CORRELATION)
    return (1 + rho) / (1 - rho)
