"""A target scores in bulk what its live scorer scores row by row: the same labels, and the same losses to the bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ostinato.data.panel import Panel
from ostinato.evaluation import log_losses, scale_of
from ostinato.evaluation.losses import LEAST_KNOWN, joint_loss, log_loss_of_row
from ostinato.tasks.forecasting.targets import Target, target_of
from tasks.panels import bars, recipe_for, table

ROWS = 90
TARGETS = {
    "direction": (bars, {"target": "direction", "horizon": 3}),
    "return": (bars, {"target": "return", "horizon": 4}),
    "returns": (bars, {"target": "return", "horizons": [1, 2, 6]}),
    "point of a return": (bars, {"target": "return", "horizon": 2, "form": "point"}),
    "columns": (table, {}),
    "one column": (table, {"target": "b", "horizons": [2, 3]}),
    "points of columns": (table, {"form": "point"}),
}


def with_holes(panel: Panel, rows: np.ndarray) -> Panel:
    observed = np.ones(len(panel), bool)
    observed[rows] = False
    return replace(panel, observed=observed)


def drawn_forecasts(target: Target, rows: int, seed: int) -> np.ndarray:
    """As a model gives them: p_up (R,), or ascending quantiles (R, J, Q)."""
    draw = np.random.default_rng(seed)
    if not target.quantities:
        return draw.uniform(size=rows)
    shape = (rows, target.quantities, len(target.quantile_levels))
    return np.sort(draw.standard_normal(shape) * 0.1, axis=-1)


@pytest.mark.parametrize("name", TARGETS)
@given(st.integers(0, 2**32 - 1), st.sets(st.integers(1, ROWS - 1), max_size=20))
@settings(max_examples=8, deadline=None)
def test_row_by_row_is_in_bulk(name, seed, holes):
    make, fields = TARGETS[name]
    panel = with_holes(make(ROWS, seed=seed % 1000), np.array(sorted(holes), np.int64))
    recipe = recipe_for(panel, **fields)
    target, fold = target_of(recipe), recipe.folds(panel)[0]
    rows = target.labelled(panel, np.flatnonzero(panel.observed))
    forecasts = drawn_forecasts(target, len(rows), seed)
    bulk = target.row_metrics(panel, rows, forecasts, fold)[target.measure]
    levels = target.levels(panel) if target.quantities else [target.levels(panel)]
    units = [float(scale_of(one, fold.scaled_by, rows[:1]).change[0]) for one in levels]

    scorer = target.live_scorer(units)
    values = np.stack([panel.values[column] for column in recipe.inputs], axis=1)
    quantities = np.array([scorer.quantities(row) for row in values.tolist()])  # (N, C)
    quantities[~panel.observed] = np.nan
    found = []
    for row, forecast in zip(rows, forecasts, strict=True):
        labels = scorer.labels(quantities[row], quantities[row + np.array(recipe.ahead)].T)
        expected = (
            target.labels(panel, [row]) if name == "direction" else [one.labels([row]) for one in levels]
        )
        np.testing.assert_array_equal(labels, np.ravel(expected))
        model, baseline = scorer.losses(np.ravel(forecast), np.ravel(forecast), labels)
        assert model == baseline
        found.append(model)
    if name == "direction":
        np.testing.assert_array_almost_equal_nulp(np.array(found), bulk, nulp=4)
    else:
        np.testing.assert_array_equal(found, bulk)


@given(st.floats(0, 1), st.booleans())
def test_the_log_loss_of_a_row_is_that_in_bulk(p, up):
    np.testing.assert_array_almost_equal_nulp(log_losses([p], [up])[0], log_loss_of_row(p, up), nulp=4)


@given(
    arrays(float, (7, 12), elements=st.floats(0, 1e3)),
    arrays(bool, (7, 12)),
    st.sampled_from(["mse", "pinball"]),
)
@settings(max_examples=30, deadline=None)
def test_columns_join_the_same_on_either_axis(losses, known, measure):
    units = np.arange(1.0, 13.0)
    power = 2 if measure == "mse" else 1
    found = joint_loss(losses, known, units, measure)
    np.testing.assert_allclose(
        joint_loss(losses.T, known.T, units[:, None], measure, axis=0), found, rtol=1e-14
    )
    for row, each, there in zip(found, losses, known, strict=True):
        assert (
            row == pytest.approx(np.mean((each / units**power)[there]), rel=1e-13)
            if there.any()
            else np.isnan(row)
        )


def test_too_few_known_labels_give_no_loss_and_a_failed_forecast_is_not_left_out():
    panel = table(ROWS)
    target = target_of(recipe_for(panel, horizons=[1, 2, 3, 4]))
    scorer = target.live_scorer([1.0, 1.0])
    good = np.zeros(scorer.size)
    failed = good.copy()
    failed[0] = np.nan
    labels = np.ones(8)
    assert scorer.losses(good, failed, labels).tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    labels[: int(8 * LEAST_KNOWN)] = np.nan
    assert scorer.losses(good, good, labels).tolist() == [0.5, 0.5]
    labels[-1] = np.nan
    assert np.isnan(scorer.losses(good, good, labels)).all()


def test_numbers_of_a_prediction_have_names():
    panel = table(ROWS)
    names = target_of(recipe_for(panel, form="point")).live_scorer().names
    assert names == ("a.q50@1", "a.q50@4", "b.q50@1", "b.q50@4")
    assert target_of(recipe_for(bars(ROWS), target="direction")).live_scorer().names == ("p_up",)
