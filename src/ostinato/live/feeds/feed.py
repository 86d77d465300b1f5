"""The interface of a feed: an endless, ordered stream of events with declared gaps."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

from ..events import Item, Position, Since


@dataclass
class FeedHealth:
    """Health of a feed; only the feed writes it."""

    state: Literal["starting", "filling", "live", "waiting", "ended"] = "starting"
    last_received: float | None = None  # of data, never of a ping
    lag: float | None = None
    clock_offset: float | None = None
    clock_rate: float | None = None
    reconnects: int = 0
    filled_gaps: int = 0
    unfillable_gaps: int = 0
    filled_events: int = 0
    duplicates: int = 0
    rejected: int = 0
    left_out: dict[str, int] = field(default_factory=dict)  # both of these, by reason
    queue: int = 0
    problem: str = ""

    def reject(self, reason: str, count: int = 1) -> None:
        """Count rejected input; ``reason``: one of ``store.health.REJECTION_REASONS``."""
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count
        if reason == "duplicate":
            self.duplicates += count
        else:
            self.rejected += count


@dataclass(frozen=True)
class Timeouts:
    """Timeouts of a feed, in seconds of the exchange's clock; ``scaled`` for a faster replay."""

    connect: float = 10.0  # for a connection or an answer
    stale: float = 30.0  # without data, though pings continue: the connection is replaced
    backoff: float = (
        0.5  # before the first new attempt; doubled up to ``backoff_cap``, times a random 0.5 to 1
    )
    backoff_cap: float = 60.0
    clock: float = 300.0  # between looks at the exchange's clock
    hole: float = 2.0  # for a key that may only be out of order
    lagging: float = 10.0  # for REST to have what the stream already showed
    minute: float = 60.0  # over which the exchange counts what was asked
    renewal: float = 84_600.0  # a connection is replaced before the exchange ends it after 24 hours

    def scaled(self, speed: float) -> "Timeouts":
        """The same for a clock that runs ``speed`` times as fast."""
        return Timeouts(**{name: value / speed for name, value in vars(self).items()})


@dataclass
class Feed(ABC):
    """A source of events of one kind.

    ``batches`` yields ready items in order: keys ascend, none comes twice, a missing one is declared by a Gap. It ends
    where the source ends. It retries network errors without limit, and raises only errors that waiting cannot resolve.

    Attributes:
        name: as the user wrote it, without secrets.
        kind: what an event is.
        columns: names of an event's values.
        step: seconds from bar to bar or row to row; None for trades.
    """

    name: str
    kind: Literal["trades", "bars", "table"]
    columns: tuple[str, ...]
    step: float | None = None
    stale_after: float = 30.0  # seconds on our clock
    health: FeedHealth = field(default_factory=FeedHealth)

    @abstractmethod
    def batches(self, after: Position | None, since: Since) -> AsyncIterator[list[Item]]:
        """Lists of items after ``after``; if that is None, from ``since`` on.

        Raises:
            FeedRefusedError: the source refuses for good.
            FeedError: the source holds something else than it did when ``after`` was stored.
        """

    async def close(self) -> None:  # noqa: B027
        """Close connections and files; safe to call twice."""
