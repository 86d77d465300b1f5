"""Stores as an engine writes them, with made-up numbers: no feed, no model, no torch."""

import hashlib
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ostinato.store import Flag, Health, Origin, Store, make_header

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
NORMAL = np.array([-1.2816, -0.6745, 0.0, 0.6745, 1.2816])  # quantiles, Abramowitz & Stegun


class Event(NamedTuple):
    key: int
    time: float
    values: tuple[float, ...]
    received: float
    happened: float | None
    origin: Origin


class Gap(NamedTuple):
    first: int
    last: int
    reason: str
    outcome: str
    why: str
    opened: float
    closed: float


def direction_head(**more):
    fields = {
        "feed": "binance:BTCUSDT",
        "kind": "trades",
        "columns": ("price", "amount"),
        "target": "direction",
        "measure": "log_loss",
        "outputs": ("p_up",),
        "horizons": (1,),
        "baselines": ("base_rate", "sign_table", "logistic"),
        "run": "runs/btc-lstm",
        "digest": hashlib.sha256(b"weights").hexdigest(),
        "created": time.time(),
        "version": "0.1.0",
    }
    return make_header(**(fields | more))


def values_head(**more):
    fields = {
        "feed": "file:bars.csv",
        "kind": "bars",
        "columns": ("open", "high", "low", "close", "volume"),
        "step": 60.0,
        "target": "return",
        "measure": "pinball",
        "outputs": tuple(f"q{round(100 * level)}_h{h}" for h in (1, 2, 3) for level in LEVELS),
        "levels": LEVELS,
        "horizons": (1, 2, 3),
        "baselines": ("naive", "ewma_quantiles"),
    }
    return direction_head(**(fields | more))


@dataclass
class Writer:
    """Writes a store as an engine would; `run` adds events, predictions and scores."""

    path: Path
    head: object
    start: float = field(default_factory=lambda: time.time() - 600)
    apart: float = 0.5  # seconds between events
    store: Store = field(init=False)

    def __post_init__(self):
        self.store = Store.open_or_create(self.path, self.head)
        self.draw = np.random.default_rng(5)
        self.key, self.price, self.began = 1000, 60_000.0, self.start
        self.past: list[tuple[int, float, float]] = []  # key, price, p
        self.gaps = [0, 0]

    def run(self, rows: int, group: int = 50, received: float | None = None) -> None:
        """So many events, in groups."""
        for first in range(0, rows, group):
            self.store.begin()
            for _ in range(min(group, rows - first)):
                self._event(received)
            self.store.commit()

    def _event(self, received: float | None) -> None:
        self.key += 1
        at = self.start + (self.key - 1000) * self.apart
        self.price *= math.exp(self.draw.normal() * 2e-4)
        values = (self.price, 0.01)
        if self.head.kind == "bars":
            values = (self.price, self.price * 1.0002, self.price * 0.9998, self.price, 1.5)
        came = at + 0.02 if received is None else received
        self.store.add_event(Event(self.key, at, values, came, at, Origin.STREAM))
        if self.head.levels:
            self._values()
        else:
            self._direction()

    def _direction(self) -> None:
        if self.past:
            key, price, p = self.past.pop()
            up = float(self.price > price)
            every = [p, 0.5, 0.48, 0.55]
            losses = [-math.log(one if up else 1 - one) for one in every]
            self.store.add_score(key, self.key, [up], losses)
        p = float(np.clip(0.5 + 0.1 * self.draw.normal(), 0.05, 0.95))
        self.past.append((self.key, self.price, p))
        flags = Flag.COLD if self.key < 1005 else Flag(0)
        self.store.add_prediction(self.key, 1, [p], [0.5, 0.48, 0.55], flags, 120.0)

    def _values(self) -> None:
        self.past.append((self.key, self.price, 0.0))
        if len(self.past) > 3:
            key, price, _ = self.past.pop(0)
            later = [*[one for _, one, _ in self.past][:2], self.price]
            actual = [math.log(one / price) for one in later]
            self.store.add_score(key, self.key, actual, [1e-4, 1.1e-4, 1.05e-4])
        numbers = np.concatenate([2e-4 * math.sqrt(ahead) * NORMAL for ahead in (1, 2, 3)])
        self.store.add_prediction(self.key, 1, numbers, np.tile(numbers, 2), 0, 120.0)

    def gap(self, outcome: str = "filled", why: str = "fetched by REST", reason: str = "disconnect") -> None:
        """Three keys are missing."""
        self.store.begin()
        now = time.time()
        self.store.add_gap(Gap(self.key + 1, self.key + 3, reason, outcome, why, now - 2, now), "carry")
        self.store.commit()
        self.gaps[outcome == "unfillable"] += 1
        self.key += 3

    def note(self, text: str, kind: str = "reconnect") -> None:
        """Something happened."""
        self.store.begin()
        self.store.add_note(kind, text)
        self.store.commit()

    def health(self, **more) -> Health:
        """A row of health, of now unless it is said otherwise."""
        now = time.time()
        counts = [0] * 16
        counts[2:8] = [40, 300, 500, 120, 30, 8]
        fields = {
            "time": now, "state": "live", "feed": self.head.feed, "started": self.began, "stale_after": 30.0,
            "last_key": self.key, "last_received": now - 0.4, "lag": 0.045, "clock_offset": -0.012,
            "events": self.key - 1000,
            "events_per_second": 20.0, "queue": 2, "reconnects": 1, "filled_gaps": self.gaps[0],
            "unfillable_gaps": self.gaps[1], "filled_events": 3, "duplicates": 12,
            "step_us": 121.0, "step_us_p99": 240.0,
            "latency_ms": 3.1, "latency_ms_p99": 7.9, "latency_counts": tuple(counts), "latency_sum": 3.3,
            "memory_bytes": 412_000_000, "store_bytes": 18_300_000,
        }  # fmt: skip
        found = Health(**(fields | more))
        self.store.begin()
        self.store.add_health(found)
        self.store.commit()
        return found

    def close(self) -> None:
        self.store.close()
