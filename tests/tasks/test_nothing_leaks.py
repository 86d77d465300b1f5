"""Nothing is fitted on validation or test rows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ostinato.data.reading import panel_of_trades
from ostinato.data.trades import make_trades
from ostinato.tasks.forecasting.features import raw_rows
from ostinato.tasks.forecasting.streaming import stream
from ostinato.tasks.forecasting.targets import target_of

ONE_EPOCH = {"epochs": 1, "streams": 4, "update_every": 32, "sampler": "streams"}  # the one epoch is the best


def changed_from(trades, row):
    """Everything from ``row`` on is other than it was."""
    later = np.arange(len(trades)) >= row
    return replace(
        trades,
        price=np.where(later, 2 * trades.price[::-1], trades.price),
        amount=np.where(later, 9 * trades.amount, trades.amount),
    )


@pytest.fixture(scope="module")
def fold(finished, trades):
    (fold,) = finished.run.recipe.folds(panel_of_trades(trades))
    return fold


def labels_of(finished, trades):
    return target_of(finished.run.recipe).labels(panel_of_trades(trades))


@pytest.fixture(scope="module")
def weights(small, fold, tmp_path_factory):
    """Of the model fitted on the trades as they are, and on trades that differ from the validation part on."""
    folder = tmp_path_factory.mktemp("leaks")
    others = changed_from(small.trades, fold.validation[0])
    fits = [
        small.fit(folder / str(place), trades=trades, training=ONE_EPOCH)
        for place, trades in enumerate((small.trades, others))
    ]
    assert fits[0].finished.best_loss != fits[1].finished.best_loss, "the validation part did change"
    return [fit.run.model.state_dict() for fit in fits]


def test_the_scaler_sees_the_train_part_only(weights, finished, trades, fold):
    for name in ("scaler.mean", "scaler.deviation"):
        assert torch.equal(weights[0][name], weights[1][name])
    raw = raw_rows(finished.run.recipe, panel_of_trades(trades))
    x = stream(finished.run.model.features, raw)[fold.train].double()
    scaler = finished.run.model.scaler
    torch.testing.assert_close(scaler.mean, x.mean(0).float())
    torch.testing.assert_close(scaler.deviation, x.std(0, correction=0).float())


def test_the_weights_see_the_train_part_only(weights):
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_labels_of_a_part_do_not_look_into_the_next(finished, trades, fold):
    for part, following in ((fold.train, fold.validation), (fold.validation, fold.test)):
        labels = labels_of(finished, trades)[part]
        others = labels_of(finished, changed_from(trades, following[0]))[part]
        assert np.array_equal(labels, others)
        assert not np.isnan(labels).any()


def test_flat_is_not_up_and_the_last_row_has_no_label(finished):
    price = np.array([1.0, 2.0, 2.0, 1.0, 3.0])
    labels = labels_of(finished, make_trades("five", np.arange(5.0), price, np.ones(5)))
    assert labels[:-1].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert np.isnan(labels[-1])


def test_baselines_are_fitted_before_the_test_part(finished, small, fold):
    """Other prices in the test part change the score of the base rate, not the rate itself."""
    up = labels_of(finished, small.trades)
    used = up[np.r_[fold.train, fold.validation]]
    rate, scored = (used.sum() + 1) / (len(used) + 2), up[fold.test[:-1]]
    expected = -np.where(scored == 1, np.log(rate), np.log(1 - rate)).mean()
    assert finished.results.baselines["base_rate"]["log_loss"] == pytest.approx(expected, rel=1e-12)
