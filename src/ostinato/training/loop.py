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
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..core import Generators, SequenceLayer, drawing_from
from ..data.streams import Slice, Streams
from ..data.windows import Batch, Windows
from ..errors import ConfigError, DataError, NonFiniteError
from .checkpoint import load_module
from .config import TrainingConfig
from .diagnosis import REMEDY, bad_weights, where_it_began, where_the_gradient_began
from .interrupt import Request, stop_on_request
from .keeping import Keeper
from .objective import Objective, penalty, weighted_mean
from .optimizers import make_optimizer, make_schedule
from .progress import Evaluation, Progress, Silent, Watcher
from .resuming import gather, room, take_up
from .truncation import Truncation

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


class Trainer:
    """Trains a model and keeps its best weights.

    Args:
        model: a layer from x to y; it is trained in place and ends with the best weights.
        sampler: ``Streams`` or ``Windows`` over the training rows.
        objective: losses (...,) from y (..., O) and target.
        validate: the loss on validation data of the model it is given, in ``eval()``.
        config: everything else. From its seed come all random numbers; the process's generators are left alone.
        keeper: writes checkpoints, the best weights and metrics.jsonl; None keeps nothing.
        watcher: is told of progress.
        augment: changes x while training, after input noise.

    Raises:
        ConfigError: the model and the sampler do not go together, or torch refuses an option.
        DataError: no step has a label.
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
        _check_aligned(model, sampler)
        _check_labels(sampler)
        self.model, self.sampler, self.objective, self.validate = model, sampler, objective, validate
        self.config, self.keeper, self.augment = config, keeper, augment
        self.watcher = watcher or Silent()
        self.progress = Progress()
        carry_state = config.carry_state and model.streams
        self.truncation = Truncation(config.update_every, config.gradient_steps, carry_state)
        self.parameters = list(model.parameters())
        self.optimizer = make_optimizer(self.parameters, config)
        self.schedule = make_schedule(self.optimizer, config, _ticks(sampler, config))
        # else a schedule warns, after a resume, that no step of the optimizer came before its own
        self.optimizer._opt_called = True  # type: ignore[attr-defined]
        self.best = _snapshot(model)
        self.request = Request()
        self.random = Generators(config.seed)

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
        """Take up the training that the keeper's folder holds, from its last checkpoint; begin if there is none.

        Raises:
            ConfigError: there is no keeper, or the training was begun with another config.
            BrokenRunError: the checkpoint is damaged or of another model.
        """
        if self.keeper is None:
            raise ConfigError("resuming needs a keeper: only a run folder knows where the training was.")
        loaded = self.keeper.load(room(self))
        if loaded is None:
            return
        parts, self.progress = loaded
        take_up(self, parts)
        if self.progress.best_epoch >= 0:
            self.keeper.write_weights(self.best)
        self.progress.take_up(self.config.patience, self.config.max_seconds)

    def _train_epoch(self) -> None:
        progress, earlier, began = self.progress, self.progress.seconds, time.perf_counter()
        saved = began
        self.model.train()
        self.watcher.begin(progress, self.sampler.count(progress.epoch), self.config.epochs)
        for piece in self.sampler.epoch(progress.epoch, skip=progress.done):
            self._update(piece)
            now = time.perf_counter()
            progress.done += 1
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
        """Learn from a piece; one without labels only moves the state on."""
        with drawing_from(self.random):
            piece = self._disturb(piece)
        state = None
        weight = float(self._weight(piece).sum())

        def closure() -> float:  # some of torch's optimizers look at the loss several times
            nonlocal state
            loss, state = self._loss(piece)
            return loss

        if weight:
            loss = float(self.optimizer.step(closure))
            self.progress.updates += 1
            self.progress.loss_sum += loss * weight
            self.progress.loss_weight += weight
            if self.config.schedule_every == "update":
                self._tick()
        else:
            with torch.no_grad():
                *_, state = self._forward(piece)
        if isinstance(piece, Slice):
            self.truncation.keep(piece, state)

    def _loss(self, piece: Slice | Batch) -> tuple[float, Any]:
        """The loss, its gradient left on the weights, and the state after the piece."""
        for parameter in self.parameters:  # what zero_grad() does, in a tenth of its time
            parameter.grad = None
        y, target, weight, state = self._forward(piece)
        loss = weighted_mean(self.objective, y, target, weight)
        value = loss.item()
        if not math.isfinite(value):
            self._stop("loss", where_it_began(self.model, piece, self.truncation.state))
        (loss + penalty(self.model, self.config.l1, self.config.l2)).backward()
        self._clip(piece)
        return value, state

    def _forward(self, piece: Slice | Batch) -> tuple[Tensor, Tensor, Tensor, Any]:
        with drawing_from(self.random):  # not around all: it costs a little at each call of torch
            if isinstance(piece, Batch):
                return self.model.last(piece.x), piece.target, piece.weight, None
            return self.truncation.forward(self.model, piece)

    def _weight(self, piece: Slice | Batch) -> Tensor:
        """Of the steps that are learnt from."""
        return piece.weight if isinstance(piece, Batch) else piece.weight[:, self.truncation.skipped(piece) :]

    def _disturb(self, piece: Slice | Batch) -> Slice | Batch:
        x = piece.x
        if self.config.input_noise:
            x = x + self.config.input_noise * torch.randn_like(x)
        if self.augment:
            x = self.augment(x)
        return piece if x is piece.x else replace(piece, x=x)

    def _clip(self, piece: Slice | Batch) -> None:
        if self.config.clip_value is not None:
            nn.utils.clip_grad_value_(self.parameters, self.config.clip_value)
        norms = [torch.linalg.vector_norm(p.grad) for p in self.parameters if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(norms))
        # finite gradients have an infinite norm when their squares overflow
        if not math.isfinite(norm) and (cause := where_the_gradient_began(self.model, piece)):
            self._stop("gradient", cause)
        if self.config.clip_norm is not None and norm > self.config.clip_norm:
            nn.utils.clip_grads_with_norm_(self.parameters, self.config.clip_norm, norm)

    def _tick(self) -> None:
        """The schedule's step, unless it goes by the validation loss or has reached its end."""
        schedule = self.schedule
        if schedule is None or isinstance(schedule, ReduceLROnPlateau):
            return
        if schedule.last_epoch + 1 < getattr(schedule, "total_steps", math.inf):
            schedule.step()

    def _end_epoch(self) -> None:
        progress, began = self.progress, time.perf_counter()
        self.model.eval()
        with drawing_from(self.random):
            loss = self.validate(self.model)
        progress.seconds += time.perf_counter() - began
        if not math.isfinite(loss):
            raise NonFiniteError(
                f"the validation loss is {loss} after epoch {progress.epoch + 1}: "
                f"{bad_weights(self.model) or REMEDY}"
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
        if not progress.stopped:  # out of time is within an epoch, and a resume with more time goes on there
            progress.next_epoch(self.config.epochs, self.config.patience)
            self.truncation.begin()
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

    def _stop(self, what: str, cause: str) -> NoReturn:
        update, epoch = self.progress.updates + 1, self.progress.epoch + 1
        raise NonFiniteError(f"the {what} is not finite at update {update}, epoch {epoch}: {cause}")

    def _save(self) -> None:
        if self.keeper is not None:
            self.keeper.save(gather(self), self.progress)


def _snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _ticks(sampler: Streams | Windows, config: TrainingConfig) -> int:
    """How often the schedule is asked in a whole training; beyond the counted epochs, as often as in those."""
    if config.schedule_every == "epoch":
        return config.epochs
    counted = min(config.epochs, COUNTED_EPOCHS)
    return math.ceil(sum(sampler.count(epoch) for epoch in range(counted)) * config.epochs / counted)


def _check_carries(model: SequenceLayer, sampler: Streams | Windows, config: TrainingConfig) -> None:
    carries = isinstance(sampler, Streams) and config.carry_state and config.update_every is not None
    if carries and not model.streams:
        raise ConfigError(
            f"{type(model).__name__} needs whole sequences, so no state can go from slice to slice. Set carry_state to "
            'false, update_every to none (full back-propagation), or sampler to "windows".'
        )


def _check_aligned(model: SequenceLayer, sampler: Streams | Windows) -> None:
    name = type(model).__name__
    if model.latency or model.stride != 1:
        raise ConfigError(
            f"{name} has latency {model.latency} and stride {model.stride}, so y[t] does not speak of target[t]. "
            "Training needs latency 0 and stride 1."
        )
    if model.block != 1:
        raise ConfigError(
            f"{name} gives its outputs in blocks of {model.block} steps, so a slice may end before the outputs of its "
            "last steps. Training needs an output with each step."
        )
    if model.steps_out is not None and isinstance(sampler, Streams):
        raise ConfigError(
            f"{name} gives a fixed number of outputs, {model.steps_out}, and each step of a stream has a target. Set "
            'sampler to "windows", where the last output is learnt from.'
        )


def _check_labels(sampler: Streams | Windows) -> None:
    if not bool((sampler.steps.weight > 0).any()):
        raise DataError("no step has a label to learn from: every weight is 0.")
