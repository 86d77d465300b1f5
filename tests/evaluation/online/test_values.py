"""Scores of quantiles while they happen, against the offline ones."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import by_horizon, coverage, pinball_losses, value_metrics
from ostinato.evaluation.online import OnlineValues, pinball_of
from ostinato.evaluation.online.values import WAITING_ROWS

AT = np.arange(1, 10) / 10
LEVELS = [AT, [0.5], [0.1, 0.3, 0.9], [0.05, 0.25, 0.4, 0.6, 0.75, 0.95], [0.2, 0.3]]


def drawn(rows=300, horizons=3, at=AT, seed=0, missing=0.0, digits=1):
    """Rounded, so that labels meet quantiles and quantiles meet each other."""
    r = np.random.default_rng(seed)
    numbers = np.sort(r.normal(size=(rows, horizons, len(at))), axis=2).round(digits)
    actual = r.normal(size=(rows, horizons)).round(digits)
    actual[r.random(actual.shape) < missing] = np.nan
    return numbers, actual


def after(numbers, actual, at=AT):
    scores = OnlineValues(at, [], numbers.shape[1])
    for one, label in zip(numbers, actual, strict=True):
        scores.add([pinball_of(one, at, label) if np.isfinite(label).any() else 0.0], one, label)
    return scores


@pytest.mark.parametrize("at", LEVELS, ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_metrics_are_the_offline_ones(at, missing):
    numbers, actual = drawn(at=at, missing=missing, rows=WAITING_ROWS + 50)
    found = after(numbers, actual, at).summary()
    theirs = value_metrics(numbers, at, actual)
    for name, value in theirs.items():
        assert found.model.metrics[name] == pytest.approx(value, rel=1e-12), name
    for name, values in by_horizon(numbers, at, actual).items():
        if name != "rmse":
            assert found.model.by_horizon[name] == pytest.approx(values.tolist(), rel=1e-12)
    np.testing.assert_allclose(found.model.coverage, coverage(numbers, at, actual).observed, rtol=1e-12)
    rows = np.isfinite(actual).any(axis=1)
    assert found.count == rows.sum()
    assert found.loss == pytest.approx(np.nanmean(pinball_losses(numbers, at, actual)), rel=1e-12)


def test_pinball_is_scikit_learns_and_every_pair_has_its_interval():
    numbers, actual = drawn(horizons=1)
    found = after(numbers, actual).summary().model.metrics
    theirs = np.mean([mean_pinball_loss(actual[:, 0], numbers[:, 0, q], alpha=a) for q, a in enumerate(AT)])
    assert found["pinball"] == pytest.approx(theirs)
    for share, low in (("80", 0), ("60", 1), ("40", 2), ("20", 3)):
        within = (actual[:, 0] >= numbers[:, 0, low]) & (actual[:, 0] <= numbers[:, 0, 8 - low])
        assert found[f"coverage_{share}"] == pytest.approx(within.mean())
        assert found[f"width_{share}"] == pytest.approx(np.mean(numbers[:, 0, 8 - low] - numbers[:, 0, low]))


def test_intervals_that_round_to_one_name_are_told_apart():
    at = [0.001, 0.002, 0.998, 0.999]
    names = OnlineValues(at, []).summary().model.metrics
    assert [name for name in names if name.startswith("coverage")] == ["coverage_100", "coverage_99.6"]


def test_pit_of_calibrated_quantiles_is_what_it_should_be():
    r = np.random.default_rng(0)
    numbers = np.broadcast_to(norm.ppf(AT), (4000, 1, 9))
    found = after(numbers, r.normal(size=(4000, 1))).summary()
    assert found.pit_expected == pytest.approx([0.1] * 10)
    np.testing.assert_allclose(found.model.pit, 0.1, atol=0.02)


def test_pit_places_labels_between_their_quantiles():
    def pit(quantiles, label, at):
        return after(np.array([[quantiles]]), np.array([[label]]), at).summary().model.pit

    at = [0.1, 0.4, 0.5, 0.9]
    assert pit([1.0, 2, 3, 4], 0.5, at) == [1, 0, 0, 0, 0]
    assert pit([1.0, 2, 3, 4], 2.5, at) == [0, 0, 1, 0, 0]
    assert pit([1.0, 2, 3, 4], 9.0, at) == [0, 0, 0, 0, 1]
    assert pit([1.0, 2, 3, 4], 2.0, at) == [0, 1, 0, 0, 0]  # on a quantile: below it
    assert pit([1.0, 2, 2, 2], 2.0, at) == pytest.approx([0, 0, 0.2, 0.8, 0])  # shared: as their levels are
    assert pit([0.0, 0, 0, 0], 0.0, at) == pytest.approx([0, 0.375, 0.125, 0.5, 0])


@given(st.integers(0, 999), st.sampled_from(LEVELS[2:]))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_does_not_matter(seed, at):
    numbers, actual = drawn(20, 2, at, seed, missing=0.2)
    order = np.random.default_rng(seed).permutation(20)
    one, two = (after(numbers[it], actual[it], at).summary() for it in (np.arange(20), order))
    assert one.model.metrics == pytest.approx(two.model.metrics, rel=1e-12)
    assert sum(one.model.pit) == pytest.approx(1)
    assert one.model.pit == pytest.approx(two.model.pit)


def test_baselines_are_compared_by_losses_and_scored_where_given():
    numbers, actual = drawn(700, 2)
    scores = OnlineValues(AT, ["naive", "ewma_quantiles"], 2)
    for one, label in zip(numbers, actual, strict=True):
        loss = pinball_of(one, AT, label)
        scores.add([loss, loss + 1 + label[0] ** 2, loss], one, label, [one + 1, one])
    found = scores.summary()
    assert found.baselines["ewma_quantiles"] == found.model
    assert found.baselines["naive"].metrics["width_80"] == pytest.approx(found.model.metrics["width_80"])
    assert [one.words for one in found.skill] == [
        "better than naive",
        "cannot be told from the EWMA quantiles yet",
    ]
    json.dumps(dataclasses.asdict(found), allow_nan=False)
    json.dumps(dataclasses.asdict(OnlineValues(AT, ["naive"]).summary()), allow_nan=False)


def test_rows_without_a_label_and_refused_rows_change_nothing():
    numbers, actual = drawn(2, 2)
    scores = OnlineValues(AT, ["naive"], 2)
    scores.add([1.0, 2.0], numbers[0], actual[0])
    before = dataclasses.asdict(scores.summary())
    scores.add([math.nan, math.nan], numbers[1], [math.nan, math.nan])
    broken = numbers[1].copy()
    broken[0, 3] = np.nan
    for row, words in [
        (
            ([1.0, 2.0], numbers[1][:1], actual[1]),
            r"quantiles must be \(2, 9\), horizons and levels, got \(1, 9\)",
        ),
        (([1.0, 2.0], numbers[1], actual[1][:1]), r"actual must be \(2,\), got \(1,\)"),
        (([1.0, 2.0], broken, actual[1]), "quantiles must be finite"),
        (([1.0, math.nan], numbers[1], actual[1]), "losses must be finite, got nan"),
        (
            ([1.0, 1.0], numbers[1], actual[1], [numbers[1]] * 2),
            "baseline_numbers must be those of all 1 baselines",
        ),
    ]:
        with pytest.raises(DataError, match=words):
            scores.add(*row)
    assert dataclasses.asdict(scores.summary()) == before
    scores.add([1.0, 2.0], broken, [math.nan, 0.5])  # a quantile nobody needs
    assert scores.summary().model.by_horizon["pinball"][1] is not None
    for levels, horizons in (([0.5, 0.1], 1), (AT, 0), (AT, 10**6)):
        with pytest.raises(ConfigError):
            OnlineValues(levels, [], horizons)


def test_memory_stays_and_sums_stay_exact():
    scores = OnlineValues([0.5], [])
    values = np.random.default_rng(0).normal(1e4, 1, 30_000)
    for value in values:
        scores.add([1.0], [[0.0]], [value])
    found = scores.summary().model.metrics
    assert found["mae"] == pytest.approx(math.fsum(values) / 30_000, rel=1e-14)
    assert sum(one.nbytes for one in vars(scores._model).values() if isinstance(one, np.ndarray)) < 10_000
