"""The messages of the trade streams, made once, in blocks, for all subscribers."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from . import hostile, wire
from .market import MICROS
from .plan import MarketPlan

BLOCK = 1024  # messages made at a time
KEPT = 48  # blocks kept: 48 × 1024 × about 170 bytes


class StreamFormat(NamedTuple):
    """How a client wants a trade stream. kind: aggTrade or trade."""

    kind: str
    combined: bool
    micro: bool


class Tape:
    """Websocket frames of the entries of a plan's schedule."""

    def __init__(self, plan: MarketPlan) -> None:
        self.plan = plan
        self._blocks: OrderedDict[tuple[StreamFormat, int], list[bytes]] = OrderedDict()

    def frames(self, form: StreamFormat, start: int, stop: int) -> list[bytes]:
        """The frames of entries start to stop of the schedule, stop not included."""
        found: list[bytes] = []
        for block in range(start // BLOCK, -(-stop // BLOCK)):
            frames = self._block(form, block)
            found += frames[max(start - block * BLOCK, 0) : stop - block * BLOCK]
        return found

    def _block(self, form: StreamFormat, block: int) -> list[bytes]:
        frames = self._blocks.get((form, block))
        if frames is None:
            frames = self._blocks[form, block] = self._make(form, block * BLOCK)
            if len(self._blocks) > KEPT:
                self._blocks.popitem(last=False)
        return frames

    def _make(self, form: StreamFormat, start: int) -> list[bytes]:
        plan = self.plan
        when, which = plan.when[start : start + BLOCK], plan.which[start : start + BLOCK]
        events = when.copy()
        for window in plan.windows("clock_skew").within(when[0], when[-1]):
            events[_inside(when, window)] += float(window.fault["by"])
        texts = self._texts(form, which, events, form.micro)
        for window in plan.windows("microseconds").within(when[0], when[-1]):
            rows = np.flatnonzero(_inside(when, window))
            for row, text in zip(
                rows.tolist(), self._texts(form, which[rows], events[rows], True), strict=True
            ):
                texts[row] = text
        for window in plan.windows("wrong_types").within(when[0], when[-1]):
            for row in np.flatnonzero(_inside(when, window)).tolist():
                texts[row] = hostile.wrong_types(texts[row], int(which[row]))
        if form.combined:
            stream = f"{plan.market.symbol.lower()}@{form.kind}"
            texts = [wire.wrapped(stream, text) for text in texts]
        return [wire.frame(text) for text in texts]

    def _texts(self, form: StreamFormat, which: np.ndarray, events: np.ndarray, micro: bool) -> list[str]:
        rows = wire.TradeTexts(self.plan.market, which, micro)
        sent = np.rint(events * MICROS).astype(np.int64)
        moments = (sent if micro else sent // 1000).tolist()
        make = rows.aggregate_events if form.kind == "aggTrade" else rows.single_events
        return make(self.plan.market.symbol, moments)


def _inside(when: np.ndarray, window: tuple) -> np.ndarray:
    return (when >= window[0]) & (when < window[1])
