"""The view as Prometheus reads it. Made anew at each scrape, of the latest row of health and of what was counted."""

from collections.abc import Iterator
from itertools import accumulate
from typing import get_args

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from ..store import Health
from ..store.health import LATENCY_BUCKETS
from .view import View

CONTENT_TYPE = CONTENT_TYPE_LATEST
STATES = get_args(Health.model_fields["state"].annotation)

# of health: name, what it says, field
GAUGES = (
    ("lag_seconds", "From the exchange's clock to our socket, median of the latest events.", "lag"),
    ("clock_offset_seconds", "The exchange's clock less ours.", "clock_offset"),
    ("stale_after_seconds", "Data older than this are stale.", "stale_after"),
    ("events_per_second", "Events of the last ten seconds, for each.", "events_per_second"),
    ("queue_events", "Events received and not yet committed.", "queue"),
    ("memory_bytes", "Resident memory of the engine.", "memory_bytes"),
    ("store_bytes", "Size of the store.", "store_bytes"),
    ("last_key", "Key of the last event.", "last_key"),
)
COUNTERS = (
    ("events", "Events released since the start.", "events"),
    ("reconnects", "Connections to the exchange that were made anew.", "reconnects"),
    ("filled_events", "Events fetched later to fill holes.", "filled_events"),
    ("duplicate_events", "Events dropped because they had come already.", "duplicates"),
    ("rejected_messages", "Messages that were no market data.", "rejected"),
)


class Collector:
    """Measures of one view at one moment; ``now`` in seconds since the Unix epoch."""

    def __init__(self, view: View, now: float) -> None:
        self.view, self.now = view, now

    def collect(self) -> Iterator[Metric]:
        """All of them; what is not known is left out."""
        status = self.view.status(self.now)
        yield _gauge("up", "1 while the forecast can be believed.", float(status.kind == "live"))
        if status.age is not None:
            yield _gauge("data_age_seconds", "Age of the newest data.", status.age)
        yield CounterMetricFamily("ostinato_predictions", "Predictions in the store.", self.view.predictions)
        yield CounterMetricFamily(
            "ostinato_scores", "Predictions whose outcome is in the store.", self.view.scores
        )
        if self.view.health is not None:
            yield from _of_health(self.view.health, self.now)
        if self.view.scoring is not None:
            yield from self._of_scores()

    def _of_scores(self) -> Iterator[Metric]:
        scoring = self.view.scoring
        assert scoring is not None
        yield CounterMetricFamily("ostinato_scored", "Predictions that count.", scoring.counted)
        measure = scoring.measure.replace("_", "-")  # a label that alerts of users may name: it stays
        loss = GaugeMetricFamily("ostinato_loss", "Mean loss of those that count.", labels=["who", "loss"])
        skill = GaugeMetricFamily(
            "ostinato_skill", "Mean loss of the baseline less ours: above 0 is better.", labels=["baseline"]
        )
        bounds = GaugeMetricFamily(
            "ostinato_skill_bound", "Where skill lies at all times at once.", labels=["baseline", "bound"]
        )
        for place, one in enumerate(scoring.skill()):
            if place == 0 and one.loss is not None:
                loss.add_metric(["model", measure], one.loss)
            if one.baseline_loss is not None:
                loss.add_metric([one.baseline, measure], one.baseline_loss)
            if one.difference is not None:
                skill.add_metric([one.baseline], -one.difference)
            if one.low is not None and one.high is not None:
                bounds.add_metric([one.baseline, "low"], -one.high)
                bounds.add_metric([one.baseline, "high"], -one.low)
        yield from (loss, skill, bounds)


def text(view: View, now: float) -> bytes:
    """What /metrics answers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(view, now))
    return generate_latest(registry)


def _of_health(health: Health, now: float) -> Iterator[Metric]:
    yield _gauge("health_age_seconds", "Since the engine last said how it is.", max(0.0, now - health.time))
    state = GaugeMetricFamily(
        "ostinato_state", "1 for the state that feed and engine are in.", labels=["state"]
    )
    for name in STATES:
        state.add_metric([name], float(health.state == name))
    yield state
    for name, words, field in GAUGES:
        value = getattr(health, field)
        if value is not None:
            yield _gauge(name, words, float(value))
    for name, words, field in COUNTERS:
        yield CounterMetricFamily(f"ostinato_{name}", words, getattr(health, field))
    gaps = CounterMetricFamily(
        "ostinato_gaps", "Holes in the data, by what became of them.", labels=["outcome"]
    )
    gaps.add_metric(["filled"], health.filled_gaps)
    gaps.add_metric(["unfillable"], health.unfillable_gaps)
    yield gaps
    edges = [*(f"{edge:g}" for edge in LATENCY_BUCKETS), "+Inf"]
    yield HistogramMetricFamily(
        "ostinato_latency_seconds",
        "From the socket to the committed prediction.",
        buckets=list(zip(edges, accumulate(health.latency_counts), strict=False)),
        sum_value=health.latency_sum,
    )
    step = GaugeMetricFamily("ostinato_step_seconds", "The model's step, of the latest.", labels=["quantile"])
    for share, micros in (("0.5", health.step_us), ("0.99", health.step_us_p99)):
        if micros is not None:
            step.add_metric([share], micros / 1e6)
    yield step


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ostinato_{name}", words, value)
