"""The feed of an exchange: its stream joined to its history, in order, with every gap declared.

Tasks run beside each other: the stream is kept going and taken in as it comes; REST is asked for what is missing; the
exchange's clock is looked at. Between them lies ``Sequencer``, which knows what is missing and what is ready.
"""

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from statistics import median

from ....errors import FeedError
from ...events import Event, Item, Note, Position, Since
from ..address import BinanceAddress
from ..feed import Feed, Timeouts
from ..line_order import utc
from .clock import ExchangeClock
from .connector import Connector
from .identity import IdentityCheck, check_identity
from .messages import Control, RejectedError
from .notes import Notes
from .rest import RestClient
from .sequencer import HISTORY, Sequencer
from .streams import BarStream, FrameContent, StreamKind, TradeStream

BATCH = 1000  # items that are released at once
ROOM = 5  # while more than this part (one fifth) of what may be kept is ready, no more history is asked for
PULSE = 0.25  # seconds between looks at the health
SKEW = 1.0  # seconds by which clocks may differ without a word
SHUFFLED = 1.0  # seconds by which a trade of a lower id may be later, as an exchange may give them
PLANNED = ("renewal", "shutdown")  # notes, but no problems
OF_STREAM = ("connect", "reconnect", "silence", "error")  # over with the next data
FIRST_LOOKS = (0.001, 0.002, 0.004, 0.01, 0.05)  # of Patience.clock, between the first looks at the clock


