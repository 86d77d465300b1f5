"""Resume after a stop: the newest snapshot, then every event after it, one step each through the same function.

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
from .forecaster import ForecastStep, LiveForecaster, PendingPrediction, Prediction, ResolvedPrediction
from .state import EngineState


class GapRecord(Protocol):
    """An unfilled gap as the store records it."""

    @property
    def first(self) -> int: ...
    @property
    def policy(self) -> str: ...


def replay(state: EngineState) -> None:
    """Bring the models of an engine to the end of its store; note where numbers differ from the ledger."""
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
    """Steps a model along stored events and across the gaps between them, as in a live run.

    Args:
        holes: gaps after the model's position, in order; more may be added.
    """

    def __init__(self, forecaster: LiveForecaster, holes: Iterable[GapRecord]) -> None:
        self.forecaster, self.holes = forecaster, deque(holes)

    def step(self, event: EventLike) -> ForecastStep:
        """Cross the gaps before an event, and step on the event."""
        # a gap whose keys arrived after all begins with this very event
        while self.holes and self.holes[0].first <= event.key:
            apply_gap(self.forecaster, self.holes.popleft().policy)
        return self.forecaster.step(event_of(event))

    def end(self) -> None:
        """Cross the gaps after the last event."""
        while self.holes:
            apply_gap(self.forecaster, self.holes.popleft().policy)


def apply_gap(forecaster: LiveForecaster, policy: str) -> list[ResolvedPrediction]:
    """Apply the gap policy to a model; return the predictions that it settles."""
    outcomes = forecaster.skip_gap()
    return outcomes + forecaster.reset() if policy == "reset" else outcomes


def catch_up(state: EngineState, number: int, forecaster: LiveForecaster) -> tuple[int, float] | None:
    """Bring one model to the last stored event; return the first of its predictions that differs, if any.

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
            forecaster.adopt(PendingPrediction(row.event.key, row.numbers, row.baselines))
        if row.model == number and differing is None:
            differing = _difference(answer, row)
    track.end()
    return differing


def _difference(answer: Prediction, row: resuming.ReplayedEvent) -> tuple[int, float] | None:
    """The key and the difference between a replayed prediction and the ledger; None if they agree."""
    assert row.numbers is not None
    assert row.baselines is not None
    mine, theirs = np.append(answer.numbers, answer.baselines), np.append(row.numbers, row.baselines)
    if np.array_equal(mine, theirs, equal_nan=True):
        return None
    return row.event.key, float(np.nanmax(np.abs(mine - theirs)))


def _restored(state: EngineState, number: int, forecaster: LiveForecaster) -> int | None:
    """The key of the event of the restored snapshot; None to begin at the beginning."""
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
    """The event as it was received."""
    return Event(
        stored.key, stored.time, tuple(stored.values), stored.received, stored.happened, stored.origin
    )
