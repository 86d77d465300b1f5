"""The CNN and the MLP on windows of every length."""

import pytest
import torch
from torch import nn

from ostinato.errors import ShapeError
from ostinato.models import build

FEATURES, OUTPUTS = 3, 2
WINDOWS = [1, 2, 3, 5, 32]


@pytest.mark.parametrize("name", ["cnn", "mlp"])
@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_answers_at_every_step(name, window):
    model = build(name, {"window": window}, FEATURES, OUTPUTS).eval()
    y, state = model(torch.randn(2, 7, FEATURES))
    assert y.shape == (2, 7, OUTPUTS)
    assert state.history.shape == (2, window - 1, FEATURES)
    assert model.receptive_field == window


@pytest.mark.parametrize("window", WINDOWS)
def test_each_block_of_the_cnn_halves_the_steps_while_there_are_two(window):
    model = build("cnn", {"window": window, "channels": [4, 6, 5], "units": 7}, FEATURES, OUTPUTS)
    steps, pools = window, 0
    for _ in range(3):
        pools, steps = pools + (steps > 1), max(steps // 2, 1)
    assert sum(isinstance(module, nn.MaxPool1d) for module in model.modules()) == pools
    assert model.module.head[1].in_features == 5 * steps


def test_the_cnn_is_the_lectures_stack():
    """Conv, BatchNorm, LeakyReLU, MaxPool; then fully connected: written out with the same weights."""
    torch.manual_seed(0)
    model = build("cnn", {"window": 8, "channels": [4, 6], "units": 5}, FEATURES, OUTPUTS).eval()
    reference = nn.Sequential(
        *(
            nn.Conv1d(FEATURES, 4, 3, padding=1, bias=False),
            nn.BatchNorm1d(4),
            nn.LeakyReLU(),
            nn.MaxPool1d(2),
        ),
        *(nn.Conv1d(4, 6, 3, padding=1, bias=False), nn.BatchNorm1d(6), nn.LeakyReLU(), nn.MaxPool1d(2)),
        *(nn.Flatten(), nn.Linear(12, 5), nn.LeakyReLU(), nn.Linear(5, OUTPUTS)),
    ).eval()
    for target, value in zip(reference.parameters(), model.parameters(), strict=True):
        target.data.copy_(value)
    x = torch.randn(2, 8, FEATURES)
    torch.testing.assert_close(model(x)[0][:, -1], reference(x.transpose(1, 2)))
    torch.testing.assert_close(model.last(x), reference(x.transpose(1, 2)))


def test_the_mlp_sees_its_window_side_by_side():
    model = build("mlp", {"window": 4, "units": 5, "layers": 2}, FEATURES, OUTPUTS).eval()
    first, second, last = (module for module in model.modules() if isinstance(module, nn.Linear))
    x = torch.randn(2, 4, FEATURES)
    expected = last(torch.relu(second(torch.relu(first(x.flatten(1))))))
    torch.testing.assert_close(model(x)[0][:, -1], expected)


def test_a_single_window_of_one_step_has_no_batch_statistics():
    network = build("cnn", {"window": 2, "channels": [4, 4]}, 3, 1).train()
    with pytest.raises(ShapeError, match="BatchNorm cannot train on a single window"):
        network.last(torch.zeros(1, 2, 3))
    assert network.last(torch.zeros(2, 2, 3)).shape == (2, 1)
