"""Baselines beside a live model: those fitted offline, row by row; counting on; states to the bit."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.levels import Levels
from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import BaseRate, SignTable
from ostinato.evaluation.baselines import ConstantQuantiles, Drift, EwmaQuantiles, Naive
from ostinato.evaluation.online import (
    OnlineBaseRate,
    OnlineEwmaQuantiles,
    OnlineNaive,
    OnlineSignTable,
    counts_of,
    online_baseline,
    parameters_of,
)

AT = np.arange(1, 10) / 10
PRICES = st.lists(st.integers(1, 4), min_size=6, max_size=40).map(lambda p: np.array(p, dtype=float))
VALUES = {"naive": Naive, "constant_quantiles": ConstantQuantiles, "ewma_quantiles": EwmaQuantiles}
each_kind = pytest.mark.parametrize("name", VALUES)
both_kinds = pytest.mark.parametrize("relative", [False, True], ids=["levels", "returns"])


def levels_of(values, horizons=(1,), relative=True, observed=None):
    return Levels(np.asarray(values, float), np.array([0]), horizons, relative, observed=observed)


def through_json(parameters):
    return json.loads(json.dumps(parameters, allow_nan=False))


def walk(n=400, seed=0):
    return np.cumsum(np.random.default_rng(seed).integers(-1, 2, n)).astype(float)


@given(PRICES, st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_directions_that_do_not_learn_are_the_offline_ones(prices, order, horizon):
    levels, rows = levels_of(prices, (horizon,)), np.arange(0, len(prices) - horizon, 2)
    for kind, name in ((BaseRate(), "base_rate"), (SignTable(order), "sign_table")):
        offline = kind.fit(levels, rows)
        online = online_baseline(name, through_json(counts_of(offline, levels, rows)), learning=False)
        found = []
        for t, level in enumerate(prices):
            if t >= horizon:
                online.learn(float(level > prices[t - horizon]))
            online.see(level)
            found.append(online.predict())
        np.testing.assert_allclose(found, offline.predict(levels), rtol=1e-12, atol=0)


@given(PRICES, st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_directions_that_learn_are_those_fitted_on_what_was_resolved(prices, order, horizon):
    """At row t exactly the labels of rows up to t - horizon are known."""
    levels = levels_of(prices, (horizon,))
    rate, table = OnlineBaseRate(), OnlineSignTable(order, horizon=horizon)
    for t, level in enumerate(prices):
        for one in (rate, table):
            if t >= horizon:
                one.learn(level > prices[t - horizon])
            one.see(level)
        if t >= horizon:
            rows = np.arange(t - horizon + 1)
            assert rate.predict() == pytest.approx(
                BaseRate().fit(levels, rows).predict(levels, [t])[0], rel=1e-12
            )
            theirs = SignTable(order).fit(levels, rows).predict(levels, [t])[0]
            assert table.predict() == pytest.approx(theirs, rel=1e-12)
        else:
            assert rate.predict() == table.predict() == 0.5


def test_counts_are_only_of_the_rows_it_was_fitted_on():
    levels = levels_of(walk())
    table = SignTable().fit(levels, np.arange(300))
    assert sum(counts_of(table, levels, np.arange(300))["seen"]) == 300
    for baseline in (table, BaseRate().fit(levels, np.arange(300)), SignTable(), BaseRate()):
        with pytest.raises(DataError, match=f"this {type(baseline).__name__} was not fitted on these rows"):
            counts_of(baseline, levels, np.arange(250))


def test_after_a_gap_the_pattern_begins_anew_and_nothing_older_is_learnt():
    table = OnlineSignTable(order=2, horizon=2)
    for level in (1.0, 2.0, 3.0):
        table.see(level)
    table.see(9.0, gap=True)
    assert table.state()["cells"] == [4]  # flat, flat: as at the beginning
    table.learn(1)
    assert sum(table.state()["seen"]) == 0
    table.see(8.0)
    table.learn(1)
    assert table.state()["seen"] == [0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_rows_that_were_not_observed_are_flat_and_teach_nothing():
    table, levels = OnlineSignTable(order=2), [math.nan, 1.0, 2.0, math.nan, 3.0]
    cells = []
    for level in levels:
        table.learn(math.nan)
        table.see(level)
        cells.append(table.state()["cells"][-1])
    assert cells == [4, 4, 5, 7, 5]
    assert table.predict() == 0.5


@each_kind
@both_kinds
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_values_are_the_offline_ones(name, relative, missing):
    r = np.random.default_rng(3)
    observed = r.random(600) >= missing
    observed[0] = True
    values = 5 + np.cumsum(r.normal(size=600) * np.exp(np.sin(np.arange(600) / 40)))
    last = np.maximum.accumulate(np.where(observed, np.arange(600), 0))
    levels = levels_of(values[last], (1, 2, 5), relative, observed if missing else None)
    offline = VALUES[name]().fit(levels, np.arange(400))
    online = online_baseline(name, through_json(parameters_of(offline, levels, AT)))
    found = []
    for t in range(600):
        online.see(float(values[t]) if observed[t] or not missing else math.nan)
        found.append(online.predict())
    np.testing.assert_allclose(found, offline.quantiles(levels, np.arange(600), AT), rtol=1e-12, atol=1e-12)


def test_parameters_are_those_of_a_series():
    values = np.r_[walk(200, 1), 10 * walk(200, 2)]
    levels = Levels(values, np.array([0, 200]), (1,), True)
    offline = EwmaQuantiles().fit(levels, np.r_[np.arange(199), np.arange(200, 399)])
    online = online_baseline("ewma_quantiles", parameters_of(offline, levels, AT, series=1))
    for level in values[200:]:
        online.see(level)
    np.testing.assert_allclose(online.predict(), offline.quantiles(levels, [399], AT)[0], rtol=1e-12)
    with pytest.raises(DataError, match="series must be 0 to 1, got 2"):
        parameters_of(offline, levels, AT, series=2)


def test_where_trades_stand_still_the_volatility_ends_as_offline():
    levels = levels_of(np.r_[walk(400), np.full(3000, walk(400)[-1])])
    offline = EwmaQuantiles().fit(levels, np.arange(400))
    online = online_baseline("ewma_quantiles", parameters_of(offline, levels, AT))
    for level in levels.level:
        online.see(level)
    np.testing.assert_allclose(online.predict(), offline.quantiles(levels, [3399], AT)[0], rtol=1e-12)
    assert offline.volatility(levels)[-1] == pytest.approx(0.01 * math.sqrt(offline.start[0]))


def test_the_variance_skips_a_gap_and_spreads_over_missing_steps():
    def variance(*seen):
        one = OnlineEwmaQuantiles(1, 4.0, [[0.0]], [1], True)
        for level in seen:
            one.see(*level) if isinstance(level, tuple) else one.see(level)
        return one.state()["variance"]

    assert variance(1.0) == 4.0
    assert variance(1.0, 3.0) == 0.5 * 4 + 0.5 * 4
    assert variance(1.0, math.nan, 3.0) == 0.5 * 4 + 0.5 * 2
    assert variance(1.0, (9.0, True)) == 4.0
    assert variance(1.0, (9.0, True), 10.0) == 0.5 * 4 + 0.5 * 1


def every_baseline():
    grid = (np.arange(6.0).reshape(2, 3) / 7).tolist()
    return {
        "base_rate": ({"ups": 3, "rows": 10}, [1.0, 0.0, math.nan]),
        "sign_table": ({"order": 3, "horizon": 3}, [1.0, 0.0, math.nan]),
        "naive": ({"quantiles": grid, "relative": False}, [math.nan]),
        "constant_quantiles": ({"quantiles": grid}, [math.nan]),
        "ewma_quantiles": (
            {"quantiles": grid, "relative": False, "half_life": 8, "variance": 1e-9, "horizons": [1, 3]},
            [math.nan],
        ),
    }


@pytest.mark.parametrize("name", every_baseline())
@given(seed=st.integers(0, 999), cut=st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_restoring_goes_on_to_the_bit(name, seed, cut):
    parameters, labels = every_baseline()[name]
    r = np.random.default_rng(seed)
    rows = [
        (float(r.choice(labels)), float(x), bool(g))
        for x, g in zip(r.normal(size=60), r.random(60) < 0.1, strict=True)
    ]
    rows[30] = (rows[30][0], math.nan, False)
    whole, resumed = online_baseline(name, parameters), online_baseline(name, parameters)
    told = []
    for place, (label, level, gap) in enumerate(rows):
        if place == cut:
            resumed.restore(through_json(whole.state()))
        for one in (whole, resumed) if place >= cut else (whole,):
            one.learn(label)
            one.see(level, gap)
        if place >= cut:
            told.append((whole.predict(), resumed.predict()))
    for ours, theirs in told:
        np.testing.assert_array_equal(ours, theirs)
    assert len(json.dumps(whole.state())) < 2000


@pytest.mark.parametrize("name", every_baseline())
def test_a_forecast_is_no_door_to_the_state(name):
    one = online_baseline(name, every_baseline()[name][0])
    one.see(2.0)
    before = np.array(one.predict())
    if before.ndim:
        one.predict()[:] = 7
    one.state().get("seen", [])[:] = [99] * 27
    np.testing.assert_array_equal(one.predict(), before)


def test_levels_without_a_first_one_give_no_quantiles():
    one = OnlineNaive([[1.0]], relative=False)
    one.see(math.nan)
    assert np.isnan(one.predict()).all()
    one.see(2.0)
    assert one.predict() == 3.0


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("sign_tabel", None, "there is no online baseline 'sign_tabel'.*Did you mean 'sign_table'"),
        ("base_rate", {"rows": 3, "up": 1}, "base_rate has no parameter 'up'.*Did you mean 'ups'"),
        ("base_rate", {"rows": 3, "ups": 4}, "ups must be 0 to rows, got 4 ups of 3 rows"),
        ("base_rate", {"rows": 3.0}, "rows of base_rate must be a whole number, got 3.0"),
        ("sign_table", {"order": 9}, "order must be 1 to 8 signs, got 9"),
        ("sign_table", {"horizon": 0}, "horizon must be 1 to 100,000 rows, got 0"),
        ("sign_table", {"seen": [1]}, "seen and ups must count 81 cells"),
        ("sign_table", {"order": 1, "seen": [1, 1, 1], "ups": [0, 2, 0]}, "seen and ups must count 3 cells"),
        (
            "sign_table",
            {"seen": [True]},
            "seen of sign_table must be a list of at most 100,000 whole numbers",
        ),
        ("naive", None, "quantiles of naive must be lists of as many numbers each"),
        (
            "naive",
            {"quantiles": [[1.0], []], "relative": True},
            "quantiles of naive must be lists of as many",
        ),
        ("naive", {"quantiles": [["1"]], "relative": True}, "quantiles of naive must be lists of as many"),
        ("naive", {"quantiles": [[math.inf]], "relative": True}, "quantiles must be finite numbers"),
        ("naive", {"quantiles": [[1.0]], "relative": 1}, "relative of naive must be true or false, got 1"),
        ("naive", {"quantiles": [[0.0] * 100_001], "relative": True}, "at most 100,000 in all"),
        (
            "ewma_quantiles",
            {"quantiles": [[1.0]], "relative": True, "half_life": 0, "variance": 1.0, "horizons": [1]},
            "half_life and variance must be above 0, got 0.0 and 1.0",
        ),
        (
            "ewma_quantiles",
            {"quantiles": [[1.0]], "relative": True, "half_life": 8, "variance": 1.0, "horizons": []},
            "horizons must be 1 rows ahead, got",
        ),
    ],
)
def test_parameters_from_outside_are_refused_in_a_sentence(name, parameters, words):
    with pytest.raises(ConfigError, match=words):
        online_baseline(name, parameters)


def test_no_online_form_is_told():
    levels = levels_of(walk())
    with pytest.raises(ConfigError, match="there is no online form of Drift; there is one of base_rate"):
        parameters_of(Drift().fit(levels, np.arange(300)), levels, AT)
    with pytest.raises(DataError, match="this Naive was not fitted for horizons"):
        parameters_of(Naive(), levels, AT)
    with pytest.raises(DataError, match="this Naive was not fitted for horizons"):
        parameters_of(Naive().fit(levels_of(walk(), (2,)), np.arange(300)), levels, AT)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("base_rate", {"ups": 1}),
        ("base_rate", {"ups": 3, "rows": 1}),
        ("base_rate", {"ups": -1, "rows": 1}),
        ("base_rate", {"ups": True, "rows": 1}),
        ("sign_table", {"seen": [0], "ups": [0], "level": None, "cells": []}),
        ("sign_table", {"seen": [0] * 27, "ups": [1] * 27, "level": None, "cells": []}),
        ("sign_table", {"seen": [0] * 27, "ups": [0] * 27, "level": None, "cells": [27]}),
        ("sign_table", {"seen": [0] * 27, "ups": [0] * 27, "level": None, "cells": [0] * 4}),
        ("sign_table", {"seen": [0] * 27, "ups": [0] * 27, "level": "1", "cells": []}),
        ("naive", {"level": math.nan}),
        ("ewma_quantiles", {"level": None, "variance": -1.0, "steps": 0}),
        ("ewma_quantiles", {"level": None, "variance": 1.0, "steps": 0.5}),
    ],
)
def test_another_state_is_refused_and_changes_nothing(name, state):
    one = online_baseline(name, every_baseline()[name][0])
    one.see(2.0)
    before = one.state()
    with pytest.raises(DataError):
        one.restore(state)
    assert one.state() == before


def test_levels_and_labels_are_checked():
    table = OnlineSignTable()
    with pytest.raises(
        DataError, match="a level must be a finite number, or NaN where it was not observed, got inf"
    ):
        table.see(math.inf)
    with pytest.raises(DataError, match=r"must be up or not, 1 or 0 or NaN, got 0\.4"):
        table.learn(0.4)
