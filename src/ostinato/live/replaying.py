"""Going on after a stop: the newest snapshot, then every event after it, one step each through the same function.

A snapshot is a cache. Without one, or with a damaged one, the events from the beginning give the same state.
"""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from ..errors import StateError
from ..store import resuming
from ..store.rows import EventLike
from .events import Event, Position
from .forecaster import Answer, Forecaster, Outcome, Said, Step
from .state import EngineState


class HoleLike(Protocol):
    """A hole as the store tells of it."""

    @property
    def first(self) -> int: ...
    @property
    def policy(self) -> str: ...


def replay(state: EngineState) -> None:
    """Bring the models of an engine to where its store is, and say where the numbers are not those of the ledger."""
    store = state.store
    last = store.position()
    state.position = None if last is None else Position(*last)
    differing = catch_up(state, state.champion, state.forecaster)
    if state.shadow is not None:
        catch_up(state, *state.shadow)
    state.pending = resuming.pending(store)
    if differing:
        key, difference = differing
        store.begin()
        store.add_note(
            "replay",
            f"the prediction after event {key:,} came out different by {difference:.3g} when it was replayed: other "
            "versions of the libraries, or another machine. The ledger stays as it is.",
        )
        store.commit()


class Track:
    """A model brought along stored events, across the holes between them, as it would have been live.

    Args:
        holes: behind where the model is, in order; more may be added.
    """

    def __init__(self, forecaster: Forecaster, holes: Iterable[HoleLike]) -> None:
        self.forecaster, self.holes = forecaster, deque(holes)

    def step(self, event: EventLike) -> Step:
        """Across the holes before an event, and the event."""
        # a hole whose keys came after all begins with this very event
        while self.holes and self.holes[0].first <= event.key:
            cross(self.forecaster, self.holes.popleft().policy)
        return self.forecaster.step(event_of(event))

    def end(self) -> None:
        """Across the holes behind the last event."""
        while self.holes:
            cross(self.forecaster, self.holes.popleft().policy)


def cross(forecaster: Forecaster, policy: str) -> list[Outcome]:
    """Take a model across a hole; what will never be known."""
    outcomes = forecaster.hole()
    return outcomes + forecaster.reset() if policy == "reset" else outcomes


def catch_up(state: EngineState, number: int, forecaster: Forecaster) -> tuple[int, float] | None:
    """Bring one model to the last event stored; the first prediction of its own that comes out different, if any.

    What the ledger says is what was said: that is judged, whatever a replay gives.
    """
    store = state.store
    start = _restored(state, number, forecaster)
    track, differing = Track(forecaster, resuming.unfilled_gaps(store, start)), None
    for row in resuming.replay(store, start):
        answer = track.step(row.event).answer
        if answer is None or row.numbers is None or row.baselines is None:
            continue
        if number == state.champion:
            forecaster.inherit(Said(row.event.key, row.numbers, row.baselines))
        if row.model == number and differing is None:
            differing = _difference(answer, row)
    track.end()
    return differing


def _difference(answer: Answer, row: resuming.ReplayedEvent) -> tuple[int, float] | None:
    """The key, and by how much what a replay says differs from the ledger; None where it does not."""
    assert row.numbers is not None
    assert row.baselines is not None
    mine, theirs = np.append(answer.numbers, answer.baselines), np.append(row.numbers, row.baselines)
    if np.array_equal(mine, theirs, equal_nan=True):
        return None
    return row.event.key, float(np.nanmax(np.abs(mine - theirs)))


def _restored(state: EngineState, number: int, forecaster: Forecaster) -> int | None:
    """The key of the event whose snapshot was taken up; None to begin at the beginning."""
    last = state.position
    for key, snapshot in resuming.snapshots(state.store, number):
        if last is None or key > last.key:
            continue
        try:
            forecaster.restore(snapshot)
        except StateError:
            continue
        return key
    forecaster.reset()
    return None


def event_of(stored: EventLike) -> Event:
    """An event as it came."""
    return Event(
        stored.key, stored.time, tuple(stored.values), stored.received, stored.happened, stored.origin
    )
