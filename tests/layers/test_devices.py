"""A GPU gives what the CPU gives: outputs, states and gradients, with lengths, and on from a state.

Skipped where there is none; ``make test-gpu`` is for a machine that has one.
"""

import pytest
import torch

from contract.registry import LAYERS
from ostinato.checks.compare import same, same_state
from ostinato.checks.subject import STEPS, Subject, gradients, weigh
from ostinato.core import map_state

if not torch.cuda.is_available():
    pytest.skip("needs a GPU: make test-gpu", allow_module_level=True)


def found(subject, lengths):
    """Of two pieces, the second with lengths: y, state and gradients, all on the CPU."""
    layer, x = subject.layer, subject.x()
    reads = x.is_floating_point() and layer.streams
    x = x.requires_grad_(reads)
    state = layer(x)[1] if layer.streams else None
    y, end = layer(subject.x(variant=1), state, lengths)
    inputs = [*([x] if reads else []), *subject.parameters()]
    grads = gradients(weigh(y, end), inputs)
    return y.cpu(), map_state(torch.Tensor.cpu, end), [grad.cpu() for grad in grads]


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_gpu_gives_what_the_cpu_gives(name, ragged):
    torch.manual_seed(0)
    layer, inputs = LAYERS[name].make(), LAYERS[name].inputs
    here, there = (Subject.of(layer, inputs, device=device) for device in ("cpu", "cuda"))
    y, state, grads = found(here, here.ragged(STEPS) if ragged else None)
    other, end, theirs = found(there, there.ragged(STEPS) if ragged else None)
    same("y", other, y, "on the GPU")
    same_state(end, state, "on the GPU")
    for place, (grad, expected) in enumerate(zip(theirs, grads, strict=True)):
        same(f"gradient {place}", grad, expected, "on the GPU")
