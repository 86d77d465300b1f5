"""A confidence sequence: an interval for a running mean that stays valid at every row.

An interval made for one look fails whoever looks again and again: of means that are truly 0 it excludes 0 at some time
almost surely. A confidence sequence contains the mean at all times at once with the stated chance.
"""

import math
from typing import NamedTuple

import numpy as np

from ...errors import ConfigError, DataError
from ..columns import Floats
from .sums import Sum

FEWEST_ROWS = 500  # below these a normal limit is no good; chosen by benchmarks/bench_online.py
ROWS_PER_HORIZON = 32
INTENDED_ROWS = 10_000
MOST_HORIZON = 1 << 20


class Bounds(NamedTuple):
    """Where the mean lies, at all times at once."""

    low: float
    high: float


class ConfidenceSequence:
    """A time-uniform interval for the mean of d[1], d[2], ..., such as differences of losses; constant memory.

        mean[n] ± s[n] sqrt(2 (n r + 1) / (n^2 r) log(sqrt(n r + 1) / alpha)),

    r chosen so that it is narrowest at `intended` rows: n r = x there, x - log(1 + x) = -2 log(alpha). A row is a row:
    the interval is about the mean so far of what was to be expected, which may change with time, not about tomorrow's.

    s^2 is the long-run variance, n times the variance of the mean, so that rows may depend on their neighbours. For
    each b = 1, 2, 4, 8 ... v[b], b times the variance of the means of b consecutive rows, is kept. s^2 is the largest
    of v[b] and 2 v[b] - v[b / 2], which takes off most of what short blocks miss, for b from the cube root of n
    (rounded down to a power of two) to its square root, and to twice the horizon where that is more. Taking the largest
    errs to the safe side: for independent rows s is about 5 % too wide at 20,000.

    Assumptions: moments beyond the second; dependence that dies away within blocks (a strong invariance principle with
    the long-run variance, as mixing sequences have); no few rows that outweigh all others. The chance is asymptotic: at
    most alpha as the first look is put off, so there is none before `first` rows. How far that holds was measured, see
    the record of benchmarks/bench_online.py: over 20,000 rows it is kept for independent rows, normal, skewed and
    heavy-tailed, for overlapping labels and for autoregressions up to 0.9, and lost beyond.

    Args:
        alpha: chance that it is ever wrong. Of several sequences each has its own.
        horizon: rows that a label looks ahead; labels of neighbours overlap by horizon - 1.
        intended: rows at which it is narrowest; ten times as many cost 7 % of width, a tenth of them 26 %.

    Raises:
        ConfigError: an argument is out of range.

    Source:
        Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, Time-uniform central limit theory and asymptotic
        confidence sequences, arXiv:2103.06476 (Annals of Statistics 52, 2024), theorem 2.2: the Gaussian mixture, and
        its general recipe: a strong approximation and a consistent variance. The boundary is Robbins 1970, Annals of
        Mathematical Statistics 41, 1397-1409. Blocks: Damerdji 1994, Mathematics of Operations Research 19, 494-512,
        for consistency; 2 v[b] - v[b / 2] is the lugsail of Vats and Flegal 2022, Biometrika 109, 735-750. Choosing b
        among powers of two and taking the largest is ours.
    """

    __slots__ = ("_blocks", "_longest", "_ratio", "_sum", "alpha", "count", "first", "horizon", "intended")

    def __init__(self, alpha: float = 0.05, horizon: int = 1, intended: int = INTENDED_ROWS) -> None:
        if not 0 < alpha < 1:
            raise ConfigError(f"alpha must be above 0 and below 1, got {alpha}.")
        if not 1 <= horizon <= MOST_HORIZON:
            raise ConfigError(f"horizon must be 1 to {MOST_HORIZON:,} rows, got {horizon}.")
        if intended < 1:
            raise ConfigError(f"intended must be at least 1 row, got {intended}.")
        self.alpha, self.horizon, self.intended = alpha, horizon, intended
        self.first = max(FEWEST_ROWS, ROWS_PER_HORIZON * horizon)
        self.count, self._sum = 0, Sum()
        self._ratio = best_ratio(alpha, intended)
        self._longest = _power_below(2 * horizon)
        self._blocks = [_Blocks()]  # of 1, 2, 4, ... rows

    def add(self, difference: float) -> None:
        """One row more.

        Raises:
            DataError: it is not finite.
        """
        if not math.isfinite(difference):
            raise DataError(f"a difference of losses must be a finite number, got {difference}.")
        self.count += 1
        self._sum.add(difference)
        mean = difference
        for blocks in self._blocks:
            blocks.count += 1
            off = mean - blocks.mean
            blocks.mean += off / blocks.count
            blocks.squares += off * (mean - blocks.mean)
            if blocks.count & 1:
                blocks.waiting = mean
                return
            mean = 0.5 * (blocks.waiting + mean)  # two blocks make one of the next length
        blocks = _Blocks()
        blocks.count, blocks.mean, blocks.waiting = 1, mean, mean
        self._blocks.append(blocks)

    def add_many(self, differences: Floats) -> None:
        """Rows in their order, (N,): as `add` of each, but for rounding.

        Raises:
            DataError: one is not finite; none is taken.
        """
        if not np.isfinite(differences).all():
            raise DataError("differences of losses must be finite numbers.")
        self.count += len(differences)
        self._sum.add_many(differences)
        means, place = differences, 0
        while len(means):
            if place == len(self._blocks):
                self._blocks.append(_Blocks())
            means = self._blocks[place].add_many(means)
            place += 1

    @property
    def mean(self) -> float | None:
        """The mean so far; None before the first row."""
        return self._sum.value / self.count if self.count else None

    @property
    def deviation(self) -> float | None:
        """s, the root of the long-run variance; None where it cannot be known yet."""
        shortest = _power_below(
            max(1, int(self.count ** (1 / 3) + 1e-9))
        )  # 512 ** (1 / 3) is a little below 8
        longest = max(_power_below(max(1, math.isqrt(self.count))), self._longest)
        largest = None
        for place, blocks in enumerate(self._blocks):
            if not shortest <= 1 << place <= longest or blocks.count < 2:
                continue
            found = blocks.variance * (1 << place)
            if place:
                found = max(found, 2 * found - self._blocks[place - 1].variance * (1 << (place - 1)))
            largest = found if largest is None else max(largest, found)
        return None if largest is None else math.sqrt(largest)

    def interval(self) -> Bounds:
        """Where the mean lies, by all rows so far; anywhere before `first` rows, or where all rows were equal."""
        deviation = self.deviation
        if self.count < self.first or not deviation:
            return Bounds(-math.inf, math.inf)
        half = deviation * boundary(self.count, self._ratio, self.alpha)
        mean = self._sum.value / self.count
        return Bounds(mean - half, mean + half)


