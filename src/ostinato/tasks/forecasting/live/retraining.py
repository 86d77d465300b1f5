"""Retraining while running: in another process, champion against challenger on the same events, swapped at one.

    idle -> training (another process) -> catching up -> trial -> swapped or retired -> idle

The challenger is fitted as the run was, on the events of the store. Its state is that of all stored events, stepped one
by one in the training process; the engine replays what came since and then steps both on each event.
"""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from ....errors import ConfigError, OstinatoError, shortened
from ....evaluation.online import ConfidenceSequence
from ....live.engine import Engine
from ....live.replaying import event_of
from ....store import resuming
from ..opening import open_run
from .assembling import forecaster_of
from .states import STATE, read_state

PERIODS = {"hourly": 3600.0, "daily": 86_400.0, "weekly": 604_800.0}
FEWEST = 1000  # events between two trainings
TRIAL = 2000  # scored events after which the lower mean loss decides
SLICE = 32  # events that a challenger catches up between two of the feed


def parse_schedule(text: str) -> tuple[str, float]:
    """("seconds", S) by the exchange's clock, or ("events", N).

    Raises:
        ConfigError: it is neither.
    """
    if text in PERIODS:
        return "seconds", PERIODS[text]
    if re.fullmatch(r"[0-9]{1,12}", text) and int(text) >= FEWEST:
        return "events", float(text)
    raise ConfigError(
        f"--retrain must be {', '.join(PERIODS)} or a number of events of at least {FEWEST:,}, got {shortened(text)}."
    )


