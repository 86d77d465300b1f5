"""Every baseline for values: what it may read, and the random walks and the spreads by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from ostinato.data.levels import Levels
from ostinato.errors import ConfigError, DataError
from ostinato.evaluation import VALUE_BASELINES, value_baselines
from ostinato.evaluation.baselines import (
    ConstantQuantiles,
    Drift,
    EwmaQuantiles,
    ExponentialSmoothing,
    LinearRegression,
    Naive,
    SeasonalNaive,
    spread,
)
from ostinato.evaluation.baselines.moments import Moments

AT = np.arange(1, 10) / 10
each_baseline = pytest.mark.parametrize("make", VALUE_BASELINES.values(), ids=VALUE_BASELINES.keys())
both_kinds = pytest.mark.parametrize("relative", [False, True], ids=["levels", "returns"])


def walk(n, seed=0):
    draw = np.random.default_rng(seed)
    return np.cumsum(draw.normal(size=n)) + 3 * np.sin(np.arange(n) * np.pi / 3)


def levels_of(values, starts=(0,), horizons=(1, 2, 5), relative=False, observed=None, season=6):
    return Levels(np.asarray(values, float), np.array(starts), horizons, relative, season, observed)


def forecasts(fitted, levels, rows):
    return np.concatenate(
        [fitted.quantiles(levels, rows, AT), fitted.point(levels, rows)[:, :, None]], axis=2
    )


@each_baseline
@both_kinds
@given(cut=st.integers(1, 239), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_future_is_unseen(make, relative, cut, seed):
    values = walk(240, seed)
    observed = np.random.default_rng(seed).random(240) > 0.1
    levels = levels_of(values, (0, 90), relative=relative, observed=observed)
    fitted = make().fit(levels, np.arange(200))
    changed, hidden = values.copy(), observed.copy()
    changed[cut:] = changed[cut:][::-1] * 2 - 7
    hidden[cut:] = ~hidden[cut:]
    other = levels_of(changed, (0, 90), relative=relative, observed=hidden)
    rows = np.arange(cut)
    np.testing.assert_allclose(
        forecasts(fitted, other, rows), forecasts(fitted, levels, rows), rtol=1e-9, atol=1e-9
    )


@each_baseline
@both_kinds
@given(last=st.integers(60, 200), seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_fitting_reads_no_label_of_other_rows(make, relative, last, seed):
    values = walk(240, seed)
    levels = levels_of(values, relative=relative)
    changed = np.r_[values[: last + 6], -5 * values[last + 6 :] + 40]  # horizon 5 of the last row is read
    fitted = [make().fit(it, np.arange(last + 1)) for it in (levels, levels_of(changed, relative=relative))]
    a, b = (forecasts(it, levels, np.arange(240)) for it in fitted)
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@each_baseline
@both_kinds
def test_another_series_is_another_world(make, relative):
    one, two = walk(150, 1), walk(150, 2)
    rows = np.r_[0:140, 150:290]
    panel = levels_of(np.r_[one, two], (0, 150), relative=relative)
    fitted = make().fit(panel, rows)
    moved = levels_of(np.r_[one[::-1] * 3 + 100, two], (0, 150), relative=relative)
    later = np.arange(150, 300)
    np.testing.assert_allclose(
        forecasts(fitted, panel, later), forecasts(fitted, moved, later), rtol=1e-9, atol=1e-9
    )


@each_baseline
@both_kinds
def test_unit_and_origin_do_not_matter(make, relative):
    values = walk(300)
    fitted = make().fit(levels_of(values, relative=relative), np.arange(250))
    scaled = levels_of(1000 * values + 5e4, relative=relative)
    same = forecasts(make().fit(scaled, np.arange(250)), scaled, np.arange(300))
    expected = 1000 * forecasts(fitted, levels_of(values, relative=relative), np.arange(300))
    # smoothing is found by an optimiser, which stops here or a little further on
    np.testing.assert_allclose(same, expected + (0 if relative else 5e4), rtol=1e-3, atol=20)


@each_baseline
@both_kinds
def test_series_of_different_size_share_what_is_pooled(make, relative):
    one = walk(400, 1)
    rows = np.r_[0:390, 400:790]
    panel = levels_of(np.r_[one, 1000 * one], (0, 400), relative=relative)
    found = forecasts(make().fit(panel, rows), panel, np.arange(800))
    np.testing.assert_allclose(found[400:], 1000 * found[:400], rtol=1e-6, atol=1e-3)


@each_baseline
@both_kinds
def test_shapes_order_and_rows_asked_for_one_by_one(make, relative, monkeypatch):
    levels = levels_of(walk(300), relative=relative)
    fitted = make().fit(levels, np.arange(200))
    rows = np.array([250, 3, 199, 0, 299])
    found = fitted.quantiles(levels, rows, AT)
    assert found.shape == (5, 3, 9)
    assert fitted.point(levels, rows).shape == (5, 3)
    assert np.all(np.isfinite(found))
    assert np.all(np.diff(found, axis=2) >= 0)
    monkeypatch.setattr("ostinato.evaluation.baselines.series.CELLS", 30)
    np.testing.assert_allclose(forecasts(fitted, levels, rows)[:, :, :9], found, rtol=1e-9)
    np.testing.assert_allclose(fitted.quantiles(levels, rows[2:3], AT)[0], found[2], rtol=1e-9)


@each_baseline
@both_kinds
def test_coverage_on_the_fitted_rows_is_what_was_asked_for(make, relative):
    levels = levels_of(walk(600), relative=relative)
    rows = np.arange(590)
    found = make().fit(levels, rows).quantiles(levels, rows, AT)
    below = np.mean(levels.labels(rows)[:, :, None] <= found, axis=0)
    np.testing.assert_allclose(below, np.broadcast_to(AT, (3, 9)), atol=0.01)


@each_baseline
@both_kinds
def test_a_constant_series_is_foreseen_as_it_is(make, relative):
    levels = levels_of(np.full(200, 4.2), relative=relative)
    found = forecasts(make().fit(levels, np.arange(150)), levels, np.arange(200))
    np.testing.assert_allclose(found, 0.0 if relative else 4.2, atol=1e-12)


@each_baseline
def test_misuse_is_refused_in_a_sentence(make):
    levels, name = levels_of(walk(100)), make.__name__
    with pytest.raises(DataError, match=f"this {name} has seen no rows yet. Call fit before"):
        make().point(levels, [0])
    with pytest.raises(DataError, match=f"{name} has nothing to learn from: no fitted row has a value"):
        make().fit(levels, [99])
    unseen = levels_of(walk(100), observed=np.arange(100) > 50)
    with pytest.raises(DataError, match=f"{name} has no row to learn from: none of them was observed"):
        make().fit(unseen, np.arange(50))
    fitted = make().fit(levels, np.arange(90))
    with pytest.raises(DataError, match=r"was fitted for horizons \(1, 2, 5\), got \(1,\)"):
        fitted.point(levels_of(walk(100), horizons=(1,)), [0])
    with pytest.raises(DataError, match="was fitted on 1 series, got 2"):
        fitted.point(levels_of(walk(100), (0, 50)), [0])
    with pytest.raises(
        ConfigError, match=r"levels of quantiles must be ascending and above 0 .* \[0.5, 0.1\]"
    ):
        fitted.quantiles(levels, [0], [0.5, 0.1])
    with pytest.raises(DataError, match="rows must lie within 0 and 99, got 100 to 100"):
        fitted.point(levels, [100])


def test_the_season_decides_which_baselines_there_are():
    without = levels_of(walk(50), season=None)
    assert set(VALUE_BASELINES) - set(value_baselines(without)) == {"seasonal_naive"}
    assert value_baselines(levels_of(walk(50))) == VALUE_BASELINES
    with pytest.raises(ConfigError, match="SeasonalNaive needs levels that have a season"):
        SeasonalNaive().fit(without, np.arange(40))


def test_naive_is_the_last_value_and_the_quantiles_of_numpy():
    values = walk(200)
    levels, rows = levels_of(values), np.arange(150)
    fitted = Naive().fit(levels, rows)
    np.testing.assert_array_equal(fitted.point(levels, [7, 180]), values[[7, 180], None] * np.ones(3))
    errors = values[rows + 5] - values[rows]
    np.testing.assert_allclose(
        fitted.quantiles(levels, [180], AT)[0, 2], values[180] + np.quantile(errors, AT), rtol=1e-12
    )


def test_seasonal_naive_by_hand():
    values = np.arange(20.0) ** 2
    levels = levels_of(values, (0, 10), horizons=(1, 3, 4), season=3)
    found = SeasonalNaive().fit(levels, range(6)).point(levels, [4, 0, 11, 12])
    # row 4 looks at 5, 7, 8, of which the same places before are 2, 4, 2; rows 0 and 11 have no whole season yet
    np.testing.assert_allclose(found[0], [4, 16, 4])
    np.testing.assert_allclose(found[1], [0, 0, 0])
    np.testing.assert_allclose(found[2], [121, 121, 121])
    np.testing.assert_allclose(found[3], [100, 144, 100])


def test_drift_is_the_slope_between_the_ends():
    values = np.r_[walk(100), 50 + walk(60, 3)]
    levels = levels_of(values, (0, 100))
    fitted = Drift().fit(levels, np.r_[0:80, 100:140])
    first, second = (values[80] - values[0]) / 80, (values[140] - values[100]) / 40
    np.testing.assert_allclose(fitted.point(levels, [90])[0], values[90] + first * np.array([1, 2, 5]))
    np.testing.assert_allclose(fitted.point(levels, [150])[0], values[150] + second * np.array([1, 2, 5]))


def test_constant_quantiles_are_the_labels():
    values, rows = walk(200), np.arange(150)
    for relative in (False, True):
        levels = levels_of(values, relative=relative)
        fitted = ConstantQuantiles().fit(levels, rows)
        expected = np.quantile(levels.labels(rows), AT, axis=0).T
        np.testing.assert_allclose(fitted.quantiles(levels, [180], AT)[0], expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(fitted.point(levels, [180])[0], expected[:, 4], rtol=1e-9, atol=1e-12)


def test_ewma_is_that_of_pandas():
    values, rows = walk(300), np.arange(250)
    levels = levels_of(values, relative=True)
    fitted = EwmaQuantiles().fit(levels, rows)
    squares = np.diff(values, prepend=values[0]) ** 2
    start = np.mean(squares[rows])
    theirs = pd.Series(np.r_[start, squares[1:]]).ewm(halflife=fitted.half_life, adjust=False).mean()
    np.testing.assert_allclose(fitted.volatility(levels), np.sqrt(theirs), rtol=1e-10)
    unit = np.sqrt(theirs.to_numpy()[:, None] * [1, 2, 5])
    expected = unit[280][:, None] * np.quantile(levels.labels(rows) / unit[rows], AT, axis=0).T
    np.testing.assert_allclose(fitted.quantiles(levels, [280], AT)[0], expected, rtol=1e-9)


def test_ewma_carries_the_variance_over_steps_that_nobody_saw():
    values, seen = np.array([0.0, 1, 1, 1, 7, 8]), np.array([1, 1, 0, 0, 1, 1], bool)
    found = spread.variances(
        levels_of(values, observed=seen), spread._squares(levels_of(values, observed=seen)), [4.0], 1
    )
    np.testing.assert_allclose(found**2, [4, 2.5, 2.5, 2.5, 0.5 * 2.5 + 0.5 * 36 / 3, 0.25 * 2.5 + 3 + 0.5])


def test_ewma_has_a_floor():
    values = np.r_[walk(300), np.full(5000, 1.0)]
    levels = levels_of(values, relative=True)
    fitted = EwmaQuantiles().fit(levels, np.arange(290))
    assert fitted.volatility(levels)[5299] == pytest.approx(0.01 * np.sqrt(fitted.start[0]))


@pytest.mark.parametrize("make", [Drift, LinearRegression])
@both_kinds
def test_labels_end_with_their_series(make, relative):
    """Fitted on every row: the last ones of a series must not look into the next."""
    one, two = walk(150, 1), walk(150, 2)
    panels = [levels_of(np.r_[one, two + far], (0, 150), relative=relative) for far in (0, 1000)]
    near, far = (make().fit(panel, np.arange(300)).point(panel, np.arange(150)) for panel in panels)
    np.testing.assert_allclose(near, far, rtol=1e-6, atol=1e-6)


def test_ewma_finds_the_half_life_of_the_data():
    draw, rows = np.random.default_rng(0), np.arange(19_000)
    calm = draw.normal(size=20_000)
    turbulent = calm * np.exp(np.repeat(draw.normal(size=400), 50))  # another variance every 50 rows
    found = [
        EwmaQuantiles().fit(levels_of(np.cumsum(steps), relative=True), rows).half_life
        for steps in (calm, turbulent)
    ]
    assert found[0] >= 256
    assert found[1] <= 32


def test_half_lives_are_bounded_by_what_was_seen():
    assert spread.half_lives(100, 1) == [8, 16]
    assert spread.half_lives(10**6, 1)[-1] == 2048
    assert spread.half_lives(10**6, 720)[-1] == 4096
    assert spread.half_lives(3, 1) == [8]


def test_linear_is_ridge_on_the_last_values():
    values, rows = walk(400), np.arange(300)
    levels = levels_of(values)
    fitted = LinearRegression().fit(levels, rows)
    back = np.maximum(rows[:, None] - np.arange(64), 0)
    unit = np.mean(np.abs(np.diff(values, prepend=values[0])[rows]))
    x = (values[back[:, 1:]] - values[rows, None]) / unit
    y = (values[rows[:, None] + [1, 2, 5]] - values[rows, None]) / unit
    strength = fitted.strength * np.mean(x**2) * len(x)
    weights = Ridge(alpha=strength, solver="svd").fit(x, y)
    t = 350
    now = (values[t - np.arange(1, 64)] - values[t])[None] / unit
    np.testing.assert_allclose(
        fitted.point(levels, [t])[0], values[t] + unit * weights.predict(now)[0], rtol=1e-8
    )


def test_linear_chooses_the_window_by_fitted_rows_alone():
    """What returns after 300 rows is seen by the longest window only; what happens later has no say."""
    draw, values = np.random.default_rng(0), np.zeros(6000)
    values[:300] = draw.normal(size=300)
    for t in range(300, 6000):
        values[t] = 0.9 * values[t - 300] + draw.normal()
    rows = np.arange(4000)
    found = [
        LinearRegression().fit(levels_of(np.r_[values[:4000], later], horizons=(1,)), rows[:-1])
        for later in (values[4000:], np.zeros(2000))
    ]
    assert [one.width for one in found] == [336, 336]
    np.testing.assert_array_equal(found[0].weights, found[1].weights)
    assert found[0].settings().startswith("the last 336 rows, penalty ")
    short = LinearRegression().fit(levels_of(np.cumsum(draw.normal(size=4000)), horizons=(1,)), rows[:-1])
    assert short.settings() == f"the last {short.width} rows, penalty {short.strength:g}"
    assert short.weights.shape == (short.width - 1, 1)


def test_linear_chooses_on_rows_held_back():
    """On the rows that it learns from, the longest window and the weakest penalty are best even where all is noise."""
    noise = levels_of(np.cumsum(np.random.default_rng(0).normal(size=4000)), horizons=(1,))
    assert LinearRegression().fit(noise, np.arange(3999)).strength >= 1


@pytest.mark.parametrize(
    ("rows", "starts", "widths"),
    [
        (100, (0,), (64,)),
        (839, (0,), (64,)),
        (840, (0,), (64, 168)),
        (1680, (0,), (64, 168, 336)),
        (1680, tuple(range(0, 1680, 200)), (64, 168)),
    ],
)
def test_linear_windows_are_bounded_by_what_was_seen(rows, starts, widths):
    from ostinato.evaluation.baselines.linear import window_lengths

    assert window_lengths(levels_of(np.zeros(rows), starts), np.arange(rows)) == widths


def test_linear_is_bounded_in_time():
    from ostinato.evaluation.baselines.linear import PRODUCTS, most_rows

    assert most_rows(64, 1) == 200_000
    for horizons in (1, 24, 720, 10_000):
        assert most_rows(336, horizons) * 336 * (336 + horizons) <= PRODUCTS
    assert most_rows(336, 720) > 10_800, "ETTh1 is fitted whole at every horizon"


@given(
    rows=st.integers(1, 60),
    features=st.integers(1, 12),
    used=st.integers(1, 12),
    strength=st.sampled_from([1e-6, 1e-2, 1.0, 100.0]),
    seed=st.integers(0, 10**6),
)
def test_moments_tell_what_the_rows_would(rows, features, used, strength, seed):
    """Fitted and judged from sums of products of two parts, against scikit-learn on the rows."""
    draw, used = np.random.default_rng(seed), min(used, features)
    x, y = draw.normal(0.5, 2, (rows, features)), draw.normal(-1, 3, (rows, 2))
    found = Moments.none(features, 2)
    for part in (slice(0, rows // 3), slice(rows // 3, None)):
        found += Moments.of(x[part], y[part])
    found, x = found.first(used), x[:, :used]
    weights, bias = found.ridge(strength)
    expected = Ridge(alpha=strength * rows * np.mean(x**2), solver="svd").fit(x, y)
    np.testing.assert_allclose(x @ weights + bias, expected.predict(x), rtol=1e-6, atol=1e-6)
    mean = np.mean((expected.predict(x) - y) ** 2)
    assert found.squared_error(weights, bias) == pytest.approx(mean, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("season", [1440, 500, 24, 7])
def test_settings_are_those_used(season):
    """What is said of a baseline is what its forecasts are made with."""
    values, rows = np.resize(walk(season), 5000), np.arange(4000)
    levels = levels_of(values + 0.01 * walk(5000, 1), horizons=(1, 3), season=season)
    naive = SeasonalNaive().fit(levels, rows)
    assert naive.settings() == f"a season of {season:,} rows"
    assert naive.point(levels, [4500])[0, 0] == pytest.approx(levels.level[4501 - season], rel=1e-12)
    smoothing = ExponentialSmoothing().fit(levels, rows)
    assert smoothing.settings() == (f"a season of {season} rows" if season <= 400 else "no season")
    ewma = EwmaQuantiles().fit(levels, rows)
    assert ewma.settings() == f"a half-life of {ewma.half_life:,} rows"
    assert [make().fit(levels, rows).settings() for make in (Naive, Drift, ConstantQuantiles)] == [""] * 3


def test_linear_finds_what_is_linear():
    draw, values = np.random.default_rng(0), np.zeros(3000)
    for t in range(2, 3000):
        values[t] = 1.6 * values[t - 1] - 0.8 * values[t - 2] + draw.normal()
    levels, test = levels_of(values, horizons=(1,)), np.arange(2500, 2990)
    error = LinearRegression().fit(levels, np.arange(2400)).point(levels, test) - levels.labels(test)
    assert np.mean(error**2) == pytest.approx(1.0, abs=0.15)


def test_linear_holds_back_the_last_tenth_of_each_series():
    from ostinato.evaluation.baselines.linear import held_back

    levels = levels_of(walk(200), (0, 100))
    early, late = held_back(levels, np.r_[0:90, 100:190])
    np.testing.assert_array_equal(late, np.r_[81:90, 171:180])
    np.testing.assert_array_equal(early, np.r_[0:76, 90:166])  # labels look 5 ahead


def test_large_data_are_thinned_alike_every_time(monkeypatch):
    monkeypatch.setattr("ostinato.evaluation.baselines.values.ERROR_ROWS", 50)
    levels = levels_of(walk(300))
    a, b = (Naive().fit(levels, np.arange(250)) for _ in range(2))
    assert len(a.errors[0]) == 50
    np.testing.assert_array_equal(a.errors[2], b.errors[2])
