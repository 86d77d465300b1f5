"""The exchange: REST and websockets on one port of this machine."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ..servers import Connections
from .clock import VirtualClock
from .connection import Connection
from .faults import Fault
from .limits import Limits, Rate, Served, bounds_of
from .listening import check_loopback, refused
from .market import Market
from .messages import Reply, Request
from .plan import Plan
from .publisher import Publisher
from .rest import Rest
from .session import Session
from .tape import Tape

CONNECTIONS_IN = 300.0  # virtual seconds over which new websockets are counted


class Exchange:
    """A server on loopback that speaks the public market data protocol of Binance spot.

    Args:
        market: what happens (``make_market``).
        clock: when; it begins to run when the server starts, or with ``wait`` when a websocket first subscribes to
            trades or bars. At speed "max" it always waits.
        faults: what goes wrong (``make_fault``, ``read_faults``, ``random_faults``).
        host: a loopback address.
        port: 0 takes a free one, which ``port`` then is.
        limits: of what clients may ask for.

    Use it as an asynchronous context manager; its end closes every connection.

    Attributes:
        served: counts of what was done.
        plan: the market under the faults.

    Raises:
        ConfigError: a fault begins at a trade that never comes.
        ListenError: the port is taken, or the host is not this machine.
    """

    def __init__(
        self,
        market: Market,
        clock: VirtualClock,
        faults: Sequence[Fault] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        wait: bool = False,
        limits: Limits | None = None,
    ) -> None:
        check_loopback(host)
        self.host, self.port = host, port
        self.clock = clock
        self.limits = limits or Limits()
        self.plan = Plan(market, clock.start, faults)
        self.tape = Tape(self.plan)
        self.served = Served()
        self.rest = Rest(self.plan, clock, self.limits, self.served)
        self.publisher = Publisher(self)
        self.sessions: set[Session] = set()
        self.connections: set[Connection] = set()
        self.held = Connections(bounds_of(self.limits))
        self._wait = wait or clock.paced
        self._opened = Rate(self.limits.connections, CONNECTIONS_IN)
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._failure: BaseException | None = None
        self._ended = asyncio.Event()

    @property
    def url(self) -> str:
        """Where REST is: http://127.0.0.1:PORT, without /api/v3."""
        return f"http://{self._address()}"

    @property
    def ws_url(self) -> str:
        """Where websockets are: ws://127.0.0.1:PORT, without /ws and /stream."""
        return f"ws://{self._address()}"

    def feed_address(self, symbol: str | None = None) -> str:
        """What `ostinato live --feed` takes to run on this exchange."""
        name = symbol or self.plan.market.symbol
        speed = self.clock.speed if self.clock.paced else f"{self.clock.speed:g}"
        return f"binance:{name}?rest={self.url}&ws={self.ws_url}&speed={speed}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Connection(self), self.host, self.port)
        except (OSError, OverflowError) as error:
            raise refused(self.host, self.port, error) from None
        self.port = self._server.sockets[0].getsockname()[1]
        if not self._wait:
            self.clock.run()
        self.publisher.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.publisher.stop()
        self.held.close()
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections):
            connection.transport.abort()
        while self.connections:
            self._empty.clear()
            await self._empty.wait()
        await self._server.wait_closed()
        if self._failure is not None and error is None:
            raise self._failure

    async def serve(self) -> None:
        """Wait for ever, or until the exchange itself fails.

        Raises:
            Exception: whatever made it fail.
        """
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure

    async def delivered(self) -> None:
        """Wait until every trade went out."""
        while not self.publisher.finished and self._failure is None:
            await asyncio.sleep(0.01)

    # what connections and websockets ask of it

    def answer(self, request: Request) -> Reply:
        """The reply to a request, after the streams were told everything that it may tell."""
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
        """A websocket wants data."""
        self.clock.run()
        self.publisher.wake()

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

    def left(self) -> None:
        """A connection has ended."""
        self._empty.set()
        if self.clock.paced:
            self.publisher.wake()

    def fail(self, error: BaseException) -> None:
        """Something here is broken: end, and say so."""
        self._failure = self._failure or error
        self._ended.set()
        self.publisher.stop()

    def _real(self, seconds: float) -> float:
        return seconds if self.clock.paced else self.clock.real(seconds)

    def _address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