class _Blocks:
    """Count, mean and sum of squares about it of the means of blocks of one length; the last without its neighbour."""

    __slots__ = ("count", "mean", "squares", "waiting")

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = self.waiting = 0.0

    def add_many(self, means: Floats) -> Floats:
        """Several (N,), N at least 1; returns means of two, which are blocks of the next length."""
        odd, before, more = self.count & 1, self.count, len(means)
        mean = float(means.mean())
        off = mean - self.mean
        self.count += more
        # Chan, Golub and LeVeque 1979, equation 2.1
        self.squares += float(((means - mean) ** 2).sum()) + off * off * before * more / self.count
        self.mean += off * more / self.count
        if odd:
            means = np.concatenate([[self.waiting], means])
        if self.count & 1:
            self.waiting = float(means[-1])
        pairs = len(means) // 2
        return 0.5 * (means[: 2 * pairs : 2] + means[1 : 2 * pairs : 2])

    @property
    def variance(self) -> float:
        return self.squares / (self.count - 1)


def boundary(n: int, ratio: float, alpha: float) -> float:
    """Half the width of the sequence after n rows, in deviations of one row."""
    x = n * ratio
    return math.sqrt(2 * (x + 1) / (n * x) * (0.5 * math.log1p(x) - math.log(alpha)))


def best_ratio(alpha: float, intended: int) -> float:
    """The ratio that makes `boundary` least at the intended row.

    >>> round(best_ratio(0.05, 1), 3)
    8.212
    """
    x = -2 * math.log(alpha)
    for _ in range(200):  # a contraction wherever x > 0
        x = math.log1p(x) - 2 * math.log(alpha)
    return x / intended


def _power_below(n: int) -> int:
    """The largest power of two that is at most n, which is at least 1."""
    return 1 << (int(n).bit_length() - 1)