class Retraining:
    """Watches an engine and trains a challenger when it is time.

    Args:
        every: as ``parse_schedule`` gives it.
        folder: where the challengers' runs go, numbered.
        trial: scored events after which the lower mean loss decides, if the interval did not before.
    """

    def __init__(self, every: tuple[str, float], folder: Path, trial: int = TRIAL) -> None:
        self.unit, self.amount = every
        self.folder, self.trial = folder, trial
        self.since: float | None = None  # seconds, or events, at the last training
        self.child: subprocess.Popen[bytes] | None = None
        self.errors: TextIO | None = None
        self.run: Path | None = None
        self.catching: asyncio.Task[None] | None = None
        self.duel: Duel | None = None

    def watch(self, engine: Engine) -> None:
        """Begin; challengers of an earlier process are not taken up again."""
        for model in engine.store.models():
            if model.role == "challenger":
                engine.retire(model.id, "the engine was stopped during its trial")
        engine.each_second.append(self.look)

    def look(self, engine: Engine) -> None:
        """What is to be done now; called each second."""
        if self.child is not None:
            self._look_after_training(engine)
        elif self.duel is not None:
            self._look_at_trial(engine, self.duel)
        elif self.catching is not None:
            self._look_at_catching(engine)
        elif self._is_due(engine):
            self._train(engine)

    def close(self) -> None:
        """Stop a training that runs."""
        if self.child is not None:
            self.child.terminate()
            self.child.wait()
            self.child = None
        if self.errors is not None:
            self.errors.close()
            self.errors = None

    def _is_due(self, engine: Engine) -> bool:
        position = engine.position
        if position is None:
            return False
        now = position.time if self.unit == "seconds" else float(engine.meters.events)
        if self.since is None:
            self.since = now
        due = now - self.since >= self.amount and engine.meters.events >= FEWEST
        if due:
            self.since = now
        return due

    def _train(self, engine: Engine) -> None:
        self.folder.mkdir(exist_ok=True)
        numbers = [int(path.name) for path in self.folder.iterdir() if path.name.isdigit()]
        self.run = self.folder / str(max(numbers, default=0) + 1)
        self.errors = (self.folder / f"{self.run.name}.log").open("w+")
        champion = engine.model(engine.champion)
        command = [sys.executable, "-m", "ostinato.tasks.forecasting.live.trainer"]
        self.child = subprocess.Popen(  # noqa: S603
            [*command, str(engine.store.path), champion.path, str(self.run)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
        )
        engine.note("training", f"a challenger is trained on the stored events, into {self.run}")
        engine.meters.training = f"training {self.run.name}"

    def _look_after_training(self, engine: Engine) -> None:
        assert self.child is not None
        code = self.child.poll()
        if code is None:
            return
        self.child = None
        assert self.run is not None
        assert self.errors is not None
        self.errors.seek(0)
        said = self.errors.read()[-500:].strip()
        self.close()
        if code != 0:
            self._give_up(
                engine, f"the training of {self.run} failed: {said.splitlines()[-1] if said else code}"
            )
            return
        engine.meters.training = f"{self.run.name} catches up"
        self.catching = asyncio.get_running_loop().create_task(self._catch_up(engine, self.run))

    async def _catch_up(self, engine: Engine, path: Path) -> None:
        """Step the challenger on what came since, a slice at a time, then let it speak beside the champion."""
        forecaster = forecaster_of(open_run(path), engine.store.head.baselines)
        key, state = read_state(path / STATE)
        forecaster.restore(state)
        number = engine.add_challenger(forecaster.digest, str(path))
        holes = [first for first, _ in resuming.holes(engine.store) if first > key]
        while events := list(engine.store.events_after(key, SLICE)):
            for event in events:
                while holes and holes[0] < event.key:
                    holes.pop(0)
                    engine.cross(forecaster)
                forecaster.step(event_of(event))
                key = event.key
            await asyncio.sleep(0)
            holes += [
                first for first, _ in resuming.holes(engine.store) if first > key and first not in holes
            ]
        self.duel = Duel(number, forecaster.run.recipe.purge)
        engine.shadow, engine.compared = (number, forecaster), self.duel.compare

    def _look_at_catching(self, engine: Engine) -> None:
        task = self.catching
        assert task is not None
        if not task.done():
            return
        self.catching = None
        error = task.exception()
        if isinstance(error, OstinatoError):
            self._give_up(engine, f"{self.run} cannot speak: {error}")
        elif error is not None:
            raise error

    def _look_at_trial(self, engine: Engine, duel: "Duel") -> None:
        engine.meters.training = f"trial: {duel.count:,} of {self.trial:,}"
        self.catching = None
        better = duel.verdict(self.trial)
        if better is None:
            return
        words = (
            f"after {duel.count:,} events its mean loss is {duel.mean:+.6f} against the champion's, peeking-safe "
            f"interval {duel.low:+.6f} to {duel.high:+.6f}"
        )
        assert engine.shadow is not None
        number, forecaster = engine.shadow
        if better:
            engine.swap(number, forecaster, f"{self.run} speaks from now on: {words}")
        else:
            engine.retire(number, f"{self.run} does not speak: {words}")
        self.duel = self.run = None
        engine.meters.training = ""

    def _give_up(self, engine: Engine, why: str) -> None:
        engine.note("training", why)
        engine.meters.training = ""
        if self.run is not None and self.run.exists() and not (self.run / "config.json").exists():
            shutil.rmtree(self.run)
        self.run = None


class Duel:
    """Losses of champion and challenger on the same events.

    Args:
        number: of the challenger.
        horizon: rows by which a label looks ahead.
    """

    def __init__(self, number: int, horizon: int = 1) -> None:
        self.number, self.count, self.mean = number, 0, 0.0
        self.sequence = ConfidenceSequence(horizon=horizon)
        self.low, self.high = float("-inf"), float("inf")

    def compare(self, champion: float, challenger: float) -> None:
        """The losses of one event."""
        difference = challenger - champion
        self.count += 1
        self.mean += (difference - self.mean) / self.count
        self.sequence.add(difference)

    def verdict(self, trial: int) -> bool | None:
        """Whether the challenger shall speak; None where that is open."""
        self.low, self.high = self.sequence.interval()
        if self.high < 0:
            return True
        if self.low > 0:
            return False
        return self.mean < 0 if self.count >= trial else None


def schedule(text: str | None, store: Path) -> list[Retraining]:
    """What ``--retrain`` asks for; nothing for None.

    Raises:
        ConfigError: it is no schedule.
    """
    return [] if text is None else [Retraining(parse_schedule(text), store.with_name(store.name + "-models"))]
