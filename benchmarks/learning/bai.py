"""Adding problem and copy memory, as in Bai, Kolter & Koltun 2018, arXiv:1803.01271, section 4 and Table 1.

Axes: B batch, T time steps.
"""

from functools import partial
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

from ostinato.core import SequenceLayer
from ostinato.layers import GRU, LSTM, RNN, Chain, Dense
from ostinato.models import build

from .training import Task

MODELS = ("TCN", "GRU", "LSTM", "RNN")
PAPER = {
    "adding": {"TCN": 5.8e-5, "GRU": 5.3e-5, "LSTM": 0.164, "RNN": 0.177},
    "copy": {"TCN": 3.5e-5, "GRU": 0.0197, "LSTM": 0.0204, "RNN": 0.0202},
}
UNITS = {"adding": {"LSTM": 130, "GRU": 150, "RNN": 262}, "copy": {"LSTM": 60, "GRU": 70, "RNN": 120}}
CHANNELS = {"adding": 24, "copy": 10}


def adding(steps: int) -> Task:
    """The sum of the two numbers that are marked, at the last step; always saying 1 errs by its variance, 1/6."""
    return Task(f"adding problem T={steps}", 2, 1, 1 / 6, partial(draw_adding, steps), last_error)


def copying(blanks: int, entries: int = 10) -> Task:
    """The first entries again at the end; guessing one of eight there is what remembers nothing."""
    trivial = entries * log(8) / (blanks + 2 * entries)
    return Task(
        f"copy memory T={blanks}", 1, 10, trivial, partial(draw_copying, blanks, entries), class_error
    )


def draw_adding(steps: int, batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """x (B, T, 2), uniform numbers and two marks, anywhere, as in the paper's code; their sum (B, 1)."""
    numbers = torch.rand(batch, steps, generator=random)
    # two places without repetition: those of the two largest of T independent draws
    places = torch.rand(batch, steps, generator=random).topk(2).indices
    marks = torch.zeros(batch, steps).scatter_(1, places, 1.0)
    return torch.stack([numbers, marks], 2), numbers.gather(1, places).sum(1, keepdim=True)


def draw_copying(blanks: int, entries: int, batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Ten entries of 1 to 8, T - 1 blanks (0), eleven delimiters (9): x (B, T + 20, 1) and the classes asked for."""
    remembered = torch.randint(1, 9, (batch, entries), generator=random)
    x = torch.zeros(batch, blanks + 2 * entries, dtype=torch.long)
    x[:, :entries], x[:, -entries - 1 :] = remembered, 9
    y = torch.zeros_like(x)
    y[:, -entries:] = remembered
    return x.unsqueeze(2).float(), y


def last_error(layer: SequenceLayer, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error at the last step."""
    return F.mse_loss(layer.last(x), y)


def class_error(layer: SequenceLayer, x: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy over all steps."""
    return F.cross_entropy(layer(x)[0].transpose(1, 2), y)


def network(kind: str, task: Task, model: str) -> SequenceLayer:
    """Of the paper's size: about 70 thousand parameters for adding, 16 thousand for copying (TCN 13)."""
    if model == "TCN":
        options = {"channels": CHANNELS[kind], "levels": 8, "kernel_size": 8, "dropout": 0.0}
        return build("tcn", options, input_size=task.input_size, head=task.output_size)
    units = UNITS[kind][model]
    recurrent = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}[model](task.input_size, units)
    return Chain(recurrent, Dense(units, task.output_size))
