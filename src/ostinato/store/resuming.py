"""What an engine asks of its store when it goes on: the events after a snapshot, what still waits, and the holes."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .connection import told
from .rows import Numbers, StoredEvent
from .writer import Store

PAGE = 1000  # events read at once


class Replayed(NamedTuple):
    """An event, and the prediction made on it: by which model, and its numbers; None where there is none."""

    event: StoredEvent
    model: int | None
    numbers: Numbers | None


def replayed(store: Store, after: int | None, limit: int = PAGE) -> list[Replayed]:
    """The next events behind ``after``, or the first ones, with what was said after them."""
    events = list(store.events_after(after, limit))
    if not events:
        return []
    with told(store.path):
        rows = store._connection.execute(
            "SELECT key, model, numbers FROM predictions WHERE key BETWEEN ? AND ?",
            (events[0].key, events[-1].key),
        ).fetchall()
    said = {
        key: (model, store._decoder.numbers(numbers, "numbers of a prediction", key))
        for key, model, numbers in rows
    }
    return [Replayed(event, *said.get(event.key, (None, None))) for event in events]


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


def pending(store: Store) -> dict[int, float]:
    """Predictions behind the last score, by key: when each was on the disk, or at least prepared to be."""
    last = store.last_score()
    with told(store.path):
        rows = store._connection.execute(
            "SELECT p.key, coalesce(g.durable, g.prepared) FROM predictions p JOIN groups g ON g.id = p.group_id "
            "WHERE p.key > ?",
            (-1 if last is None else last,),
        ).fetchall()
    return dict(rows)


def holes(store: Store) -> list[tuple[int, int]]:
    """Keys that were lost for good: first and last of each hole, in order."""
    with told(store.path):
        rows = store._connection.execute(
            "SELECT first, last FROM gaps WHERE outcome = 'unfillable' ORDER BY first"
        )
        return [(int(first), int(last)) for first, last in rows]


def size(store: Store) -> int:
    """Bytes of the store and its log."""
    total = 0
    for path in (store.path, Path(f"{store.path}-wal")):
        with suppress(OSError):
            total += path.stat().st_size
    return total
