"""How fast the exchange may be asked, and when it may not be asked at all."""

import asyncio
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from ..feed import Patience

USED_WEIGHT = "x-mbx-used-weight-1m"
NEAR = 0.8  # of the allowed weight: from here on questions are spread out
LONGEST = 7 * 86_400.0  # bans last up to three days; a server that says more is not believed


class Limits:
    """Shared by all questions to one exchange.

    Attributes:
        weight: allowed in a minute.
    """

    def __init__(self, patience: Patience, weight: int = 6000) -> None:
        self.patience = patience
        self.weight = weight
        self._not_before = -math.inf

    def used(self, headers: Mapping[str, str]) -> None:
        """Take note of the weight that an answer says was used; near the limit a sixth of a minute is waited."""
        told = headers.get(USED_WEIGHT, "")
        if told.isascii() and told.isdigit() and len(told) < 12 and int(told) >= NEAR * self.weight:
            self._until(self.patience.minute / 6)

    def ban(self, status: int, retry_after: str | None) -> None:
        """Ask nothing until ``Retry-After`` is over; where it is absent, 5 minutes (403, a firewall), 2 (418) or 1."""
        minutes = {403: 5.0, 418: 2.0}.get(status, 1.0)
        told = _retry_after(retry_after)
        self._until(minutes * self.patience.minute if told is None else min(told, LONGEST))

    def blocked(self) -> float:
        """Seconds until the next question may be asked; 0 where it may be now."""
        return max(0.0, self._not_before - time.monotonic())

    async def wait(self) -> None:
        """Return when a question may be asked."""
        while wait := self.blocked():
            await asyncio.sleep(wait)

    def _until(self, seconds: float) -> None:
        self._not_before = max(self._not_before, time.monotonic() + seconds)


def _retry_after(text: str | None) -> float | None:
    """Seconds, given as such or as a date; None where it is neither."""
    if not text or len(text) > 100:
        return None
    try:
        seconds = float(text) if text[0].isdigit() else parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
