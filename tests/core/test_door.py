"""What the door of every layer refuses, in a sentence: other kinds of x, lengths and states than the layer's own."""

import numpy as np
import pytest
import torch
from torch import nn

from ostinato.checks import check_layer
from ostinato.core import join_rows
from ostinato.errors import CheckError, ConfigError, LengthsError, ShapeError, StateError
from ostinato.layers import GRU, LSTM, Chain, Conv1d, Delay, Dense, Residual, Windowed

X = torch.zeros(2, 7, 3)


def state_of(layer, x=X):
    return layer(x)[1]


@pytest.mark.parametrize(
    ("layer", "state", "words"),
    [
        (Conv1d(3, 5, 2), state_of(Conv1d(3, 5, 4)), r"\(2, 3, 3\).* wants \(2, 1, 3\)"),
        (Conv1d(3, 5, 4), state_of(Conv1d(3, 5, 2)), r"\(2, 1, 3\).* wants \(2, 3, 3\)"),
        (Conv1d(3, 5, 3, stride=2), state_of(Conv1d(3, 5, 5, stride=2)), r"\(2, 4, 3\).* wants \(2, 1, 3\)"),
        (LSTM(3, 5), state_of(LSTM(3, 7)), r"\(2, 1, 7\).* wants \(2, 1, 5\)"),
        (LSTM(3, 5), state_of(LSTM(3, 5, 2)), r"\(2, 2, 5\).* wants \(2, 1, 5\)"),
        (LSTM(3, 5, 2), state_of(LSTM(3, 5)), r"\(2, 1, 5\).* wants \(2, 2, 5\)"),
        (GRU(3, 5), state_of(GRU(3, 5).double(), X.double()), "float64 .* wants .* torch.float32"),
        (Chain(Dense(3, 3), GRU(3, 5)), ((), state_of(GRU(3, 6))), r"\(2, 1, 6\).* wants \(2, 1, 5\)"),
        (Chain(Dense(3, 3), GRU(3, 5)), (state_of(GRU(3, 5)),), "not one of Chain"),
        (Residual(Conv1d(3, 3, 2)), ((), ()), "not one of Residual"),
        (GRU(3, 5), {"hidden": torch.zeros(2, 1, 5)}, "not one of GRU"),
        (GRU(3, 5), state_of(GRU(3, 5), X[:1]), "state is for 1 rows, x has 2"),
    ],
)
def test_a_state_of_another_layer(layer, state, words):
    with pytest.raises(StateError, match=words):
        layer(X, state)


def test_a_strided_state_in_any_phase_is_the_layer_s_own():
    layer = Conv1d(3, 5, 5, stride=3)
    for steps in range(7):
        y, _ = layer(X, state_of(layer, X[:, :steps]))
        assert y.shape[1] == (steps % 3 + 7) // 3


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 7, 3)), "must be a torch.Tensor, got ndarray"),
        (X.double(), r"x is torch.float64, the weights of Conv1d are torch.float32. Pass x.to"),
        (X.half(), "x is torch.float16"),
        (X.long(), "must hold floating point numbers"),
    ],
)
def test_another_x(x, words):
    with pytest.raises(ShapeError, match=words):
        Conv1d(3, 5, 2)(x)
    with pytest.raises(ShapeError, match=words):
        Chain(Conv1d(3, 5, 2))(x)


def test_lengths_that_are_no_tensor():
    with pytest.raises(LengthsError, match=r"must be a torch.Tensor, got list"):
        GRU(3, 5)(X, None, [3, 4])


@pytest.mark.parametrize("mask", [torch.tensor([1, 0]), torch.tensor([True]), [True, False]])
def test_a_mask_that_is_not_one_of_the_rows(mask):
    layer = GRU(3, 5)
    with pytest.raises(StateError, match=r"mask must be a bool tensor \(2,\)"):
        layer.reset_rows(state_of(layer), mask)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Chain(nn.Linear(3, 4)), "takes layers that run along time, got Linear"),
        (lambda: Residual(nn.Linear(3, 3)), "a residual takes layers"),
        (lambda: Chain(run=Dense(3, 3)), "cannot be called 'run'"),
        (lambda: LSTM(3, 5, dropout="a"), "got 'a'"),
        (lambda: Delay(3, 1.5), "steps must be a whole number of at least 0, got 1.5"),
    ],
)
def test_parts_that_do_not_fit(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_a_window_s_module_that_gives_a_tuple():
    with pytest.raises(ShapeError, match="must give"):
        Windowed(nn.LSTM(3, 5, batch_first=True), 4, 3, 5)(X)


def test_nothing_to_join_and_nothing_to_check():
    with pytest.raises(StateError, match="no states to join"):
        join_rows([])
    with pytest.raises(CheckError, match="for SequenceLayers, got Linear"):
        check_layer(nn.Linear(3, 4))
