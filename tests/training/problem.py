"""A problem small enough to train on in a tenth of a second, and a trainer for it."""

from itertools import count

import torch
from torch import nn

from ostinato.data.steps import Steps
from ostinato.data.streams import Streams
from ostinato.data.timing import Timing
from ostinato.data.windows import Windows
from ostinato.layers import LSTM, Chain, Dense, Pointwise
from ostinato.runs.folder import RunFolder
from ostinato.training import Trainer, TrainingConfig
from ostinato.training.checkpointer import Checkpointer

PLAIN = {
    "optimizer": "SGD",
    "learning_rate": 0.05,
    "schedule": "none",
    "clip_norm": None,
    "streams": 4,
    "update_every": 8,
    "epochs": 3,
    "patience": None,
}


def make_steps(length=128, starts=(), dtype=torch.float32):
    """Features (length, 3); the target is a mean of this step and the one before."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(length, 3, generator=generator, dtype=dtype)
    target = 0.5 * x[:, 0] + 0.5 * x[:, 1].roll(1)
    begins = None
    if starts:
        begins = torch.zeros(length, dtype=torch.bool)
        begins[list(starts)] = True
    return Steps(x, target, torch.ones(length, dtype=dtype), begins)


def squared(y, target):
    """The loss of each step."""
    return (y[..., 0] - target) ** 2


def make_net(dropout=0.0, seed=0):
    """An LSTM with a head."""
    torch.manual_seed(seed)
    return Chain(memory=LSTM(3, 5), dropout=Pointwise(nn.Dropout(dropout)), head=Dense(5, 1))


def validation_loss(layer):
    """Mean loss on steps that are not trained on."""
    steps = make_steps(96, dtype=next(layer.parameters()).dtype)
    with torch.no_grad():
        return float(squared(layer(steps.x[None, 32:])[0], steps.target[None, 32:]).mean())


def improving():
    """A validation loss that falls, so that the last weights are the best."""
    losses = count(0, -1)
    return lambda layer: float(next(losses))


def make_trainer(
    folder=None,
    *,
    net=None,
    steps=None,
    objective=squared,
    validate=validation_loss,
    watcher=None,
    augment=None,
    **options,
):
    """A trainer of the problem; ``options`` are fields of its config."""
    config = TrainingConfig.model_validate(PLAIN | options)
    net = make_net() if net is None else net
    steps = make_steps() if steps is None else steps
    timing = Timing.of(net)
    if config.sampler == "windows":
        sampler = Windows(steps, config.window or 6, config.windows, config.seed, timing=timing)
    else:
        every, jitter = config.update_every or len(steps), config.jitter and config.update_every is not None
        sampler = Streams(steps, config.streams, every, config.seed, jitter, timing)
    checkpointer = None if folder is None else Checkpointer(RunFolder(folder), net)
    return Trainer(net, sampler, objective, validate, config, checkpointer, watcher, augment)


def weights_of(net):
    """A copy of all weights, in one vector."""
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()]).clone()
