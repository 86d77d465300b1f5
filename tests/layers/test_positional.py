"""Positional features against the formula in plain Python, far out too.

Axes: B batch, T time steps, I input features, D features of a position.
"""

import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from layers.close import close, gradients
from layers.test_spectral import normal
from ostinato.errors import ConfigError
from ostinato.layers import Chain, Conv1d, Dense, Parallel, PositionalFeatures, Residual, Windowed
from ostinato.layers.positional import PositionState

FAR = 10_000_000


def written_out(steps: range, size: int, longest: float = 10_000) -> torch.Tensor:
    """Vaswani et al. 2017, section 3.5, (T, D)."""
    rows = [
        [
            (math.cos if place % 2 else math.sin)(p / longest ** (place // 2 * 2 / size))
            for place in range(size)
        ]
        for p in steps
    ]
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("size", [1, 2, 5, 8])
@pytest.mark.parametrize("longest", [10_000, 30.5])
def test_it_is_the_formula(size, longest):
    waves = written_out(range(12), size, longest)
    x = normal(2, 12, size)
    y, _ = PositionalFeatures(size, longest=longest)(x)
    close(y, x + waves)
    close(*gradients([y], [x]), *gradients([x + waves], [x]))
    x = normal(2, 12, 3)
    y, _ = PositionalFeatures(3, size, mode="concat", longest=longest)(x)
    assert y.shape == (2, 12, 3 + size)
    close(y, torch.cat([x, waves.expand(2, 12, size)], dim=-1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_step_ten_million_is_as_exact_as_the_first(dtype):
    layer = PositionalFeatures(8).to(dtype)
    y, state = layer(torch.zeros(1, 4, 8, dtype=dtype), PositionState(torch.tensor([FAR])))
    steps = np.arange(FAR, FAR + 4, dtype=np.longdouble)[:, None]
    angles = steps / np.longdouble(10_000) ** (np.arange(0, 8, 2, dtype=np.longdouble) / 8)
    expected = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(1, 4, 8).astype(np.float64)
    tolerance = 1e-7 if dtype == torch.float32 else 1e-8
    torch.testing.assert_close(y, torch.from_numpy(expected).to(dtype), rtol=0, atol=tolerance)
    assert state.position.tolist() == [FAR + 4]
    assert y.dtype == dtype


def test_digits_survive_float32():
    x = normal(1, 9, 6).detach()
    expected, _ = PositionalFeatures(6)(x)
    assert torch.equal(PositionalFeatures(6).float().double()(x)[0], expected)


def test_each_row_counts_its_own_steps():
    layer, x = PositionalFeatures(4), normal(3, 6, 4)
    _, state = layer(x, None, torch.tensor([6, 2, 0]))
    assert state.position.tolist() == [6, 2, 0]
    y, _ = layer(x, state)
    for row, start in enumerate([6, 2, 0]):
        close(y[row], x[row] + written_out(range(start, start + 6), 4))
    state = layer.reset_rows(state, torch.tensor([True, False, False]))
    assert state.position.tolist() == [0, 2, 0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: PositionalFeatures(4),
        lambda: Chain(Conv1d(4, 4, 3), PositionalFeatures(4), Dense(4, 2)),
        lambda: Chain(Conv1d(4, 4, 3), Chain(PositionalFeatures(4), Dense(4, 2)), Conv1d(2, 2, 2)),
        lambda: Residual(Chain(Dense(4, 4), PositionalFeatures(4))),
        lambda: Chain(Dense(4, 3), Parallel(Conv1d(3, 2, 2), PositionalFeatures(3))),
        lambda: Chain(
            PositionalFeatures(4), Windowed(nn.Sequential(nn.Flatten(), nn.Linear(12, 1)), 3, 4, 1)
        ),
    ],
    ids=["alone", "chain", "nested", "residual", "parallel", "windowed"],
)
def test_the_end_knows_where_it_is(make):
    """What leaves the past out would count from 0 again."""
    layer, x = make().double(), normal(2, 20, 4)
    y, _ = layer(x)
    close(layer.tail(x, 3), y[:, -3:])
    close(layer.last(x), y[:, -1])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: PositionalFeatures(0), "input_size must be a whole number of at least 1, got 0."),
        (
            lambda: PositionalFeatures(3, 0, mode="concat"),
            "size must be a whole number of at least 1, got 0.",
        ),
        (lambda: PositionalFeatures(3, mode="sum"), "mode must be 'add' or 'concat', got 'sum'."),
        (
            lambda: PositionalFeatures(3, 4),
            "what is added to 3 features has as many, got size 4. Use mode='concat'.",
        ),
        (lambda: PositionalFeatures(3, longest=1), "longest must be a number of steps above 1, got 1."),
        (
            lambda: PositionalFeatures(3, longest=math.nan),
            "longest must be a number, got nan.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
