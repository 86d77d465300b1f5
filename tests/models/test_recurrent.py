"""Recurrent models beside torch.nn."""

import pytest
import torch
from torch import nn

from ostinato.models import build

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("layers", [1, 3])
def test_as_many_parameters_as_in_torch(name, layers):
    model = build(name, {"units": 7, "layers": layers}, input_size=5, head=2)
    assert count(model) == count(CELLS[name](5, 7, layers)) + count(nn.Linear(7, 2))


def test_the_lstm_has_the_published_number_of_parameters():
    """4 (units (units + inputs) + units), and a second bias of 4 units as in torch and cuDNN; then the head."""
    expected = 4 * (64 * (64 + 13) + 2 * 64) + 64 + 1
    assert count(build("lstm", {"units": 64, "layers": 1}, 13, 1)) == expected


@pytest.mark.parametrize("name", CELLS)
def test_outputs_are_those_of_torch_with_our_weights(name):
    torch.manual_seed(0)
    model = build(name, {"units": 7, "layers": 2}, input_size=5, head=2).eval()
    reference = CELLS[name](5, 7, 2, batch_first=True)
    reference.load_state_dict(model.memory.state_dict())
    x = torch.randn(3, 11, 5)
    head = model.head.module
    torch.testing.assert_close(model(x)[0], head(reference(x)[0]))
