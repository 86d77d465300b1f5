"""Distributions of what a network says."""

import re

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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
from ostinato.layers.outputs import WIDEST

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
        torch.testing.assert_close(model(50 * x + 900)[0], 50 * model(x)[0] + 900, rtol=1e-9, atol=1e-7)


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
