"""The rows that are written to a store and read from it.

What goes in is typed by its shape, since feeds lie above the store: ``live.events.Event`` and ``Gap`` fit.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .schema import Flag, Origin

Numbers = NDArray[np.float64]


class EventLike(Protocol):
    """An event as ``live.events.Event`` describes it."""

    @property
    def key(self) -> int: ...
    @property
    def time(self) -> float: ...
    @property
    def values(self) -> Sequence[float]: ...
    @property
    def received(self) -> float: ...
    @property
    def happened(self) -> float | None: ...
    @property
    def origin(self) -> Origin: ...


class GapLike(Protocol):
    """A gap as ``live.events.Gap`` describes it."""

    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def opened(self) -> float: ...
    @property
    def closed(self) -> float: ...


class StorePosition(NamedTuple):
    """The last event in the store."""

    key: int
    time: float


class StoredEvent(NamedTuple):
    """An event and the group that committed it."""

    key: int
    time: float
    values: tuple[float, ...]
    received: float
    happened: float | None
    origin: Origin
    group: int


class StoredPrediction(NamedTuple):
    """A prediction with the event it was made on.

    numbers: one for each of the head's ``outputs``, shape (outputs,).
    baselines: flat, in the order of the head's ``baselines``.
    step_us: the model's step, in microseconds.
    prepared, durable: when its group was about to be committed, and when it was known to be on the disk; durable is
        None where that is not known: of the last group, or of one whose process was killed.
    """

    key: int
    model: int
    numbers: Numbers
    baselines: Numbers
    flags: Flag
    step_us: float
    time: float
    values: tuple[float, ...]
    received: float
    happened: float | None
    origin: Origin
    prepared: float
    durable: float | None


class StoredScore(NamedTuple):
    """The outcome of a prediction, and its losses.

    resolved_by: the key of the event that resolved it.
    actual: what happened; losses: of the model and the baselines, both flat, as the engine gave them.
    flags: of the score; 0 counts. prediction_flags: of the prediction.
    time: of the event that the prediction was made on; model, numbers, baselines: the prediction's.
    """

    key: int
    resolved_by: int
    actual: Numbers
    losses: Numbers
    flags: Flag
    time: float
    model: int
    numbers: Numbers
    baselines: Numbers
    prediction_flags: Flag


class StoredModel(NamedTuple):
    """Weights that spoke. role: "champion", "challenger" or "retired"; since_key: the first event it answered."""

    id: int
    digest: bytes
    path: str
    role: str
    since_key: int | None
    added: float


class StoredGap(NamedTuple):
    """Keys that were missing, first and last included; ``policy``: what was done with the state."""

    first: int
    last: int
    reason: str
    outcome: str
    why: str
    policy: str
    opened: float
    closed: float


class StoredNote(NamedTuple):
    """A note on an incident."""

    id: int
    time: float
    kind: str
    text: str


class StoredShadow(NamedTuple):
    """The prediction of a challenger on an event, and its loss (None while it is pending)."""

    key: int
    model: int
    numbers: Numbers
    loss: float | None


class Counts(NamedTuple):
    """Number of rows of each kind, sealed days included."""

    events: int
    predictions: int
    scores: int
    gaps: int
    groups: int
    sealed_days: int


def pack_numbers(numbers: object) -> bytes:
    """Encode numbers as the store holds them: consecutive little-endian float64."""
    return np.ascontiguousarray(numbers, dtype="<f8").tobytes()
