"""The last steps alone: the same numbers and gradients as the end of a whole pass, from less work."""

import copy

import pytest
import torch

from contract.registry import LAYERS
from ostinato.core import axes
from ostinato.layers import (
    BatchNorm,
    Chain,
    Conv1d,
    Dense,
    DenseBlock,
    Parallel,
    Pointwise,
    Residual,
    ResidualBlock,
)
from ostinato.models import build

NAMES = [name for name, case in LAYERS.items() if case.inputs is None]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [1, 9, 90])
def test_the_tail_is_the_end_of_the_whole(name, steps):
    layer = LAYERS[name].make().double().eval()
    x = torch.randn(3, steps, *axes(layer.input_size), dtype=torch.float64, requires_grad=True)
    whole = layer(x)[0]
    for count in (1, 4):
        tail = layer.tail(x, count)
        torch.testing.assert_close(tail, whole[:, -count:], rtol=1e-10, atol=1e-12)
        if not whole.requires_grad or not whole.numel():
            continue
        ours, theirs = (
            torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for y in (tail, whole[:, -count:])
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def test_a_convolution_is_not_run_on_steps_that_nobody_sees(monkeypatch):
    slide, seen = Conv1d.slide, []

    def counted(self, buffer):
        y = slide(self, buffer)
        seen.append(y.shape[1])
        return y

    monkeypatch.setattr(Conv1d, "slide", counted)
    tcn = build("tcn", {"channels": 4, "levels": 3, "kernel_size": 2, "dropout": 0.0}, 3, 1)
    tcn.last(torch.randn(2, 100, 3))
    assert seen == [14, 13, 13, 11, 9, 5, 1]  # from the first convolution and its shortcut to the last


BATCH_NORMED = {
    "within": lambda: Chain(Conv1d(3, 4, 3), BatchNorm(4), Pointwise(torch.nn.ReLU()), Dense(4, 1)),
    "last": lambda: Chain(Conv1d(3, 4, 3), BatchNorm(4)),
    "in the last block": lambda: Chain(Conv1d(3, 3, 3), ResidualBlock(3)),
    "alone": lambda: BatchNorm(3),
    "on a path": lambda: Parallel(BatchNorm(3), Conv1d(3, 2, 3)),
    "under a shortcut": lambda: Residual(BatchNorm(3)),
    "dense": lambda: DenseBlock(3, 2, 2),
}


@pytest.mark.parametrize("name", BATCH_NORMED)
def test_batch_statistics_are_of_all_steps(name):
    """A window's steps are one sample: which of them an output needs must not change what BatchNorm learns."""
    torch.manual_seed(0)
    layer = BATCH_NORMED[name]().train()
    x = torch.randn(5, 30, 3)
    twin = copy.deepcopy(layer)
    torch.testing.assert_close(layer.last(x), twin(x)[0][:, -1])
    torch.testing.assert_close(list(layer.buffers()), list(twin.buffers()))
