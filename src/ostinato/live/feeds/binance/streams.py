"""Streams of trades and of bars: their keys, the parsing of frames, their REST requests."""

import math
import time
from typing import NamedTuple, Protocol

from ....store.schema import Origin
from ...events import Event
from .clock import ExchangeClock
from .messages import ROWS, AggTrade, Control, Kline, parse_frame
from .rest import RestClient

INTERVALS = {
    1: "1s",
    60: "1m",
    180: "3m",
    300: "5m",
    900: "15m",
    1800: "30m",
    3600: "1h",
    7200: "2h",
    14400: "4h",
    21600: "6h",
    28800: "8h",
    43200: "12h",
    86400: "1d",
    259200: "3d",
    604800: "1w",
}
AFTER_END = 2.0  # seconds by the exchange's clock until the last bar of an answer is believed to be whole


class RestPage(NamedTuple):
    """A REST response: events in order, and whether more follow."""

    events: list[Event]
    more: bool


class FrameContent(NamedTuple):
    """The content of a frame: an event, and the fact that all keys up to ``known`` exist."""

    event: Event | None
    known: int | None


class StreamKind(Protocol):
    """Trades or bars of one symbol."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of an event's values."""

    stream: str
    lasts: float  # seconds from an event's time until it can be known

    def read(self, frame: str | bytes, received: float) -> FrameContent | Control:
        """Parse a frame."""

    async def page(self, rest: RestClient, key: int) -> RestPage:
        """Events from a key on."""

    async def latest(self, rest: RestClient, count: int) -> int | None:
        """The key from which about ``count`` events follow; None if there are no events."""


class TradeStream:
    """Aggregate trades; the key is the id."""

    columns = ("price", "amount")

    def __init__(self, symbol: str, clock: ExchangeClock) -> None:
        self.symbol = symbol
        self.lasts = 0.0
        self.stream = f"{symbol.lower()}@aggTrade"
        self._clock = clock

    def _event(self, trade: AggTrade, received: float, origin: Origin) -> Event:
        shift = self._clock.shift
        happened = None if shift is None else trade.time - shift
        return Event(trade.id, trade.time, (trade.price, trade.amount), received, happened, origin)

    def read(self, frame: str | bytes, received: float) -> FrameContent | Control:
        """Parse a trade."""
        trade = parse_frame(frame, self.symbol)
        if isinstance(trade, AggTrade):
            return FrameContent(self._event(trade, received, Origin.STREAM), None)
        assert isinstance(trade, Control)  # bars are rejected, for none were asked for
        return trade

    async def page(self, rest: RestClient, key: int) -> RestPage:
        """Trades from an id on."""
        trades = await rest.agg_trades(self.symbol, from_id=key, limit=ROWS)
        received = time.time()
        events = [self._event(trade, received, Origin.FILL) for trade in trades]
        return RestPage(events, len(trades) == ROWS)

    async def latest(self, rest: RestClient, count: int) -> int | None:
        """The id of the trade ``count`` before the end."""
        trades = await rest.agg_trades(self.symbol, limit=1)
        return max(0, trades[-1].id - count + 1) if trades else None


class BarStream:
    """Closed bars; the key is the number of the interval since the Unix epoch."""

    columns = ("open", "high", "low", "close", "volume")

    def __init__(self, symbol: str, step: int, clock: ExchangeClock) -> None:
        self.symbol = symbol
        self.lasts = float(step)
        self.interval = INTERVALS[step]
        self.stream = f"{symbol.lower()}@kline_{self.interval}"
        self._clock = clock

    def _key(self, bar: Kline) -> int:
        return math.floor(bar.open_time / self.lasts + 1e-9)

    def _event(self, bar: Kline, received: float, origin: Origin) -> Event:
        shift = self._clock.shift
        happened = None if shift is None else bar.open_time + self.lasts - shift
        values = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        return Event(self._key(bar), bar.open_time, values, received, happened, origin)

    def read(self, frame: str | bytes, received: float) -> FrameContent | Control:
        """Parse a closed bar; a bar that is still forming shows only that those before it are closed."""
        bar = parse_frame(frame, self.symbol, self.interval)
        if isinstance(bar, Kline):
            event = self._event(bar, received, Origin.STREAM) if bar.closed else None
            return FrameContent(event, self._key(bar) - 1)
        assert isinstance(bar, Control)  # trades are rejected, for none were asked for
        return bar

    async def page(self, rest: RestClient, key: int) -> RestPage:
        """Bars from a number on. The last one is left out unless it is known to be closed: it could still change."""
        now = (
            await rest.server_time()
        )  # asked before, so that a bar that was over then is whole in the answer
        bars = await rest.klines(self.symbol, self.interval, start=key * self.lasts, limit=ROWS)
        more = len(bars) == ROWS
        if bars and bars[-1].close_time + AFTER_END >= now:
            bars.pop()
        received = time.time()
        return RestPage([self._event(bar, received, Origin.FILL) for bar in bars], more)

    async def latest(self, rest: RestClient, count: int) -> int | None:
        """The number of the bar ``count`` before the one that is forming."""
        bars = await rest.klines(self.symbol, self.interval, limit=1)
        return max(0, self._key(bars[-1]) - count) if bars else None
