"""What architectures are fed, by name.

Axes: B batch, T time steps, I features.
"""

import torch
from torch import Tensor

from contract import inputs
from contract.architectures.tree import Architecture
from ostinato.checks import Draw
from ostinato.core import SequenceLayer, axes

KINDS: dict[str, tuple[int, Draw]] = {  # features, and how they are drawn
    "bars": (6, inputs.bars),
    "trades": (3, inputs.trades),
    "levels": (2, inputs.levels),
    "codes": (2, inputs.codes),
}


def draw_of(architecture: Architecture, layer: SequenceLayer) -> Draw:
    """Makes x (B, T, I) in float64 for a layer of this architecture."""
    if architecture.inputs != "normal":
        return KINDS[architecture.inputs][1]
    size = axes(architecture.size if layer.input_size is None else layer.input_size)

    def normal(batch: int, steps: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch, steps, *size, generator=generator, dtype=torch.float64)

    return normal
