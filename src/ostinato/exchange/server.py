"""The exchange server: REST and websockets on one loopback port."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from .clock import VirtualClock
from .connection import HttpConnection
from .faults import Fault
from .limits import ExchangeLimits
from .listening import check_loopback, refused
from .market import Market
from .publisher import Publisher
from .venue import Venue


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
        venue: what connections and websockets share.
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
        limits: ExchangeLimits | None = None,
    ) -> None:
        check_loopback(host)
        self.host, self.port = host, port
        self.venue = Venue(market, clock, faults, limits or ExchangeLimits())
        self.clock, self.plan, self.served = clock, self.venue.plan, self.venue.served
        self.publisher = self.venue.publisher = Publisher(self.venue)
        self._wait = wait or clock.paced
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Base address of REST: http://127.0.0.1:PORT, without /api/v3."""
        return f"http://{self._address()}"

    @property
    def ws_url(self) -> str:
        """Base address of websockets: ws://127.0.0.1:PORT, without /ws and /stream."""
        return f"ws://{self._address()}"

    def feed_address(self, symbol: str | None = None) -> str:
        """What `ostinato live --feed` takes to run on this exchange."""
        name = symbol or self.plan.market.symbol
        speed = self.clock.speed if self.clock.paced else f"{self.clock.speed:g}"
        return f"binance:{name}?rest={self.url}&ws={self.ws_url}&speed={speed}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: HttpConnection(self.venue), self.host, self.port)
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
        self.venue.held.close()
        assert self._server is not None
        self._server.close()
        for connection in list(self.venue.connections):
            connection.transport.abort()
        while self.venue.connections:
            self.venue.vacated.clear()
            await self.venue.vacated.wait()
        await self._server.wait_closed()
        if self.venue.failure is not None and error is None:
            raise self.venue.failure

    async def serve(self) -> None:
        """Serve until cancelled, or until the exchange itself fails.

        Raises:
            Exception: whatever made it fail.
        """
        await self.venue.ended.wait()
        if self.venue.failure is not None:
            raise self.venue.failure

    async def delivered(self) -> None:
        """Wait until every trade was sent."""
        while not self.publisher.finished and self.venue.failure is None:
            await asyncio.sleep(0.01)

    def _address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
