"""The messages of kline streams: an update every two seconds while a bar forms, and one with x true when it closes."""

from . import hostile, wire
from .control import Stream
from .klines import Klines, klines, number_of
from .market import MICROS
from .plan import MarketPlan

EVERY = 2  # virtual seconds between updates; bars of a second only close
BLOCK = 1000  # bars made at a time

Message = tuple[float, str]  # when it goes out, and its text


class KlineFeed:
    """Makes the kline messages of a span of time.

    Where the clock runs so fast that several updates of one bar fall into a span, only the latest is sent; the message
    of a closed bar is always sent.
    """

    def __init__(self, plan: MarketPlan) -> None:
        self.plan = plan

    def between(self, stream: Stream, micro: bool, last: float, now: float) -> list[Message]:
        """The messages after ``last`` up to ``now``, in their order: every bar ends at an even second, so an update
        comes last.
        """
        found: list[Message] = []
        current = int(number_of(stream.kind, round(now * MICROS), stream.zone))
        first = int(number_of(stream.kind, round(last * MICROS), stream.zone))
        for block in range(first, current, BLOCK):
            bars = self._bars(stream, block, min(block + BLOCK, current) - 1, now)
            found += self._messages(stream, bars, micro, None)
        closed = current - 1 if current > first else None
        found += self._update(stream, micro, last, now, closed)
        return found

    def _update(
        self, stream: Stream, micro: bool, last: float, now: float, closed: int | None
    ) -> list[Message]:
        tick = now // EVERY * EVERY
        if stream.kind == "1s" or tick <= last or self._down(tick):
            return []
        number = int(number_of(stream.kind, round(tick * MICROS), stream.zone))
        found = self._messages(stream, self._bars(stream, number, number, tick), micro, tick)
        if closed is not None and self.plan.active("kline_out_of_order", tick):
            found += self._messages(stream, self._bars(stream, closed, closed, tick), micro, now)
        return found

    def _down(self, moment: float) -> bool:
        return any(start <= moment < stop for start, stop in self.plan.market.halts)

    def _bars(self, stream: Stream, first: int, last: int, moment: float) -> Klines:
        market = self.plan.market
        return klines(market, market.known(moment), stream.kind, first, last, stream.zone)

    def _messages(self, stream: Stream, bars: Klines, micro: bool, moment: float | None) -> list[Message]:
        """Messages on bars that close (moment None) or that are as they are at a moment."""
        plan, found = self.plan, []
        for row in range(len(bars)):
            when = float(bars.ended[row] / MICROS) if moment is None else moment
            if plan.active("unknown_symbol", when) or (
                moment is None and plan.active("kline_unclosed", when)
            ):
                continue
            units = micro or plan.active("microseconds", when) is not None
            event = round((when + plan.clock_error(when)) * MICROS)
            bar = bars.take(slice(row, row + 1))
            [text] = wire.kline_events(plan.market, bar, stream.kind, moment is None, event, units)
            if plan.active("wrong_types", when):
                text = hostile.wrong_types(text, int(bars.number[row]))
            found.append((when, text))
        return found
