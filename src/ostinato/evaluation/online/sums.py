"""Compensated sums, and Wilson's interval of a share."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from ..columns import Floats


class Sum:
    """A sum of floats with the part that rounding lost kept beside it.

    Source:
        Neumaier 1974, Zeitschrift für Angewandte Mathematik und Mechanik 54, 39-51, algorithm 2.

    >>> s = Sum()
    >>> for x in (1.0, 1e100, 1.0, -1e100): s.add(x)
    >>> s.value
    2.0
    """

    __slots__ = ("lost", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self.lost = 0.0

    def add(self, x: float) -> None:
        """One term more."""
        total = self.total
        found = total + x
        self.lost += (total - found) + x if abs(total) >= abs(x) else (x - found) + total
        self.total = found

    def add_many(self, terms: Floats) -> None:
        """Several terms more, (N,)."""
        self.add(math.fsum(terms.tolist()))

    @property
    def value(self) -> float:
        """The sum."""
        return self.total + self.lost


def wilson(successes: ArrayLike, rows: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's interval for a share, (low, high); rows are at least 1 and taken as independent.

    It is for one look at a number of rows that was settled before; it gives no cover to who watches and waits.

    Source:
        Wilson 1927, Journal of the American Statistical Association 22, 209-212; statsmodels' `proportion_confint`,
        which `calibration.reliability` uses, gives the same and is not imported here.
    """
    n = np.asarray(rows, dtype=np.float64)
    share = np.asarray(successes, dtype=np.float64) / n
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
