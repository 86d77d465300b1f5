"""Pooling of everything so far against the mean and the maximum of each beginning, taken anew.

Axes: B batch, T time steps, F frequencies, C features or channels.
"""

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.close import close, gradients
from ostinato.checks.subject import run_chunks
from ostinato.errors import ConfigError, ShapeError
from ostinato.layers import AttentionPool, Chain, Conv1d, Dense, GlobalAvgPool1d, GlobalMaxPool1d
from ostinato.layers.pooling import MeanState

KINDS = [
    pytest.param(GlobalAvgPool1d, lambda x: x.mean(1), id="mean"),
    pytest.param(GlobalMaxPool1d, lambda x: x.amax(1), id="maximum"),
]


@pytest.mark.parametrize("size", [3, (4, 3)])
@pytest.mark.parametrize(("kind", "pooled"), KINDS)
def test_each_output_is_of_all_steps_so_far(kind, pooled, size):
    torch.manual_seed(0)
    x = torch.randn(2, 7, *(size if isinstance(size, tuple) else (size,)), dtype=torch.float64)
    x.requires_grad_()
    y, _ = kind(size)(x)
    expected = torch.stack([pooled(x[:, : t + 1]) for t in range(7)], dim=1)
    close(y, expected)
    close(*(gradients([value], [x])[0] for value in (y, expected)))


@pytest.mark.parametrize("size", [3, (4, 3)])
@pytest.mark.parametrize(("kind", "pooled"), KINDS)
def test_last_is_the_pool_of_everything(kind, pooled, size):
    layer = kind(size)
    x = torch.randn(2, 7, *(size if isinstance(size, tuple) else (size,)), dtype=torch.float64)
    x.requires_grad_()
    close(layer.last(x), pooled(x))
    close(*(gradients([value], [x])[0] for value in (layer.last(x), layer(x)[0][:, -1])))
    close(layer.tail(x, 3), layer(x)[0][:, -3:])
    with pytest.raises(ShapeError, match=re.escape("x has 0 steps, too few for an output")):
        layer.last(x[:, :0])
    with pytest.raises(ShapeError, match="x must be"):
        layer.last(x[..., :2])


def test_the_last_valid_step_holds_the_pool_of_a_row():
    x, lengths = torch.randn(4, 9, 3, dtype=torch.float64), torch.tensor([9, 1, 4, 7])
    for layer, pooled in ((GlobalAvgPool1d(3), torch.mean), (GlobalMaxPool1d(3), torch.amax)):
        y, _ = layer(x, None, lengths)
        for row, length in enumerate(lengths.tolist()):
            close(y[row, length - 1], pooled(x[row, :length], dim=0))


def test_one_more_step_counts_after_ten_million():
    """In float32 a mean of 300 would not move by less than 3e-5, whatever comes."""
    layer, seen = GlobalAvgPool1d(1), 10_000_000
    state = MeanState(torch.full((1, 1), 300.0, dtype=torch.float64), torch.tensor([seen]))
    for step in range(1, 4):
        _, state = layer(torch.full((1, 1, 1), 301.0), state)
        assert float(state.mean) - 300 == pytest.approx(step / (seen + step), rel=1e-6)
    assert int(state.steps) == seen + 3
    _, after = layer(torch.full((1, 5, 1), 301.0), state)
    assert float(after.mean) - 300 == pytest.approx(8 / (seen + 8), rel=1e-6)


def test_a_mean_of_numbers_far_from_zero():
    x = (1e8 + 64 * torch.randn(1, 5000, 1, generator=torch.Generator().manual_seed(0))).requires_grad_()
    _, state = run_chunks(GlobalAvgPool1d(1), x, [1, 2999, 0, 2000])
    truth = math.fsum(x.flatten().tolist()) / 5000
    assert state.mean.item() == pytest.approx(truth, rel=1e-15)
    (slope,) = torch.autograd.grad(state.mean.sum(), x)
    torch.testing.assert_close(slope, torch.full_like(x, 1 / 5000))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("kind", [GlobalAvgPool1d, GlobalMaxPool1d])
def test_what_is_not_finite_goes_on_as_in_torch(kind, place, value):
    x = torch.tensor([1.0, 3.0, 2.0, 4.0])
    x[place] = value
    of = torch.mean if kind is GlobalAvgPool1d else torch.max
    expected = torch.stack([of(x[: t + 1]) for t in range(4)])
    for pieces in ([4], [1, 1, 1, 1], [2, 2]):
        y, _ = run_chunks(kind(1), x.view(1, 4, 1), pieces)
        torch.testing.assert_close(y.flatten(), expected, equal_nan=True)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=6, max_size=6), st.integers(0, 6))
def test_among_equals_the_gradient_does_not_depend_on_the_cut(values, cut):
    """After a ReLU equal zeros are the rule."""
    x = torch.tensor(values, dtype=torch.float64).view(1, 6, 1).requires_grad_()
    layer = GlobalMaxPool1d(1)
    found, whole = (gradients([run_chunks(layer, x, pieces)[0]], [x])[0] for pieces in ([cut, 6 - cut], [6]))
    close(found, whole)
    last, end = (gradients([y], [x])[0] for y in (layer.last(x), layer(x)[0][:, -1]))
    close(last, end)


def test_a_classifier_of_rows_of_any_length():
    """Convolution, pool, dense: each row's answer stands at its last valid step."""
    torch.manual_seed(0)
    for pool in (GlobalAvgPool1d(5), GlobalMaxPool1d(5), AttentionPool(5)):
        chain = Chain(Conv1d(3, 5, 3), pool, Dense(5, 2)).double()
        x, lengths = torch.randn(3, 8, 3, dtype=torch.float64), torch.tensor([8, 3, 5])
        y, _ = chain(x, None, lengths)
        for row, length in enumerate(lengths.tolist()):
            close(y[row : row + 1, length - 1], chain.last(x[row : row + 1, :length]))


@pytest.mark.parametrize("kind", [GlobalAvgPool1d, GlobalMaxPool1d])
def test_refusals(kind):
    for size in (0, (4, 0)):
        sentence = f"input_size must be a whole number of at least 1, got {size}."
        with pytest.raises(ConfigError, match=re.escape(sentence)):
            kind(size)
