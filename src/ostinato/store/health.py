"""Health records of feed and engine, about one a second; every page and monitor reads them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..errors import cut

# seconds, from the socket to the committed prediction; the last bucket takes the rest
LATENCY_BUCKETS = (
    0.0005,
    0.001,
    0.002,
    0.003,
    0.005,
    0.0075,
    0.01,
    0.02,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
)

# why input was rejected; each phrase follows a number
REJECTION_REASONS = {
    "unreadable": "that could not be read",
    "late": "older than what came before",
    "renumbered": "whose ids began again",
    "future": "later than the clock",
    "ahead": "far ahead of what followed",
    "duplicate": "that had come already",
}


def describe_rejections(left_out: dict[str, int]) -> str:
    """Describe rejected input by reason, the most frequent first; "" if there is none."""
    counts = sorted(left_out.items(), key=lambda item: -item[1])
    return ", ".join(
        f"{count:,} {REJECTION_REASONS.get(reason, 'for ' + reason[:40])}"
        for reason, count in counts
        if count
    )


Moment = Annotated[float, Field(allow_inf_nan=False)]
Key = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
ShortText = Annotated[str, AfterValidator(cut)]


class Health(BaseModel):
    """One health record. Durations are in seconds unless the name says otherwise; None means unknown."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")

    time: Moment
    state: Literal["starting", "filling", "live", "stale", "waiting", "ended", "stopped"]
    feed: ShortText
    started: Moment
    stale_after: Annotated[float, Field(gt=0)]  # data older than this are stale
    last_key: Key | None = None
    last_event_time: Moment | None = None  # by the exchange's clock
    last_received: Moment | None = None  # by ours; the age of the data counts from here
    lag: float | None = None  # from the exchange's clock to our socket, median of the latest events
    clock_offset: float | None = None  # the exchange's clock less ours
    clock_rate: float | None = None  # seconds of the exchange's clock for one of ours; 1 but for replays
    events: Count = 0  # released since the start
    events_per_second: float = 0.0
    queue: Count = 0  # events received and not yet committed
    reconnects: Count = 0
    filled_gaps: Count = 0
    unfillable_gaps: Count = 0
    filled_events: Count = 0
    duplicates: Count = 0  # dropped by their key
    rejected: Count = 0  # messages that were no market data
    left_out: dict[str, Count] = Field({}, max_length=100)  # both of these, by reason
    problem: ShortText = ""  # the latest, as text
    step_us: float | None = None  # medians and 99th percentiles of the latest
    step_us_p99: float | None = None
    latency_ms: float | None = None  # from the socket to the committed prediction
    latency_ms_p99: float | None = None
    commit_ms: float | None = None
    latency_counts: tuple[Count, ...] = Field(
        (0,) * (len(LATENCY_BUCKETS) + 1), min_length=1, max_length=100
    )  # per bucket, since the start
    latency_sum: float = 0.0
    memory_bytes: Count = 0
    store_bytes: Count = 0
    training: ShortText = ""  # progress of a retraining, as text
