"""The engine: one step for each event, committed before it is shown.

    feed -> event -> store -> step -> prediction and scores -> one commit

Events are the truth. What the store holds after a crash is replayed through the same step function, so that the ledger
becomes the one that it would have been.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from ..errors import OstinatoError
from ..store import Flag, Origin, Store
from ..store.rows import StoredModel
from .events import Event, Gap, Item, Note, Position, Since
from .feeds import Feed
from .forecaster import LiveForecaster, ResolvedPrediction
from .journal import Journal
from .meters import Meters
from .replaying import apply_gap, replay
from .state import EngineState


@dataclass(frozen=True)
class Settings:
    """Settings of the engine; durations in seconds.

    group: events in one commit at most. One that came alone is committed alone.
    snapshot_events, snapshot_seconds: a snapshot is taken when either has passed since the last one.
    policy: whether the state is carried across an unfillable gap, or reset.
    """

    group: int = 64
    snapshot_events: int = 1000
    snapshot_seconds: float = 5.0
    health_seconds: float = 1.0
    policy: Literal["carry", "reset"] = "carry"
    since: Since = field(default_factory=Since)


class EngineWatcher(Protocol):
    """A periodic task next to an engine: retraining, sealing."""

    def watch(self, engine: "Engine") -> None:
        """Start."""

    def close(self) -> None:
        """Release processes and files; safe to call twice."""


class Engine:
    """Steps a model on a feed and writes the store.

    Args:
        feed, store, forecaster: of the same columns.
        champion: number of the forecaster's model in the store.
        clock: seconds since the Unix epoch.
        journal: told what happens, by name and fields.

    Attributes:
        state: where it stands.
        each_second: called after each row of health, outside a commit: retraining looks in here.
        compared: told the losses of champion and challenger on the same event, where it counts.
    """

    def __init__(
        self,
        feed: Feed,
        store: Store,
        forecaster: LiveForecaster,
        champion: int,
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = time.time,
        journal: Journal | None = None,
    ) -> None:
        self.feed, self.store = feed, store
        self.state = EngineState(store, champion, forecaster)
        self.settings, self.clock, self.journal = settings or Settings(), clock, journal or Journal()
        self.each_second: list[Callable[[Engine], None]] = []
        self.compared: Callable[[float, float], None] | None = None
        self._shadowed: dict[int, np.ndarray] = {}  # what a challenger said, until it is settled
        self.meters = Meters(clock)
        self._spoiled = False  # whether the model has seen events that were not committed
        self._snapshot = (0, clock())  # events since the last, and when that was

    @property
    def position(self) -> Position | None:
        """The last event that was stepped; None before the first."""
        return self.state.position

    @property
    def forecaster(self) -> LiveForecaster:
        """The champion."""
        return self.state.forecaster

    async def run(self) -> None:
        """Run until the feed ends or the task is cancelled; in both cases received events are committed.

        Raises:
            StoreFullError: the disk is full; nothing committed is lost.
            StoreMovedError: files of the store were moved, removed or replaced; the text says where its rows are.
            FeedRefusedError: the exchange refuses for good.
        """
        self.resume()
        tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self._work())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            self.finish("ended")
        except asyncio.CancelledError:
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.result()  # what failed in the same moment is not to be lost
            self.finish("stopped")
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.feed.close()

    def resume(self) -> None:
        """Bring the model to the end of the store.

        Raises:
            StoreError: the store cannot be read.
        """
        replay(self.state)
        for model in self.store.models():
            if model.role == "challenger" and (self.state.shadow is None or self.state.shadow[0] != model.id):
                self.retire(model.id, "the run ended during its trial")
        self._health("starting")
        self.journal.write("started", feed=self.feed.name, key=self.position.key if self.position else None)

    def finish(self, state: str) -> None:
        """Write a snapshot and a last health record; for a clean end.

        Raises:
            StoreMovedError: files of the store were moved.
        """
        self.store.check_files()
        self.store.begin()
        self._take_snapshot()
        self.store.add_health(self.meters.health(self.feed, self.store, state))
        self.store.commit()
        self.journal.write(state, key=self.position.key if self.position else None)

    def take(self, items: Sequence[Item]) -> None:
        """Store, step and commit some items as one group; skip items that are stored already."""
        taken: list[Event] = []
        self.store.begin()
        try:
            for item in items:
                if isinstance(item, Event):
                    if self._event(item):
                        taken.append(item)
                elif isinstance(item, Gap):
                    self._gap(item)
                else:
                    self.store.add_note(item.kind, item.text)
            if self._is_snapshot_due(len(taken)):
                self._take_snapshot()
            began = self.clock()
            durable = self.store.commit()
        except BaseException:
            self._spoiled = True
            self.store.rollback()
            raise
        for event in taken:
            if event.key in self.state.pending:
                self.state.pending[event.key] = (durable, self.state.pending[event.key][1])
        self.meters.committed(taken, began, durable)
        self._tell(items)

    def model(self, number: int) -> StoredModel:
        """The store's record of a model."""
        return next(model for model in self.store.models() if model.id == number)

    def note(self, kind: str, text: str) -> None:
        """Add a note on an incident."""
        self.store.begin()
        self.store.add_note(kind, text)
        self.store.commit()
        self.journal.write(kind, text=text)

    def add_challenger(self, digest: str, path: str) -> int:
        """Register a model that is not the champion; return its number."""
        self.store.begin()
        number = self.store.add_model(digest, path, "challenger", None)
        self.store.commit()
        return number

    def retire(self, number: int, why: str) -> None:
        """Stop stepping a challenger."""
        self.state.shadow = self.compared = None
        self.store.begin()
        self.store.set_role(number, "retired")
        self.store.add_note("retired", why)
        self.store.commit()
        self.journal.write("retired", model=number, text=why)

    def close(self) -> None:
        """Close store and journal; safe to call twice."""
        self.store.close()
        self.journal.close()

    def swap(self, number: int, forecaster: LiveForecaster, why: str) -> None:
        """Promote another model from the next event on; one commit, between two events.

        Pending predictions of the previous champion are scored as they were made.
        """
        for said in self.forecaster.pending():
            forecaster.adopt(said)
        self.store.begin()
        self.store.swap(number, self.position.key + 1 if self.position else 0)
        self.store.add_note("swap", why)
        self.state.champion, self.state.forecaster = number, forecaster
        self.state.shadow = self.compared = None
        self._take_snapshot()
        self.store.commit()
        self.journal.write("swap", model=number, text=why)

    async def _work(self) -> None:
        async for items in self.feed.batches(self.position, self.settings.since):
            for group in _groups(items, self.settings.group):
                self.take(group)
                await asyncio.sleep(0)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.settings.health_seconds)
            self.store.check_files()
            self._health()
            for look in self.each_second:
                look(self)

    def _health(self, state: str | None = None) -> None:
        self.store.begin()
        self.store.add_health(self.meters.health(self.feed, self.store, state))
        self.store.commit()

    def _event(self, event: Event) -> bool:
        if not self.store.add_event(event):
            self.feed.health.reject("duplicate")
            return False
        began = time.perf_counter()
        answer, outcomes = self.forecaster.step(event)
        micros = 1e6 * (time.perf_counter() - began)
        champions = self._settle(outcomes, event.key)
        if self.state.shadow is not None:
            self._step_shadow(event, champions)
        if answer is not None:
            flags = answer.flags | (Flag.BACKFILLED if event.origin != Origin.STREAM else Flag(0))
            self.store.add_prediction(
                event.key, self.state.champion, answer.numbers, answer.baselines, int(flags), micros
            )
            self.state.pending[event.key] = (np.inf, flags)  # not on the disk yet
        self.meters.stepped(micros)
        self.state.position = Position(event.key, event.time)
        return True

    def _settle(self, outcomes: list[ResolvedPrediction], by: int) -> dict[int, float]:
        """Score the predictions that an event resolves; the losses of those that count, by key.

        Committed too late is what was not on the disk before the first of its outcome was known, and what was known at
        a time that has not come yet: then the clock was set back, and tells nothing.
        """
        counting = {}
        for outcome in outcomes:
            durable, flags = self.state.pending.pop(outcome.key, (np.inf, Flag(0)))
            late = durable >= outcome.known or outcome.known > self.clock()
            score = self._score(outcome, by, Flag.LATE if late else Flag(0))
            if not flags | score:
                counting[outcome.key] = float(outcome.losses[0])
        return counting

    def _score(self, outcome: ResolvedPrediction, by: int, flags: Flag) -> Flag:
        if not np.isfinite(outcome.losses[0]):
            flags |= Flag.ACROSS_HOLE
        self.store.add_score(outcome.key, by, outcome.actual, outcome.losses, int(flags))
        return flags

    def _gap(self, gap: Gap) -> None:
        self.store.add_gap(gap, self.settings.policy)
        if gap.outcome != "unfillable":
            return
        for outcome in apply_gap(self.forecaster, self.settings.policy):
            self.state.pending.pop(outcome.key, None)
            self._score(outcome, gap.last, Flag(0))
        if self.state.shadow is not None:
            apply_gap(self.state.shadow[1], self.settings.policy)
            self._shadowed.clear()

    def _step_shadow(self, event: Event, champions: dict[int, float]) -> None:
        """Step the challenger; retire it if its step fails, without effect on the champion."""
        assert self.state.shadow is not None
        number, forecaster = self.state.shadow
        try:
            answer, outcomes = forecaster.step(event)
        except OstinatoError as error:
            self.state.shadow = self.compared = None
            self.store.add_note("challenger", f"model {number} cannot continue: {error}")
            return
        if answer is not None:
            self._shadowed[event.key] = answer.numbers
        for outcome in outcomes:
            loss = float(outcome.losses[0])
            numbers = self._shadowed.pop(outcome.key, None)
            if numbers is None:  # said while it was catching up
                continue
            self.store.add_shadow(outcome.key, number, numbers, loss)
            if self.compared is not None and outcome.key in champions and np.isfinite(loss):
                self.compared(champions[outcome.key], loss)

    def _is_snapshot_due(self, taken: int) -> bool:
        events, when = self._snapshot[0] + taken, self._snapshot[1]
        self._snapshot = (events, when)
        if events == 0:
            return False
        return (
            events >= self.settings.snapshot_events or self.clock() - when >= self.settings.snapshot_seconds
        )

    def _take_snapshot(self) -> None:
        if self.position is None or self._spoiled:
            return
        self.store.add_snapshot(self.position.key, self.state.champion, self.forecaster.state())
        if self.state.shadow is not None:
            self.store.add_snapshot(self.position.key, self.state.shadow[0], self.state.shadow[1].state())
        self._snapshot = (0, self.clock())

    def _tell(self, items: Sequence[Item]) -> None:
        for item in items:
            if isinstance(item, Gap):
                self.journal.write("gap", **item._asdict())
            elif isinstance(item, Note):
                self.journal.write(item.kind, text=item.text)


def _groups(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
