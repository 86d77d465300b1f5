"""Retraining in another process; champion and challenger are compared on the same events and swapped between two.

    idle -> training (another process) -> catching up -> trial -> swapped or retired -> idle

The challenger is fitted as the run was, on the events of the store. Its state is that of all stored events, stepped one
by one in the training process; the engine replays later events and then steps both on each event.
"""

import asyncio
from pathlib import Path

from ....errors import StateError
from ....evaluation.online import ConfidenceSequence
from ....live.children import ChildProcess
from ....live.engine import Engine
from ....live.replaying import Track
from ....store import resuming
from ..task import open_run
from .assembling import forecaster_of
from .challenger_store import ChallengerStore
from .schedules import Schedule, parse_schedule
from .states import STATE, read_state
from .stepping import RunForecaster

TRIAL = 2000  # scored events after which the lower mean loss decides
SLICE = 8  # events that a challenger catches up between two of the feed


class Retraining:
    """Watches an engine and trains a challenger when one is due.

    Args:
        every: as ``parse_schedule`` gives it.
        folder: where the challengers' runs go, numbered; another working directory finds them, too.
        trial: scored events after which the lower mean loss decides, if the interval did not before.
    """

    def __init__(self, every: tuple[str, float], folder: Path, trial: int = TRIAL) -> None:
        self.challengers, self.trial = ChallengerStore(folder.resolve()), trial
        self.schedule = Schedule(*every, self.challengers.folder / "schedule.json")
        self.child: ChildProcess | None = None
        self.run: Path | None = None
        self.number: int | None = None  # in the store
        self.catching: asyncio.Task[None] | None = None
        self.duel: Duel | None = None

    def watch(self, engine: Engine) -> None:
        """Start; challengers of earlier runs are not resumed."""
        self.challengers.tidy(engine.store.models())
        engine.each_second.append(self.poll)

    def poll(self, engine: Engine) -> None:
        """Advance the retraining; called every second."""
        if self.child is not None:
            self._poll_training(engine, self.child)
        elif self.duel is not None:
            self._poll_trial(engine, self.duel)
        elif self.catching is not None:
            self._poll_catch_up(engine, self.catching)
        elif engine.position is not None and self.schedule.is_due(
            engine.position.time, engine.store.events()
        ):
            self._train(engine)

    def close(self) -> None:
        """Stop a training in progress."""
        if self.catching is not None:
            self.catching.cancel()
            self.catching = None
        if self.child is not None:
            self.child.close()
            self.child = None

    def _train(self, engine: Engine) -> None:
        assert isinstance(engine.forecaster, RunForecaster)
        champion = engine.forecaster.run.folder.path.resolve()
        try:
            self.run = self.challengers.next()
            self.child = ChildProcess(
                "ostinato.tasks.forecasting.live.trainer",
                *(str(path) for path in (engine.store.path, champion, self.run)),
                log=self.challengers.log(self.run),
            )
        except OSError as error:
            self._give_up(engine, f"no challenger can be trained: {error}")
            return
        engine.note("training", f"a challenger is trained on the stored events, into {self.run}")
        engine.meters.training = f"training {self.run.name}"

    def _poll_training(self, engine: Engine, child: ChildProcess) -> None:
        code = child.code()
        if code is None:
            return
        assert self.run is not None
        said = child.error_text()
        self.close()
        if code != 0:
            self._give_up(engine, f"the training of {self.run} failed: {said}")
            return
        engine.meters.training = f"{self.run.name} catches up"
        self.catching = asyncio.get_running_loop().create_task(self._catch_up(engine, self.run))

    async def _catch_up(self, engine: Engine, path: Path) -> None:
        """Step the challenger on recent events, a slice at a time, then predict alongside the champion."""
        key, forecaster = await asyncio.to_thread(_load_challenger, path, engine)
        if forecaster.digest == engine.forecaster.digest:
            raise StateError("it is the champion already.")
        self.number = engine.add_challenger(forecaster.digest, str(path))
        track, hole = Track(forecaster, []), key
        while True:
            events = list(engine.store.events_after(key, SLICE))
            for found in resuming.unfilled_gaps(engine.store, hole):
                track.holes.append(found)
                hole = found.first
            if not events:
                break
            for event in events:
                track.step(event)
                key = event.key
            await asyncio.sleep(0)
        track.end()
        self.duel = Duel(forecaster.run.recipe.purge)
        engine.state.shadow, engine.compared = (self.number, forecaster), self.duel.compare

    def _poll_catch_up(self, engine: Engine, task: "asyncio.Task[None]") -> None:
        if not task.done():
            return
        self.catching = None
        error = task.exception()
        if error is not None:  # any error: the champion is not affected
            self._give_up(engine, f"{self.run} cannot be promoted: {error or type(error).__name__}")

    def _poll_trial(self, engine: Engine, duel: "Duel") -> None:
        engine.meters.training = f"trial: {duel.count:,} of {self.trial:,}"
        self.catching = None
        if engine.state.shadow is None:
            self._give_up(engine, f"{self.run} is not promoted: a step of it failed")
            return
        better = duel.verdict(self.trial)
        if better is None:
            return
        words = (
            f"after {duel.count:,} events its mean loss is {duel.mean:+.6f} against the champion's, peeking-safe "
            f"interval {duel.low:+.6f} to {duel.high:+.6f}"
        )
        if not better:
            self._give_up(engine, f"{self.run} is not promoted: {words}")
            return
        engine.swap(*engine.state.shadow, f"{self.run} is the champion from now on: {words}")
        self._be_idle(engine)

    def _give_up(self, engine: Engine, why: str) -> None:
        """Note the reason; only the log of the training remains."""
        if self.number is None:
            engine.note("training", why)
        else:
            engine.retire(self.number, why)
        if self.run is not None:
            self.challengers.drop(self.run)
        self._be_idle(engine)

    def _be_idle(self, engine: Engine) -> None:
        self.duel = self.run = self.number = None
        engine.meters.training = ""


def _load_challenger(path: Path, engine: Engine) -> tuple[int, RunForecaster]:
    """Load a trained challenger: the key of the last event that it has seen, and the challenger."""
    head = engine.store.head
    forecaster = forecaster_of(open_run(path), head.baselines, head.units)
    key, state = read_state(path / STATE)
    forecaster.restore(state)
    return key, forecaster


class Duel:
    """Losses of champion and challenger on the same events.

    Args:
        horizon: rows by which a label looks ahead.
    """

    def __init__(self, horizon: int = 1) -> None:
        self.count, self.mean = 0, 0.0
        self.sequence = ConfidenceSequence(horizon=horizon)
        self.low, self.high = float("-inf"), float("inf")

    def compare(self, champion: float, challenger: float) -> None:
        """Record the losses of one event."""
        difference = challenger - champion
        self.count += 1
        self.mean += (difference - self.mean) / self.count
        self.sequence.add(difference)

    def verdict(self, trial: int) -> bool | None:
        """Whether to promote the challenger; None while undecided."""
        self.low, self.high = self.sequence.interval()
        if self.high < 0:
            return True
        if self.low > 0:
            return False
        return self.mean < 0 if self.count >= trial else None


def schedule(text: str | None, store: Path) -> list[Retraining]:
    """Parse ``--retrain``; an empty list for None.

    Raises:
        ConfigError: it is no schedule.
    """
    return [] if text is None else [Retraining(parse_schedule(text), store.with_name(store.name + "-models"))]
