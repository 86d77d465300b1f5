"""What all sides learn: one long series, the step after each of its steps, and how a forecast of it is judged.

Axes: N steps, L steps of a window, B windows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WINDOW = 32  # steps
BATCH = 64  # windows of a batch, streams side by side
UNITS, LAYERS, KERNEL = 64, 2, 7
RATE = 1e-3  # of Adam, constant
TEST = 8_000  # steps
NOISE = 0.5  # standard deviation of what no one can foresee, before scaling


@dataclass(frozen=True)
class Series:
    """A scaled series, its first ``train`` steps for learning; ``floor`` is the lowest MSE there can be."""

    y: NDArray[np.float32]
    train: int
    floor: float

    @property
    def learnt(self) -> NDArray[np.float32]:
        """What may be learnt from, (N,)."""
        return self.y[: self.train]

    @property
    def naive(self) -> float:
        """MSE on the test steps of foreseeing no change."""
        test = self.y[self.train - 1 :]
        return float(np.mean(np.diff(test) ** 2))

    def mse(self, foresee: Callable[[Tensor], Tensor]) -> float:
        """MSE on the test steps of ``foresee``, from windows (B, L, 1) to the step after each, (B,)."""
        y = torch.from_numpy(self.y)
        windows = y[self.train - WINDOW : -1].unfold(0, WINDOW, 1)[..., None]
        with torch.inference_mode():
            foreseen = torch.cat([foresee(some) for some in windows.split(1024)])
        return float((foreseen - y[self.train :]).square().mean())


def simulate(train: int, seed: int = 0) -> Series:
    """y[t] = 1.2 y[t-1] - 0.6 y[t-2] + tanh(2 y[t-20]) / 2 + noise, scaled by its train part."""
    noise = np.random.default_rng(seed).normal(0, NOISE, train + TEST)
    y = np.zeros(train + TEST)
    for t in range(20, len(y)):
        y[t] = 1.2 * y[t - 1] - 0.6 * y[t - 2] + np.tanh(2 * y[t - 20]) / 2 + noise[t]
    centre, scale = y[:train].mean(), y[:train].std()
    return Series(((y - centre) / scale).astype(np.float32), train, float((NOISE / scale) ** 2))
