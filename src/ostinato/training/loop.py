"""The training loop, for whole sequences, truncated back-propagation through time, and windows.

    for piece in sampler.epoch(number):
        answers, target, weight, state = memory.forward(model, piece)
        optimizer.step(loss and gradients)
    validate, keep the best, write a checkpoint

A checkpoint holds all that the next number depends on, so a training that is killed and resumed gives, bit for bit,
the weights of one that was not.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..core import Generators, SequenceLayer, drawing_from
from ..data.piece import Piece, Sampler
from ..data.timing import Timing
from ..errors import ConfigError, DataError, NonFiniteError
from .checkpoint import load_module
from .checkpointer import Checkpointer
from .config import TrainingConfig
from .diagnosis import REMEDY, locate_nonfinite_gradient, locate_nonfinite_loss, locate_nonfinite_weights
from .interrupt import StopRequest, stop_on_request
from .objective import Objective, penalty, weighted_mean
from .optimizers import make_optimizer, make_schedule
from .progress import EpochRecord, SilentWatcher, Watcher
from .resuming import capture, expected_contents, restore
from .state import TrainingState, snapshot
from .truncation import NoMemory, Truncation

COUNTED_EPOCHS = 100  # jitter makes the slices of an epoch one more or less; planning each takes a while
Augment = Callable[[Tensor], Tensor]  # x (B, T, F) to the same; what torch draws there is the training's own


@dataclass(frozen=True)
class Finished:
    """How a training ended. The model holds the best weights."""

    best_loss: float  # infinite if it was interrupted before the first evaluation
    best_epoch: int  # from 0; -1 likewise
    epochs: int  # that were completed
    seconds: float
    stopped: str  # "epochs", "early", "time" or "interrupted"


def begin(model: SequenceLayer, sampler: Sampler, config: TrainingConfig) -> TrainingState:
    """A training run before its first update.

    Raises:
        ConfigError: torch refuses an option.
    """
    parameters = list(model.parameters())
    optimizer = make_optimizer(parameters, config)
    schedule = make_schedule(optimizer, config, _ticks(sampler, config))
    # else a schedule warns, after a resume, that no step of the optimizer came before its own
    optimizer._opt_called = True  # type: ignore[attr-defined]
    truncation = Truncation(
        config.update_every, config.gradient_steps, config.carry_state and model.streams, sampler.timing
    )
    return TrainingState(
        config=config,
        model=model,
        sampler=sampler,
        parameters=parameters,
        optimizer=optimizer,
        schedule=schedule,
        memory=truncation if sampler.carries else NoMemory(),
        random=Generators(config.seed),
        best=snapshot(model),
    )


class Trainer:
    """Trains a model and keeps its best weights.

    Args:
        model: a layer from x to y; it is trained in place and ends with the best weights.
        sampler: what hands out the pieces that are learnt from, made with the ``Timing`` of the model.
        objective: a loss for each answer, from answers (..., O) and target.
        validate: the loss on validation data of the model it is given, in ``eval()``.
        config: everything else. From its seed come all random numbers; the process's generators are left alone.
        checkpointer: writes checkpoints, the best weights and metrics.jsonl; None keeps nothing.
        watcher: is notified of progress.
        augment: changes x while training, after input noise.

    Raises:
        ConfigError: the model and the sampler do not go together, or torch refuses an option.
        DataError: no step has a label.
    """

    def __init__(
        self,
        model: SequenceLayer,
        sampler: Sampler,
        objective: Objective,
        validate: Callable[[SequenceLayer], float],
        config: TrainingConfig,
        checkpointer: Checkpointer | None = None,
        watcher: Watcher | None = None,
        augment: Augment | None = None,
    ) -> None:
        _check_carries(model, sampler, config)
        _check_timing(model, sampler)
        _check_noise(sampler, config)
        _check_labels(sampler)
        self.objective, self.validate, self.checkpointer, self.augment = (
            objective,
            validate,
            checkpointer,
            augment,
        )
        self.watcher = watcher or SilentWatcher()
        self.request = StopRequest()
        self.state = begin(model, sampler, config)

    def run(self) -> Finished:
        """Train until something ends it.

        Raises:
            NonFiniteError: a loss is not a number; the message says where that began.
        """
        progress = self.state.progress
        with stop_on_request() as self.request:
            while not progress.stopped:
                self._train_epoch()
                if progress.stopped != "interrupted":
                    self._end_epoch()
        if progress.stopped == "interrupted":
            self._save()
        if progress.best_epoch >= 0:  # otherwise what was trained so far is the best there is
            load_module(self.state.model, self.state.best, "the best weights")
        if self.checkpointer:
            self.checkpointer.write_weights(self.state.model.state_dict())
        self.state.model.eval()
        self.watcher.end(progress)
        return Finished(
            progress.best_loss, progress.best_epoch, progress.epoch, progress.seconds, progress.stopped
        )

    def resume(self) -> None:
        """Go on with the training run in the checkpointer's folder, from its last checkpoint; begin if there is none.

        Raises:
            ConfigError: there is no checkpointer, or the training was begun with another config.
            BrokenRunError: the checkpoint is damaged or of another model.
        """
        if self.checkpointer is None:
            raise ConfigError(
                "resuming needs a checkpointer: only a run folder holds the state of a training run."
            )
        loaded = self.checkpointer.load(expected_contents(self.state))
        if loaded is None:
            return
        parts, self.state.progress = loaded
        restore(self.state, parts)
        if self.state.progress.best_epoch >= 0:
            self.checkpointer.write_weights(self.state.best)
        self.state.progress.reopen(self.state.config.patience, self.state.config.max_seconds)

    def _train_epoch(self) -> None:
        state, progress, sampler = self.state, self.state.progress, self.state.sampler
        earlier, began = progress.seconds, time.perf_counter()
        saved = began
        state.model.train()
        self.watcher.begin(progress, sampler.count(progress.epoch), state.config.epochs)
        for piece in sampler.epoch(progress.epoch, skip=progress.done):
            self._update(piece)
            now = time.perf_counter()
            progress.done += 1
            progress.seconds = earlier + now - began
            self.watcher.update(progress, piece.weight.numel())
            if self._should_stop():
                return
            if self.checkpointer and now - saved >= state.config.checkpoint_seconds:
                self._save()
                saved = now
        if state.config.schedule_every == "epoch":
            self._tick()

    def _update(self, piece: Piece) -> None:
        """Learn from a piece; one without labels only moves the state on."""
        with drawing_from(self.state.random):
            piece = self._add_noise(piece)
        state = None
        weight = float(self.state.memory.weight(piece).sum())

        def closure() -> float:  # some of torch's optimizers look at the loss several times
            nonlocal state
            loss, state = self._loss(piece)
            return loss

        if weight:
            loss, progress = float(self.state.optimizer.step(closure)), self.state.progress
            progress.updates += 1
            progress.loss_sum += loss * weight
            progress.loss_weight += weight
            if self.state.config.schedule_every == "update":
                self._tick()
        else:
            with torch.no_grad():
                *_, state = self._forward(piece)
        self.state.memory.keep(piece, state)

    def _loss(self, piece: Piece) -> tuple[float, Any]:
        """The loss, its gradient left on the weights, and the state after the piece."""
        model, config = self.state.model, self.state.config
        for parameter in self.state.parameters:  # what zero_grad() does, in a tenth of its time
            parameter.grad = None
        answers, target, weight, state = self._forward(piece)
        loss = weighted_mean(self.objective, answers, target, weight)
        value = loss.item()
        if not math.isfinite(value):
            self._stop("loss", locate_nonfinite_loss(model, piece, self.state.memory.state))
        (loss + penalty(model, config.l1, config.l2)).backward()
        self._clip(piece)
        return value, state

    def _forward(self, piece: Piece) -> tuple[Tensor, Tensor, Tensor, Any]:
        with drawing_from(self.state.random):  # not around all: it costs a little at each call of torch
            return self.state.memory.forward(self.state.model, piece)

    def _add_noise(self, piece: Piece) -> Piece:
        x = piece.x
        if self.state.config.input_noise:
            x = x + self.state.config.input_noise * torch.randn_like(x)
        if self.augment:
            x = self.augment(x)
        return piece if x is piece.x else replace(piece, x=x)

    def _clip(self, piece: Piece) -> None:
        config, parameters = self.state.config, self.state.parameters
        if config.clip_value is not None:
            nn.utils.clip_grad_value_(parameters, config.clip_value)
        norms = [torch.linalg.vector_norm(p.grad) for p in parameters if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(norms))
        # finite gradients have an infinite norm when their squares overflow
        if not math.isfinite(norm) and (cause := locate_nonfinite_gradient(self.state.model, piece)):
            self._stop("gradient", cause)
        if config.clip_norm is not None and norm > config.clip_norm:
            nn.utils.clip_grads_with_norm_(parameters, config.clip_norm, norm)

    def _tick(self) -> None:
        """The schedule's step, unless it goes by the validation loss or has reached its end."""
        schedule = self.state.schedule
        if schedule is None or isinstance(schedule, ReduceLROnPlateau):
            return
        if schedule.last_epoch + 1 < getattr(schedule, "total_steps", math.inf):
            schedule.step()

    def _end_epoch(self) -> None:
        state, progress, began = self.state, self.state.progress, time.perf_counter()
        state.model.eval()
        with drawing_from(state.random):
            loss = self.validate(state.model)
        progress.seconds += time.perf_counter() - began
        if not math.isfinite(loss):
            raise NonFiniteError(
                f"the validation loss is {loss} after epoch {progress.epoch + 1}: "
                f"{locate_nonfinite_weights(state.model) or REMEDY}"
            )
        if isinstance(state.schedule, ReduceLROnPlateau):
            state.schedule.step(loss)
        if progress.judge(loss):
            state.keep_best()
        evaluation = EpochRecord(
            epoch=progress.epoch,
            updates=progress.updates,
            train_loss=progress.loss,
            validation_loss=loss,
            learning_rate=float(state.optimizer.param_groups[0]["lr"]),
            seconds=progress.seconds,
            best=progress.waited == 0,
        )
        if not progress.stopped:  # out of time is within an epoch, and a resume with more time goes on there
            progress.next_epoch(state.config.epochs, state.config.patience)
            state.memory.begin()
        self._record(evaluation)
        self.watcher.evaluated(progress, evaluation)

    def _record(self, evaluation: EpochRecord) -> None:
        if self.checkpointer is None:
            return
        self.checkpointer.add_line(evaluation)
        self._save()
        if evaluation.best:
            self.checkpointer.write_weights(self.state.best)

    def _should_stop(self) -> bool:
        progress, limit = self.state.progress, self.state.config.max_seconds
        if self.request.made:
            progress.stopped = "interrupted"
        elif limit is not None and progress.seconds >= limit:
            progress.stopped = "time"
        return bool(progress.stopped)

    def _stop(self, what: str, cause: str) -> NoReturn:
        update, epoch = self.state.progress.updates + 1, self.state.progress.epoch + 1
        raise NonFiniteError(f"the {what} is not finite at update {update}, epoch {epoch}: {cause}")

    def _save(self) -> None:
        if self.checkpointer is not None:
            self.checkpointer.save(capture(self.state), self.state.progress)


