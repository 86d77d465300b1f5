"""Mixed precision: under autocast every layer runs, and its state stays as wide as it was.

Axes: B batch, T time steps.
"""

import pytest
import torch

from contract.registry import LAYERS
from ostinato.checks.chunks import layer_input_dtype
from ostinato.checks.subject import Subject
from ostinato.core import leaves
from ostinato.layers import GRU, LSTM, CoupledLSTM

STEPS = 24
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def relative(found, expected):
    return float((found.double() - expected.double()).norm() / expected.double().norm().clamp(min=1e-3))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_goes_on_under_autocast(name, device):
    torch.manual_seed(0)
    case = LAYERS[name]
    subject = Subject.of(case.make(), case.inputs, device=device)
    layer, x = subject.layer.float(), subject.x(STEPS, batch=3)
    x = x.to(layer_input_dtype(layer)) if x.is_floating_point() else x
    with torch.no_grad():
        plain, state = layer(x)
    with torch.no_grad(), torch.autocast(device, torch.bfloat16):
        y, narrow = layer(x)
        again, _ = layer(x, narrow if layer.streams else None)
    assert [leaf.dtype for leaf in leaves(narrow)] == [leaf.dtype for leaf in leaves(state)]
    assert y.shape == plain.shape
    assert again.isfinite().all() or not plain.isfinite().all()
    assert relative(y, plain) < 0.1


def test_an_lstm_compiles_as_one_graph_under_autocast():
    """What only trying tells of this processor is no part of the graph."""
    torch.manual_seed(0)
    layer, x = LSTM(3, 5), torch.randn(2, 9, 3)
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(compiled(x)[0], layer(x)[0])


@pytest.mark.parametrize("make", [lambda: LSTM(3, 5), lambda: GRU(3, 5), lambda: CoupledLSTM(3, 5)])
def test_rows_of_a_ragged_batch_are_alone_under_autocast(make):
    torch.manual_seed(0)
    layer, x, lengths = make(), torch.randn(3, 9, 3), torch.tensor([9, 4, 0])
    with torch.autocast("cpu", torch.bfloat16):
        y, state = layer(x, None, lengths)
        for row, length in enumerate(lengths.tolist()):
            _, alone = layer(x[row : row + 1, :length])
            for found, expected in zip(leaves(state), leaves(alone), strict=True):
                torch.testing.assert_close(found[row], expected[0], rtol=0.02, atol=0.02)
    sum(leaf.sum() for leaf in (y.float(), *leaves(state))).backward()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())
