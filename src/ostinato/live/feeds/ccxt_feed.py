"""A feed from any exchange that ccxt supports and that has no feed of its own here.

ccxt hides what a feed must know: after a reconnect it fills nothing, its stream and its history may count trades
differently, its cache drops what is not taken in time, and its bars do not say whether they are closed. So the order of
trades is kept here, every interruption is looked into by REST, and bars are taken by REST alone once they are over.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any, Literal

from ...data.bars import COLUMNS
from ...data.numbers import MOST
from ...errors import ConfigError, FeedError, FeedRefusedError, did_you_mean, shortened
from ...store.schema import Origin
from ..events import Event, Gap, Item, Note, Position, Since
from .ccxt_order import Trade, TradeOrder, trades_of
from .feed import Feed, Timeouts
from .line_order import check_clock
from .redirects import redirect_words

CACHE = 10_000  # trades that ccxt keeps until they are taken
PAGE = 1000
MOST_PAGES = 1000
CLOSING = 1.0  # seconds for a websocket to say goodbye
SETTLED = 2.0  # seconds after the end of a bar before it is asked for
T = Any


class CcxtFeed(Feed):
    """Trades or closed bars of one symbol through ccxt.

    Args:
        exchange: as ccxt calls it, ``kraken``.
        symbol: as ccxt writes it, ``BTC/USD``.
        kind, step: trades, or bars of so many seconds.
        rest, ws: other addresses of an exchange that speaks Binance's protocol.
        patience: how long to wait.

    Raises:
        ConfigError: ccxt is not installed.   FeedError: it knows no such exchange, or no such bars of it.
    """

    def __init__(
        self,
        exchange: str,
        symbol: str,
        kind: Literal["trades", "bars"] = "trades",
        step: float | None = None,
        *,
        rest: str | None = None,
        ws: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.timeouts = timeouts or Timeouts()
        self._ccxt = _load()
        self.client: Any = self._open(exchange, rest, ws)
        columns = ("price", "amount") if kind == "trades" else COLUMNS
        stale = self.timeouts.stale + 2 * (step or 0.0)
        super().__init__(f"ccxt:{exchange}:{symbol}", kind, columns, step, stale)
        self.symbol = symbol
        self.frame = self._timeframe(exchange, step) if kind == "bars" else ""
        self._random = Random()  # noqa: S311 - not a secret
        self._watching: asyncio.Task[Any] | None = None
        self._sockets: list[Any] = []

    def _open(self, exchange: str, rest: str | None, ws: str | None) -> Any:
        known = self._ccxt.pro.exchanges
        if exchange not in known:
            raise FeedError(
                f"ccxt has no stream of an exchange {shortened(exchange)}.{did_you_mean(exchange, known, 0.6)} "
                f"It has {len(known)} of them, such as kraken, coinbase and bitstamp."
            )
        options: dict[str, Any] = {"options": {"tradesLimit": CACHE}, "enableRateLimit": True}
        if exchange in ("binance", "binanceus"):
            # the same ids in stream and history, and no word with the exchanges of futures
            options["options"] |= {
                "watchTrades": {"name": "aggTrade"},
                "watchTradesForSymbols": {"name": "aggTrade"},
                "fetchMarkets": {"types": ["spot"]},
            }
            urls: dict[str, Any] = {} if rest is None else {"public": f"{rest}/api/v3"}
            options["urls"] = {"api": urls | ({} if ws is None else {"ws": {"spot": f"{ws}/stream/ws"}})}
        elif rest or ws:
            raise ConfigError(f"rest and ws are for ccxt:binance; ccxt knows where {exchange} is.")
        return _without_redirects(getattr(self._ccxt.pro, exchange))(options)

    def _timeframe(self, exchange: str, step: float | None) -> str:
        frames = {self.client.parse_timeframe(name): name for name in self.client.timeframes or {}}
        if step not in frames:
            has = ", ".join(frames[seconds] for seconds in sorted(frames)) or "none"
            wanted = "by trades or volume" if step is None else f"of {step:g} seconds"
            raise FeedError(f"{exchange} has no bars {wanted}; it has {has}.")
        return str(frames[step])

    async def batches(self, after: Position | None, since: Since) -> AsyncIterator[list[Item]]:
        """Batches of items as soon as they are ready.

        Raises:
            FeedRefusedError: no such symbol, or the exchange refuses for good.
            FeedError: ids of the stream are not those of the history, or the store is another source's or ends in the
                future.
        """
        check_clock(after, "stored event")
        try:
            await self._check_symbol()
            stream = self._trades(after, since) if self.kind == "trades" else self._bars(after, since)
            try:
                async for items in stream:
                    yield items
            finally:
                await stream.aclose()
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._hang_up()
        await self.client.close()

    async def _check_symbol(self) -> None:
        markets = await self._patiently(self.client.load_markets)
        if self.symbol not in markets:
            near = did_you_mean(self.symbol, markets, cutoff=0.6)
            raise FeedRefusedError(f"{self.client.id} has no symbol {shortened(self.symbol)}.{near}")

    async def _patiently(self, call: Callable[..., Awaitable[T]], *arguments: Any, **more: Any) -> T:
        """Result of a call, retried as long as waiting can resolve its error."""
        failures = 0
        while True:
            try:
                answer = await asyncio.wait_for(call(*arguments, **more), 3 * self.timeouts.connect)
            except (self._ccxt.BaseError, TimeoutError, OSError) as error:
                failures += 1
                await self._back_off(error, failures)
            else:
                self.health.problem = ""
                return answer

    async def _back_off(self, error: Exception, failures: int) -> None:
        """Wait, or raise an error that waiting cannot resolve."""
        if isinstance(error, self._ccxt.ExchangeError) and not isinstance(
            error, self._ccxt.ExchangeNotAvailable
        ):
            raise FeedRefusedError(f"{self.client.id} refuses: {shortened(str(error))}.") from None
        self.health.state = "waiting"
        self.health.problem = _words(error)
        whole = min(self.timeouts.backoff_cap, self.timeouts.backoff * 2.0 ** min(failures - 1, 60))
        await asyncio.sleep(whole * self._random.uniform(0.5, 1.0))

    async def _history(self, since: float | None, until: float = math.inf) -> list[Trade]:
        """Trades of the exchange's history since a time in seconds (one page past ``until``), or its latest ones."""
        found: dict[str, Trade] = {}
        moment = since
        for _ in range(MOST_PAGES):
            asked = None if moment is None else math.floor(moment * 1e3)
            rows = await self._patiently(self.client.fetch_trades, self.symbol, asked, PAGE)
            page = trades_of(rows, self.health)
            new = [trade for trade in page if trade.id not in found]
            found |= {trade.id: trade for trade in new}
            if moment is None or not new or page[-1].time <= moment or page[-1].time > until:
                break
            moment = page[-1].time
        return sorted(found.values(), key=lambda trade: trade.time)

    async def _trades(self, after: Position | None, since: Since) -> Any:
        self.health.state = "filling"
        self._watching = self._watch()  # first, so that what happens meanwhile is kept
        order = TradeOrder(self.health, await self._history(None), after, since)
        if order.first:
            yield order.first
        doubt = "restart" if after is not None else "start"
        failures = 0
        while True:
            try:
                rows = await self._watched()
            except (self._ccxt.BaseError, OSError) as error:
                failures += 1
                doubt = "disconnect"
                self.health.reconnects += 1
                yield [Note("reconnect", _words(error))]
                await self._back_off(error, failures)
                continue
            failures = 0
            if self._reconnected() and not doubt:
                self.health.reconnects += 1
                doubt = "disconnect"
            batch = [] if rows is None else trades_of(rows, self.health)
            if rows is None:
                doubt = doubt or "silence"
            if len(batch) >= CACHE:
                doubt = "overflow"
            items = await self._linked(order, batch, doubt)
            doubt = ""
            if rows is None and items:  # the history had what the stream had not: the stream is dead
                doubt = "silence"
                self.health.reconnects += 1
                await self._hang_up()
            if items:
                yield items
            self.health.state = "live"

    async def _linked(self, order: TradeOrder, batch: list[Trade], doubt: str) -> list[Item]:
        """The items of a batch; history is requested for what may lie before it."""
        if not doubt and not order.doubts(batch):
            items = order.take(batch)
        else:
            begin = order.time if math.isfinite(order.time) else None
            latest = batch or await self._history(None)
            until = latest[-1].time if latest else math.inf  # of a fast market the end is never reached
            filling = await self._history(begin, until)
            stop = time.monotonic() + self.timeouts.lagging
            while not order.reached(batch, filling) and time.monotonic() < stop:  # REST is behind the stream
                await asyncio.sleep(self.timeouts.backoff)
                filling = await self._history(begin, until)
            items = order.take(batch, filling, doubt or "skipped")
        if batch:
            self.health.last_received = time.time()
            self.health.lag = max(0.0, time.time() - batch[-1].time)
        return items

    def _watch(self) -> asyncio.Task[Any]:
        return asyncio.create_task(self.client.watch_trades(self.symbol))

    async def _watched(self) -> Any:
        """Rows of the stream; None on timeout. The task keeps waiting: ccxt shares its futures."""
        if self._watching is None:
            self._watching = self._watch()
        done, _ = await asyncio.wait({self._watching}, timeout=self.timeouts.stale)
        if not done:
            return None
        task, self._watching = self._watching, None
        return task.result()

    async def _hang_up(self) -> None:
        """Close the websockets without waiting for the server's reply."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._watching
            self._watching = None
        for url, socket in list(self.client.clients.items()):
            with suppress(Exception):
                await asyncio.wait_for(socket.close(), CLOSING)
            self.client.clients.pop(url, None)
        self._sockets = []

    def _reconnected(self) -> bool:
        """Return whether ccxt reconnected since the last call; it does not report that when nobody waits."""
        connections = [one.connection for one in self.client.clients.values() if one.connection is not None]
        if not connections:
            return False
        before, self._sockets = self._sockets, connections
        return bool(before) and any(all(one is not old for old in before) for one in connections)

    async def _bars(self, after: Position | None, since: Since) -> Any:
        assert self.step is not None
        step, now = self.step, await self._now()
        key = after.key if after is not None else _begin(since, int((now - SETTLED) // step))
        origin = Origin.HISTORY if after is None else Origin.FILL
        while True:
            self.health.state = "filling" if origin != Origin.STREAM else "live"
            # before the bars: one that ends while they are fetched is not whole in them
            asked = await self._now()
            rows = await self._patiently(
                self.client.fetch_ohlcv, self.symbol, self.frame, round((key + 1) * step * 1e3), PAGE
            )
            now = await self._now()
            # over when its end has passed by the exchange's clock; the one that forms is left out
            closed = [row for row in rows if row[0] / 1e3 + step <= asked - min(SETTLED, step / 10)]
            if items := self._bar_items(closed, key, origin, now):
                key = max(item.key if isinstance(item, Event) else item.last for item in items)  # type: ignore[union-attr]
                yield items
                continue
            origin = Origin.STREAM
            end = (key + 2) * step + SETTLED
            await asyncio.sleep(min(max(end - now, self.timeouts.backoff), self.timeouts.stale))

    def _bar_items(self, rows: list[Any], key: int, origin: Origin, theirs: float) -> list[Item]:
        """Bars after ``key``, and a Gap for those that the exchange lacks; ``theirs`` is its clock.

        Late rows, after an outage, are marked as backfilled: no forecast from them could have been in time.
        """
        assert self.step is not None
        now = time.time()
        in_time = theirs - 2 * self.step - self.timeouts.stale  # of the opening
        items: list[Item] = []
        for row in sorted(rows):
            moment = row[0] / 1e3
            number = math.floor(moment / self.step + 1e-6)
            values = tuple(float(value) if value is not None else math.nan for value in row[1:6])
            if number <= key:
                continue
            if not (all(0 < value <= MOST for value in values[:4]) and 0 <= values[4] <= MOST):
                self.health.reject("unreadable")
                continue
            if number > key + 1:
                why = "the exchange has no bar there"
                items.append(Gap(key + 1, number - 1, "missing", "unfillable", why, now, now))
                self.health.unfillable_gaps += 1
            late = origin == Origin.STREAM and moment < in_time
            items.append(Event(number, moment, values, now, None, Origin.FILL if late else origin))
            key = number
        if items:
            self.health.last_received = now
        return items

    async def _now(self) -> float:
        """The exchange's clock, or ours if it is not available."""
        if not self.client.has.get("fetchTime"):
            return time.time()
        told = float(await self._patiently(self.client.fetch_time)) / 1e3
        self.health.clock_offset = told - time.time()
        return told


