"""Distributions of what a network says."""

import re

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layers.close import close
from ostinato.errors import ConfigError, DataError
from ostinato.layers import (
    GRU,
    Anchored,
    Chain,
    Columns,
    LevelFeatures,
    Point,
    Quantiles,
    RunningScale,
    StudentT,
    ToNetwork,
)
from ostinato.layers.features.outputs import WIDEST

LEVELS = (0.1, 0.25, 0.5, 0.8)
NUMBERS = st.floats(-1e3, 1e3) | st.sampled_from([0.0, 1e6, -1e6])


def labels(rows=500, quantities=3):
    generator = np.random.default_rng(0)
    z = generator.standard_t(4, (rows, quantities)) * [1, 10, 0.1][:quantities]
    z[::7, 0] = np.nan
    return torch.from_numpy(z)


@settings(deadline=None, max_examples=100)
@given(
    numbers=st.lists(NUMBERS, min_size=8, max_size=8),
    free=st.booleans(),
    same=st.booleans(),
    levels=st.lists(st.integers(1, 99), min_size=4, max_size=4, unique=True).map(sorted),
)
def test_quantiles_never_cross(numbers, free, same, levels):
    """Whatever the network says, and also of labels that repeat themselves."""
    output = Quantiles(2, [level / 100 for level in levels], free=free)
    z = labels(quantities=2)
    output.fit(torch.ones_like(z) if same else z)
    y = output.standard(torch.tensor(numbers[: output.input_size], dtype=torch.float64))
    assert y.isfinite().all()
    assert (y.diff(dim=-1) >= 0).all()
    if max(map(abs, numbers)) <= 10:  # a step beside a centre far away drowns in rounding
        assert (y.diff(dim=-1) > 0).all()


@pytest.mark.parametrize("free", [False, True])
def test_nothing_said_is_the_quantiles_of_the_labels(free):
    z = labels()
    output = Quantiles(3, LEVELS, free=free).fit(z)
    expected = np.nanquantile(z.numpy(), LEVELS, axis=0).T
    found = output.standard(torch.zeros(1, output.input_size, dtype=torch.float64))[0]
    close(found, output.base.double())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_nothing_said_is_the_median_and_spread_of_the_labels():
    z = labels(20_000)
    output = StudentT(3).fit(z)
    location, scale, freedom = output.standard(torch.zeros(1, 9, dtype=torch.float64))[0].unbind(-1)
    for column in range(3):
        one = z[:, column][z[:, column].isfinite()].numpy()
        quartiles = scipy.stats.t.ppf([0.25, 0.5, 0.75], freedom[column], location[column], scale[column])
        np.testing.assert_allclose(quartiles[[0, 2]], np.quantile(one, [0.25, 0.75]), rtol=0.06)
        np.testing.assert_allclose(quartiles[1], np.median(one), rtol=1e-5, atol=1e-6)
    close(freedom, torch.full((3,), StudentT.FREEDOM).double())


def test_nothing_said_is_the_mean_of_the_labels():
    z = labels()
    found = Point(3).fit(z).standard(torch.zeros(1, 3, dtype=torch.float64))
    np.testing.assert_allclose(found[0, :, 0], np.nanmean(z.numpy(), axis=0), rtol=1e-5)


@settings(deadline=None, max_examples=100)
@given(st.lists(NUMBERS, min_size=3, max_size=3))
def test_a_students_t_is_one_whatever_the_network_says(numbers):
    location, scale, freedom = StudentT(1).standard(torch.tensor(numbers, dtype=torch.float64))[0]
    assert location.isfinite()
    assert np.exp(-WIDEST) - 1e-9 <= scale <= np.exp(WIDEST) + 1e-9
    assert freedom >= 2.1


def test_the_place_of_a_distribution():
    location, scale = torch.tensor([10.0]), torch.tensor([2.0])
    close(
        Quantiles(1, LEVELS).placed(torch.arange(4.0)[None], location, scale),
        torch.tensor([[10.0, 12, 14, 16]]),
    )
    close(
        StudentT(1).placed(torch.tensor([[1.0, 3.0, 5.0]]), location, scale), torch.tensor([[12.0, 6.0, 5.0]])
    )


