"""A run as a ``LiveForecaster``: one step for each event, a serializable state.

Axes: I columns, O numbers of the network, P numbers of a prediction, K baselines.
"""

import copy
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ....core import named_leaves, state_from_leaves
from ....errors import ConfigError, StateError
from ....experiment.task import Run
from ....live import Event
from ....live.forecaster import ForecastStep, PendingPrediction, Prediction, ResolvedPrediction
from ....store import Flag
from ..model import parts_of
from ..targets import target_of
from .baselines import ColumnBaselines
from .pending import NOBODY, PendingForecast, PendingQueue
from .rows import Row, rows_of

COLD = 256  # rows until a state without end counts as warm
NOTHING = np.empty(0)
MOST_KEPT = 20_000_000  # numbers that wait for their outcome: 160 MB in each snapshot


class RunForecaster:
    """Steps a run on events. Made for one series; a stepper of the weights as they are.

    Args:
        run: opened, its model on the CPU.
        baselines: that live beside it, by name, each with its state; in the order of the ledger.
        units: what the losses of several columns are measured in.

    Raises:
        ConfigError: the run cannot be run live.
    """

    def __init__(
        self, run: Run, baselines: dict[str, ColumnBaselines], units: Sequence[float] | None = None
    ) -> None:
        recipe = run.recipe
        if not run.model.streams or run.model.stride != 1 or run.model.latency:
            raise ConfigError(
                f"{run.folder.path} does not stream: its model ({run.name}) needs the whole sequence. Fit one of the "
                "models that run live, such as lstm, gru, tcn or cnn."
            )
        self.units = units
        self.run, self.target = run, target_of(recipe)
        self.scorer = self.target.live_scorer(units)
        self.digest = digest_of(run)
        self.origin = recipe.origin
        begin, end = recipe.fitted_from, recipe.fitted_until
        # runs of old do not say
        self.fitted = (math.inf, -math.inf) if begin is None or end is None else (begin, end)
        self.stepper = run.model.stepper()
        self.rows, self.queue, self.baselines = rows_of(recipe), PendingQueue(recipe.ahead), baselines
        self.needed, self.seen = _needed(run), 0
        self._check_size()
        self.crossed = False  # whether trades were lost before the next one
        self.fresh = json.dumps({name: one.state() for name, one in baselines.items()})

    def step(self, event: Event) -> ForecastStep:
        """One row for a trade; for a bar or a table row, also the missing rows before it."""
        y, outcomes = None, list[ResolvedPrediction]()
        known = event.received if event.happened is None else min(event.received, event.happened)
        for row in self.rows.of(event):
            level = self.scorer.quantities(row.values) if row.observed else (math.nan,) * self._columns(row)
            outcomes += self._settle(level, known)
            y = self.stepper.step(torch.tensor([[row.time - self.origin, *row.values]], dtype=torch.float64))
            self._see(level)
            self.seen += 1
            if not row.observed:
                self.queue.add(PendingForecast(NOBODY, level, NOTHING, NOTHING))
        if y is None:
            return ForecastStep(None, outcomes)
        numbers = self.scorer.forecast(y)
        theirs = [one.predict() for one in self.baselines.values()]
        baselines = np.concatenate(theirs) if theirs else NOTHING
        fitted = self.fitted[0] <= row.time <= self.fitted[1]
        self.queue.add(PendingForecast(event.key, level, numbers, baselines, fitted))
        flags = (Flag.FITTED if fitted else Flag(0)) | (Flag.COLD if self.seen < self.needed else Flag(0))
        return ForecastStep(Prediction(numbers, baselines, flags), outcomes)

    def skip_gap(self) -> list[ResolvedPrediction]:
        """Lost trades may have existed, so outcomes are unknown. Missing regular rows are filled instead."""
        if self.run.recipe.step is not None:
            return []
        self.crossed = True
        return [self._given_up(pending) for pending in self.queue.give_up()]

    def reset(self) -> list[ResolvedPrediction]:
        """Reset to the initial state; the outcomes of pending predictions stay unknown."""
        self.stepper.reset()
        self.rows.reset()
        self.seen, self.crossed = 0, False
        for name, state in json.loads(self.fresh).items():
            self.baselines[name].restore(state)
        return [self._given_up(pending) for pending in self.queue.give_up()]

    def pending(self) -> list[PendingPrediction]:
        """Pending predictions, in order."""
        return [
            PendingPrediction(one.key, one.numbers, one.baselines)
            for one in self.queue.rows
            if one.key != NOBODY
        ]

    def adopt(self, said: PendingPrediction) -> None:
        """Score another model's prediction instead."""
        pending = self.queue.find(said.key)
        if pending is not None:
            pending.numbers, pending.baselines = said.numbers, said.baselines

    def state(self) -> bytes:
        """As safetensors."""
        pending = list(self.queue.rows)
        width = max((len(one.numbers) for one in pending), default=0)
        tensors = {
            f"model.{name}": leaf.contiguous() for name, leaf in named_leaves(self.stepper.state).items()
        }
        tensors["waiting.keys"] = torch.tensor([one.key for one in pending], dtype=torch.int64)
        tensors["waiting.fitted"] = torch.tensor([one.fitted for one in pending], dtype=torch.bool)
        tensors["waiting.known"] = torch.tensor([one.known for one in pending], dtype=torch.float64)
        levels = [np.array(one.level) for one in pending]
        tensors["waiting.levels"] = _stacked(levels, max(map(len, levels), default=0))
        tensors["waiting.numbers"] = _stacked([one.numbers for one in pending], width)
        tensors["waiting.baselines"] = _stacked(
            [one.baselines for one in pending], width * len(self.baselines)
        )
        facts = {
            "digest": self.digest,
            "seen": self.seen,
            "crossed": self.crossed,
            "rows": self.rows.state(),
            "baselines": {name: one.state() for name, one in self.baselines.items()},
        }
        return save(tensors, {"facts": json.dumps(facts)})

    def restore(self, state: bytes) -> None:
        """Restore the state bit for bit."""
        try:
            facts = json.loads(_metadata(state)["facts"])
            tensors = load(state)
            if facts["digest"] != self.digest or set(facts["baselines"]) != set(self.baselines):
                raise StateError("this snapshot is of another run.")
            parts = {name[6:]: leaf for name, leaf in tensors.items() if name.startswith("model.")}
            model = state_from_leaves(self.stepper.state, parts)
            names = ("keys", "levels", "numbers", "baselines", "fitted", "known")
            pending = [tensors[f"waiting.{name}"] for name in names]
            self.rows.restore([float(number) for number in facts["rows"]])
            self.seen, self.crossed = int(facts["seen"]), bool(facts["crossed"])
            for name, one in self.baselines.items():
                one.restore(facts["baselines"][name])
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise StateError(f"this snapshot cannot be read: {error}.") from None
        self.stepper.restore(model)
        self.queue.give_up()
        rows = zip(*(part.tolist() for part in pending), strict=True)
        for key, level, numbers, baselines, fitted, known in rows:
            mine = (np.array(numbers), np.array(baselines)) if key != NOBODY else (NOTHING, NOTHING)
            self.queue.add(PendingForecast(key, tuple(level), mine[0], mine[1], fitted, known))

    def __copy__(self) -> "RunForecaster":
        """Of the same run, with a state of its own: one that shared it would move both on."""
        shared = (self.run, self.run.model)
        return copy.deepcopy(self, {id(part): part for part in shared})

    def _check_size(self) -> None:
        """Refuse more pending numbers than a snapshot should hold."""
        kept = self.queue.longest * self.scorer.size * (1 + len(self.baselines))
        if kept > MOST_KEPT:
            raise ConfigError(
                f"{self.run.folder.path} forecasts {self.scorer.size:,} numbers up to {self.queue.longest:,} rows "
                f"ahead: {kept:,} would wait for their outcome, at most {MOST_KEPT:,} can. Fit one with fewer horizons."
            )

    def _settle(self, level: tuple[float, ...], known: float) -> list[ResolvedPrediction]:
        due = self.queue.settle(level, known)
        if due is None:
            return []
        labels = self.scorer.labels(due.pending.level, due.ahead)
        losses = self.scorer.losses(due.pending.numbers, due.pending.baselines, labels)
        if math.isfinite(losses[0]) and not due.pending.fitted:  # what they were fitted on, they have counted
            for one in self.baselines.values():
                one.learn(labels)
        return [ResolvedPrediction(due.pending.key, labels, losses, due.pending.known)]

    def _see(self, level: tuple[float, ...]) -> None:
        for one in self.baselines.values():
            one.see(level, self.crossed)
        self.crossed = False

    def _given_up(self, pending: PendingForecast) -> ResolvedPrediction:
        quantities = max(len(self.run.recipe.ahead), 1) * len(pending.level)
        nothing = np.full(quantities, np.nan), np.full(1 + len(self.baselines), np.nan)
        return ResolvedPrediction(pending.key, *nothing, math.inf)

    def _columns(self, row: Row) -> int:
        return len(self.scorer.quantities(row.values))


def digest_of(run: Run) -> str:
    """SHA-256 over config and weights, in hex: all that a run's numbers depend on."""
    found = hashlib.sha256(run.folder.config.read_bytes())
    found.update(run.folder.weights.read_bytes())
    return found.hexdigest()


def _needed(run: Run) -> int:
    """Number of rows until the state is warm."""
    parts = parts_of(run.model)
    fields = [part.receptive_field for part in (parts.features, parts.network)]
    return int(sum(COLD if math.isinf(field) else field for field in fields))


def _stacked(arrays: list[np.ndarray], width: int) -> Tensor:
    rows = np.zeros((len(arrays), width))
    for row, array in zip(rows, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(rows)


def _metadata(state: bytes) -> dict[str, Any]:
    """The metadata of safetensors bytes."""
    length = int.from_bytes(state[:8], "little")
    return json.loads(state[8 : 8 + length])["__metadata__"]
