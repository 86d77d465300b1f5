"""The metrics of direction against scikit-learn's, on random forecasts with ties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from ostinato.errors import DataError
from ostinato.evaluation import accuracy, auc, brier, direction_metrics, log_loss, log_losses

TIED = st.integers(0, 8).map(lambda eighths: eighths / 8)
ANY = st.floats(0, 1)
FORECASTS = st.lists(st.tuples(st.one_of(TIED, ANY), st.booleans()), min_size=1, max_size=40)


@given(FORECASTS)
@settings(max_examples=150, deadline=None)
def test_equal_to_scikit_learn(rows):
    p, up = np.array([p for p, _ in rows]), np.array([up for _, up in rows])
    kept_off_the_ends = np.clip(p, 1e-12, 1 - 1e-12)
    assert log_loss(p, up) == pytest.approx(
        theirs.log_loss(up, kept_off_the_ends, labels=[False, True]), rel=1e-9
    )
    assert brier(p, up) == pytest.approx(theirs.mean_squared_error(up.astype(float), p))
    assert accuracy(p, up) == pytest.approx(theirs.accuracy_score(up, p > 0.5))
    if 0 < up.sum() < len(up):
        assert auc(p, up) == pytest.approx(theirs.roc_auc_score(up, p))
    else:
        assert math.isnan(auc(p, up))


@given(FORECASTS)
@settings(max_examples=50, deadline=None)
def test_auc_is_the_share_of_pairs_won(rows):
    won = [1.0 * (a > b) + 0.5 * (a == b) for a, up in rows for b, flat in rows if up and not flat]
    expected = np.mean(won) if won else np.nan
    p, up = zip(*rows, strict=True)
    np.testing.assert_allclose(auc(p, up), expected)


def test_log_losses_are_per_row_and_finite_for_certainty_that_fails():
    losses = log_losses([0.25, 0.25, 0.0, 1.0], [True, False, True, True])
    np.testing.assert_allclose(losses, [math.log(4), math.log(4 / 3), -math.log(1e-12), 0], atol=1e-9)


def test_float32_certainty_is_kept_off_one_too():
    assert log_loss(np.ones(1, np.float32), [0]) == pytest.approx(-math.log(1e-12), rel=1e-4)


def test_one_half_does_not_say_up():
    assert accuracy([0.5, 0.5], [False, True]) == 0.5
    assert accuracy([0.5], [False]) == 1.0


def test_direction_metrics_are_named_floats():
    found = direction_metrics(np.array([0.2, 0.7]), np.array([0, 1]))
    assert list(found) == ["log_loss", "auc", "brier", "accuracy"]
    assert all(type(value) is float for value in found.values())
    assert found["auc"] == found["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("p", "up", "words"),
    [
        ([0.5], [1, 0], "p and up must have one value per row each, got 1 and 2 rows"),
        ([0.1, 1.5], [1, 0], "p must lie within 0 and 1, got 1.5 in row 1"),
        ([np.nan], [1], "p must lie within 0 and 1, got nan in row 0"),
        ([0.5, 0.5], [0, -1], "up must be True or False .*, got -1.0 in row 1"),
        ([0.5], [np.nan], "up must be True or False .*, got nan in row 0"),
        ([], [], "p must be .rows,. with at least one row, got shape .0,."),
        ([[0.5]], [1], "p must be .rows,. with at least one row, got shape .1, 1."),
        (["high"], [1], "p must be numbers, one per row, got list"),
    ],
)
@pytest.mark.parametrize("metric", [log_losses, log_loss, brier, auc, accuracy, direction_metrics])
def test_what_is_no_forecast_is_refused(metric, p, up, words):
    with pytest.raises(DataError, match=words):
        metric(p, up)
