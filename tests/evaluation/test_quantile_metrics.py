"""The metrics of values against scikit-learn, a closed form, numbers by hand, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn import metrics as theirs

from ostinato.data.levels import Levels
from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import Scale, by_horizon, by_row, pinball_losses, scale_of
from ostinato.evaluation import value_metrics as metrics

AT = np.arange(1, 10) / 10


def drawn(rows=40, horizons=3, seed=0, unknown=0.0):
    draw = np.random.default_rng(seed)
    quantiles = np.sort(draw.normal(size=(rows, horizons, 9)), axis=2)
    labels = draw.normal(size=(rows, horizons))
    labels[draw.random(labels.shape) < unknown] = np.nan
    scale = Scale(draw.random(rows) + 0.5, draw.random(rows) + 0.5)
    return quantiles, labels, scale


@given(seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_equal_to_scikit_learn(seed):
    quantiles, labels, scale = drawn(seed=seed)
    found = metrics(quantiles, AT, labels, scale)
    y, median = labels.ravel(), quantiles[:, :, 4].ravel()
    pinball = [theirs.mean_pinball_loss(y, quantiles[:, :, i].ravel(), alpha=a) for i, a in enumerate(AT)]
    assert found["pinball"] == pytest.approx(np.mean(pinball))
    assert found["crps"] == pytest.approx(2 * np.sum(pinball) / 10)
    assert found["mae"] == pytest.approx(theirs.mean_absolute_error(y, median))
    assert found["mse"] == pytest.approx(theirs.mean_squared_error(y, median))
    assert found["rmse"] == pytest.approx(theirs.root_mean_squared_error(y, median))
    weights = np.repeat(1 / scale.change, 3)
    assert found["mase"] == pytest.approx(np.mean(np.abs(y - median) * weights))
    assert found["scaled_mse"] == pytest.approx(np.mean((y - median) ** 2 / np.repeat(scale.variance, 3)))


def test_by_hand():
    quantiles = np.array([[[1.0, 2.0, 4.0]], [[0.0, 1.0, 1.0]]])
    found = metrics(quantiles, [0.1, 0.5, 0.9], [[4.0], [-1.0]])
    # row 0: 0.1 * 3, 0.5 * 2, 0;  row 1: 0.9 * 1, 0.5 * 2, 0.1 * 2
    assert found["pinball"] == pytest.approx((1.3 + 2.1) / 6)
    assert found["coverage_80"] == 0.5  # a label at the quantile is inside
    assert found["width_80"] == 2.0
    assert found["mae"] == 2.0
    assert found["mse"] == 4.0
    # trapezoids from level 0 to 1: 0.1 to 0.5 and 0.5 to 0.9 are wide, the ends narrow
    row = [0.05 * 0.3 + 0.2 * 1.3 + 0.2 * 1.0, 0.05 * 0.9 + 0.2 * 1.9 + 0.2 * 1.2 + 0.05 * 0.2]
    assert found["crps"] == pytest.approx(2 * np.mean(row))


@pytest.mark.parametrize(("count", "tolerance"), [(9, 0.03), (99, 0.002)])
def test_crps_is_near_the_closed_form_of_a_gaussian(count, tolerance):
    at, labels = np.arange(1, count + 1) / (count + 1), np.random.default_rng(0).normal(size=(20_000, 1))
    mean, sigma = 0.3, 1.4
    quantiles = np.broadcast_to(norm.ppf(at, mean, sigma), (20_000, 1, count))
    z = (labels - mean) / sigma
    exact = sigma * np.mean(z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert metrics(quantiles, at, labels)["crps"] == pytest.approx(exact, rel=tolerance)


def test_cells_without_a_label_are_left_out():
    quantiles, labels, scale = drawn(unknown=0.4)
    labels[3] = np.nan
    known = np.isfinite(labels)
    one_by_one = metrics(
        quantiles[known][:, None],
        AT,
        labels[known][:, None],
        Scale(*(s[np.nonzero(known)[0]] for s in scale)),
    )
    assert metrics(quantiles, AT, labels, scale) == pytest.approx(one_by_one)
    rows = pinball_losses(quantiles, AT, labels)
    assert np.isnan(rows[3])
    assert np.sum(np.isnan(rows)) == np.sum(~known.any(axis=1))


def test_horizons_and_rows_are_parts_of_the_whole():
    quantiles, labels, scale = drawn()
    whole = metrics(quantiles, AT, labels, scale)
    for part in (by_horizon(quantiles, AT, labels, scale), by_row(quantiles, AT, labels, scale)):
        for name, values in part.items():
            if name != "rmse":
                assert np.mean(values) == pytest.approx(whole[name]), name
    alone = metrics(quantiles[:, 1:2], AT, labels[:, 1:2], scale)
    horizons = by_horizon(quantiles, AT, labels, scale)
    assert {name: values[1] for name, values in horizons.items()} == pytest.approx(alone)
    rows = by_row(quantiles, AT, labels)
    np.testing.assert_allclose(pinball_losses(quantiles, AT, labels), rows["pinball"])
    assert rows["mae"].shape == (40,)


def test_a_horizon_that_nobody_saw_is_nan():
    quantiles, labels, _ = drawn()
    labels[:, 2] = np.nan
    found = by_horizon(quantiles, AT, labels)
    assert all(np.isnan(values[2]) and np.isfinite(values[0]) for values in found.values())


def test_blocks_change_nothing(monkeypatch):
    quantiles, labels, scale = drawn(unknown=0.1)
    zeros = np.zeros_like(labels)
    whole = metrics(quantiles, AT, labels, scale, zeros), by_row(quantiles, AT, labels, scale)
    monkeypatch.setattr("ostinato.evaluation.baselines.series.CELLS", 100)
    assert metrics(quantiles, AT, labels, scale, zeros) == pytest.approx(whole[0])
    for name, values in by_row(quantiles, AT, labels, scale).items():
        np.testing.assert_array_equal(values, whole[1][name])


def test_the_point_is_what_the_squared_error_is_of():
    quantiles, labels, _ = drawn()
    found = metrics(quantiles, AT, labels, point=labels + 3)
    assert found["mse"] == pytest.approx(9)
    assert found["mae"] == metrics(quantiles, AT, labels)["mae"]


@given(shift=st.floats(-100, 100), size=st.floats(0.01, 100))
@settings(max_examples=30, deadline=None)
def test_shifts_change_nothing_and_sizes_scale(shift, size):
    quantiles, labels, scale = drawn()
    plain = metrics(quantiles, AT, labels, scale)
    moved = metrics(
        size * quantiles + shift,
        AT,
        size * labels + shift,
        Scale(size * scale.change, size**2 * scale.variance),
    )
    power = {"mse": 2, "coverage_80": 0, "mase": 0, "scaled_mse": 0}
    expected = {name: value * size ** power.get(name, 1) for name, value in plain.items()}
    assert moved == pytest.approx(expected, rel=1e-6)


@given(wrong=st.lists(st.floats(-3, 3), min_size=9, max_size=9).map(sorted))
@settings(max_examples=50, deadline=None)
def test_no_quantiles_beat_the_true_ones(wrong):
    labels = np.random.default_rng(0).normal(size=(999, 1))
    true = np.quantile(labels, AT)
    losses = [
        metrics(np.broadcast_to(q, (999, 1, 9)), AT, labels)["pinball"] for q in (true, np.asarray(wrong))
    ]
    assert losses[0] <= losses[1] + 1e-12


@pytest.mark.parametrize(
    ("at", "names"),
    [
        ([0.05, 0.5, 0.95], {"coverage_90", "width_90"}),
        ([0.25, 0.5, 0.75, 0.8], {"coverage_50", "width_50"}),
        ([0.2, 0.5], set()),
    ],
)
def test_the_interval_is_the_widest_that_is_symmetric(at, names):
    quantiles, labels, _ = drawn()
    found = metrics(quantiles[:, :, : len(at)], at, labels)
    assert {name for name in found if name[:4] in ("cove", "widt")} == names


def test_a_median_between_levels_is_on_the_line():
    found = metrics([[[0.0, 10.0]]], [0.4, 0.8], [[0.0]])
    assert found["mae"] == pytest.approx(2.5)


def test_scale_is_of_the_fitted_rows_of_each_series():
    level = np.r_[[0.0, 1, 3, 6, 10, 99], [5.0, 5, 7, 5, 5, 5]]
    levels = Levels(level, np.array([0, 6]), (1,), False)
    found = scale_of(levels, np.r_[0:5, 6:10], [0, 5, 6])
    np.testing.assert_allclose(found.change, [2.5, 2.5, 4 / 3])
    np.testing.assert_allclose(found.variance, [np.var(level[:5])] * 2 + [np.var(level[6:10])])
    seasonal = Levels(level, np.array([0, 6]), (1,), False, season=2)
    np.testing.assert_allclose(scale_of(seasonal, np.arange(5), [0]).change, [np.mean([3, 5, 7])])
    assert np.isnan(scale_of(seasonal, np.arange(5), [7]).change[0])  # nothing of its series was fitted
    assert np.isnan(scale_of(Levels(level, np.array([0]), (1,), True), np.arange(5), [0]).variance[0])


def test_mase_of_the_naive_forecast_on_the_fitted_rows_is_one():
    level = np.cumsum(np.random.default_rng(0).normal(size=200))
    levels, rows = Levels(level, np.array([0]), (1,), False), np.arange(1, 199)
    naive = np.repeat(level[rows - 1][:, None, None], 3, axis=2)
    found = metrics(naive, [0.1, 0.5, 0.9], level[rows][:, None], scale_of(levels, rows, rows))
    assert found["mase"] == pytest.approx(1.0)


@pytest.mark.parametrize("horizons", [(1,), (24,), (1, 24)])
def test_mase_of_no_change_is_one_for_a_return(horizons):
    """Whatever the horizon, and whatever the season: a model no better than naive must not look better."""
    level = np.cumsum(np.random.default_rng(0).normal(size=3_000))
    levels = Levels(level, np.array([0]), horizons, True, season=5)
    fitted = np.arange(3_000 - 24)
    labels = levels.labels(fitted)
    naive = np.zeros((*labels.shape, 3))
    found = metrics(naive, [0.1, 0.5, 0.9], labels, scale_of(levels, fitted, fitted))
    assert found["mase"] == pytest.approx(
        1.0, rel=0.02
    )  # the last changes are of rows that are not among these
    changes = [np.mean(np.abs(level[steps : 3_000 - 24] - level[: 3_000 - 24 - steps])) for steps in horizons]
    np.testing.assert_allclose(scale_of(levels, fitted, [0]).change, [np.mean(changes)])


def test_the_naive_error_of_a_return_is_of_rows_that_were_seen():
    level, observed = np.array([0.0, 1, 1, 4, 6]), np.array([True, True, False, True, True])
    levels = Levels(level, np.array([0]), (1,), True, observed=observed)
    np.testing.assert_allclose(scale_of(levels, np.arange(5), [0]).change, [np.mean([1, 2])])


@pytest.mark.parametrize("function", [metrics, by_horizon, by_row, pinball_losses])
def test_what_cannot_be_judged_is_refused(function):
    quantiles, labels, _ = drawn()
    with pytest.raises(
        DataError, match=r"quantiles must be \(rows, horizons, 9 levels\) .* got \(40, 2, 9\) for \(40, 3\)"
    ):
        function(quantiles[:, :2], AT, labels)
    with pytest.raises(DataError, match="none of the 40 rows has a label"):
        function(quantiles, AT, labels * np.nan)
    with pytest.raises(DataError, match="quantiles must be finite"):
        function(quantiles * np.inf, AT, labels)
    for at in (AT[::-1], AT * 0, AT + 0.1):
        with pytest.raises(ConfigError, match="levels of quantiles must be ascending"):
            function(quantiles, at, labels)
    if function is not pinball_losses:
        with pytest.raises(DataError, match=r"point must be \(40, 3\) like the labels, got \(40, 1\)"):
            function(quantiles, AT, labels, point=labels[:, :1])
