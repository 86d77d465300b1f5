"""A file or a panel as a feed: its rows in order, at once or at a multiple of their original speed.

What a run reads from a file offline is what it reads here, row by row: the rows come from the same reading, and keys
are the row numbers of the panel.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from ...data.bars import COLUMNS
from ...data.panel import Panel
from ...errors import DataError, FeedError, did_you_mean, shortened
from ..events import Event, Gap, Item, Position, Since
from .feed import Feed

BATCH = 256  # events that are due at the same moment
SHOWN_IDS = 10
STALE_AFTER = 30.0


class FileFeed(Feed):
    """Rows of a panel in order.

    Keys are row numbers of the panel, from 0, as ``ostinato predict`` counts them; of one series among several, those
    rows. Steps that are missing in the source are gaps, and rows of the future at the end are left out. Where nothing
    else is asked for, the first event is the first row: nothing is before a file.

    Args:
        name: of the feed.
        panel: what is released.
        speed: seconds of the file for one of ours; ``inf`` releases as fast as events are taken.
        columns: names of an event's values; None: price and amount, OHLCV, or all of a table.
        id: which of several series.

    ``happened`` is when a row was due by the clock of the replay; None where there is no such clock, at ``inf``.

    Raises:
        FeedError: no series of that name, or several and none named.   DataError: there is no such column.
    """

    def __init__(
        self,
        name: str,
        panel: Panel,
        speed: float = math.inf,
        columns: tuple[str, ...] | None = None,
        id: str | None = None,
    ) -> None:
        if not speed > 0:
            raise FeedError(f"the speed of {name} must be above 0, or max, got {shortened(speed)}.")
        series = _series(panel, id)
        self.first, self.stop = int(panel.starts[series]), int(panel.ends[series])
        rows = np.arange(self.first, self.stop)
        self.rows = rows if panel.observed is None else rows[panel.observed[rows]]
        self.times = panel.time[self.rows]
        columns = columns or _columns(panel)
        self._values = [panel.column(column) for column in columns]
        longest = float(np.diff(self.times).max(initial=0.0)) / speed
        super().__init__(name, panel.kind, columns, panel.step, stale_after=STALE_AFTER + longest)
        self.panel, self.speed = panel, speed
        self.health.clock_rate = speed if math.isfinite(speed) else None

    async def batches(self, after: Position | None, since: Since) -> AsyncIterator[list[Item]]:
        """Up to 256 rows that are due; one by one at ``inf``, so that each is forecast before it is seen.

        Raises:
            FeedError: the file no longer holds the row that ``after`` speaks of, or not the row of ``since``.
        """
        row = self._begin(after, since)
        at, key = int(np.searchsorted(self.rows, row)), row - 1
        self.health.state = "live"
        clock = _Clock(self.speed, float(self.times[at]) if at < len(self.rows) else 0.0)
        while at < len(self.rows):
            await clock.wait(float(self.times[at]))
            most = 1 if math.isinf(self.speed) else BATCH
            stop = clock.due(self.times, at, min(at + most, len(self.rows)))
            items = self._items(at, stop, key, clock)
            at, key = stop, int(self.rows[stop - 1])
            yield items
        self.health.state = "ended"

    def _begin(self, after: Position | None, since: Since) -> int:
        """The first row to release."""
        times, source = self.panel.time, self.panel.report.source
        if after is None:
            if not isinstance(since.key, int):
                return self.first
            if not self.first <= since.key < self.stop:
                raise FeedError(f"{source} has rows {self.first} to {self.stop - 1}, and no row {since.key}.")
            return since.key
        if not self.first <= after.key < self.stop:
            raise FeedError(
                f"{source} has rows {self.first} to {self.stop - 1}, and the last row that was stored is {after.key}. "
                "Bring the file that the store was made from, or begin a new store."
            )
        if float(times[after.key]) != after.time:
            raise FeedError(
                f"row {after.key} of {source} has the time {float(times[after.key]):.6f}, and {after.time:.6f} was "
                "stored. Bring the file that the store was made from, or begin a new store."
            )
        return after.key + 1

    def _items(self, at: int, stop: int, key: int, clock: "_Clock") -> list[Item]:
        """Events after the key ``key``, and a Gap for rows that the source lacks."""
        now = time.time()
        keys, times = self.rows[at:stop].tolist(), self.times[at:stop].tolist()
        happened = clock.moments(times)
        columns = zip(*(array[self.rows[at:stop]].tolist() for array in self._values), strict=True)
        self.health.last_received = now
        self.health.lag = None if happened[-1] is None else max(0.0, now - happened[-1])
        items: list[Item] = []
        for row, moment, due, values in zip(keys, times, happened, columns, strict=True):
            if row > key + 1:
                why = "the source has no row there"
                items.append(Gap(key + 1, row - 1, "missing", "unfillable", why, now, now))
                self.health.unfillable_gaps += 1
            items.append(Event(row, moment, values, now, due))
            key = row
        return items


class _Clock:
    """Schedule of rows: ``speed`` times as fast as they happened, starting now."""

    def __init__(self, speed: float, origin: float) -> None:
        self.speed, self.origin = speed, origin
        self.began, self.wall = time.monotonic(), time.time()

    async def wait(self, moment: float) -> None:
        """Wait until a row of this time is due; at least one turn of the event loop."""
        await asyncio.sleep(max(0.0, self.began + (moment - self.origin) / self.speed - time.monotonic()))

    def due(self, times: np.ndarray, row: int, stop: int) -> int:
        """The row after the last one before ``stop`` that is due now."""
        if math.isinf(self.speed):
            return stop
        now = self.origin + (time.monotonic() - self.began) * self.speed
        return row + max(1, int(np.searchsorted(times[row:stop], now, side="right")))

    def moments(self, times: list[float]) -> list[float | None]:
        """Times on our clock at which rows of these times are due."""
        if math.isinf(self.speed):
            return [None] * len(times)
        return [self.wall + (moment - self.origin) / self.speed for moment in times]


def _columns(panel: Panel) -> tuple[str, ...]:
    usual = {"trades": ("price", "amount"), "bars": COLUMNS}
    return tuple(usual.get(panel.kind, panel.values))


def _series(panel: Panel, id: str | None) -> int:
    """The number of the series."""
    source = panel.report.source
    if id is None:
        if len(panel.ids) == 1:
            return 0
        shown = ", ".join(map(shortened, panel.ids[:SHOWN_IDS]))
        more = f" and {len(panel.ids) - SHOWN_IDS} more" if len(panel.ids) > SHOWN_IDS else ""
        raise FeedError(
            f"{source} holds several series, {shown}{more}. Name one of them, as in file:{source}?id={panel.ids[0]}."
        )
    if id not in panel.ids:
        raise FeedError(f"{source} has no series {shortened(id)}.{did_you_mean(id, panel.ids)}")
    return panel.ids.index(id)


def parse_speed(text: str) -> float:
    """Parse a speed: "max" or a factor.

    Raises:
        FeedError: it is neither.
    """
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise FeedError(f"speed must be max or a number above 0 like 60, got {shortened(text)}.")
    return speed


def panel_of_file(
    path: str, kind: str, columns: tuple[str, ...], bars: str, options: dict[str, Any]
) -> Panel:
    """Read a file as trades, bars or a table, without a recipe.

    Args:
        columns: the columns of a table.
        bars: a size, to build bars from trades or shorter bars; "" takes what there is.
        options: further arguments of ``read_panel``.

    Raises:
        DataError: the file cannot be used, or holds something else.
    """
    from ...data.reading import read_panel

    if kind == "table":
        first, *others = columns
        panel = read_panel(path, target=first, covariates=others, **options)
    else:
        panel = read_panel(path, bars=bars, **options)
    if panel.kind != kind:
        raise DataError(f"{path} holds {panel.kind}, and {kind} are asked for.")
    return panel
