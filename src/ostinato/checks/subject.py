"""The subject of the checks: a private copy of a layer, and inputs for it.

Axes: B batch, T time steps, I features.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ..core import SequenceLayer, Size, axes, class_name, leaves, named_leaves
from ..errors import CheckError
from .compare import distance

Draw = Callable[[int, int, torch.Generator], Tensor]  # batch, steps, generator to x (B, T, I) in float64

BATCH = 5
RATES = (
    "p",
    "dropout",
    "input_dropout",
    "state_dropout",
    "weight_dropout",
    "zoneout",
)  # in which layers draw random numbers
STEPS = 13  # odd and prime, so that no stride or kernel fits it by chance


@dataclass
class Subject:
    """A layer under examination, in float64. ``draw`` makes inputs of the kind the layer is for."""

    layer: SequenceLayer
    draw: Draw
    seed: int = 0
    device: torch.device | str = "cpu"

    @classmethod
    def of(
        cls, layer: SequenceLayer, draw: Draw | None = None, seed: int = 0, device: torch.device | str = "cpu"
    ) -> "Subject":
        """A private double-precision copy in ``eval()``, on a device.

        Raises:
            CheckError: the layer does not say how many features it takes and no inputs are given.
        """
        if draw is None and layer.input_size is None:
            raise CheckError(
                f"{class_name(layer)} takes any number of features. Pass inputs=, a function of batch, "
                "steps and a torch.Generator that returns x."
            )
        size = layer.input_size or 1
        return cls(copy.deepcopy(layer).double().to(device).eval(), draw or _normal(size), seed, device)

    def x(self, steps: int = STEPS, batch: int = BATCH, variant: int = 0) -> Tensor:
        """Inputs; another ``variant``, other numbers."""
        generator = torch.Generator().manual_seed(1000 * self.seed + variant)
        return self.draw(batch, steps, generator).to(self.device)  # the same numbers on each

    def ragged(self, steps: int = STEPS) -> Tensor:
        """Lengths for BATCH rows: nothing, one step, some, all."""
        return self.lengths([steps, 0, 1, steps // 2, steps - 1])

    def lengths(self, steps: list[int]) -> Tensor:
        """So many steps of each row, where the layer is."""
        return torch.tensor(steps, device=self.device)

    def modes(self) -> Iterator[str]:
        """``eval``; ``train`` too where neither chance nor batch statistics take part."""
        self.layer.eval()
        yield "eval"
        if settles_in_train(self.layer):
            self.layer.train()
            yield "train"
            self.layer.eval()

    def chunkings(self, steps: int = STEPS) -> list[list[int]]:
        """Ways to cut: one by one, with empty pieces, in two, at random."""
        generator = torch.Generator().manual_seed(self.seed)
        cuts = [[1] * steps, [0, steps, 0], [steps // 2, 0, steps - steps // 2]]
        for _ in range(3):
            pieces: list[int] = []
            while sum(pieces) < steps:
                piece = int(torch.randint(0, 6, (1,), generator=generator))
                pieces.append(min(piece, steps - sum(pieces)))
            cuts.append(pieces)
        return cuts

    def parameters(self) -> list[Tensor]:
        """What gradients are taken for, beside x."""
        return [parameter for parameter in self.layer.parameters() if parameter.requires_grad]

    @cached_property
    def state_rounding(self) -> dict[str, float]:
        """Of each floating-point tensor of the end state, the norm by which rounding x moves it.

        A state may be rounding alone, such as the mean of what a norm has centred. It is then another in each order of
        adding up, and nothing but this tells it from a state that is small.
        """
        x = self.x()
        if not x.is_floating_point() or self.layer.takes_codes:
            return {}
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        rounded = x * (1 + torch.finfo(torch.float64).eps * noise.to(x))
        before, after = (named_leaves(self.layer(inputs)[1]) for inputs in (x, rounded))
        return {
            name: 8 * distance(leaf - before[name], torch.zeros_like(leaf))
            for name, leaf in after.items()
            if leaf.is_floating_point()
        }

    def some_steps(self) -> int:
        """Enough steps for two outputs beyond the receptive field; STEPS for a recurrence."""
        field = self.layer.receptive_field
        return (
            STEPS
            if math.isinf(field)
            else int(field) + 2 * max(math.ceil(self.layer.stride), self.layer.block) + 1
        )


def settles_in_train(layer: nn.Module) -> bool:
    """Whether ``train()`` gives the same numbers twice and row by row."""
    for module in layer.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            return False
        if any(_is_positive(getattr(module, name, 0.0)) for name in RATES):
            return False
    return True


def _is_positive(rate: object) -> bool:
    if isinstance(rate, tuple):
        return any(map(_is_positive, rate))
    return isinstance(rate, float) and rate > 0


def run_chunks(
    layer: SequenceLayer, x: Tensor, pieces: list[int], lengths: Tensor | None = None
) -> tuple[Tensor, Any]:
    """Run piece after piece, handing the state on; y joined, and the end state."""
    state, outputs, start = None, [], 0
    for piece in pieces:
        here = None if lengths is None else (lengths - start).clamp(0, piece)
        y, state = layer(x[:, start : start + piece], state, here)
        outputs.append(y)
        start += piece
    return torch.cat(outputs, dim=1), state


def weigh(y: Tensor, state: Any, seed: int = 0) -> Tensor:
    """A scalar in which every output and every part of the state counts differently."""
    generator = torch.Generator().manual_seed(seed)
    parts = [y, *(leaf for leaf in leaves(state) if leaf.is_floating_point())]
    total = y.new_zeros(())
    for part in parts:
        weights = torch.randn(part.shape, generator=generator, dtype=torch.float64).to(part)
        # where a window has seen nothing yet its state may hold infinities by design
        total = total + (torch.where(part.isfinite(), part, 0.0) * weights).sum().to(total)
    return total


def gradients(value: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of ``value``, zero where it does not depend on an input."""
    if not value.requires_grad:
        return [torch.zeros_like(tensor) for tensor in inputs]
    found = torch.autograd.grad(value, inputs, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, inputs, strict=True)]


def _normal(size: Size) -> Draw:
    def draw(batch: int, steps: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, steps, *axes(size), generator=generator, dtype=torch.float64)

    return draw
