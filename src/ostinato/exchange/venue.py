"""The venue: the clock, market, limits, counts and connections that all parts of the exchange share.

Sessions, connections and the publisher get the venue, never the server, so that no two files import each other.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol

from ..servers import Connections
from .bars import Message
from .clock import VirtualClock
from .control import Stream
from .faults import Fault
from .limits import ExchangeLimits, Rate, ServedCounts, bounds_of
from .market import Market
from .messages import HttpRequest, Reply
from .plan import MarketPlan
from .rest import Rest
from .tape import Tape

CONNECTIONS_IN = 300.0  # virtual seconds over which new websockets are counted

Bars = dict[
    tuple[Stream, bool], list[Message]
]  # messages by kline stream, and whether times are microseconds


class Connected(Protocol):
    """An open TCP connection, as the venue counts it."""

    transport: asyncio.Transport


class Subscriber(Connected, Protocol):
    """An open websocket, as publisher and faults use it; implemented and documented by ``WebSocketSession``."""

    streams: list[Stream]
    deadline: float  # virtual; when the exchange closes it
    deadline_code: int
    muted_until: float  # virtual; it gets nothing before
    paused: bool  # the client reads too slowly
    deaf: bool  # its pongs do not count

    @property
    def open(self) -> bool: ...
    @property
    def micro(self) -> bool: ...
    def receives(self, since: float) -> bool: ...
    def deliver(self, start: int, stop: int, bars: Bars) -> None: ...
    def write(self, data: bytes) -> None: ...
    def send(self, text: str) -> None: ...
    def announce_shutdown(self, now: float) -> None: ...
    def pour(self, chunks: Iterator[bytes], seconds: float | None = None) -> None: ...
    def freeze(self) -> None: ...
    def close(self, code: int, reason: str = "") -> None: ...


class MarketPublisher(Protocol):
    """What sends market data to the subscribers; implemented by ``Publisher``."""

    def upto(self, moment: float) -> None: ...
    def wake(self) -> None: ...
    def stop(self) -> None: ...


class Venue:
    """The exchange without its network port.

    Attributes:
        publisher: set once, by whoever makes it.
        failure: what broke the exchange itself; ``ended`` is set then.
        vacated: set whenever a connection ends.
    """

    publisher: MarketPublisher

    def __init__(
        self, market: Market, clock: VirtualClock, faults: Sequence[Fault], limits: ExchangeLimits
    ) -> None:
        self.clock, self.limits = clock, limits
        self.plan = MarketPlan(market, clock.start, faults)
        self.tape = Tape(self.plan)
        self.served = ServedCounts()
        self.rest = Rest(self.plan, clock, limits, self.served)
        self.held = Connections(bounds_of(limits))
        self.sessions: set[Subscriber] = set()
        self.connections: set[Connected] = set()
        self.failure: BaseException | None = None
        self.ended, self.vacated = asyncio.Event(), asyncio.Event()
        self._opened = Rate(limits.connections, CONNECTIONS_IN)

    def answer(self, request: HttpRequest) -> Reply:
        """Reply to a request, after everything that the reply may contain was sent on the streams."""
        self.catch_up()
        return self.rest.answer(request)

    def catch_up(self) -> None:
        """Send what is due on the streams."""
        try:
            if not self.clock.paced:
                self.publisher.upto(self.clock.now())
        except Exception as error:
            self.fail(error)

    def subscribed(self) -> None:
        """A websocket has subscribed: the clock runs from now on."""
        self.clock.run()
        self.publisher.wake()

    def left(self, connection: Connected) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        self.vacated.set()
        if self.clock.paced:
            self.publisher.wake()

    def fail(self, error: BaseException) -> None:
        """Record an internal error and stop the exchange."""
        self.failure = self.failure or error
        self.ended.set()
        self.publisher.stop()

    def refuses_connection(self) -> bool:
        """Whether a new connection is cut at once."""
        return self.plan.active("refuse", self.clock.now()) is not None

    def refuses_websocket(self) -> bool:
        """Whether there were too many new websockets."""
        return self._opened.exceeded(self.clock.counted())

    def ping_delay(self) -> float:
        """Real seconds from ping to ping."""
        return max(self._real(self.limits.ping_every), self.limits.real_ping)

    def pong_delay(self) -> float:
        """Real seconds that a pong may take."""
        return max(self._real(self.limits.pong_within), self.limits.real_pong)

    def _real(self, seconds: float) -> float:
        return seconds if self.clock.paced else self.clock.real(seconds)
