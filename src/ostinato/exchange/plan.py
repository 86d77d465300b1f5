"""The plan: when each trade is sent on the streams, and which faults are active at a moment.

All that faults do to trades is worked out before the clock starts, from the market and the script alone. So what is
sent does not depend on who listens, how fast they are, or how busy the machine is.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ConfigError
from .faults import Fault
from .market import Market

OUTAGES = ("time_hole", "symbol_break")
ACTS = frozenset(
    (
        "abort",
        "close_1000",
        "close_1001",
        "close_1008",
        "half_open",
        "silence",
        "server_shutdown",
        "day_close",
        "pong_lost",
        "huge_frame",
        "endless_frame",
        "endless_fragments",
        "garbage",
        "not_text",
        "deep_json",
    )
)  # done to every open websocket at a moment; the others are looked up by those whom they concern


class FaultWindow(NamedTuple):
    """A fault in virtual time, seconds since the Unix epoch; ``stop`` is not within it."""

    start: float
    stop: float
    fault: Fault


class FaultWindows:
    """The spans of time of one kind of fault."""

    def __init__(self, windows: Sequence[FaultWindow]) -> None:
        self.all = sorted(windows, key=lambda window: window.start)
        self.starts = [window.start for window in self.all]
        self.latest = list(np.maximum.accumulate([window.stop for window in self.all])) if self.all else []

    def at(self, moment: float) -> Fault | None:
        """The active fault, the latest of several."""
        place = bisect_right(self.starts, moment) - 1
        while place >= 0 and self.latest[place] > moment:
            if self.all[place].stop > moment:
                return self.all[place].fault
            place -= 1
        return None

    def within(self, start: float, stop: float) -> Iterator[FaultWindow]:
        """Windows that touch a span of time, its ends included."""
        for window in self.all[: bisect_right(self.starts, stop)]:
            if window.stop > start:
                yield window


class MarketPlan:
    """A market under a fault script.

    Attributes:
        market: with the pauses that outages make.
        start: virtual seconds since the Unix epoch at which the clock starts.
        when: (M,) float64, moments at which trades go out, never falling.
        which: (M,) int64, the rows of these trades.
        acts: what is done to open websockets, in the order of time.

    Raises:
        ConfigError: a fault begins at a trade that is not there or that is past when the clock starts.
    """

    def __init__(self, market: Market, start: float, faults: Sequence[Fault] = ()) -> None:
        self.start = start
        for fault in sorted(_outages(faults), key=lambda fault: self._begin(market, fault)):
            market = market.halted(self._begin(market, fault), fault.length)
        self.market = market
        self._windows: dict[str, FaultWindows] = {}
        by_name: dict[str, list[FaultWindow]] = {}
        for fault in faults:
            begin = self._begin(market, fault)
            if fault.name in OUTAGES and fault.trade is not None:
                begin -= fault.length  # the trade itself came after the pause
            by_name.setdefault(fault.name, []).append(FaultWindow(begin, begin + fault.length, fault))
        self._windows = {name: FaultWindows(windows) for name, windows in by_name.items()}
        self.acts = sorted(
            (w for name, windows in by_name.items() if name in ACTS for w in windows), key=lambda w: w.start
        )
        self.when, self.which = self._schedule()
        self._pruned = [
            (window.start, window.stop)
            for window in self.windows("gap_pruned").all
            if np.searchsorted(market.visible, window.start) < np.searchsorted(market.visible, window.stop)
        ]

    def windows(self, name: str) -> FaultWindows:
        """The spans of time of a kind of fault."""
        return self._windows.get(name) or _NONE

    def active(self, name: str, moment: float) -> Fault | None:
        """The fault of this name that is active at a moment, or None."""
        windows = self._windows.get(name)
        return windows.at(moment) if windows else None

    def kept(self, moment: float) -> int:
        """The first row that REST still has."""
        first = 0
        for start, stop in self._pruned:
            if start <= moment:
                # while the archive is losing them, what has just become known is lost too
                first = max(
                    first, int(np.searchsorted(self.market.visible, min(stop, np.nextafter(moment, np.inf))))
                )
        return first

    def clock_error(self, moment: float) -> float:
        """Seconds by which the exchange's own clock is wrong."""
        fault = self.active("clock_skew", moment)
        return float(fault["by"]) if fault else 0.0

    def _begin(self, market: Market, fault: Fault) -> float:
        if fault.trade is None:
            return self.start + fault.at
        row = fault.trade - market.first_id
        if not 0 <= row < len(market):
            last = market.first_id + len(market) - 1
            raise ConfigError(
                f"the fault {fault.name} begins at trade {fault.trade}; ids are {market.first_id} to {last}."
            )
        if market.visible[row] <= self.start:
            first = market.first_id + market.known(self.start)
            raise ConfigError(
                f"the fault {fault.name} begins at trade {fault.trade}, which is past when the clock starts; "
                f"the first to come is {first}."
            )
        return float(market.visible[row])

    def _schedule(self) -> tuple[np.ndarray, np.ndarray]:
        """Gaps take trades out; bursts, then blocks, make them late; copies follow at once."""
        which = np.arange(self.market.known(self.start), len(self.market))
        when = self.market.visible[which].copy()
        for name in ("gap", "gap_pruned", "unknown_symbol"):
            for window in self.windows(name).all:
                kept = (when < window.start) | (when >= window.stop)
                when, which = when[kept], which[kept]
        for window in self.windows("burst").all:
            when[(when >= window.start) & (when < window.stop)] = window.stop
        for window in self.windows("reorder").all:
            rows = np.flatnonzero((when >= window.start) & (when < window.stop))
            random = np.random.default_rng(int(window.fault["seed"]))
            size = max(int(window.fault["block"]), 1)
            for block in np.split(rows, range(size, len(rows), size)):
                which[block] = which[block][random.permutation(len(block))]
                if len(block):
                    when[block] = when[block].max()
        for window in self.windows("duplicate").all:
            rows = np.flatnonzero((when >= window.start) & (when < window.stop))
            random = np.random.default_rng(int(window.fault["seed"]))
            rows = rows[random.random(len(rows)) < float(window.fault["share"])]
            when, which = np.insert(when, rows + 1, when[rows]), np.insert(which, rows + 1, which[rows])
        order = np.argsort(when, kind="stable")
        return when[order], which[order]


def _outages(faults: Sequence[Fault]) -> list[Fault]:
    return [fault for fault in faults if fault.name in OUTAGES]


_NONE = FaultWindows(())
