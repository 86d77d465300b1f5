"""Exponential backoff."""

from random import Random

from ..feed import Timeouts


def backoff(failures: int, timeouts: Timeouts, random: Random) -> float:
    """Seconds before the next attempt after ``failures`` (at least 1) in a row.

    They double up to a cap; a random part keeps many clients from coming back at once.
    """
    whole = min(timeouts.backoff_cap, timeouts.backoff * 2.0 ** min(failures - 1, 60))
    return whole * random.uniform(0.5, 1.0)
