"""The exchange's clock: seconds since the Unix epoch that may pass faster than real time."""

import asyncio
import math
import time
from typing import Literal

from ..errors import ConfigError

Speed = float | Literal["max"]

CREEP = 60.0  # speed of a clock at "max" while nobody takes trades: bans and pauses must come to an end
MOST_SPEED = 1_000_000.0


class VirtualClock:
    """A clock that stands at ``start`` until ``run`` is called, then runs ``speed`` times as fast as the monotonic one.

    At "max" nothing drives it but the trades that are taken from it (``advance``), and ``creep`` while none are.

    Raises:
        ConfigError: the speed is not above 0, or the start is no time.
    """

    def __init__(self, start: float, speed: Speed = 1.0) -> None:
        if speed != "max" and not 0.0 < speed <= MOST_SPEED:
            raise ConfigError(
                f"the speed must be above 0 and at most {MOST_SPEED:,.0f}, or max, got {speed}."
            )
        if not math.isfinite(start):
            raise ConfigError(f"the clock must start at a time, got {start}.")
        self.start = start
        self.speed = speed
        self.paced = speed == "max"
        self.rate = CREEP if speed == "max" else float(speed)
        self.running = False
        self._now = start
        self._made = self._anchor = time.monotonic()

    def run(self) -> None:
        """Start the clock; no effect if it runs already."""
        if not self.running:
            self.running = True
            self._anchor = time.monotonic()

    def now(self) -> float:
        """The time, in virtual seconds since the Unix epoch; it never goes back."""
        if self.paced or not self.running:
            return self._now
        return self.start + (time.monotonic() - self._anchor) * self.rate

    def counted(self) -> float:
        """The time by which requests are counted: it passes even while the clock stands or waits for clients."""
        if self.running and not self.paced:
            return self.now()
        return self.start + (time.monotonic() - self._made) * self.rate

    def advance(self, moment: float) -> None:
        """At "max", put the clock forward to ``moment``; never back."""
        self._now = max(self._now, moment)
        self._anchor = time.monotonic()

    def creep(self) -> None:
        """At "max", let the time pass that passed on our clock since it last moved, ``CREEP`` times as fast."""
        now = time.monotonic()
        self._now += (now - self._anchor) * CREEP
        self._anchor = now

    def real(self, seconds: float) -> float:
        """How many of our seconds so many virtual ones take."""
        return seconds / self.rate

    async def sleep(self, seconds: float) -> None:
        """Wait for so many virtual seconds."""
        await asyncio.sleep(self.real(seconds))

    async def sleep_until(self, moment: float) -> None:
        """Wait until the clock shows ``moment``; at "max", until trades or the creep brought it there."""
        while (left := moment - self.now()) > 0:
            await asyncio.sleep(0.005 if self.paced else max(self.real(left), 0.0))
