"""Order the trades of any exchange, each once, with the gaps between them, with or without usable ids.

Some exchanges number the trades of a symbol one by one: there the key is the id, and a gap is visible at once.
Others do not: there trades are counted as they are released, and after every interruption the exchange's history must
reach back to the last trade; where it does not, nobody can tell what is missing, and one key stands for all of it.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from ...data.numbers import MOST
from ...errors import FeedError, shortened
from ...store.schema import Origin
from ..events import Event, Gap, Item, Position, Since
from .feed import FeedHealth
from .line_order import DAY, JUMP, utc

NUMBERED = 10  # trades in a row that show that ids follow one another
REMEMBERED = 20_000  # ids
NOT_YET = "the exchange's history does not come up to the stream, and its ids do not tell whether anything lies between"
CANNOT_TELL = "the exchange's ids do not tell how many are missing, and its history does not reach back"


class Trade(NamedTuple):
    """One trade from ccxt; time in seconds."""

    id: str
    time: float
    price: float
    amount: float


def trades_of(rows: Iterable[Any], health: FeedHealth) -> list[Trade]:
    """Valid trades among ccxt's rows, oldest first; the rest is counted as rejected.

    A time that is later than our clock by more than a day is none: what follows would be older.
    """
    found, latest = [], time.time() + DAY
    for row in rows:
        try:
            trade = Trade(str(row["id"]), row["timestamp"] / 1e3, float(row["price"]), float(row["amount"]))
        except (KeyError, TypeError, ValueError):
            health.reject("unreadable")
            continue
        if latest < trade.time < math.inf:
            health.reject("future")
            health.problem = (
                f"trade {shortened(trade.id)} is of {utc(trade.time)}, later than this machine's clock"
            )
            continue
        good = 0 < trade.price <= MOST and 0 <= trade.amount <= MOST and math.isfinite(trade.time)
        if good and row["id"] is not None and len(trade.id) <= 100:
            found.append(trade)
        else:
            health.reject("unreadable")
    return sorted(found, key=lambda trade: (trade.time, _number(trade.id)))


def _number(id: str) -> int:
    return int(id) if id.isascii() and id.isdigit() and len(id) < 19 else 0


def numbered(trades: list[Trade]) -> bool:
    """Return whether ids are consecutive."""
    ids = sorted(_number(trade.id) for trade in trades)
    return len(ids) >= NUMBERED and ids[0] > 0 and all(b - a == 1 for a, b in pairwise(ids))


class TradeOrder:
    """Position in the trades of one symbol.

    Args:
        health: counts what is dropped.
        recent: the latest trades of the exchange's history; they show whether ids follow one another.
        after: the last one that is stored.   since: where to begin if there is none.

    Raises:
        FeedError: what is stored is ahead of the exchange.
    """

    def __init__(self, health: FeedHealth, recent: list[Trade], after: Position | None, since: Since) -> None:
        self.health = health
        self.by_id = numbered(recent)
        self.seen: OrderedDict[str, None] = OrderedDict()
        self.last_id: str | None = None
        self.time = -math.inf if after is None else after.time
        self.first: list[Item] = []
        if after is None:
            self.key = self._before(recent, since)
            count = min(since.history, len(recent)) if since.key is None else 0
            self.first = self._events(recent[len(recent) - count :], Origin.HISTORY)
            if recent:  # what is older than the stream is not waited for
                self._remember(recent)
        else:
            self.key = after.key
            if self.by_id and _number(recent[-1].id) < after.key:
                raise FeedError(
                    f"trade {after.key} is stored, and the exchange has only {recent[-1].id}. "
                    "The store was made from another source; begin a new one."
                )

    def _before(self, recent: list[Trade], since: Since) -> int:
        """The key before the first event."""
        if not self.by_id:
            return since.key - 1 if isinstance(since.key, int) else -1
        count = min(since.history, len(recent)) if since.key is None else 0
        return _number(recent[-1].id) - count

    def doubts(self, batch: list[Trade]) -> bool:
        """Return whether the exchange's history is needed to know that nothing lies between."""
        fresh = [number for trade in batch if (number := _number(trade.id)) > self.key]
        return self.by_id and bool(fresh) and min(fresh) > self.key + 1

    def reached(self, batch: list[Trade], filling: list[Trade]) -> bool:
        """Return whether the history reaches the first trade of the stream."""
        fresh = [trade for trade in batch if trade.id not in self.seen]
        if not fresh:
            return True
        if self.by_id:
            newest = max((_number(trade.id) for trade in filling), default=self.key)
            return min(_number(trade.id) for trade in fresh) <= max(newest, self.key) + 1
        return bool(filling) and filling[-1].time >= fresh[0].time

    def take(
        self, batch: list[Trade], filling: list[Trade] | None = None, reason: str = "skipped"
    ) -> list[Item]:
        """Release trades of the stream.

        Args:
            filling: the exchange's history since ``time``, where something may be missing; None where nothing can be.
            reason: why that may be.

        Raises:
            FeedError: ids of the stream are not those of the history.
        """
        return (
            self._by_id(batch, filling or [], reason)
            if self.by_id
            else self._by_count(batch, filling, reason)
        )

    def _believed(self, batch: list[Trade], filling: list[Trade]) -> list[Trade]:
        """A batch without ids that are far ahead of the history; they would make later ones late."""
        known = max((_number(trade.id) for trade in filling), default=self.key)
        most = max(known, self.key) + JUMP
        good = [trade for trade in batch if _number(trade.id) <= most]
        if wrong := len(batch) - len(good):
            self.health.reject("ahead", wrong)
            self.health.problem = (
                f"ids far ahead of {max(known, self.key)}, which the exchange's history has not"
            )
        return good

    def _by_id(self, batch: list[Trade], filling: list[Trade], reason: str) -> list[Item]:
        batch = self._believed(batch, filling)
        newest = max((_number(trade.id) for trade in batch), default=self.key)
        behind = bool(batch) and newest <= self.key and batch[-1].time > self.time
        oldest = min((_number(trade.id) for trade in batch), default=0)
        ahead = (
            bool(batch and filling) and oldest > _number(filling[-1].id) and batch[0].time < filling[-1].time
        )
        if behind or ahead:
            raise FeedError(
                f"trades {oldest} to {newest} came after trade {self.key}: the exchange's stream and its history count "
                "differently, which ccxt does not tell. Choose another exchange."
            )
        live = {_number(trade.id) for trade in batch}
        known = {_number(trade.id): trade for trade in (*filling, *batch)}
        items: list[Item] = []
        for number in sorted(number for number in known if number > self.key):
            if number > self.key + 1:
                items.append(
                    self._gap(self.key + 1, number - 1, reason, "the exchange's history has them not")
                )
            items += self._events([known[number]], Origin.STREAM if number in live else Origin.FILL, number)
        released = sum(isinstance(item, Event) and item.origin == Origin.STREAM for item in items)
        self.health.reject("duplicate", len(batch) - released)
        return with_filled(items, reason, self.health)

    def _by_count(self, batch: list[Trade], filling: list[Trade] | None, reason: str) -> list[Item]:
        items: list[Item] = []
        if filling is not None:
            reached = self.last_id is not None and any(trade.id == self.last_id for trade in filling)
            if not reached and self.time > -math.inf:
                items.append(self._gap(self.key + 1, self.key + 1, reason, CANNOT_TELL))
                self.key += 1
            fresh = [trade for trade in filling if trade.id not in self.seen and trade.time >= self.time]
            if (
                self.last_id is None
            ):  # of the stored trade no id is known, so its moment is not asked for again
                fresh = [trade for trade in fresh if trade.time > self.time]
            live = {trade.id for trade in batch}
            if filling and batch and batch[0].time <= filling[-1].time and not live & {t.id for t in filling}:
                # the stream has ids of its own: by them nothing can be told to be there twice
                batch = [trade for trade in batch if trade.time > filling[-1].time]
            behind = not self.reached(batch, filling)
            for trade in fresh:
                items += self._events([trade], Origin.STREAM if trade.id in live else Origin.FILL)
            if behind and self.time > -math.inf:
                items.append(self._gap(self.key + 1, self.key + 1, reason, NOT_YET))
                self.key += 1
        new = [trade for trade in batch if trade.id not in self.seen]
        late = [trade for trade in new if trade.time < self.time]
        self.health.reject("duplicate", len(batch) - len(new))
        self.health.reject("late", len(late))
        items += self._events([trade for trade in new if trade.time >= self.time], Origin.STREAM)
        return with_filled(items, reason, self.health)

    def _events(self, trades: list[Trade], origin: Origin, key: int | None = None) -> list[Item]:
        now = time.time()
        items: list[Item] = []
        for trade in trades:
            self.key = self.key + 1 if key is None else key
            self.time = max(self.time, trade.time)
            items.append(Event(self.key, trade.time, (trade.price, trade.amount), now, None, origin))
        self._remember(trades)
        return items

    def _remember(self, trades: list[Trade]) -> None:
        for trade in trades:
            self.seen[trade.id] = None
            self.last_id, self.time = trade.id, max(self.time, trade.time)
        while len(self.seen) > REMEMBERED:
            self.seen.popitem(last=False)

    def _gap(self, first: int, last: int, reason: str, why: str) -> Gap:
        self.health.unfillable_gaps += 1
        return Gap(first, last, reason, "unfillable", why, time.time(), time.time())


def with_filled(items: list[Item], reason: str, health: FeedHealth) -> list[Item]:
    """The same items, with a Gap after each run of backfilled events."""
    told: list[Item] = []
    run: list[Event] = []
    for item in (*items, None):
        if isinstance(item, Event) and item.origin == Origin.FILL:
            run.append(item)
        elif run:
            now = time.time()
            told.append(
                Gap(run[0].key, run[-1].key, reason, "filled", "from the exchange's history", now, now)
            )
            health.filled_gaps += 1
            health.filled_events += len(run)
            run = []
        if item is not None:
            told.append(item)
    return told