def _begin(since: Since, newest: int) -> int:
    """The key before the first bar."""
    return since.key - 1 if isinstance(since.key, int) else newest - 1 - since.history


def _words(error: Exception) -> str:
    """Text of a ccxt error; if it names only the request, the text of its cause."""
    return f"{type(error).__name__}: {shortened(str(error.__cause__ or error))}"


def _without_redirects(exchange: type) -> type:
    """A ccxt class whose session follows no redirect: aiohttp would, for requests and for websockets."""
    import aiohttp  # a dependency of ccxt

    async def refuse(session: Any, context: Any, told: Any) -> None:
        told.response.close()
        location = told.response.headers.get("Location")
        words = redirect_words(told.url.host or "the exchange", told.response.status, location)
        raise aiohttp.ClientConnectionError(words)

    class Client(exchange):
        def open(self) -> None:
            before = self.session
            super().open()
            if self.session is not before:
                trace = aiohttp.TraceConfig()
                trace.on_request_redirect.append(refuse)
                trace.freeze()
                self.session.trace_configs.append(trace)

    return Client


def _load() -> Any:
    try:
        import ccxt
        import ccxt.pro
    except ImportError:
        raise ConfigError(
            "other exchanges need the package ccxt: pip install 'ostinato[exchange]'."
        ) from None
    return ccxt
