"""Capture and restore everything that the next number of a training run depends on.

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
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..core import device_of, leaves, map_state
from ..errors import BrokenRunError, ConfigError
from .checkpoint import CheckpointData, ExpectedContents, check_fits, load_module
from .config import TrainingConfig
from .optimizers import REFUSALS
from .state import TrainingState

WIDEST = 8  # bytes of a number
COPIES = 8  # of the weights in an optimizer: Adam has 3, LBFGS 5 beside its history
MOST_HISTORY = 1000
SLACK = 2**26  # bytes for random generators, counts and whatever else is small
MAY_CHANGE = {"patience", "max_seconds", "checkpoint_seconds"}  # no number depends on them


def capture(state: TrainingState) -> CheckpointData:
    """All that ``restore`` needs."""
    parts = CheckpointData({}, {"config": state.config.model_dump(mode="json")})
    parts.add_module("model", state.model.state_dict())
    parts.add_module("best", state.best)
    parts.add_nested("optimizer", state.optimizer.state_dict())
    if state.schedule is not None:
        parts.add_nested("schedule", state.schedule.state_dict())
    parts.add_states(state.memory.states())
    parts.add_nested("older", [piece.x for piece in state.memory.rerun])
    parts.add_random(state.random)
    return parts


def expected_contents(state: TrainingState) -> ExpectedContents:
    """What a checkpoint of this run may hold: weights as the model's; the rest by what each of it is made from."""
    values = state.model.state_dict()
    shapes = {name: list(value.shape) for name, value in values.items()}
    # some optimizers keep float32 or float64 whatever the weights are
    weights = sum(parameter.numel() * WIDEST for parameter in state.parameters) * _copies(state.optimizer)
    return ExpectedContents(shapes, SLACK + weights + (_carried(state) if state.sampler.carries else 0))


def _carried(state: TrainingState) -> int:
    """Most bytes of the slices that are run again, of the states before them and of those that began within them."""
    x, slices = state.sampler.largest, state.memory.most_rerun
    with torch.random.fork_rng(devices=[]):  # a state may hold a mask that is drawn
        one = state.model.initial_state(1, x.dtype, device_of(state.model))
    return slices * x.numel() * WIDEST + 2 * (slices + 1) * len(x) * sum(leaf.nbytes for leaf in leaves(one))


def _copies(optimizer: Optimizer) -> int:
    """Arrays like the weights that an optimizer may keep; LBFGS has two for each step that it remembers."""
    return COPIES + 2 * min(int(optimizer.defaults.get("history_size", 0)), MOST_HISTORY)


def restore(state: TrainingState, parts: CheckpointData) -> None:
    """Put everything back where ``capture`` found it; ``state.progress`` is already the checkpoint's.

    Raises:
        ConfigError: the run was begun with another config.
        BrokenRunError: the checkpoint is of another model, or does not hold what it should.
    """
    _check_config(state.config, parts.facts.get("config"))
    with _refusing():
        check_fits(state.model, parts.module("best"), "the checkpoint's best")
        load_module(state.model, parts.module("model"), "the checkpoint")
        state.best = parts.module("best")
        _restore_optimizer(state.optimizer, parts.nested("optimizer"))
        if state.schedule is not None:
            state.schedule.load_state_dict(parts.nested("schedule"))
        _restore_memory(state, parts)
        parts.restore_random(state.random)


def _restore_optimizer(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """torch casts what it loads to the dtype of the weights, but NAdam keeps float32 for weights of float64."""
    optimizer.load_state_dict(saved)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for place, values in saved["state"].items():
        memory = optimizer.state[parameters[place]]
        memory |= {name: v.to(memory[name].device) for name, v in values.items() if isinstance(v, Tensor)}


def _restore_memory(state: TrainingState, parts: CheckpointData) -> None:
    """The carried state, and the slices that the next update runs again."""
    sampler, number, done = state.sampler, state.progress.epoch, state.progress.done
    count = sampler.count(number)
    if not 0 <= done <= count:
        raise ValueError(f"{done} pieces of an epoch of {count} were seen")
    if not sampler.carries:
        return
    device, xs = device_of(state.model), parts.nested("older")
    slices = islice(sampler.epoch(number, skip=done - len(xs)), len(xs))
    older = [replace(piece, x=x.to(device)) for piece, x in zip(slices, xs, strict=True)]
    states = parts.states(state.model.initial_state(0))
    state.memory.restore(older, [one and map_state(lambda leaf: leaf.to(device), one) for one in states])


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
