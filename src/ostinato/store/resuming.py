"""What an engine asks of its store when it goes on: the events after a snapshot, what still waits, and the holes."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .connection import told
from .rows import Numbers, StoredEvent
from .schema import Flag
from .writer import Store

PAGE = 1000  # events read at once


class Replayed(NamedTuple):
    """An event, and what was said after it: by which model, its numbers, the baselines'; None where nothing was."""

    event: StoredEvent
    model: int | None
    numbers: Numbers | None
    baselines: Numbers | None


def replayed(store: Store, after: int | None, limit: int = PAGE) -> list[Replayed]:
    """The next events behind ``after``, or the first ones, with what was said after them."""
    events = list(store.events_after(after, limit))
    if not events:
        return []
    with told(store.path):
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
    return [Replayed(event, *said.get(event.key, (None, None, None))) for event in events]


def replay(store: Store, after: int | None) -> Iterator[Replayed]:
    """All events behind ``after``, a page at a time."""
    while page := replayed(store, after):
        yield from page
        after = page[-1].event.key


def snapshots(store: Store, model: int) -> Iterator[tuple[int, bytes]]:
    """Whole snapshots of a model, the newest first."""
    until: int | None = None
    while (found := store.latest_snapshot(model, until)) is not None:
        yield found
        until = found[0] - 1


def pending(store: Store) -> dict[int, tuple[float, Flag]]:
    """Predictions behind the last score, by key: when each was known to be on the disk, and its flags.

    Infinity where that is not known: of the last group before a kill.
    """
    last = store.last_score()
    with told(store.path):
        rows = store._connection.execute(
            "SELECT p.key, g.durable, p.flags FROM predictions p JOIN groups g ON g.id = p.group_id WHERE p.key > ?",
            (-(1 << 63) if last is None else last,),
        ).fetchall()
    return {key: (math.inf if durable is None else durable, Flag(flags)) for key, durable, flags in rows}


class Hole(NamedTuple):
    """Keys that were lost for good, and what was done with the state there."""

    first: int
    last: int
    policy: str


def holes(store: Store, after: int | None = None) -> list[Hole]:
    """Holes that begin behind ``after``, in order."""
    with told(store.path):
        rows = store._connection.execute(
            "SELECT first, last, policy FROM gaps WHERE outcome = 'unfillable' AND first > ? ORDER BY first",
            (-(1 << 63) if after is None else after,),
        )
        return [Hole(int(first), int(last), str(policy)) for first, last, policy in rows]


def size(store: Store) -> int:
    """Bytes of the store and its log."""
    total = 0
    for path in (store.path, Path(f"{store.path}-wal")):
        with suppress(OSError):
            total += path.stat().st_size
    return total
