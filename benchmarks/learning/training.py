"""One training: a task, a layer, a budget.

Axes: B batch.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from machine import COMMIT
from torch import Tensor, nn

from ostinato.core import SequenceLayer

TESTED = 1000  # sequences that no training has seen
TEST_SEED = 20_180_304


@dataclass(frozen=True)
class Task:
    """Data that never end, and how far an answer is from what was asked."""

    title: str
    input_size: int | tuple[int, ...]
    output_size: int
    trivial: float  # loss of the best answer that does without what the task asks for
    draw: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]  # of B sequences: x and y
    loss: Callable[[SequenceLayer, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Budget:
    """What every layer of a table gets alike, but for the rate."""

    iterations: int
    rate: float
    batch: int = 32
    clip: float = 1.0  # of the gradient's norm
    held: float = 0.0  # share of the iterations at the full rate, before it falls
    tested: int = TESTED


def train(
    task: Task, layer: SequenceLayer, budget: Budget, seed: int, told: Callable[[str], None] = print
) -> dict[str, Any]:
    """Adam, new data at each iteration: what it came to, for the ledger."""
    random, curve = torch.Generator().manual_seed(seed + 1), []
    before, start, sum_ = test_loss(task, layer, budget.tested), time.process_time(), 0.0
    optimiser = torch.optim.Adam(layer.parameters(), lr=budget.rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(share, budget))
    every = max(1, budget.iterations // 40)
    for iteration in range(1, budget.iterations + 1):
        loss = task.loss(layer, *task.draw(budget.batch, random))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(layer.parameters(), budget.clip)
        optimiser.step()
        schedule.step()
        sum_ += loss.item()
        if iteration % every == 0:
            curve.append((iteration, sum_ / every))
            told(f"{iteration}: {sum_ / every:.2e}, {time.process_time() - start:.0f} s")
            sum_ = 0.0
    seconds = time.process_time() - start
    return {
        "parameters": sum(parameter.numel() for parameter in layer.parameters()),
        "trivial": task.trivial,
        "before": before,
        "after": test_loss(task, layer, budget.tested),
        "seconds": seconds,
        "curve": curve,
        "commit": COMMIT,
    }


def share(budget: Budget, done: int) -> float:
    """Of the full rate: it is held, then falls to zero along half a cosine."""
    held = int(budget.held * budget.iterations)
    return 0.5 * (1 + math.cos(math.pi * max(0, done - held) / (budget.iterations - held)))


def test_loss(task: Task, layer: SequenceLayer, sequences: int) -> float:
    """On sequences that no training has seen, always the same."""
    random, batch = torch.Generator().manual_seed(TEST_SEED), min(100, sequences)
    layer.eval()
    with torch.no_grad():
        parts = [task.loss(layer, *task.draw(batch, random)).item() for _ in range(sequences // batch)]
    layer.train()
    return sum(parts) / len(parts)
