"""Klines, which are the exchange's OHLCV bars, built from the trades that are visible.

Bars of an interval are numbered, so that the next one is one more, whatever their length (months differ).
Axes: B bars, N trades.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .market import MICROS, Market

MINUTE, HOUR, DAY = 60, 3600, 86_400
INTERVALS = {
    "1s": 1,
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
    "1M": 0,  # a calendar month
}
MONDAY = 4 * DAY  # weeks begin on Mondays; the epoch was a Thursday
MOST_BLOCKS = 2000  # of bars that are looked through for those that a halt left


@dataclass(frozen=True, eq=False)
class Klines:
    """Bars, (B,) each: times in microseconds, prices, volumes, and the rows of the first and last trade.

    ``start`` and ``stop`` are the rows of the trades, start included, stop not; alike where nothing was traded.
    """

    number: np.ndarray
    opened: np.ndarray
    ended: np.ndarray  # when the next one opens
    start: np.ndarray
    stop: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    quote: np.ndarray
    bought: np.ndarray  # volume whose taker bought
    bought_quote: np.ndarray

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: Any) -> "Klines":
        """Some of the bars, by slice, mask or numbers of rows."""
        return Klines(*(getattr(self, field.name)[rows] for field in fields(self)))


def number_of(interval: str, micros: Any, zone: int = 0) -> Any:
    """The number of the bar that a time lies in. zone: seconds that the bars' clock is ahead of UTC."""
    local = np.asarray(micros, np.int64) + zone * MICROS
    if interval == "1M":
        return local.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    step = INTERVALS[interval]
    return (local - (MONDAY * MICROS if interval == "1w" else 0)) // (step * MICROS)


def opening(interval: str, number: Any, zone: int = 0) -> Any:
    """When the bar of a number opens, in microseconds."""
    number = np.asarray(number, np.int64)
    if interval == "1M":
        local = number.astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
    else:
        local = number * (INTERVALS[interval] * MICROS) + (MONDAY * MICROS if interval == "1w" else 0)
    return local - zone * MICROS


def klines(market: Market, known: int, interval: str, first: int, last: int, zone: int = 0) -> Klines:
    """The bars numbered ``first`` to ``last``, both included, made of the first ``known`` trades.

    A bar in which nothing was traded is flat at the close before it. There is none before the first trade, and none
    that is empty because the exchange was down.
    """
    number = np.arange(first, last + 1)
    edges = opening(interval, np.arange(first, last + 2), zone)
    bounds = np.searchsorted(market.micros[:known], edges, "left")
    exists = bounds[1:] > 0
    empty = bounds[1:] == bounds[:-1]
    for start, stop in market.halts:
        exists &= ~(empty & (edges[:-1] >= start * MICROS) & (edges[:-1] < stop * MICROS))
    number, opened, ended = number[exists], edges[:-1][exists], edges[1:][exists]
    start, stop = bounds[:-1][exists], bounds[1:][exists]
    return Klines(number, opened, ended, start, stop, *_values(market, start, stop))


def _values(market: Market, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, ...]:
    before = market.price[np.maximum(start - 1, 0)]
    open_, high, low, close = before.copy(), before.copy(), before.copy(), before.copy()
    sums = [np.zeros(len(start)) for _ in range(4)]
    full = np.flatnonzero(stop > start)
    if len(full):
        begin, end = start[full[0]], stop[full[-1]]
        at = start[full] - begin
        price, amount = market.price[begin:end], market.amount[begin:end]
        bought = np.where(market.sold[begin:end], 0.0, amount)
        open_[full], close[full] = price[at], market.price[stop[full] - 1]
        high[full], low[full] = np.maximum.reduceat(price, at), np.minimum.reduceat(price, at)
        for total, of in zip(sums, (amount, amount * price, bought, bought * price), strict=True):
            total[full] = np.add.reduceat(of, at)
    return open_, high, low, close, *sums


def find_klines(
    market: Market,
    known: int,
    now: float,
    interval: str,
    *,
    since: int | None,
    until: int | None,
    limit: int,
    zone: int = 0,
) -> Klines:
    """The requested bars: at most ``limit`` bars, those that opened from ``since`` to ``until``, in microseconds.

    Without ``since`` the latest ones. The bar that is forming at ``now`` is among them.
    """
    nothing = klines(market, 0, interval, 0, -1, zone)
    if not known:
        return nothing
    first = int(number_of(interval, market.micros[0], zone))
    last = int(number_of(interval, int(now * MICROS), zone))
    if since is not None:
        opens_later = since > opening(interval, number_of(interval, since, zone), zone)
        first = max(first, int(number_of(interval, since, zone)) + opens_later)
    if until is not None:
        last = min(last, int(number_of(interval, until, zone)))
    blocks, found = [], 0
    for low, high in _blocks(first, last, limit, forward=since is not None):
        block = klines(market, known, interval, low, high, zone)
        blocks.append(block)
        found += len(block)
        if found >= limit:
            break
    if not blocks:
        return nothing
    ordered = blocks if since is not None else blocks[::-1]
    joined = Klines(*(np.concatenate([getattr(b, f.name) for b in ordered]) for f in fields(Klines)))
    return joined.take(slice(None, limit) if since is not None else slice(-limit, None))


def _blocks(first: int, last: int, size: int, forward: bool) -> Iterator[tuple[int, int]]:
    for _ in range(MOST_BLOCKS):
        if first > last:
            return
        if forward:
            yield first, min(first + size - 1, last)
            first += size
        else:
            yield max(last - size + 1, first), last
            last -= size
