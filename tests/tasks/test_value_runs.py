"""Runs that foresee values: their quantiles' names, what opens again, and what is not certain."""

import numpy as np
import polars as pl
import pytest
import torch

from contract.registry.models import MODEL_OPTIONS
from ostinato.data.folds import Fold
from ostinato.errors import BrokenRunError, ConfigError
from ostinato.runs import read_predictions, read_results, read_tensors, write_tensors
from ostinato.tasks.forecasting import evaluate, fit, open_run, predict
from ostinato.tasks.forecasting.features import raw_rows
from ostinato.tasks.forecasting.recipe import recipe_from
from ostinato.tasks.forecasting.targets import target_of
from ostinato.tasks.forecasting.targets.values import usual_scale
from tasks.panels import bars, features_of, recipe_for, table, untrained

FORMS = ("quantiles", "free_quantiles", "student_t", "point")
FINE = [0.005, 0.02, 0.025, 0.5, 0.975, 0.995]


def frame(rows: int = 400) -> pl.DataFrame:
    """Hours of a load; the first two are the same."""
    y = np.random.default_rng(0).standard_normal(rows).cumsum() + 50
    y[1] = y[0]
    return pl.DataFrame({"time": 1.6e9 + 3600.0 * np.arange(rows), "y": y})


def fitted(out, data=None, **recipe):
    return fit(
        frame() if data is None else data,
        out,
        "lstm",
        options=MODEL_OPTIONS["lstm"],
        training={"epochs": 1, "streams": 4, "update_every": 32, "sampler": "streams"},
        recipe={"target": "y", "horizon": 2, "lags": [1], "halflives": [4.0], "volatilities": [8.0]} | recipe,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("runs") / "run", levels=FINE).run


def test_levels_between_whole_per_cents_make_a_run(run):
    names = ["q00.5", "q02", "q02.5", "q50", "q97.5", "q99.5"]
    for made in (read_predictions(run.folder.predictions), predict(run, frame(), last=1)):
        assert [name for name in made.columns if name.startswith("q")] == names
    assert evaluate(open_run(run.folder.path), frame()).test["coverage_99"] >= 0


