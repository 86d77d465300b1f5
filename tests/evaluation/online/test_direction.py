"""Scores of directions while they happen, against the offline ones and scikit-learn."""

import dataclasses
import json
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as their_log_loss
from statsmodels.stats.proportion import proportion_confint

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import accuracy, auc, log_losses, reliability
from ostinato.evaluation.online import OnlineDirection, log_loss_of
from ostinato.evaluation.online.direction import BINS

P = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
ROWS = st.lists(st.tuples(P, st.booleans()), min_size=1, max_size=60)


def after(p, up, **options):
    scores = OnlineDirection([], **options)
    for one, rose in zip(p, up, strict=True):
        scores.add(one, rose, [log_loss_of(one, rose)])
    return scores


def drawn(n=3000, seed=0, spread=1.0):
    r = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-spread * r.normal(size=n)))
    return p, r.random(n) < p


def test_it_is_scikit_learn():
    p, up = drawn()
    found = after(p, up).summary()
    assert found.count == 3000
    assert found.base_rate == pytest.approx(up.mean())
    assert found.model.log_loss == pytest.approx(their_log_loss(up, p), rel=1e-12)
    assert found.model.brier == pytest.approx(brier_score_loss(up, p), rel=1e-12)
    assert found.model.accuracy == accuracy(p, up)
    low, high = proportion_confint(np.sum((p > 0.5) == up), 3000, method="wilson")
    assert (found.model.accuracy_low, found.model.accuracy_high) == pytest.approx((low, high))
    assert found.model.auc == pytest.approx(roc_auc_score(up, np.floor(p * BINS)), rel=1e-12)


@given(ROWS)
@settings(max_examples=150, deadline=None)
def test_auc_is_within_its_error_and_accuracy_is_the_offline_one(rows):
    p, up = map(np.array, zip(*rows, strict=True))
    found = after(p, up).summary().model
    assert found.accuracy == pytest.approx(accuracy(p, up), rel=1e-15)  # of p = 0.5 too
    exact = auc(p, up)
    if math.isnan(exact):
        assert found.auc is found.auc_error is None
        return
    assert found.auc == pytest.approx(auc(np.minimum(np.floor(p * BINS), BINS - 1) / BINS, up), abs=1e-12)
    assert abs(found.auc - exact) <= found.auc_error + 1e-12


@pytest.mark.parametrize("spread", [0.01, 0.2, 3.0])
def test_the_error_of_auc_is_small(spread):
    p, up = drawn(20_000, spread=spread)
    found = after(p, up).summary().model
    assert abs(found.auc - roc_auc_score(up, p)) <= found.auc_error < 0.02


