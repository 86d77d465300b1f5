"""The loop: one for full and truncated back-propagation through time, and for windows.

    for piece in sampler.epoch(number):
        y, target, weight, state = forward(piece)
        optimizer.step(loss and gradients)
    validate, keep the best, write a checkpoint

A checkpoint holds all that the next number depends on, so a training that is killed and resumed gives, bit for bit,
the weights of one that was not.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..core import SequenceLayer
from ..data.streams import Slice, Streams
from ..data.windows import Batch, Windows
from ..errors import ConfigError, NonFiniteError
from .checkpoint import Parts, load_module
from .config import TrainingConfig
from .diagnosis import where_it_began
from .interrupt import Request, stop_on_request
from .keeping import Keeper
from .objective import Objective, penalty, weighted_mean
from .optimizers import make_optimizer, make_schedule
from .progress import Evaluation, Progress, Silent, Watcher
from .truncation import Truncation

Augment = Callable[[Tensor], Tensor]  # x (B, T, F) to the same, drawn from torch's random numbers


@dataclass(frozen=True)
class Finished:
    """How a training ended. The model holds the best weights."""

    best_loss: float  # infinite if it was interrupted before the first evaluation
    best_epoch: int  # from 0; -1 likewise
    epochs: int
    seconds: float
    stopped: str  # "epochs", "early", "time" or "interrupted"


class Trainer:
    """Trains a model and keeps its best weights.

    Args:
        model: a layer from x to y; it is trained in place and ends with the best weights.
        sampler: ``Streams`` or ``Windows`` over the training rows.
        objective: losses (...,) from y (..., O) and target.
        validate: the loss on validation data of the model it is given, in ``eval()``.
        config: everything else. Its seed sets torch's random numbers.
        keeper: writes checkpoints, the best weights and metrics.jsonl; None keeps nothing.
        watcher: is told of progress.
        augment: changes x while training, after input noise.

    Raises:
        ConfigError: the model and the sampler do not go together, or the optimizer does not take its options.
    """

    def __init__(
        self,
        model: SequenceLayer,
        sampler: Streams | Windows,
        objective: Objective,
        validate: Callable[[SequenceLayer], float],
        config: TrainingConfig,
        keeper: Keeper | None = None,
        watcher: Watcher | None = None,
        augment: Augment | None = None,
    ) -> None:
        _check_carries(model, sampler, config)
        self.model, self.sampler, self.objective, self.validate = model, sampler, objective, validate
        self.config, self.keeper, self.augment = config, keeper, augment
        self.watcher = watcher or Silent()
        self.progress = Progress()
        self.truncation = Truncation(config.update_every, config.gradient_steps, config.carry_state)
        self.optimizer = make_optimizer(model.parameters(), config)
        self.ticks = _ticks(sampler, config)
        self.schedule = make_schedule(self.optimizer, config, self.ticks)
        self.best = _snapshot(model)
        self.request = Request()
        torch.manual_seed(config.seed)

    def run(self) -> Finished:
        """Train until something ends it.

        Raises:
            NonFiniteError: a loss is not a number; the message says where that began.
        """
        progress = self.progress
        with stop_on_request() as self.request:
            while not progress.stopped:
                self._train_epoch()
                if progress.stopped != "interrupted":
                    self._end_epoch()
        if progress.stopped == "interrupted":
            self._save()
        if progress.best_epoch >= 0:  # otherwise what was trained so far is the best there is
            load_module(self.model, self.best, "the best weights")
        if self.keeper:
            self.keeper.write_weights(self.model.state_dict())
        self.model.eval()
        self.watcher.end(progress)
        return Finished(
            progress.best_loss, progress.best_epoch, progress.epoch, progress.seconds, progress.stopped
        )

    def resume(self) -> None:
        """Take up the training that the keeper's folder holds, from its last checkpoint.

        Raises:
            BrokenRunError: the checkpoint is damaged or of another model.
        """
        assert self.keeper is not None
        loaded = self.keeper.load(str(next(self.model.parameters()).device))
        if loaded is None:
            return
        parts, self.progress = loaded
        load_module(self.model, parts.module("model"), "the checkpoint")
        self.best = parts.module("best")
        self.optimizer.load_state_dict(parts.nested("optimizer"))
        if self.schedule is not None:
            self.schedule.load_state_dict(parts.nested("schedule"))
        self._restore_stream(parts)
        parts.restore_random()
        if self.progress.best_epoch >= 0:
            self.keeper.write_weights(self.best)
        if self.progress.stopped in ("interrupted", "time"):
            self.progress.stopped = ""

    def _train_epoch(self) -> None:
        progress, earlier, began = self.progress, self.progress.seconds, time.perf_counter()
        saved = began
        self.watcher.begin(progress, self.sampler.count(progress.epoch), self.config.epochs)
        if progress.done == 0:
            self.truncation.begin_epoch()
        for piece in self.sampler.epoch(progress.epoch, skip=progress.done):
            self._update(piece)
            now = time.perf_counter()
            progress.done += 1
            progress.updates += 1
            progress.seconds = earlier + now - began
            self.watcher.update(progress, piece.weight.numel())
            if self._should_stop():
                return
            if self.keeper and now - saved >= self.config.checkpoint_seconds:
                self._save()
                saved = now
        if self.config.schedule_every == "epoch":
            self._tick()

    def _update(self, piece: Slice | Batch) -> None:
        """One step of the optimizer. Some of torch's look at the loss several times: hence the closure."""
        self.model.train()
        piece, before = self._disturb(piece), self.truncation.state
        seen: dict[str, Any] = {"loss": 0.0}

        def closure() -> float:
            self.optimizer.zero_grad()
            y, target, weight, seen["state"] = self._forward(piece)
            seen["weight"] = float(weight.sum())
            if seen["weight"] == 0:  # no step of this piece has a label: the state alone goes on
                return 0.0
            loss = weighted_mean(self.objective(y, target), weight)
            seen["loss"] = loss.item()
            (loss + penalty(self.model, self.config.l1, self.config.l2)).backward()
            self._clip()
            return float(seen["loss"])

        self.optimizer.step(closure)
        if not math.isfinite(seen["loss"]):
            self._explain(piece, before)
        self.truncation.keep(seen["state"])
        self.progress.loss_sum += seen["loss"] * seen["weight"]
        self.progress.loss_weight += seen["weight"]
        if self.config.schedule_every == "update":
            self._tick()

    def _forward(self, piece: Slice | Batch) -> tuple[Tensor, Tensor, Tensor, Any]:
        if isinstance(piece, Batch):
            return self.model.last(piece.x), piece.target, piece.weight, None
        return self.truncation.forward(self.model, piece)

    def _disturb(self, piece: Slice | Batch) -> Slice | Batch:
        x = piece.x
        if self.config.input_noise:
            x = x + self.config.input_noise * torch.randn_like(x)
        if self.augment:
            x = self.augment(x)
        return replace(piece, x=x)

    def _clip(self) -> None:
        if self.config.clip_value is not None:
            nn.utils.clip_grad_value_(self.model.parameters(), self.config.clip_value)
        if self.config.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)

    def _tick(self) -> None:
        """The schedule's step, unless it goes by the validation loss or has reached its end."""
        schedule = self.schedule
        if schedule is None or isinstance(schedule, ReduceLROnPlateau):
            return
        if schedule.last_epoch < self.ticks - 1:
            schedule.step()

    def _end_epoch(self) -> None:
        progress, began = self.progress, time.perf_counter()
        self.model.eval()
        loss = self.validate(self.model)
        progress.seconds += time.perf_counter() - began
        if not math.isfinite(loss):
            raise NonFiniteError(
                f"the validation loss is {loss} after epoch {progress.epoch + 1}. Lower learning_rate or clip_norm."
            )
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(loss)
        if progress.judge(loss):
            self.best = _snapshot(self.model)
        evaluation = Evaluation(
            epoch=progress.epoch,
            updates=progress.updates,
            train_loss=progress.loss,
            validation_loss=loss,
            learning_rate=float(self.optimizer.param_groups[0]["lr"]),
            seconds=progress.seconds,
            best=progress.waited == 0,
        )
        progress.next_epoch(self.config.epochs, self.config.patience)
        self._record(evaluation)
        self.watcher.evaluated(progress, evaluation)

    def _record(self, evaluation: Evaluation) -> None:
        if self.keeper is None:
            return
        self.keeper.add_line(evaluation)
        self._save()
        if evaluation.best:
            self.keeper.write_weights(self.best)

    def _should_stop(self) -> bool:
        if self.request.made:
            self.progress.stopped = "interrupted"
        elif self.config.max_seconds is not None and self.progress.seconds >= self.config.max_seconds:
            self.progress.stopped = "time"
        return bool(self.progress.stopped)

    def _explain(self, piece: Slice | Batch, state: Any) -> None:
        lengths = piece.lengths if isinstance(piece, Slice) else None
        update = self.progress.updates + 1
        cause = where_it_began(self.model, piece.x, state, lengths, update)
        raise NonFiniteError(
            f"the loss is not finite at update {update}, epoch {self.progress.epoch + 1}: {cause}"
        )

    def _save(self) -> None:
        if self.keeper is None:
            return
        parts = Parts()
        parts.add_module("model", self.model.state_dict())
        parts.add_module("best", self.best)
        parts.add_nested("optimizer", self.optimizer.state_dict())
        if self.schedule is not None:
            parts.add_nested("schedule", self.schedule.state_dict())
        parts.add_states(self.truncation.states())
        parts.add_random()
        self.keeper.save(parts, self.progress)

    def _restore_stream(self, parts: Parts) -> None:
        """The carried state, and the slices that the next update runs again."""
        states = parts.states(self.model.initial_state(0))
        older = len(states) - 1
        pieces = self.sampler.epoch(self.progress.epoch, skip=self.progress.done - older) if older else ()
        self.truncation.restore(states, islice(pieces, older))  # type: ignore[arg-type]


def _snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _ticks(sampler: Streams | Windows, config: TrainingConfig) -> int:
    """How often the schedule is asked in a whole training."""
    if config.schedule_every == "epoch":
        return config.epochs
    return sum(sampler.count(epoch) for epoch in range(config.epochs))


def _check_carries(model: SequenceLayer, sampler: Streams | Windows, config: TrainingConfig) -> None:
    if isinstance(sampler, Streams) and config.carry_state and not model.streams:
        raise ConfigError(
            f"{type(model).__name__} needs whole sequences, so no state can go from slice to slice. Set carry_state to "
            'false, update_every to none (full back-propagation), or sampler to "windows".'
        )
