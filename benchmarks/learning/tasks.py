"""Short tasks, each for one kind of layer, with the best answer of what is not of that kind as its bar.

Axes: B batch, T time steps, C channels, F frequencies.
"""

from functools import partial
from math import log, pi, sinh, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from ostinato.core import SequenceLayer

from .bai import adding, copying
from .training import Task

FAR = (8, 16)  # steps back: no kernel of a few neighbouring steps reaches them
EDGE = 16  # steps at the ends that are not scored, where a filter has not seen enough
SLOW, FAST = 0.25, 1.1  # radians a step
BINS = 8
GAIN = 3.0  # the logarithm of a sequence's gain is uniform between -3 and 3
CHANNELS = 4
BLOCK = 4
FOLLOWS = 0.9  # of a change in the next one
TOKENS, KEYS = 24, 4


def aligned_error(layer: SequenceLayer, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error, away from the ends; a layer that lags is asked about the step that it speaks of."""
    out, lag = layer(x)[0], layer.latency
    return F.mse_loss(
        out[:, lag:][:, EDGE : -EDGE or None], y[:, : y.shape[1] - lag][:, EDGE : -EDGE or None]
    )


def error(layer: SequenceLayer, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error."""
    return F.mse_loss(layer(x)[0], y)


def hidden_error(layer: SequenceLayer, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error on the steps that were hidden: the last channel of x marks them."""
    out, lag = layer(x)[0], layer.latency
    hidden = x[:, : x.shape[1] - lag, -1:] > 0
    wrong = (out[:, lag:] - y[:, : y.shape[1] - lag]).square()
    return torch.where(hidden, wrong, 0.0).sum() / hidden.sum()


def class_error(layer: SequenceLayer, x: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy: y holds one class for each output step."""
    return F.cross_entropy(layer(x)[0].flatten(0, 1), y.flatten())


def draw_product(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Signs, and the product of those 8 and 16 steps back: without both of them it is a coin's toss."""
    x = torch.randint(0, 2, (batch, 64, 1), generator=random) * 2.0 - 1
    near, far = (F.pad(x, (0, 0, back, 0))[:, : x.shape[1]] for back in FAR)
    return x, near * far


def draw_tones(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two tones in one signal (B, T, 1), and the slow one alone."""
    steps = torch.arange(96)
    strength, phase = torch.rand(2, batch, 1, 2, generator=random)
    tones = (0.5 + strength) * torch.sin(steps[None, :, None] * torch.tensor([SLOW, FAST]) + 2 * pi * phase)
    return tones.sum(2, keepdim=True), tones[:, :, :1]


def draw_chirps(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """A tone in noise, x (B, T, F, 1), that climbs or falls by one frequency a step; which of the two, at every step.

    The frequencies are a ring, and each sequence begins anywhere: a single step says nothing.
    """
    steps = 24
    rises = torch.randint(0, 2, (batch, 1), generator=random)
    place = torch.randint(0, BINS, (batch, 1), generator=random) + (2 * rises - 1) * torch.arange(steps)
    x = F.one_hot(place % BINS, BINS) * 2.0 + 0.5 * torch.randn(batch, steps, BINS, generator=random)
    return x.unsqueeze(3), rises.expand(batch, steps)


def draw_masked(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two slow sines added up, of which a third is hidden in runs of four steps: x (B, T, 2), the signal (B, T, 1)."""
    steps = torch.arange(64)
    speed, phase = torch.rand(2, batch, 1, 2, generator=random)
    y = torch.sin(steps[None, :, None] * (0.1 + 0.3 * speed) + 2 * pi * phase).sum(2, keepdim=True)
    hidden = (torch.rand(batch, 16, 1, generator=random) < 1 / 3).repeat_interleave(4, dim=1)
    return torch.cat([y.masked_fill(hidden, 0.0), hidden.float()], 2), y


def draw_gain(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Features (B, T, 12) at a gain that differs from sequence to sequence; the first of them without the gain."""
    features = torch.randn(batch, 32, 12, generator=random)
    gain = torch.exp(GAIN * (2 * torch.rand(batch, 1, 1, generator=random) - 1))
    return features * gain, features[:, :, :1]


def draw_marked(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise in four channels, one of them with a mean of 2 in place of 0; that one, at every step."""
    noise = torch.randn(batch, 32, CHANNELS, generator=random)
    which = torch.randint(0, CHANNELS, (batch, 1, 1), generator=random)
    x = noise + 2 * F.one_hot(which, CHANNELS).squeeze(1)
    return x, x.gather(2, which.expand(batch, 32, 1))


def draw_keys(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Tokens (B, T, 1), one of them a key (0 to 3), the others not; which key (B, 1)."""
    x = torch.randint(KEYS, TOKENS, (batch, 32), generator=random)
    key = torch.randint(0, KEYS, (batch, 1), generator=random)
    x.scatter_(1, torch.randint(0, 32, (batch, 1), generator=random), key)
    return x.unsqueeze(2), key


def draw_blocks(largest: bool, batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise, and of each block of four steps the largest number or the mean of the absolute ones."""
    x = torch.randn(batch, 64, 1, generator=random)
    blocks = x.unflatten(1, (-1, BLOCK))
    return x, blocks.amax(2) if largest else blocks.abs().mean(2)


def draw_walk(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """A walk (B, T, 1) float64 whose changes follow each other, and where it is a step later."""
    noise = torch.randn(batch, 65, generator=random, dtype=torch.float64)
    change = [noise[:, 0] / sqrt(1 - FOLLOWS**2)]
    for step in range(1, 65):
        change.append(FOLLOWS * change[-1] + noise[:, step])
    level = 1000 + torch.stack(change, 1).cumsum(1).unsqueeze(2)
    return level[:, :-1], level[:, 1:]


def draw_last(batch: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Signs, and each times the last one."""
    x = torch.randint(0, 2, (batch, 16, 1), generator=random) * 2.0 - 1
    return x, x * x[:, -1:]


def product_error(layer: SequenceLayer, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error, where both factors are there."""
    return F.mse_loss(layer(x)[0][:, FAR[1] :], y[:, FAR[1] :])


def last_class_error(layer: SequenceLayer, x: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy at the last step."""
    return F.cross_entropy(layer.last(x), y[:, 0])


ADDING = adding(20)
NEAR = adding(10)  # for plain cells: they carry the error signal less far
COPYING = copying(10, entries=4)
PRODUCT = Task("product of distant signs", 1, 1, 1.0, draw_product, product_error)
# each tone's power is E[strength^2] / 2; half of the sum is the best that one step can say, and leaves half of that
TONES = Task("one tone of two", 1, 1, (1 + 1 / 12) / 4, draw_tones, aligned_error)
CHIRPS = Task("chirps up or down", (BINS, 1), 2, log(2), draw_chirps, class_error)
MASKED = Task("masked reconstruction", 2, 1, 1.0, draw_masked, hidden_error)
# the best straight line through (x, y) explains E[gain]^2 / E[gain^2] of the variance
GAINS = Task("unknown gain", 12, 1, 1 - (sinh(3) / 3) ** 2 / (sinh(6) / 6), draw_gain, error)
MARKED = Task("marked channel", CHANNELS, 1, 0.75, draw_marked, error)  # 0.75: a quarter of the sum of all
KEY = Task("key among tokens", 1, KEYS, log(KEYS), draw_keys, last_class_error)
LARGEST = Task(
    "largest of a block", 1, 1, 0.4917, partial(draw_blocks, True), error
)  # variance of it, of four
LAST = Task("times the last sign", 1, 1, 15 / 16, draw_last, error)  # at the last step it is known
SIZE = Task("mean size of a block", 1, 1, (1 - 2 / pi) / BLOCK, partial(draw_blocks, False), error)
# saying that it stays where it is errs by the variance of a change; knowing all that can be known, by 1
WALK = Task("next level of a walk", 1, 1, 1 / (1 - FOLLOWS**2), draw_walk, aligned_error)
