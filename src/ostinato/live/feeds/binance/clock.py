"""The exchange's clock relative to ours: its offset and its rate."""

import math
from collections import deque
from statistics import median
from typing import NamedTuple

SAME = 0.01  # rates that differ by less are the same clock's
UNSURE = 0.25  # a rate known no better says nothing
RESOLUTION = 0.001  # seconds, of the answer
AHEAD = 86_400.0  # seconds by which a time may be later than the clock tells, which may itself be wrong for a while


class ClockSample(NamedTuple):
    """One response: our time at the middle of the request, theirs, and the uncertainty due to the round trip."""

    ours: float
    theirs: float
    error: float


class ExchangeClock:
    """Estimates the exchange's clock from a few samples.

    Attributes:
        offset: theirs less ours in seconds, the median of the latest looks; None before the first.
        rate: seconds of theirs for one of ours; None before the second.
        shift: what to take from a time of theirs to have it on our clock; None where the rates differ.
    """

    def __init__(self) -> None:
        self._looks: deque[ClockSample] = deque(maxlen=9)
        self.offset: float | None = None
        self.rate: float | None = None
        self.shift: float | None = None

    def add_sample(self, before: float, theirs: float, after: float) -> None:
        """Add a response to a request sent at ``before`` and answered at ``after``; all in seconds."""
        if after < before:
            return  # ours was set back in between
        self._looks.append(ClockSample((before + after) / 2, theirs, (after - before) / 2 + RESOLUTION))
        first, last = self._looks[0], self._looks[-1]
        self.offset = median(look.theirs - look.ours for look in list(self._looks)[-5:])
        passed = last.ours - first.ours
        if passed <= 0.0:
            return
        self.rate = (last.theirs - first.theirs) / passed
        error = (first.error + last.error) / passed
        same = error < UNSURE and abs(self.rate - 1.0) < SAME + error
        self.shift = self.offset if same else None

    def latest(self, ours: float) -> float:
        """Upper bound of the exchange's time for anything that happened by ``ours``; in seconds.

        Infinite before the first look.
        """
        if not self._looks:
            return math.inf
        last = self._looks[-1]
        return last.theirs + max(1.0, self.rate or 1.0) * max(0.0, ours - last.ours) + AHEAD
