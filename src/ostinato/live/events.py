"""What a feed yields: events in the order of their keys, each once, and the gaps between them.

The key is what continuity is known by, never the clock: the id of an aggregate trade, the number of a bar (its opening
time over its step), the number of a row. Keys of one feed ascend by one; a missing key is a gap.
"""

from typing import NamedTuple

from ..store.schema import Origin


class Event(NamedTuple):
    """One trade, one closed bar, or one row.

    time: seconds since the Unix epoch by the exchange's clock; of a bar, when it opened.
    values: one number for each of the feed's ``columns``.
    received: when it came in at the socket, by our clock.
    happened: when it could first be known at the exchange (of a bar, its end), on our clock; None where the two clocks
        cannot be compared.
    """

    key: int
    time: float
    values: tuple[float, ...]
    received: float
    happened: float | None = None
    origin: Origin = Origin.STREAM


class Gap(NamedTuple):
    """Keys that were missing.

    first, last: the missing keys, both included.
    reason: how it came to be: "disconnect", "silence", "skipped", "restart", "overflow".
    outcome: "filled" or "unfillable"; a filled gap is released after its events, an unfillable one in their place.
    why: in words, why it could not be filled, or how it was.
    opened, closed: by our clock.
    """

    first: int
    last: int
    reason: str
    outcome: str
    why: str
    opened: float
    closed: float


class Note(NamedTuple):
    """An incident: a reconnect, a ban, a symbol that stopped trading."""

    kind: str
    text: str


class Position(NamedTuple):
    """The last stored event: a feed continues after it."""

    key: int
    time: float


class Since(NamedTuple):
    """Where a feed without a position begins.

    key: with this key, "first" kept by the source, or None: ``history`` events before the stream.
    """

    history: int = 0
    key: int | str | None = None


Item = Event | Gap | Note
