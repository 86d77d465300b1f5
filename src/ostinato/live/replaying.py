"""Going on after a stop: the newest snapshot, then every event after it, one step each through the same function.

A snapshot is a cache. Without one, or with a damaged one, the events from the beginning give the same state.
"""

from typing import TYPE_CHECKING

import numpy as np

from ..errors import StateError
from ..store import resuming
from ..store.rows import StoredEvent
from .events import Event, Position
from .forecaster import Forecaster

if TYPE_CHECKING:
    from .engine import Engine


def replay(engine: "Engine") -> None:
    """Bring an engine's models to where its store is, and say where the numbers are not those of the ledger."""
    store = engine.store
    last = store.position()
    engine.position = None if last is None else Position(*last)
    differing = catch_up(engine, engine.champion, engine.forecaster)
    if engine.shadow is not None:
        catch_up(engine, *engine.shadow)
    engine.durable = resuming.pending(store)
    if differing:
        key, difference = differing
        store.begin()
        store.add_note(
            "replay",
            f"the prediction after event {key:,} came out different by {difference:.3g} when it was replayed: other "
            "versions of the libraries, or another machine. The ledger stays as it is.",
        )
        store.commit()


def catch_up(engine: "Engine", number: int, forecaster: Forecaster) -> tuple[int, float] | None:
    """Bring one model to the last event stored; the first prediction of its own that comes out different, if any."""
    store = engine.store
    start = _restored(engine, number, forecaster)
    holes = [first for first, _ in resuming.holes(store) if start is None or first > start]
    differing = None
    for row in resuming.replay(store, start):
        while holes and holes[0] < row.event.key:
            holes.pop(0)
            engine.cross(forecaster)
        answer = forecaster.step(event_of(row.event)).answer
        if answer is None or row.numbers is None or differing is not None or row.model != number:
            continue
        if not np.array_equal(answer.numbers, row.numbers):
            differing = row.event.key, float(np.abs(answer.numbers - row.numbers).max())
    if holes:  # declared after the last event
        engine.cross(forecaster)
    return differing


def _restored(engine: "Engine", number: int, forecaster: Forecaster) -> int | None:
    """The key of the event whose snapshot was taken up; None to begin at the beginning."""
    for key, state in resuming.snapshots(engine.store, number):
        try:
            forecaster.restore(state)
        except StateError:
            continue
        return key
    forecaster.reset()
    return None


def event_of(stored: StoredEvent) -> Event:
    """An event as it came."""
    return Event(stored.key, stored.time, stored.values, stored.received, stored.happened, stored.origin)
