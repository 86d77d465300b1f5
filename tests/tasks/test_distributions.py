"""Losses that values are learnt by, against SciPy, scikit-learn and the unit of the data."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch

from ostinato.layers import Point, Quantiles, StudentT
from ostinato.tasks.forecasting.features import raw_rows
from ostinato.tasks.forecasting.streaming import stream
from ostinato.tasks.forecasting.targets import target_of
from ostinato.tasks.forecasting.targets.distributions import negative_log_likelihood, objective, pinball
from tasks.panels import features_of, recipe_for, table, untrained

LEVELS = (0.1, 0.4, 0.5, 0.9)
OUTPUTS = {
    "point": lambda j: Point(j),
    "quantiles": lambda j: Quantiles(j, LEVELS),
    "free_quantiles": lambda j: Quantiles(j, LEVELS, free=True),
    "student_t": lambda j: StudentT(j),
}


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def test_the_pinball_loss_is_that_of_scikit_learn():
    z, quantiles = normal(50), normal(50, 4, seed=1).sort(dim=-1).values
    found = pinball(quantiles, z, torch.tensor(LEVELS, dtype=torch.float64)).mean()
    expected = np.mean(
        [
            sklearn.metrics.mean_pinball_loss(z, quantiles[:, place], alpha=level)
            for place, level in enumerate(LEVELS)
        ]
    )
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_the_likelihood_is_that_of_scipy():
    z = 5 * normal(40)
    location, scale, freedom = normal(40, seed=1), normal(40, seed=2).exp(), 2.1 + normal(40, seed=3).exp()
    found = negative_log_likelihood(torch.stack([location, scale, freedom], dim=-1), z)
    np.testing.assert_allclose(found, -scipy.stats.t.logpdf(z, freedom, location, scale), rtol=1e-10)


@pytest.mark.parametrize("form", OUTPUTS)
def test_labels_that_are_not_there_count_for_nothing(form):
    """The loss of a row is the mean over the labels that it has, and its gradient is finite."""
    output = OUTPUTS[form](4)
    y = normal(6, output.input_size).requires_grad_()
    z, share = normal(6, 4, seed=1), normal(6, 2, seed=2).exp()
    gone = torch.zeros(6, 4, dtype=torch.bool)
    gone[1, 2] = gone[3, :3] = gone[5] = True
    losses = objective(output, 2)(y, torch.cat([z.masked_fill(gone, torch.nan), share], dim=1))
    alone = torch.stack(
        [
            objective(output, 2)(
                y, torch.cat([torch.where(torch.arange(4) == j, z, torch.nan), share], dim=1)
            )
            for j in range(4)
        ],
        dim=1,
    )
    there = ~gone
    expected = (alone * there).sum(1) / there.sum(1).clamp(min=1)
    torch.testing.assert_close(losses, expected)
    assert losses[5] == 0
    (gradient,) = torch.autograd.grad(losses.sum(), y)
    assert gradient.isfinite().all()
    assert not gradient[5].any()


@pytest.mark.parametrize("form", ["point", "quantiles", "free_quantiles"])
def test_what_is_learnt_is_the_loss_in_the_unit_of_the_data(form):
    """Of the forecasts that are handed out, over the mean scale of each series and column."""
    panel = table(150, 90)
    recipe = recipe_for(panel, form=form, levels=list(LEVELS))
    (fold,) = recipe.folds(panel)
    model, target = untrained(recipe), target_of(recipe)
    raw = raw_rows(recipe, panel)
    question = target.training_problem(model, panel, raw, features_of(model, raw, panel), fold)
    rows = target.labelled(panel, fold.train)
    y = stream(model.body, raw, panel)[rows]
    learnt = question.losses(y, question.target[rows].double())

    forecasts = target.forecasts(stream(model, raw, panel)[rows])
    units = target.units(panel, stream(model.scale, raw, panel).numpy(), fold.train)[panel.series[rows]]
    each = []
    for column, levels in enumerate(target.levels(panel)):
        labels = levels.labels(rows)
        for horizon in range(2):
            error = labels[:, horizon, None] - forecasts[:, 2 * column + horizon]
            at = np.array(target.quantile_levels)
            loss = error[:, 0] ** 2 if form == "point" else np.maximum(at * error, (at - 1) * error).mean(1)
            each.append(loss / units[:, column] ** (2 if form == "point" else 1))
    moved = (stream(model.scale, raw, panel)[rows] > 0).all(dim=1).numpy()  # the first row has no scale
    np.testing.assert_allclose(learnt[moved], np.mean(each, axis=0)[moved], rtol=1e-5, atol=1e-6)
    assert moved.sum() >= len(rows) - 2


def test_labels_of_a_column_are_the_column_later_on():
    panel = table(60)
    recipe = recipe_for(panel)
    labels = target_of(recipe).levels(panel)[1].labels()
    b = panel.values["b"]
    np.testing.assert_array_equal(labels[:-4, 1], b[4:])
    assert np.isnan(labels[-4:, 1]).all()
    assert np.isnan(labels[-1:, 0]).all()