@given(ROWS, st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_reliability_is_the_offline_one_on_binned_forecasts(rows, bins):
    p, up = map(np.array, zip(*rows, strict=True))
    binned = (np.minimum(np.floor(p * BINS), BINS - 1) + 0.5) / BINS
    theirs, ours = (
        reliability(binned, up, bins),
        after(p, up, calibration_bins=bins).summary().model.reliability,
    )
    np.testing.assert_allclose(ours.p, theirs.p, atol=0.51 / BINS)
    np.testing.assert_allclose(ours.up, theirs.up, rtol=1e-12)
    assert ours.rows == theirs.rows.tolist()
    np.testing.assert_allclose(ours.low, theirs.low, atol=1e-12)
    np.testing.assert_allclose(ours.high, theirs.high, atol=1e-12)


@given(P, st.booleans())
def test_the_loss_of_one_row_is_the_offline_one(p, up):
    assert log_loss_of(p, up) == pytest.approx(float(log_losses([p], [up])[0]), rel=1e-14, abs=1e-300)


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_rows_does_not_matter(rows, random):
    other = list(rows)
    random.shuffle(other)
    one, two = (dataclasses.asdict(after(*zip(*it, strict=True)).summary()) for it in (rows, other))
    for name, value in one["model"].items():
        if name == "reliability":
            assert value["rows"] == two["model"][name]["rows"]
            assert value["p"] == pytest.approx(two["model"][name]["p"])
        elif value is None:
            assert two["model"][name] is None
        else:
            assert value == pytest.approx(two["model"][name], rel=1e-13)


def test_baselines_have_scores_of_their_own_and_are_compared_with():
    p, up = drawn(4000)
    scores = OnlineDirection(["base_rate", "sign_table"])
    for one, rose in zip(p.tolist(), up.tolist(), strict=True):
        every = (one, 0.5, 1 - one)
        scores.add(one, rose, [log_loss_of(q, rose) for q in every], every[1:])
    found = scores.summary()
    assert found.baselines["base_rate"].log_loss == pytest.approx(math.log(2))
    assert found.baselines["base_rate"].auc == 0.5
    assert found.baselines["base_rate"].auc_error == 0.5
    assert found.baselines["sign_table"].auc == pytest.approx(1 - found.model.auc, abs=2e-3)
    assert [one.outcome for one in found.skill] == ["better", "better"]
    json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_nothing_seen_is_nothing_known():
    found = OnlineDirection(["base_rate"]).summary()
    assert (found.count, found.base_rate, found.model.log_loss, found.model.auc) == (0, None, None, None)
    assert found.skill[0].words == "cannot be told from the base rate yet"
    json.dumps(dataclasses.asdict(found), allow_nan=False)


def test_a_refused_row_changes_nothing():
    scores = OnlineDirection(["base_rate"])
    scores.add(0.3, 1.0, [1.0, 0.7], [0.5])
    before = scores.summary()
    for row, words in [
        ((1.1, True, [1.0, 1.0], [0.5]), "p must lie within 0 and 1, got 1.1"),
        ((math.nan, True, [1.0, 1.0], [0.5]), "p must lie within 0 and 1, got nan"),
        ((0.5, True, [1.0, 1.0], [-0.1]), "p must lie within 0 and 1, got -0.1"),
        ((0.5, math.nan, [1.0, 1.0], [0.5]), "up must be True or False .or 1 and 0., got nan"),
        ((0.5, True, [1.0], [0.5]), "losses must be 2, the model's first, got 1"),
        ((0.5, True, [1.0, math.inf], [0.5]), "losses must be finite, got inf"),
        ((0.5, True, [1.0, 1.0], []), "baseline_p must be 1 probabilities, got 0"),
    ]:
        with pytest.raises(DataError, match=words):
            scores.add(*row)
    assert scores.summary() == before
    with pytest.raises(ConfigError, match="calibration_bins must be 1 to 4,096, got 0"):
        OnlineDirection([], calibration_bins=0)


def test_memory_stays_and_sums_stay_exact():
    p = (np.random.default_rng(0).random(100_000)).tolist()
    scores = OnlineDirection([])
    size = [sys.getsizeof(one) for one in vars(scores._forecasts[0]).values()]
    for one in p:
        scores.add(one, False, [log_loss_of(one, False)])
    assert [sys.getsizeof(one) for one in vars(scores._forecasts[0]).values()] == pytest.approx(size, abs=8)
    found = scores.summary().model
    assert found.brier == pytest.approx(math.fsum(q * q for q in p) / len(p), rel=1e-14)
    assert found.log_loss == pytest.approx(math.fsum(-math.log1p(-q) for q in p) / len(p), rel=1e-14)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_many_at_once_are_one_by_one(sizes, seed):
    r = np.random.default_rng(seed)
    one, many = (OnlineDirection(["a", "b"], horizon=3) for _ in range(2))
    for size in sizes:
        p, up = r.random((size, 3)), (r.random(size) < 0.5).astype(float)
        p[r.random(size) < 0.1] = 0.5  # the same as the baselines
        losses = np.stack([log_losses(column, up) for column in p.T], axis=1)
        for place in range(size):
            one.add(p[place, 0], up[place], losses[place].tolist(), p[place, 1:].tolist())
        many.add_many(p[:, 0], up, losses, p[:, 1:])
    flat = [np.array(list(numbers(dataclasses.asdict(x.summary())))) for x in (one, many)]
    assert len(flat[0]) > 30
    np.testing.assert_allclose(flat[1], flat[0], rtol=1e-12, atol=1e-12)


def numbers(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        for one in tree:
            yield from numbers(one)
    elif isinstance(tree, int | float):
        yield float(tree)


@pytest.mark.parametrize("wrong", [{"p": math.nan}, {"p": 1.1}, {"up": 0.5}, {"loss": math.inf}])
def test_many_are_refused_as_a_whole(wrong):
    found = OnlineDirection(["a"])
    p, up, losses = np.full(5, 0.5), np.ones(5), np.full((5, 2), 0.7)
    p[3], up[3], losses[3, 1] = wrong.get("p", 0.5), wrong.get("up", 1.0), wrong.get("loss", 0.7)
    with pytest.raises(DataError):
        found.add_many(p, up, losses, p[:, None])
    assert found.count == found.summary().count == 0
    with pytest.raises(DataError):
        found.add_many(p, up, losses[:, :1], p[:, None])
