"""Optimizers and schedules of torch by name.

Names come from config files, so only classes that torch.optim itself offers are looked up.
"""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from ..errors import ConfigError, did_you_mean
from .config import TrainingConfig

# SparseAdam wants sparse gradients, which no layer here gives. Muon is for matrices alone and refuses a model that
# has biases, in words of its own.
OPTIMIZERS = {
    name: kind
    for name, kind in vars(torch.optim).items()
    if inspect.isclass(kind)
    and issubclass(kind, torch.optim.Optimizer)
    and name not in ("Optimizer", "SparseAdam")
}
# those that can be made from numbers alone; "none" is the absence of one
SCHEDULES = {
    name: kind
    for name, kind in vars(torch.optim.lr_scheduler).items()
    if inspect.isclass(kind)
    and issubclass(kind, torch.optim.lr_scheduler.LRScheduler)
    and name
    not in ("LRScheduler", "_LRScheduler", "LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler")
}

# what torch raises when it is handed something that it did not expect
REFUSALS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def make_optimizer(parameters: Iterable[nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer that the config names.

    Raises:
        ConfigError: there is none of that name, or it does not take the options.
    """
    kind = _known(config.optimizer, OPTIMIZERS, "optimizer")
    options: dict[str, Any] = {"lr": config.learning_rate} | config.optimizer_options
    if config.weight_decay is not None:
        options["weight_decay"] = config.weight_decay
    return _make(kind, config.optimizer, (list(parameters),), options)


def make_schedule(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, ticks: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    """The schedule that the config names, ``ticks`` steps long; None for "none".

    Raises:
        ConfigError: there is none of that name, or it does not take the options.
    """
    if config.schedule == "none":
        return None
    kind = _known(config.schedule, SCHEDULES, "schedule")
    wanted = inspect.signature(kind).parameters
    lengths = {"total_steps": ticks, "T_max": ticks, "total_iters": ticks, "max_lr": config.learning_rate}
    options = {name: value for name, value in lengths.items() if name in wanted}
    if config.schedule == "ConstantLR":  # all the way, its factor would be another learning rate
        del options["total_iters"]
    if "cycle_momentum" in wanted:  # torch refuses to cycle what is not there
        options["cycle_momentum"] = not {"momentum", "betas"}.isdisjoint(optimizer.defaults)
    if "epochs" in config.schedule_options:  # OneCycleLR multiplies them with steps_per_epoch
        options.pop("total_steps", None)
    return _make(kind, config.schedule, (optimizer,), options | config.schedule_options)


def _known(name: str, known: Mapping[str, type], what: str) -> type:
    if name in known:
        return known[name]
    hint = did_you_mean(name, known, cutoff=0.4)
    raise ConfigError(f"no {what} is called {name!r}.{hint} Known: {', '.join(sorted(known))}.")


def _make(kind: type, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    try:
        return kind(*arguments, **options)
    except REFUSALS as error:
        raise ConfigError(f"{name} refuses its options: {str(error).rstrip('.')}.") from None
