"""What the next number of a training depends on: all of it goes into a checkpoint and comes back.

model/, best/           weights and buffers, now and when the validation loss was lowest
optimizer., schedule.   what torch's objects remember
state/, older.          the carried states, those of rows that began, and x of the slices that the next update runs
                        again, noise included
random/                 torch's random generators
config                  how it was trained
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..core import leaves, map_state
from ..data.streams import Streams
from ..errors import BrokenRunError, ConfigError
from .checkpoint import Parts, Room, check_fits, load_module
from .config import TrainingConfig
from .optimizers import REFUSALS

if TYPE_CHECKING:
    from .loop import Trainer

WIDEST = 8  # bytes of a number
COPIES = 8  # of the weights in an optimizer: Adam has 3, LBFGS 5 beside its history
MOST_HISTORY = 1000
SLACK = 2**26  # bytes for random generators, counts and whatever else is small
MAY_CHANGE = {"patience", "max_seconds", "checkpoint_seconds"}  # no number depends on them


def gather(trainer: "Trainer") -> Parts:
    """All that ``take_up`` needs."""
    parts = Parts({}, {"config": trainer.config.model_dump(mode="json")})
    parts.add_module("model", trainer.model.state_dict())
    parts.add_module("best", trainer.best)
    parts.add_nested("optimizer", trainer.optimizer.state_dict())
    if trainer.schedule is not None:
        parts.add_nested("schedule", trainer.schedule.state_dict())
    parts.add_states(trainer.truncation.states())
    parts.add_nested("older", [piece.x for piece, *_ in trainer.truncation.older])
    parts.add_random(trainer.random)
    return parts


def room(trainer: "Trainer") -> Room:
    """What a checkpoint of this training may hold: weights as the model's; the rest by what each of it is made from."""
    values = trainer.model.state_dict()
    shapes = {name: list(value.shape) for name, value in values.items()}
    # some optimizers keep float32 or float64 whatever the weights are
    weights = sum(parameter.numel() * WIDEST for parameter in trainer.parameters) * _copies(trainer.optimizer)
    return Room(shapes, SLACK + weights + (_carried(trainer) if isinstance(trainer.sampler, Streams) else 0))


def _carried(trainer: "Trainer") -> int:
    """Most bytes of the slices that are run again, of the states before them and of those that began within them."""
    sampler = trainer.sampler
    assert isinstance(sampler, Streams)
    x, slices = sampler.steps.x, trainer.truncation.older.maxlen or 0
    with torch.random.fork_rng(devices=[]):  # a state may hold a mask that is drawn
        state = sum(leaf.nbytes for leaf in leaves(trainer.model.initial_state(1, x.dtype, x.device)))
    steps = slices * sampler.steps_per_slice * x.shape[1] * WIDEST
    return sampler.streams * (steps + 2 * (slices + 1) * state)


def _copies(optimizer: Optimizer) -> int:
    """Arrays like the weights that an optimizer may keep; LBFGS has two for each step that it remembers."""
    return COPIES + 2 * min(int(optimizer.defaults.get("history_size", 0)), MOST_HISTORY)


def take_up(trainer: "Trainer", parts: Parts) -> None:
    """Put everything back where ``gather`` found it; ``trainer.progress`` is already the checkpoint's.

    Raises:
        ConfigError: the training was begun with another config.
        BrokenRunError: the checkpoint is of another model, or does not hold what it should.
    """
    _check_config(trainer.config, parts.facts.get("config"))
    with _refusing():
        check_fits(trainer.model, parts.module("best"), "the checkpoint's best")
        load_module(trainer.model, parts.module("model"), "the checkpoint")
        trainer.best = parts.module("best")
        _restore_optimizer(trainer.optimizer, parts.nested("optimizer"))
        if trainer.schedule is not None:
            trainer.schedule.load_state_dict(parts.nested("schedule"))
        _restore_stream(trainer, parts)
        parts.restore_random(trainer.random)


def _restore_optimizer(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """torch casts what it loads to the dtype of the weights, but NAdam keeps float32 for weights of float64."""
    optimizer.load_state_dict(saved)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for place, values in saved["state"].items():
        memory = optimizer.state[parameters[place]]
        memory |= {name: v.to(memory[name].device) for name, v in values.items() if isinstance(v, Tensor)}


def _restore_stream(trainer: "Trainer", parts: Parts) -> None:
    """The carried state, and the slices that the next update runs again."""
    sampler, number, done = trainer.sampler, trainer.progress.epoch, trainer.progress.done
    count = sampler.count(number)
    if not 0 <= done <= count:
        raise ValueError(f"{done} pieces of an epoch of {count} were seen")
    if not isinstance(sampler, Streams):
        return
    device, xs = sampler.steps.x.device, parts.nested("older")
    slices = islice(sampler.epoch(number, skip=done - len(xs)), len(xs))
    older = [replace(piece, x=x.to(device)) for piece, x in zip(slices, xs, strict=True)]
    states = parts.states(trainer.model.initial_state(0))
    trainer.truncation.restore(
        older, [state and map_state(lambda leaf: leaf.to(device), state) for state in states]
    )


def _check_config(now: TrainingConfig, then: Any) -> None:
    if not isinstance(then, dict):
        raise BrokenRunError("the checkpoint does not say how it was trained.")
    for name, value in now.model_dump(mode="json", exclude=MAY_CHANGE).items():
        if then.get(name) != value:
            raise ConfigError(
                f"this training was begun with {name} {then.get(name)!r}, not {value!r}. Resume it with the same, or "
                "start anew."
            )


@contextmanager
def _refusing() -> Iterator[None]:
    """A file from outside may hold anything, and torch has many ways of saying so."""
    try:
        yield
    except REFUSALS as error:
        raise BrokenRunError(f"the checkpoint does not fit this training: {error!r}. Start anew.") from None
