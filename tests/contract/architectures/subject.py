"""A layer under examination as a black box: what goes in, and what comes out.

Axes: B batch, T time steps, I features in, O features out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from contract.architectures.feeding import draw_of
from contract.architectures.tree import Architecture
from ostinato.checks import Draw
from ostinato.core import SequenceLayer
from ostinato.layers import BatchNorm, Regression, StandardScaler

ROWS = 3
MOST = 64  # steps
CLOSE = 1e-9  # of what is as large as the whole


class FaultError(AssertionError):
    """A layer is not what it declares, or not what it is defined to be."""


@dataclass
class Examined:
    """A layer in float64 and ``eval()``, with weights of a seed."""

    layer: SequenceLayer
    draw: Draw
    seed: int

    @classmethod
    def of(cls, architecture: Architecture, seed: int) -> "Examined":
        """Build an architecture.

        Raises:
            OstinatoError: it is refused.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layer = architecture.build()
            assert isinstance(layer, SequenceLayer), type(layer)
            moved(layer)
        return cls(layer.double().eval(), draw_of(architecture, layer), seed)

    def x(self, steps: int, rows: int = ROWS, variant: int = 0) -> Tensor:
        """Inputs (B, T, I); another ``variant``, other numbers."""
        return self.draw(rows, steps, torch.Generator().manual_seed(1000 * self.seed + variant))

    def random(self, salt: int) -> Random:
        """For choices of a check."""
        return Random(1000 * self.seed + salt)

    @cached_property
    def steps(self) -> int:
        """Enough for a few blocks and what is owed, as long as that is not long."""
        return min(max(13, 2 * self.layer.block + self.layer.latency + 3), MOST)

    @cached_property
    def whole(self) -> tuple[Tensor, Any]:
        """y and the state after ``steps``."""
        with torch.no_grad():
            return self.layer(self.x(self.steps))

    @cached_property
    def takes_chances(self) -> bool:
        """Whether ``train()`` gives other numbers each time."""
        return any("dropout" in name or name == "zoneout" for name in _rates(self.layer))


def _rates(layer: nn.Module) -> list[str]:
    found = []
    for module in layer.modules():
        if isinstance(module, nn.Dropout):
            found.append("dropout")
        rates = vars(module).items()
        found += [name for name, value in rates if isinstance(value, float | tuple) and _positive(value)]
    return found


def _positive(value: Any) -> bool:
    return any(map(_positive, value)) if isinstance(value, tuple) else isinstance(value, float) and value > 0


def moved(layer: nn.Module, size: float = 0.15) -> None:
    """Away from what constructors choose: gains of 1, biases of 0, statistics of a unit normal."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(size * torch.randn_like(parameter))
        for module in layer.modules():
            if isinstance(module, BatchNorm | nn.BatchNorm1d):
                for name, buffer in module.named_buffers():
                    if name.endswith("running_mean"):
                        buffer.normal_()
                    if name.endswith("running_var"):
                        buffer.uniform_(0.5, 2.0)
            if isinstance(module, Regression):
                module.take(
                    torch.randn(module.output_size, module.input_size), torch.randn(module.output_size)
                )
            if isinstance(module, StandardScaler):
                module.mean.normal_()
                module.deviation.uniform_(0.5, 2.0)


def same(name: str, found: Tensor, expected: Tensor, where: str) -> None:
    """Refuse what is not equal to rounding.

    Raises:
        FaultError: shapes or numbers differ.
    """
    if found.shape != expected.shape:
        raise FaultError(f"{name} has shape {tuple(found.shape)} instead of {tuple(expected.shape)}, {where}")
    found, expected = found.detach(), expected.detach()
    size = expected.nan_to_num(0.0, 0.0, 0.0).abs().max().item() if expected.numel() else 0.0
    if not torch.allclose(found, expected, rtol=CLOSE, atol=CLOSE * max(size, 1e-3), equal_nan=True):
        apart = (found - expected).abs().max().item()
        raise FaultError(f"{name} differs by {apart:.2g} of {size:.2g}, {where}")


def cut(random: Random, steps: int) -> list[int]:
    """A random way to cut ``steps``, empty pieces among them."""
    pieces: list[int] = []
    while sum(pieces) < steps:
        pieces.append(min(random.choice([0, 1, 1, 2, 3, 5, 9]), steps - sum(pieces)))
    return pieces


def in_pieces(layer: SequenceLayer, x: Tensor, pieces: list[int]) -> tuple[Tensor, Any]:
    """Piece after piece, with the state carried."""
    state, outputs = None, []
    for piece in x.split(pieces, dim=1):
        y, state = layer(piece, state)
        outputs.append(y)
    return torch.cat(outputs, dim=1), state


Oracle = Callable[[Examined], None]
