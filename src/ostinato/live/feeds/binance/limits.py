"""Rate limits of the exchange."""

import asyncio
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from ..feed import Timeouts

USED_WEIGHT = "x-mbx-used-weight-1m"
NEAR = 0.8  # of the allowed weight: from here on questions are spread out
LONGEST = 7 * 86_400.0  # bans last up to three days; a server that says more is not believed


class RequestLimits:
    """Shared by all requests to one exchange.

    Attributes:
        weight: allowed in a minute.
    """

    def __init__(self, timeouts: Timeouts, weight: int = 6000) -> None:
        self.timeouts = timeouts
        self.weight = weight
        self._not_before = -math.inf

    def used(self, headers: Mapping[str, str]) -> None:
        """Record the used weight of a response; near the limit, wait a sixth of a minute."""
        told = headers.get(USED_WEIGHT, "")
        if told.isascii() and told.isdigit() and len(told) < 12 and int(told) >= NEAR * self.weight:
            self._until(self.timeouts.minute / 6)

    def ban(self, status: int, retry_after: str | None) -> None:
        """Send nothing until ``Retry-After`` is over; if absent, 5 minutes (403, a firewall), 2 (418) or 1."""
        minutes = {403: 5.0, 418: 2.0}.get(status, 1.0)
        told = _retry_after(retry_after)
        self._until(minutes * self.timeouts.minute if told is None else min(told, LONGEST))

    def blocked(self) -> float:
        """Seconds until the next request is allowed; 0 for now."""
        return max(0.0, self._not_before - time.monotonic())

    async def wait(self) -> None:
        """Return when a request is allowed."""
        while wait := self.blocked():
            await asyncio.sleep(wait)

    def _until(self, seconds: float) -> None:
        self._not_before = max(self._not_before, time.monotonic() + seconds)


def _retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date; None if it is neither."""
    if not text or len(text) > 100:
        return None
    try:
        seconds = float(text) if text[0].isdigit() else parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
