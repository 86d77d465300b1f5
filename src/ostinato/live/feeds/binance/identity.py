"""Check that an address still leads to the same exchange: another one may have taken its place."""

import asyncio
import math
import time
from collections.abc import Callable

from ....errors import FeedError
from ...events import Event, Position
from ..feed import Timeouts
from .rest import RestClient
from .streams import StreamKind

SAME_TIME = 0.0015  # seconds: either may be in milliseconds
SAME_VALUE = 1e-9  # of the value
ANOTHER = "the store is another exchange's: give another store, or the exchange it came from."


async def check_identity(
    name: str, kind: StreamKind, rest: RestClient, timeouts: Timeouts, after: Position
) -> None:
    """Check that the exchange still has the stored event, if it keeps data that old.

    Raises:
        FeedError: it has something else there, or has not come so far.
    """
    until = time.monotonic() + timeouts.lagging
    while not (events := (await kind.page(rest, after.key)).events):
        if time.monotonic() > until:
            raise FeedError(f"{name} has nothing at or after {after.key}, which is stored already; {ANOTHER}")
        await asyncio.sleep(timeouts.lagging / 20)
    found = events[0]
    if found.key == after.key and abs(found.time - after.time) > SAME_TIME:
        raise FeedError(
            f"{name} has another event {after.key} (of {found.time:.3f}, stored is {after.time:.3f}); {ANOTHER}"
        )


class IdentityCheck:
    """After a lost connection, compares the last event before it with REST; one request each time.

    Until that is answered nothing is released, though no longer than ``Timeouts.lagging``: where REST is away, the
    stream goes on.

    Args:
        name: of the feed, in messages.
        settled: called when what is ready may be released.
    """

    def __init__(self, name: str, kind: StreamKind, timeouts: Timeouts, settled: Callable[[], None]) -> None:
        self.name, self.kind, self.timeouts = name, kind, timeouts
        self._settled = settled
        self._event: Event | None = None  # which is to be found again
        self._shown: int | None = None  # the highest key that the stream showed since
        self._until = -math.inf
        self._asked = asyncio.Event()

    def connection_lost_after(self, event: Event | None) -> None:
        """Record that a connection was lost; ``event`` is the last before."""
        if event is None:
            return
        if self._event is None:  # else the one before the first loss is still to be found
            self._event, self._until = event, time.monotonic() + self.timeouts.lagging
        self._shown = None
        self._asked.set()

    def show(self, key: int) -> None:
        """Record that the stream has this key."""
        if self._event is not None and (self._shown is None or key > self._shown):
            self._shown = key

    def holds(self) -> bool:
        """Return whether ready items must be held back."""
        return self._event is not None and time.monotonic() < self._until

    async def run(self, rest: RestClient) -> None:
        """Run the check whenever one is due, until cancelled.

        Raises:
            FeedError: it is another exchange now.
        """
        while True:
            await self._asked.wait()
            self._asked.clear()
            if self._event is not None:
                await self._look(rest, self._event)
                self._event = None
                self._settled()

    async def _look(self, rest: RestClient, event: Event) -> None:
        while not (events := (await self.kind.page(rest, event.key)).events):
            late = time.monotonic() > self._until
            if late and self._shown is not None:
                if self._shown >= event.key:
                    return  # REST lags behind a stream that goes on where it was
                raise self._another(
                    f"has nothing at or after {event.key}, which was received, and counts from {self._shown} on"
                )
            await asyncio.sleep(self.timeouts.lagging / (1 if late else 20))
        found = events[0]
        if found.key == event.key and not _same(found, event):
            raise self._another(
                f"has another event {event.key} (of {found.time:.3f} at {found.values[0]:g}, received was one "
                f"of {event.time:.3f} at {event.values[0]:g})"
            )

    def _another(self, what: str) -> FeedError:
        self._until = math.inf  # nothing of the other one is released
        return FeedError(
            f"after a lost connection {self.name} {what}: another exchange is at this address now. "
            "Begin another store, or continue when the first one is back."
        )


def _same(one: Event, other: Event) -> bool:
    """Compare time and first value, a price or an opening: later values of a bar may be corrected."""
    return abs(one.time - other.time) <= SAME_TIME and math.isclose(
        one.values[0], other.values[0], rel_tol=SAME_VALUE
    )
