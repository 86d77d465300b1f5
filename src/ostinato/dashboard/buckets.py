"""Any number of events as a few hundred points, at every scale at once.

What is drawn are buckets of one width with ascending, unique times, never single events: many share a second. A bucket
may change until time has passed it by, and every change has a version, so that a page is sent only what is new to it
and can always be sent everything again.

Axes: N events, K quantities beside the price, B buckets.
"""

from typing import NamedTuple

import numpy as np

MOST = 600  # buckets of one range
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
RANGES = {
    "10m": 10 * MINUTE,
    "1h": HOUR,
    "6h": 6 * HOUR,
    "1d": DAY,
    "1w": 7 * DAY,
    "30d": 30 * DAY,
    "1y": 365 * DAY,
}
LATEST = 1e11  # seconds: no clock says more, and what does must not overflow
ENOUGH = 150  # filled buckets that make a range worth looking at


class BucketRows(NamedTuple):
    """Some buckets, by ascending time. (B,) and (B, K)"""

    time: np.ndarray  # where the bucket begins
    low: np.ndarray
    high: np.ndarray
    last: np.ndarray
    means: np.ndarray  # of the quantities; NaN where there was none


class BucketRange:
    """The latest buckets of one width: a ring, so that memory does not grow."""

    def __init__(self, width: float, quantities: int, most: int = MOST) -> None:
        self.width, self.most = width, most
        self.newest: int | None = None  # number of the newest bucket; a bucket begins at number * width
        self._number = np.full(most, -1, np.int64)
        self._version = np.zeros(most, np.int64)
        self._price = np.full((most, 3), np.nan)  # low, high, last
        self._sums = np.zeros((most, quantities))
        self._counts = np.zeros((most, quantities), np.int64)

    def add(self, times: np.ndarray, prices: np.ndarray, values: np.ndarray, version: int) -> None:
        """Events in the order of their keys: times (N,), prices (N,), values (N, K) with NaN for none.

        What is older than the ring is passed over.
        """
        numbers = np.floor(np.clip(times, -LATEST, LATEST) / self.width).astype(np.int64)
        self.newest = int(numbers.max()) if self.newest is None else max(self.newest, int(numbers.max()))
        kept = numbers > self.newest - self.most
        numbers, prices, values = numbers[kept], prices[kept], values[kept]
        if not len(numbers):
            return
        order = np.argsort(numbers, kind="stable")
        numbers, prices, values = numbers[order], prices[order], values[order]
        starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
        ends = np.append(starts[1:], len(numbers)) - 1
        found = numbers[starts]
        slots = found % self.most
        fresh = slots[self._number[slots] != found]
        self._price[fresh], self._sums[fresh], self._counts[fresh] = np.nan, 0.0, 0
        self._number[slots], self._version[slots] = found, version
        self._price[slots, 0] = np.fmin(self._price[slots, 0], np.fmin.reduceat(prices, starts))
        self._price[slots, 1] = np.fmax(self._price[slots, 1], np.fmax.reduceat(prices, starts))
        self._price[slots, 2] = prices[ends]
        known = ~np.isnan(values)
        self._sums[slots] += np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
        self._counts[slots] += np.add.reduceat(known.astype(np.int64), starts, axis=0)

    def rows(self, since: int = 0) -> BucketRows:
        """Buckets that changed after a version."""
        shown = (
            (self._version > since) & (self._number > (self.newest or 0) - self.most) & (self._version > 0)
        )
        slots = np.flatnonzero(shown)
        slots = slots[np.argsort(self._number[slots])]
        with np.errstate(invalid="ignore"):
            means = self._sums[slots] / np.where(self._counts[slots] > 0, self._counts[slots], np.nan)
        low, high, last = self._price[slots].T
        return BucketRows(self._number[slots] * self.width, low, high, last, means)

    def filled(self) -> int:
        """How many buckets there are."""
        return int(np.count_nonzero(self._shown(0)))

    def _shown(self, since: int) -> np.ndarray:
        return (self._version > since) & (self._number > (self.newest or 0) - self.most)


class BucketRanges:
    """The same events at every scale.

    Args:
        quantities: how many are averaged beside the price.
        step: seconds from bar to bar or row to row, None for trades. No bucket is narrower.
    """

    def __init__(self, quantities: int, step: float | None = None) -> None:
        self.by_name: dict[str, BucketRange] = {}
        self.first: float | None = None
        least = step or RANGES["10m"] / MOST
        widths: set[float] = set()
        for name, length in RANGES.items():
            width = least * max(1, round(length / MOST / least))
            if width not in widths:
                widths.add(width)
                self.by_name[name] = BucketRange(width, quantities)

    def add(self, times: np.ndarray, prices: np.ndarray, values: np.ndarray, version: int) -> None:
        """Events in the order of their keys; see `BucketRange.add`."""
        if len(times):
            self.first = float(times.min()) if self.first is None else min(self.first, float(times.min()))
            for one in self.by_name.values():
                one.add(times, prices, values, version)

    def best(self) -> str:
        """The name of the narrowest range that shows enough, or else everything."""
        fit = (name for name, one in self.by_name.items() if one.filled() >= ENOUGH or self._holds_all(one))
        return next(fit, list(self.by_name)[-1])

    def _holds_all(self, one: BucketRange) -> bool:
        return (
            self.first is None or one.newest is None or self.first >= (one.newest - one.most + 1) * one.width
        )