def test_an_anchored_answer_moves_and_stretches_with_the_series():
    """A level that was never seen is no stranger: of 50 x + 900 the model says 50 y + 900."""
    torch.manual_seed(0)
    output = Quantiles(4, LEVELS, free=True)
    features = LevelFeatures(2, (1, 3), (4.0,), scale=8.0)
    body = Chain(features, ToNetwork(6), GRU(6, output.input_size))
    model = Anchored(body, output, RunningScale(2, 5.0), Columns(2, (0, 1))).double()
    x = torch.randn(1, 60, 2, dtype=torch.float64).cumsum(1)
    with torch.no_grad():
        y = model(x)[0]
        model.usual.mul_(50)
        torch.testing.assert_close(model(50 * x + 900)[0], 50 * y + 900, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("location", [None, Columns(2, (0, 1))])
def test_where_a_series_has_not_moved_yet_the_usual_scale_stands_in(location):
    output = Quantiles(2, (0.1, 0.5, 0.9))
    body = Chain(Columns(2, (0, 1)), ToNetwork(2), GRU(2, output.input_size))
    model = Anchored(body, output, RunningScale(2, 5.0), location)
    for parameter in model.body.parameters():
        nn.init.zeros_(parameter)
    model.usual.copy_(torch.tensor([2.0, 30.0]))
    x = torch.tensor([[[7.0, 1.0], [7.0, 2.0], [8.0, 2.0]]], dtype=torch.float64)
    y = model(x)[0].unflatten(-1, (2, 3))[0].detach()
    width = (y[..., 2] - y[..., 0]) / 0.8  # of the levels' own base
    np.testing.assert_allclose(width[0], [2, 30], rtol=1e-6)
    np.testing.assert_allclose(width[1], [2, 1], rtol=1e-6)  # the second column moved by 1
    assert 0 < width[2, 0] < 1
    np.testing.assert_allclose(y[..., 1], 0 * x[0] if location is None else x[0], atol=1e-9)


def mostly_zeros(quantities: int = 2) -> torch.Tensor:
    """Four labels of five are 0."""
    z = torch.from_numpy(np.random.default_rng(1).standard_normal((1_000, quantities)))
    z[np.arange(1_000) % 5 > 0] = 0.0
    return z


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("levels", [tuple(k / 10 for k in range(2, 9)), (0.5,)])
def test_a_network_moves_quantiles_that_coincide(free, levels):
    """Their range is 0, their standard deviation about 0.45."""
    z = mostly_zeros()
    output = Quantiles(2, levels, free=free).fit(z)
    expected = np.quantile(z.numpy(), levels, axis=0).T
    assert np.abs(expected).max() == 0
    numbers = torch.zeros(2, output.inputs, dtype=torch.float64, requires_grad=True)
    said = output.standard(numbers.flatten())
    np.testing.assert_allclose(said.detach(), expected, atol=1e-3 * 0.5)
    deviation = z.numpy().std(axis=0)
    gradient = torch.autograd.grad(said[:, output.middle].sum(), numbers)[0]
    np.testing.assert_allclose(gradient[:, 0], deviation, rtol=1e-6)
    moved = numbers.detach().clone()
    moved[:, 0] = 2.0
    found = output.standard(moved.flatten())[:, output.middle]
    np.testing.assert_allclose(found, 2 * deviation, rtol=1e-6)
    if len(levels) > 1:
        steps = said.detach().diff(dim=-1)
        np.testing.assert_allclose(steps, np.repeat(1e-3 * deviation[:, None] / 6, 6, axis=1), rtol=1e-3)
        stretched = torch.autograd.grad(output.standard(numbers.flatten()).diff(dim=-1).sum(), numbers)[0]
        assert (stretched[:, 1:].abs() > 1e-5).any(dim=1).all()


@pytest.mark.parametrize("free", [False, True])
def test_how_far_quantiles_are_stretched(free):
    """e^3 times, and those that coincide as far as a tenth of the spread would be: there is a time to be uncertain."""
    levels = tuple(k / 10 for k in range(2, 9))
    most = torch.full((2, 2 if not free else 7), 1e6, dtype=torch.float64)
    wide = Quantiles(2, levels, free=free).fit(torch.linspace(0, 1, 101)[:, None].repeat(1, 2).double())
    found = wide.standard(most.flatten()).diff(dim=-1)
    np.testing.assert_allclose(found, 0.1 * np.exp(3), rtol=1e-5)
    z = mostly_zeros()
    found = Quantiles(2, levels, free=free).fit(z).standard(most.flatten())
    np.testing.assert_allclose(found[:, -1] - found[:, 0], 0.1 * np.exp(3) * z.numpy().std(axis=0), rtol=1e-3)


def test_steps_that_are_wide_enough_are_left_as_they_are():
    z = labels(quantities=2)
    output = Quantiles(2, LEVELS).fit(z)
    expected = np.nanquantile(z.numpy(), LEVELS, axis=0).T
    np.testing.assert_allclose(output.base, expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(output.spread, np.maximum(np.ptp(expected, axis=1), np.nanstd(z, axis=0)))


def test_a_students_t_of_labels_that_coincide_has_their_standard_deviation():
    z = mostly_zeros()
    np.testing.assert_allclose(StudentT(2).fit(z).base, np.c_[np.zeros(2), z.numpy().std(axis=0)], rtol=1e-6)
    np.testing.assert_allclose(
        StudentT(1).fit(torch.full((9, 1), 0.1, dtype=torch.float64)).base, [[0.1, 1.0]], rtol=1e-6
    )
    np.testing.assert_allclose(
        Point(1).fit(torch.full((9, 1), 0.1, dtype=torch.float64)).base, [[0.1, 1.0]], rtol=1e-6
    )


@pytest.mark.parametrize("make", [lambda: Quantiles(2, LEVELS), lambda: StudentT(2), lambda: Point(2)])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0, 0.0])
def test_buffers_that_are_no_distribution_are_told(make, number):
    assert make().sound()
    for name in [name for name in ("base", "spread") if hasattr(make(), name)]:
        output = make()
        buffer = getattr(output, name).view(2, -1)
        if name == "base" and isinstance(output, Quantiles):
            buffer[1, -1] = number
            if number == 0.0:
                buffer[1, 0] = 0.1
        else:
            buffer[1, -1] = number
        assert not output.sound()


@pytest.mark.parametrize("levels", [(), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0)])
def test_levels_ascend_within_0_and_1(levels):
    sentence = re.escape(f"levels of quantiles must ascend within 0 and 1, got {levels}.")
    with pytest.raises(ConfigError, match=sentence):
        Quantiles(1, levels)


def test_a_quantity_without_labels_is_refused():
    z = labels()
    z[:, 1] = torch.nan
    with pytest.raises(DataError, match="quantity 1 has no label among the rows"):
        Point(3).fit(z)
