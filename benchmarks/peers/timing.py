"""One training of one side, and how many steps a second it learns from once it runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from torch import nn

WARM = 0.2  # of the time, which is not counted


@dataclass
class Clock:
    """Notes when each update was done, and says when the time is over."""

    seconds: float
    began: float = field(default_factory=time.perf_counter)
    done: list[tuple[float, int]] = field(default_factory=list)  # seconds since the first, steps learnt from

    def update(self, steps: int) -> bool:
        """An update was made; whether it shall be the last."""
        now = time.perf_counter()
        if not self.done:  # what came before the first update was set-up
            self.began = now
        self.done.append((now - self.began, steps))
        return now - self.began >= self.seconds

    def rate(self) -> float:
        """Steps a second, all between two updates counted, without the first fifth of the time."""
        warm = [(seconds, steps) for seconds, steps in self.done if seconds >= WARM * self.seconds]
        return sum(steps for _, steps in warm[1:]) / (warm[-1][0] - warm[0][0])


@dataclass(frozen=True)
class Trained:
    """A network after ``seconds`` of training: steps a second, updates, test MSE, learnable numbers."""

    rate: float
    updates: int
    mse: float
    parameters: int


@dataclass(frozen=True)
class Side:
    """One way to train one kind of network, with the rounds it was trained in.

    labels: in the loss of an update, for each step of the series that the update goes on by.
    """

    kind: str  # "lstm", "gru" or "tcn"
    library: str
    manner: str
    labels: int
    train: Callable[[float, int], Trained]  # for so many seconds, from a seed
    rounds: list[Trained] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median steps a second."""
        return median(trained.rate for trained in self.rounds)


def count(network: nn.Module) -> int:
    """Learnable numbers."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