@pytest.mark.parametrize(
    ("levels", "sentence"),
    [
        ([0.1, 0.123456], "Levels of quantiles lie within 0 and 1 and have at most 5 decimals, got 0.123456"),
        ([0.5, 0.9999999], "at most 5 decimals, got 0.9999999"),
        ([0.1, 0.1 + 1e-14], "Two levels are the same but for rounding"),
    ],
)
def test_levels_without_a_name_are_refused_before_anything_is_written(tmp_path, levels, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        fitted(tmp_path / "run", levels=levels)
    assert str(caught.value).endswith(".")
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_could_not_be_opened_again_is_not_made(tmp_path):
    """The columns are counted when the data are known, and that is before training."""
    data = frame(3_000).with_columns(z=pl.col("y") * 2)
    levels = [k / 100 for k in range(1, 100)]
    fields = {"horizon": 600, "levels": levels}
    recipe_from({"target": "y,z"} | fields)
    with pytest.raises(
        ConfigError, match="2 columns at 600 horizons of 99 quantiles would be 118,800 numbers"
    ):
        fitted(tmp_path / "run", data, target="y,z", **fields)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("horizon", [1, 9])
def test_scaled_errors_are_those_of_the_literature(tmp_path, horizon):
    """Over the variance of the whole train part, on all forecasts whose labels lie within the test part."""
    data = frame(600).with_columns(pl.col("y") + 0.02 * np.arange(600))  # a trend: the last rows count
    made = fitted(tmp_path / "run", data, horizon=horizon, bounds=[300, 399, 550], form="point")
    y = data["y"].to_numpy()
    told = read_predictions(made.run.folder.predictions)
    rows, point = told["row"].to_numpy(), told["q50"].to_numpy()
    ahead = told["horizon"].to_numpy() if horizon > 1 else 1
    np.testing.assert_array_equal(
        np.unique(rows), np.arange(399, 550 - horizon)
    )  # 400 - 1 to the last label, 549
    np.testing.assert_array_equal(told["actual"], y[rows + ahead])
    expected = np.mean((y[rows + ahead] - point) ** 2) / np.mean((y[:300] - y[:300].mean()) ** 2)
    assert made.results is not None
    assert made.results.test["scaled_mse"] == pytest.approx(expected, rel=1e-12)
    naive = np.mean((y[rows + ahead] - y[rows]) ** 2) / np.var(y[:300])
    assert made.results.baselines["naive"]["scaled_mse"] == pytest.approx(naive, rel=1e-12)
    scale = np.mean(np.abs(y[24:300] - y[:276]))  # of hours the naive forecast is that of a day before
    mase = np.mean(np.abs(y[rows + ahead] - point)) / scale
    assert made.results.test["mase"] == pytest.approx(mase, rel=1e-12)


def test_what_was_chosen_of_a_baseline_stands_in_the_run(tmp_path):
    made = fitted(tmp_path / "run")
    assert made.results is not None
    told = made.results.baseline_settings
    assert told["seasonal_naive"] == told["exponential_smoothing"] == "a season of 24 rows"
    assert told["linear"].startswith("the last 64 rows, penalty ")
    assert told["ewma_quantiles"].startswith("a half-life of ")
    assert read_results(made.run.folder.metrics).baseline_settings == told


@pytest.mark.parametrize("panel", [bars(), table(), table(120, 90)], ids=["bars", "table", "series"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_made_of_data_is_what_is_read_again(panel, form):
    made = recipe_for(panel, form=form)
    assert recipe_from(made.model_dump(mode="json")) == made


@pytest.mark.parametrize("form", FORMS[:3])
def test_the_first_rows_are_not_certain(tmp_path, form):
    """Before the first change there is no scale: the usual one stands in."""
    model = fitted(tmp_path / "run", form=form).run
    made = predict(open_run(model.folder.path), frame()).filter(pl.col("horizon") == 1).sort("row")
    width = (made["q90"] - made["q10"]).to_numpy()
    assert (width[:2] > 0.2 * np.median(width)).all()


def test_the_usual_scale_is_the_mean_over_the_training_rows():
    panel = table(200, 150)
    recipe = recipe_for(panel)
    model, raw = untrained(recipe), raw_rows(recipe, panel)
    fold = Fold(np.arange(20, 120), np.arange(125, 140), np.arange(145, 200), np.arange(142))
    target_of(recipe).training_problem(model, panel, raw, features_of(model, raw, panel), fold)
    expected = []
    for column in ("a", "b"):
        changes = np.diff(panel.values[column][:120]) ** 2
        running = np.sqrt(np.cumsum(changes) / np.arange(1, 120))
        expected.append(running[19:].mean())
    np.testing.assert_allclose(model.usual, expected, rtol=1e-9)
    assert model.usual.dtype == torch.float64
    np.testing.assert_array_equal(usual_scale(np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]])), [3.0, 1.0])


def test_many_forecasts_keep_their_digits():
    recipe = recipe_for(bars(), target="return")
    y = torch.full((1_200_000, len(recipe.levels)), 60_000.123456789, dtype=torch.float64)
    found = target_of(recipe).forecasts(y)
    assert found.dtype == np.float64
    assert found[-1, 0, 0] == 60_000.123456789


def spoilt(name, place, number):
    def change(arrays):
        arrays[name][place] = number

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            spoilt("output.base", (0, 0), 1e9),
            "output is no distribution; its base must be finite and its quan",
        ),
        (spoilt("output.spread", 1, 0.0), "its spreads must be above 0."),
        (spoilt("output.spread", 0, -1.0), "its spreads must be above 0."),
        (spoilt("output.base", (0, 0), np.nan), "1 of 12 numbers are not finite"),
        (spoilt("usual", 0, 0.0), "usual, the scale of a series, must be finite and above 0."),
        (spoilt("usual", 0, -3.0), "usual, the scale of a series, must be finite and above 0."),
        (spoilt("usual", 0, np.inf), "1 of 1 numbers are not finite"),
    ],
)
def test_buffers_from_a_stranger_are_checked(run, tmp_path, change, sentence):
    path = tmp_path / "run"
    path.mkdir()
    for file in run.folder.path.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    arrays, metadata = read_tensors(path / "weights.safetensors")
    change(arrays)
    write_tensors(path / "weights.safetensors", arrays, metadata)
    with pytest.raises(BrokenRunError) as caught:
        open_run(path)
    assert sentence in str(caught.value)
    assert str(caught.value).count(". ") == 0