def _ticks(sampler: Sampler, config: TrainingConfig) -> int:
    """How often the schedule is asked in a whole training run; beyond the counted epochs, as often as in those."""
    if config.schedule_every == "epoch":
        return config.epochs
    counted = min(config.epochs, COUNTED_EPOCHS)
    return math.ceil(sum(sampler.count(epoch) for epoch in range(counted)) * config.epochs / counted)


def _check_carries(model: SequenceLayer, sampler: Sampler, config: TrainingConfig) -> None:
    if not sampler.carries or config.update_every is None:
        return
    if config.carry_state and not model.streams:
        raise ConfigError(
            f"{type(model).__name__} needs whole sequences, so no state can go from slice to slice. Set carry_state to "
            'false, update_every to none (full back-propagation), or sampler to "windows".'
        )
    if not config.carry_state and model.latency:
        raise ConfigError(
            f"{type(model).__name__} has latency {model.latency}: its first outputs in a slice refer to the slice "
            'before, which it does not know without carry_state. Set carry_state to true, or sampler to "windows".'
        )


def _check_timing(model: SequenceLayer, sampler: Sampler) -> None:
    """Targets must be at the outputs that refer to them."""
    timing = Timing.of(model)
    if timing != sampler.timing:
        raise ConfigError(
            f"{type(model).__name__} gives its outputs by {timing}, the sampler has its targets by {sampler.timing}. "
            "Make the sampler with timing=Timing.of(model)."
        )


def _check_noise(sampler: Sampler, config: TrainingConfig) -> None:
    if config.input_noise and not sampler.largest.is_floating_point():
        raise ConfigError(
            f"input_noise is {config.input_noise}, and x holds codes ({sampler.largest.dtype}), which cannot have "
            "noise. Set it to 0."
        )


def _check_labels(sampler: Sampler) -> None:
    if not bool((sampler.weight > 0).any()):
        raise DataError("no step has a label to learn from: every weight is 0.")
