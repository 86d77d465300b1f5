"""Measurements of the engine: latencies, rates, memory."""

import os
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ..store import Health, Origin
from ..store.health import LATENCY_BUCKETS
from ..store.resuming import size
from .events import Event

if TYPE_CHECKING:
    from ..store import Store
    from .feeds import Feed

LATEST = 1000  # measurements that medians are taken of


class Meters:
    """Counters and the latest durations; memory is constant."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock, self.started = clock, clock()
        self.events = 0
        self.last: Event | None = None
        self.training = ""  # what a retraining is doing, in words
        self._steps: deque[float] = deque(maxlen=LATEST)  # µs
        self._commits: deque[float] = deque(maxlen=LATEST)  # s
        self._latencies: deque[float] = deque(maxlen=LATEST)  # s, of events that came by the stream
        self._buckets = [0] * (len(LATENCY_BUCKETS) + 1)
        self._latency_sum = 0.0
        self._rates: deque[tuple[float, int]] = deque(maxlen=11)  # (time, events so far) at each look

    def stepped(self, micros: float) -> None:
        """Record the duration of a step."""
        self._steps.append(micros)

    def committed(self, events: Sequence[Event], began: float, durable: float) -> None:
        """Record the commit of a group."""
        self.events += len(events)
        self._commits.append(durable - began)
        for event in events:
            self.last = event
            if event.origin == Origin.STREAM:
                latency = max(durable - event.received, 0.0)
                self._latencies.append(latency)
                self._buckets[bisect_left(LATENCY_BUCKETS, latency)] += 1
                self._latency_sum += latency

    def health(self, feed: "Feed", store: "Store", state: str | None = None) -> Health:
        """Build a health record of feed and engine."""
        now, told = self.clock(), feed.health
        self._rates.append((now, self.events))
        (then, before), (_, events) = self._rates[0], self._rates[-1]
        last = self.last
        received = told.last_received or (last.received if last else None)
        stale = received is not None and now - received > feed.stale_after
        return Health(
            time=now,
            state=state or ("stale" if stale and told.state == "live" else told.state),  # type: ignore[arg-type]
            feed=feed.name,
            started=self.started,
            stale_after=feed.stale_after,
            last_key=last.key if last else None,
            last_event_time=last.time if last else None,
            last_received=received,
            events=events,
            events_per_second=(events - before) / (now - then) if now > then else 0.0,
            latency_counts=tuple(self._buckets),
            latency_sum=self._latency_sum,
            memory_bytes=resident_bytes(),
            store_bytes=size(store),
            training=self.training,
            **self._durations(),
            **{name: getattr(told, name) for name in TOLD},
        )

    def _durations(self) -> dict[str, Any]:
        return {
            "step_us": _middle(self._steps),
            "step_us_p99": _high(self._steps),
            "latency_ms": _middle(self._latencies, 1e3),
            "latency_ms_p99": _high(self._latencies, 1e3),
            "commit_ms": _middle(self._commits, 1e3),
        }


# what is handed on as the feed says it
TOLD = (
    *("lag", "clock_offset", "clock_rate", "queue", "reconnects", "filled_gaps", "unfillable_gaps"),
    *("filled_events", "duplicates", "rejected", "left_out", "problem"),
)


def resident_bytes() -> int:
    """Resident memory of this process; 0 if the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _middle(values: "deque[float]", unit: float = 1.0) -> float | None:
    return unit * median(values) if values else None


def _high(values: "deque[float]", unit: float = 1.0) -> float | None:
    return unit * sorted(values)[int(0.99 * (len(values) - 1))] if values else None
