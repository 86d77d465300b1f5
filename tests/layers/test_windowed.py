"""Any module on windows, against windows cut in plain Python."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layers.close import close
from ostinato.errors import ConfigError, ShapeError
from ostinato.layers import Chain, Dense, Windowed


class Transposed(nn.Module):
    """(N, L, C) to (N, C, L), which torch's convolutions take."""

    def forward(self, x):
        return x.transpose(1, 2)


def windows(row: list[list[float]], length: int) -> list[list[list[float]]]:
    """The last ``length`` steps at every step, zeros before the first."""
    zeros = [[0.0] * 3] * length
    return [(zeros + row[: end + 1])[-length:] for end in range(len(row))]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.lists(st.integers(0, 7), min_size=1, max_size=3))
def test_every_step_sees_its_window(length, lengths):
    torch.manual_seed(length)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * length, 2)).double()
    x = torch.randn(len(lengths), 7, 3, dtype=torch.float64)
    y, _ = Windowed(module, length, 3, 2)(x, None, torch.tensor(lengths))
    for row, valid in enumerate(lengths):
        assert not y[row, valid:].any()
        if valid:
            cut = torch.tensor(windows(x[row, :valid].tolist(), length), dtype=torch.float64)
            close(y[row, :valid], module(cut))


def test_batch_statistics_in_training_see_valid_windows_only():
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 6, 3), torch.tensor([6, 0, 2])
    norm, alone = nn.BatchNorm1d(12), nn.BatchNorm1d(12)
    layer = Windowed(nn.Sequential(nn.Flatten(), norm), length=4, input_size=3, output_size=12).train()
    spoilt = x.clone()
    spoilt[2, 2:], spoilt[1] = torch.nan, torch.nan
    y, _ = layer(spoilt, None, lengths)
    cut = torch.tensor(windows(x[0].tolist(), 4) + windows(x[2, :2].tolist(), 4))
    expected = alone(cut.flatten(1))
    torch.testing.assert_close(torch.cat([y[0], y[2, :2]]), expected)
    for found, truth in zip(norm.buffers(), alone.buffers(), strict=True):
        torch.testing.assert_close(found, truth)


def test_no_valid_window_does_not_call_the_module():
    def refuse(module, args):
        raise AssertionError("called without a window")

    module = nn.Sequential(nn.Flatten(), nn.Linear(6, 2))
    module.register_forward_pre_hook(refuse)
    layer = Windowed(module, 2, 3, 2)
    assert not layer(torch.randn(2, 4, 3), None, torch.tensor([0, 0]))[0].any()
    assert layer(torch.randn(2, 0, 3))[0].shape == (2, 0, 2)


@pytest.mark.parametrize("steps", [1, 4, 9])
def test_last_runs_one_window_for_each_row(steps):
    seen = []
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    module.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    layer = Chain(Dense(3, 3), Windowed(module, 4, 3, 2))
    x = torch.randn(5, steps, 3)
    y = layer.last(x)
    assert seen == [5]
    torch.testing.assert_close(y, layer(x)[0][:, -1])


def test_last_looks_at_x_first():
    with pytest.raises(ShapeError, match=re.escape("x must be (batch, time, 3), got (2, 7, 4).")):
        Windowed(nn.Flatten(), 2, 3, 6).last(torch.zeros(2, 7, 4))


def test_a_module_that_gives_something_else():
    sentence = "the module must give (14, 2) for 14 windows of 4 steps, got (14, 12)."
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        Windowed(nn.Flatten(), 4, 3, 2)(torch.zeros(2, 7, 3))


def test_refusals():
    with pytest.raises(ConfigError, match=re.escape("length must be a whole number of at least 1, got 0.")):
        Windowed(nn.Flatten(), 0, 3, 2)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (nn.Sequential(Transposed(), nn.Conv1d(3, 2, 7), nn.Flatten()), "Kernel size"),
        (nn.Sequential(nn.Flatten(), nn.Linear(10, 2)), "shapes cannot be multiplied"),
    ],
)
def test_a_module_that_does_not_fit_the_window(module, told):
    layer = Windowed(module, 4, 3, 2)
    sentence = (
        r"the module failed on windows \(N, 4, 3\): .*" + told + r".*\. If it is its sizes, make them fit"
    )
    with pytest.raises(ShapeError, match=sentence):
        layer(torch.zeros(2, 7, 3))
    with pytest.raises(ShapeError, match=sentence):
        layer.eval().stepper().step(torch.zeros(1, 3))


@pytest.mark.parametrize("error", [RecursionError, NotImplementedError, KeyError])
def test_what_is_not_about_sizes_is_not_said_to_be(error):
    class Broken(nn.Module):
        def forward(self, x):
            raise error

    with pytest.raises(error):
        Windowed(Broken(), 4, 3, 2)(torch.zeros(1, 2, 3))
