"""torch.compile and torch.export accept a step of every layer that streams, and give its numbers.

The whole step is captured (``fullgraph``); which kernels a backend then writes is torch's matter, so none is built.
Tracing takes a second a layer: one case of each class runs always, the others with the slow tests.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from contract.registry import LAYERS, one_of_each, one_of_each_family
from layers.close import close
from ostinato.checks import Subject
from ostinato.core import SequenceLayer, leaves

# a whole forecast for each kind of data; its networks are here as models
NAMES = [
    name
    for name, case in LAYERS.items()
    if case.layer.streams and (not name.startswith("forecast") or name.endswith("-gru"))
]


class Step(nn.Module):
    """What is exported: a module whose inputs are x and a state."""

    def __init__(self, layer: SequenceLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.layer(x, state)


def in_mid_stream(name: str) -> tuple[SequenceLayer, list[Tensor], Any]:
    """A layer, blocks of its next steps, and the state that it stands at."""
    subject = Subject.of(LAYERS[name].make(), LAYERS[name].inputs)
    block = subject.layer.block
    x = subject.x(5 * block, batch=2)
    _, state = subject.layer(x[:, : 3 * block])
    return subject.layer, list(x[:, 3 * block :].split(block, dim=1)), state


def goes_on(step: Any, layer: SequenceLayer, blocks: list[Tensor], state: Any) -> None:
    """Block after block, each from the state that the one before gave."""
    ours = state
    for x in blocks:
        y, state = layer(x, state)
        found, ours = step(x, ours)
        close(found, y)
        for one, other in zip(leaves(ours), leaves(state), strict=True):
            close(one, other)


@pytest.mark.parametrize("name", one_of_each(NAMES))
@torch.no_grad()  # live steps: a state holds values, and no history of them
def test_compiles_as_one_graph(name):
    layer, blocks, state = in_mid_stream(name)
    torch.compiler.reset()
    goes_on(torch.compile(layer, fullgraph=True, backend="eager"), layer, blocks, state)


@pytest.mark.parametrize("name", one_of_each_family(NAMES))
@torch.no_grad()  # live steps: a state holds values, and no history of them
def test_exports(name):
    layer, blocks, state = in_mid_stream(name)
    program = torch.export.export(Step(layer), (blocks[0], state))
    goes_on(program.module(), layer, blocks, state)
