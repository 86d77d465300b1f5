"""Merge stream and REST into one sequence: each key once, ascending, every gap declared.

Pure and synchronous: times are given, nothing is waited for. The highest key ever seen is what a jump is measured
from, so an old key that comes late is no jump. Memory is bounded: where the reader is too slow, or a gap stays open
too long, the newest events of the stream are dropped and asked for by REST later.
"""

import bisect
import itertools
from dataclasses import dataclass
from operator import attrgetter

from ....store.schema import Origin
from ...events import Event, Gap, Item
from ..feed import FeedHealth

HISTORY = "history"  # the reason why REST is asked before the stream has begun; not a gap of a stream
JUMP = 1_000_000  # keys that a stream skips within one connection; a larger jump is no market data
WITNESSES = 3  # keys after a larger jump that show that it was not one wrong key
_first = attrgetter("first")


@dataclass(slots=True)
class _OpenGap:
    """Keys first to last; of the first gap, those before the next key have been backfilled already."""

    first: int
    last: int
    reason: str
    opened: float
    filled: int = 0


class Sequencer:
    """Takes events in order of arrival and yields them in order of keys.

    All keys from ``next`` to ``top`` are either held or in a gap.

    Args:
        health: whose counts of duplicates, fills and gaps are kept.
        most: events that are kept, ready and held together.
        patience: seconds for which a key that was skipped may only be out of order.
        epoch: what to add to the times that are given, to have them since the Unix epoch.

    Attributes:
        next: the key to be released next; None before there was any.
        top: the highest key that is known to exist.
        ready: items to be released.
    """

    def __init__(
        self, health: FeedHealth, most: int = 20_000, gap_timeout: float = 2.0, epoch: float = 0.0
    ) -> None:
        self.health = health
        self.most = most
        self.gap_timeout = gap_timeout
        self.epoch = epoch
        self.next: int | None = None
        self.top = -1
        self.ready: list[Item] = []
        self._held: dict[int, Event] = {}
        self._holes: list[_OpenGap] = []
        self._broken = ""  # why the stream has not yet met what came before it
        self._open = False  # whether REST may know more than was seen
        # key of the first event if the first answer of REST may begin later; once one was released, that is a gap
        self._may_skip: int | None = None

    def begin(self, first: int, reason: str, anywhere: bool = False) -> None:
        """Start with a key: REST is requested from it on until it meets the stream.

        Args:
            reason: "restart", or "history": then REST provides history, not the filling of a gap.
            anywhere: to start with what REST has, should that be later.
        """
        self.next, self.top = first, first - 1
        self._broken, self._open = reason, True
        self._may_skip = first if anywhere else None

    def interrupted(self, reason: str) -> None:
        """The stream was interrupted and has restarted: what lies between is unknown."""
        if self.next is not None:
            self._broken = self._broken or reason
            self._open = True

    def size(self) -> int:
        """Number of buffered items."""
        return len(self.ready) + len(self._held)

    def take(self, most: int) -> list[Item]:
        """Remove and return up to ``most`` items that are ready."""
        items = self.ready[:most]
        del self.ready[:most]
        return items

    def due(self, now: float) -> float | None:
        """Seconds until REST should be requested from ``next`` on, 0 for now; None if nothing is missing."""
        if self._open or not self._holes:
            return 0.0 if self._open else None
        hole = self._holes[0]
        return max(0.0, hole.opened + self.gap_timeout - now) if hole.reason == "skipped" else 0.0

    def stream(self, event: Event, now: float) -> bool:
        """Take an event of the stream; return False if its key is impossibly far ahead."""
        key = event.key
        if key == self.next and not self._holes and len(self.ready) < self.most:
            self.ready.append(event)
            self.top, self.next = key, key + 1
            self._broken, self._open = "", False
            return True
        if self.next is None:
            self.next, self.top = key, key - 1
        if key < self.next or key in self._held:
            self.health.reject("duplicate")
        elif key <= self.top:
            if self.size() < self.most:
                self._found(event, now)
        elif not self.known(key - 1, now):
            return False
        elif self.size() < self.most:
            self.top = key
            self._broken, self._open = "", False
            self._held[key] = event
        else:
            self._miss(key, "overflow", now)
            self._broken, self._open = "", False
        self._advance(now)
        return True

    def known(self, key: int, now: float) -> bool:
        """The stream shows that all keys up to this one exist; return False if that is impossible."""
        if self.next is None:
            self.next, self.top = key + 1, key
        if key - self.top > JUMP and not self._broken:
            return False
        if key > self.top:
            self._miss(key, self._broken or "skipped", now)
            self._broken, self._open = "", False
        return True

    def answer(self, events: list[Event], now: float) -> None:
        """Take a REST response that begins at ``next``; the exchange does not have the keys that it leaves out.

        The events say Origin.FILL; those from before the stream become Origin.HISTORY. Behind a jump of more than
        ``JUMP`` keys within the answer nothing is believed: it is asked for again, then as the first.
        """
        events = self._until_jump(events)
        if not events or self.next is None:
            return
        may_skip, self._may_skip = self._may_skip == self.next, None
        if may_skip:
            self._skip_to(events[0].key)
        if self._broken and events[-1].key > self.top:
            self._miss(events[-1].key, self._broken, now)
        for event in events:
            self._unfillable(event.key - 1, "the exchange does not have it any more", now)
            if event.key > self.top:
                break  # the stream is about to bring it
            if event.key == self.next:
                self._fill(event, now)

    def _until_jump(self, events: list[Event]) -> list[Event]:
        for place, (one, other) in enumerate(itertools.pairwise(events), 1):
            if other.key - one.key > JUMP:
                self.health.reject("ahead", len(events) - place)
                return events[:place]
        return events

    def caught_up(self, now: float) -> None:
        """REST has no more for now."""
        self._open = False
        self._advance(now)

    def give_up(self, why: str, now: float) -> None:
        """Declare the next gap as unfillable.

        A gap of more than ``JUMP`` keys with hardly any key after it is not real: those keys were wrong.
        """
        if self._holes and not self._forget_wrong(self._holes[0], now):
            self._unfillable(self._holes[0].last, why, now)

    def _forget_wrong(self, hole: _OpenGap, now: float) -> bool:
        assert self.next is not None
        if hole.last - self.next < JUMP:
            return False
        behind = [key for key in self._held if key > hole.last]
        if len(behind) >= WITNESSES:
            return False
        for key in behind:
            del self._held[key]
        self.health.reject("ahead", len(behind))
        self._filled(hole, self.next - 1, now)
        self._holes.clear()
        self.top = self.next - 1
        return True

    def _miss(self, last: int, reason: str, now: float) -> None:
        """Mark the keys above ``top`` up to this one as missing."""
        if self._holes and self._holes[-1].last == self.top and self._holes[-1].reason == reason:
            self._holes[-1].last = last
        elif last > self.top:
            self._holes.append(_OpenGap(self.top + 1, last, reason, now))
        self.top = max(self.top, last)

    def _found(self, event: Event, now: float) -> None:
        """A missing key came by the stream after all: it was only late."""
        key = event.key
        place = bisect.bisect_right(self._holes, key, key=_first) - 1
        hole = self._holes[place]
        if key == self.next:
            self._filled(hole, key - 1, now)
            hole.first = key + 1
        elif key == hole.first:
            hole.first = key + 1
        elif key == hole.last:
            hole.last = key - 1
        else:
            self._holes.insert(place + 1, _OpenGap(key + 1, hole.last, hole.reason, hole.opened))
            hole.last = key - 1
        if hole.first > hole.last:
            del self._holes[place]
        self._held[key] = event

    def _fill(self, event: Event, now: float) -> None:
        """Take the next key, missing until now, from REST."""
        hole = self._holes[0]
        if hole.reason == HISTORY:
            self.ready.append(event._replace(origin=Origin.HISTORY))
        else:
            self.ready.append(event)
            hole.filled += 1
            self.health.filled_events += 1
        self.next = event.key + 1
        self._advance(now)

    def _unfillable(self, last: int, why: str, now: float) -> None:
        """Release all keys up to this one: buffered events, and a gap for the missing ones."""
        assert self.next is not None
        while self.next <= last and self._holes:
            hole = self._holes[0]
            end = min(hole.last, last)
            self._filled(hole, self.next - 1, now)
            self._declare(hole, self.next, end, "unfillable", why, now)
            self.health.unfillable_gaps += 1
            self.next = hole.first = end + 1
            self._advance(now)

    def _filled(self, hole: _OpenGap, last: int, now: float) -> None:
        """Declare the part of the first gap that was backfilled."""
        if hole.filled:
            self._declare(hole, hole.first, last, "filled", f"{hole.filled:,} by REST", now)
            self.health.filled_gaps += 1
            hole.filled = 0

    def _declare(self, hole: _OpenGap, first: int, last: int, outcome: str, why: str, now: float) -> None:
        reason = "skipped" if hole.reason == HISTORY else hole.reason
        times = (hole.opened + self.epoch, now + self.epoch)
        self.ready.append(Gap(first, last, reason, outcome, why, *times))

    def _skip_to(self, key: int) -> None:
        """Begin later; allowed only before anything was released."""
        assert self.next is not None
        if key <= self.next:
            return
        if self._holes and key <= self._holes[0].last:
            self._holes[0].first = key
        elif self._holes:
            return  # the stream already has earlier ones
        else:
            self.top = key - 1
        self.next = key

    def _advance(self, now: float) -> None:
        """Release what is next and close finished gaps."""
        assert self.next is not None
        while True:
            if self._holes and self.next > self._holes[0].last:
                hole = self._holes[0]
                if self._open and hole.reason == self._broken and hole.last == self.top:
                    return  # it may continue: REST has not returned everything
                del self._holes[0]
                self._filled(hole, hole.last, now)
            elif self.next in self._held:
                self.ready.append(self._held.pop(self.next))
                self.next += 1
            else:
                return
