"""Latency from the socket to the committed prediction."""

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ..store.health import LATENCY_BUCKETS

if TYPE_CHECKING:
    from ..store import Health


def latency(health: "Health") -> dict[str, Any]:
    """The histogram since the start, up to its last non-empty bucket; and a summary of the latest forecasts."""
    counts = list(health.latency_counts)
    labels = [f"{1e3 * edge:g}" for edge in LATENCY_BUCKETS] + ["more"]
    filled = [place for place, count in enumerate(counts) if count] or [0]
    shown = slice(max(0, filled[0] - 1), filled[-1] + 2)
    words = "No forecast has been timed yet."
    if health.latency_ms is not None:
        words = f"Of the latest 1,000 forecasts the median took {health.latency_ms:.3g} ms"
        if health.latency_ms_p99 is not None:
            words += f", 99 % at most {health.latency_ms_p99:.3g} ms"
        words += f"; since the start, 99 % of {sum(counts):,} at most {_within(counts, 0.99)}."
    return {"labels": labels[shown], "counts": counts[shown], "words": words}


def _within(counts: list[int], share: float) -> str:
    """Upper edge of the bucket at a quantile.

    >>> _within([5, 94, 1] + [0] * 13, 0.99)
    '1 ms'
    """
    for place, total in enumerate(accumulate(counts)):
        if total >= share * sum(counts) and total:
            return f"{1e3 * LATENCY_BUCKETS[place]:g} ms" if place < len(LATENCY_BUCKETS) else "any time"
    return "–"
