"""What an engine reads from its store on resuming: events after a snapshot, pending predictions, unfilled gaps."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .connection import sqlite_errors
from .rows import Numbers, StoredEvent
from .schema import Flag
from .writer import Store

PAGE = 1000  # events read at once


class ReplayedEvent(NamedTuple):
    """An event and the prediction on it: the model, its numbers, the baselines'; None if there is none."""

    event: StoredEvent
    model: int | None
    numbers: Numbers | None
    baselines: Numbers | None


def replayed(store: Store, after: int | None, limit: int = PAGE) -> list[ReplayedEvent]:
    """The next events after ``after``, or the first ones, with the predictions on them."""
    events = list(store.events_after(after, limit))
    if not events:
        return []
    with sqlite_errors(store.path):
        rows = store._connection.execute(
            "SELECT key, model, numbers, baselines FROM predictions WHERE key BETWEEN ? AND ?",
            (events[0].key, events[-1].key),
        ).fetchall()
    said = {
        key: (
            model,
            store._decoder.numbers(numbers, "numbers of a prediction", key),
            store._decoder.numbers(baselines, "baselines", key),
        )
        for key, model, numbers, baselines in rows
    }
    return [ReplayedEvent(event, *said.get(event.key, (None, None, None))) for event in events]


def replay(store: Store, after: int | None) -> Iterator[ReplayedEvent]:
    """All events after ``after``, a page at a time."""
    while page := replayed(store, after):
        yield from page
        after = page[-1].event.key


def snapshots(store: Store, model: int) -> Iterator[tuple[int, bytes]]:
    """Intact snapshots of a model, the newest first."""
    until: int | None = None
    while (found := store.latest_snapshot(model, until)) is not None:
        yield found
        until = found[0] - 1


def pending(store: Store) -> dict[int, tuple[float, Flag]]:
    """Predictions after the last score, by key: the time when each was known to be durable, and its flags.

    Infinity where that is not known: of the last group before a kill.
    """
    last = store.last_score()
    with sqlite_errors(store.path):
        rows = store._connection.execute(
            "SELECT p.key, g.durable, p.flags FROM predictions p JOIN groups g ON g.id = p.group_id WHERE p.key > ?",
            (-(1 << 63) if last is None else last,),
        ).fetchall()
    return {key: (math.inf if durable is None else durable, Flag(flags)) for key, durable, flags in rows}


class UnfilledGap(NamedTuple):
    """Keys that were lost permanently, and the policy that was applied to the state."""

    first: int
    last: int
    policy: str


def unfilled_gaps(store: Store, after: int | None = None) -> list[UnfilledGap]:
    """Unfilled gaps that begin after ``after``, in order."""
    with sqlite_errors(store.path):
        rows = store._connection.execute(
            "SELECT first, last, policy FROM gaps WHERE outcome = 'unfillable' AND first > ? ORDER BY first",
            (-(1 << 63) if after is None else after,),
        )
        return [UnfilledGap(int(first), int(last), str(policy)) for first, last, policy in rows]


def size(store: Store) -> int:
    """Size of the store and its log in bytes."""
    total = 0
    for path in (store.path, Path(f"{store.path}-wal")):
        with suppress(OSError):
            total += path.stat().st_size
    return total