class BinanceFeed(Feed):
    """Events of one symbol; see ``Feed``. One ``batches`` runs at a time.

    Args:
        most: events that are kept in memory at most.
    """

    def __init__(
        self,
        address: BinanceAddress,
        kind: StreamKind,
        clock: ExchangeClock,
        timeouts: Timeouts,
        most: int = 20_000,
    ) -> None:
        super().__init__(
            f"binance:{address.symbol}",
            "bars" if kind.lasts else "trades",
            kind.columns,
            kind.lasts or None,
            timeouts.stale,
        )
        self._address = address
        self._kind = kind
        self._timeouts = timeouts
        self._order = Sequencer(self.health, most, timeouts.hole, time.time() - time.monotonic())
        self._last: Event | None = None  # that was released
        self._newest = -math.inf  # time of what the stream brought
        self._identity = IdentityCheck(self.name, kind, timeouts, self._ready_now)
        self._notes = Notes(self._note, timeouts.minute)
        self._clock = clock
        self._lags: deque[float] = deque(maxlen=200)
        self._ready, self._missing, self._silent = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._trading, self._halted = True, ""
        self._skewed = False
        self._aware = False  # whether what is missing is being asked for, or waited for
        self._crowded = False  # whether it is not asked for because so much waits to be read
        self._keeper: Connector | None = None
        self._rest: RestClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._trouble_of, self._trouble_at = "", 0.0  # kind and time of the problem that health tells

    async def batches(self, after: Position | None, since: Since) -> AsyncIterator[list[Item]]:
        """Lists of at most 1,000 items; see ``Feed.batches``."""
        if self._task is not None:
            raise FeedError(f"the feed {self.name} is running already; open another one.")
        self._task = asyncio.create_task(self._run(after, since))
        self._task.add_done_callback(lambda _: self._ready.set())
        try:
            while True:
                self._refresh()
                if not self._identity.holds() and (items := self._order.take(BATCH)):
                    self._last = _last_event(items) or self._last
                    yield items
                    if self._order.size() <= self._order.most // 4:
                        self._room.set()
                    if self._order.ready:
                        await asyncio.sleep(
                            0
                        )  # whoever is always busy must not keep the stream from being read
                    if self._crowded:
                        self._missing.set()
                elif self._task.done():
                    self._raise(self._task)
                    return
                else:
                    self._ready.clear()
                    await self._ready.wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Close connections; items that were not released are discarded."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()  # seen, though nobody asks for it any more

    @staticmethod
    def _raise(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            raise error

    async def _run(self, after: Position | None, since: Since) -> None:
        async with RestClient(self._address.rest, self._timeouts, on_note=self._trouble) as rest:
            self._rest = rest
            await self._look_at_symbol(rest)
            await self._begin(rest, after, since)
            self._keeper = Connector(
                f"{self._address.ws}/ws/{self._kind.stream}",
                self._timeouts,
                self._take,
                self._room,
                opened=self._opened,
                silent=self._silent.set,
                on_note=self._trouble,
                health=self.health,
            )
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pulse())
                tasks.create_task(self._keeper.run())
                tasks.create_task(self._fill(rest))
                tasks.create_task(self._identity.run(rest))
                tasks.create_task(self._watch_clock(rest))
                tasks.create_task(self._watch_symbol(rest))

    async def _begin(self, rest: RestClient, after: Position | None, since: Since) -> None:
        """Determine the first key of the sequence."""
        if after is not None:
            await check_identity(self.name, self._kind, rest, self._timeouts, after)
            self._order.begin(after.key + 1, "restart")
        elif since.key == "first":
            self._order.begin(0, HISTORY, anywhere=True)
        elif isinstance(since.key, int):
            self._order.begin(since.key, HISTORY)
        elif since.key is not None:
            raise FeedError(f"the feed {self.name} can begin with a number or 'first', not {since.key!r}.")
        elif since.history > 0 and (first := await self._kind.latest(rest, since.history)) is not None:
            self._order.begin(first, HISTORY, anywhere=True)

    def _take(self, frame: str | bytes, received: float) -> str | None:
        """Take one frame of the stream; see ``StreamConnection.open``."""
        try:
            seen = self._kind.read(frame, received)
        except RejectedError as error:
            self._reject(str(error))
            return None
        if isinstance(seen, Control):
            if seen.kind == "error":
                self._trouble("error", f"the exchange says {seen.text}")
            return "shutdown" if seen.kind == "shutdown" else None
        event, known = seen
        if wrong := self._wrong(seen, received):
            self._reject(*wrong)
            return None
        self._identity.show(event.key if event is not None else known or 0)
        order, now = self._order, time.monotonic()
        if (known is not None and not order.known(known, now)) or (
            event is not None and not order.stream(event, now)
        ):
            self._reject(f"a jump to {known if event is None else event.key} from {order.top}", "ahead")
            return None
        if event is not None:
            self._newest = max(self._newest, event.time)
        if event is not None and event.happened is not None:
            self._lags.append(received - event.happened)
        self.health.last_received = received
        if self._trouble_of in OF_STREAM:
            self._relieved()
        self._ready.set()
        if order.size() > order.most // 2:
            self._room.clear()
        if not self._aware and order.due(now) is not None:
            self._missing.set()
        if not self._trading:
            self._silent.set()  # it may be traded again
        return "data"

    def _wrong(self, seen: FrameContent, received: float) -> tuple[str, str] | None:
        """Why a time or a key of the stream is impossible, and the reason under which it is counted."""
        event, known = seen
        moment = (1 + (known or 0)) * self._kind.lasts if event is None else event.time
        latest = self._clock.latest(received)
        if moment > latest:
            return _future(moment, latest), "future"
        last = self._order.next
        if event is not None and last is not None and event.key < last and moment > self._newest + SHUFFLED:
            return (
                f"{event.key} came after {last - 1}, though its time, {utc(moment)}, is later: the ids began again. "
                "Begin another store for them",
                "renumbered",
            )
        return None

    async def _fill(self, rest: RestClient) -> None:
        """Request whatever is missing from REST, as long as the feed runs."""
        order = self._order
        stuck = 0.0  # since when it has not had what the stream showed
        while True:
            self._missing.clear()
            due = order.due(time.monotonic())
            self._aware = due is not None
            self._crowded = len(order.ready) > order.most // ROOM
            if due is None or due > 0.0 or self._crowded:
                stuck = 0.0
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._missing.wait(), due or None)
                continue
            asked = order.next
            assert asked is not None
            page = await self._kind.page(rest, asked)
            now = time.monotonic()
            latest = self._clock.latest(time.time())
            for event in page.events:
                if event.time > latest:
                    self._reject(_future(event.time, latest), "future")
            order.answer([event for event in page.events if event.time <= latest], now)
            if not page.more:
                order.caught_up(now)
            self._ready.set()
            if order.next != asked or order.due(now) != 0.0:
                stuck = 0.0
            elif not stuck:
                stuck = now
            elif now - stuck > self._timeouts.lagging:
                order.give_up(f"REST did not have it within {self._timeouts.lagging:.3g} s", now)
                stuck = 0.0
            if not page.more and order.due(now) == 0.0:
                await asyncio.sleep(self._timeouts.lagging / 20)

    def _opened(self, why: str) -> None:
        """Called before a new connection is read."""
        if why:
            self._identity.connection_lost_after(_last_event(self._order.ready) or self._last)
            self._order.interrupted("silence" if why == "silence" else "disconnect")
            self._missing.set()

    async def _watch_clock(self, rest: RestClient) -> None:
        looks = 0
        while True:
            before = time.time()
            theirs = await rest.server_time()
            self._clock.add_sample(before, theirs, time.time())
            offset = self.health.clock_offset = self._clock.offset
            self.health.clock_rate = self._clock.rate
            skewed = offset is not None and abs(offset) > SKEW
            if skewed and not self._skewed:
                self._trouble("clock", f"the exchange's clock is {offset:+.3f} s from ours")
            self._skewed = skewed
            part = FIRST_LOOKS[looks] if looks < len(FIRST_LOOKS) else 1.0
            looks += 1
            await asyncio.sleep(part * self._timeouts.clock)

    async def _watch_symbol(self, rest: RestClient) -> None:
        while True:
            await self._silent.wait()
            await self._look_at_symbol(rest)
            await asyncio.sleep(self._timeouts.stale / 3)
            self._silent.clear()

    async def _look_at_symbol(self, rest: RestClient) -> None:
        info = await rest.symbol(self._address.symbol)
        trading = info.status == "TRADING"
        if trading != self._trading:
            self._note(Note("status", f"{info.symbol} is {info.status}"))
            self._halted = "" if trading else f"{info.symbol} is not traded now: {info.status}"
            self._relieved()
        self._trading = trading
        self._ready.set()

    def _trouble(self, kind: str, text: str) -> None:
        if kind not in PLANNED:
            self.health.problem = text
            self._trouble_of, self._trouble_at = kind, time.monotonic()
        self._notes.add(kind, text)

    def _relieved(self) -> None:
        """Clear the reported problem; a symbol that is not traded stays reported while that lasts."""
        self._trouble_of, self.health.problem = "", self._halted

    def _ready_now(self) -> None:
        self._ready.set()

    def _reject(self, why: str, reason: str = "unreadable") -> None:
        self.health.reject(reason)
        self._trouble("rejected", why)

    def _note(self, note: Note) -> None:
        self._order.ready.append(note)
        self._ready.set()

    async def _pulse(self) -> None:
        while True:
            self._refresh()
            if self._order.ready:
                self._ready.set()  # it may have been held
            if self._trouble_of and time.monotonic() - self._trouble_at > self._timeouts.minute:
                self._relieved()
            if self._lags:
                self.health.lag = median(self._lags)
            await asyncio.sleep(PULSE)

    def _refresh(self) -> None:
        """Update the health record."""
        health, order = self.health, self._order
        health.queue = order.size()
        missing = order.due(time.monotonic()) is not None
        before = health.state
        if self._keeper is None or self._rest is None:
            health.state = "starting"
        elif not self._keeper.connected or not self._trading or (missing and self._rest.limits.blocked()):
            health.state = "waiting"
        else:
            health.state = "filling" if missing else "live"
        if health.state == "live" != before:
            self._relieved()


def _future(moment: float, latest: float) -> str:
    return f"a time later than the exchange's clock by more than a day: {utc(moment)}, after {utc(latest)}"


def _last_event(items: list[Item]) -> Event | None:
    return next((item for item in reversed(items) if isinstance(item, Event)), None)


class BinanceTrades(BinanceFeed):
    """Aggregate trades of one symbol: price and amount; the key is the id."""

    def __init__(self, address: BinanceAddress, timeouts: Timeouts, most: int = 20_000) -> None:
        clock = ExchangeClock()
        super().__init__(address, TradeStream(address.symbol, clock), clock, timeouts, most)


class BinanceBars(BinanceFeed):
    """Closed bars of one symbol: open, high, low, close and volume; the key is the opening time over the step.

    Args:
        step: seconds, one of ``INTERVALS``.
    """

    def __init__(self, address: BinanceAddress, step: int, timeouts: Timeouts, most: int = 20_000) -> None:
        clock = ExchangeClock()
        super().__init__(address, BarStream(address.symbol, step, clock), clock, timeouts, most)
