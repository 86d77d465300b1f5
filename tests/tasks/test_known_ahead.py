"""What is known in advance beyond the last rows, and rows whose labels are not all known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from cli.conftest import ostinato
from contract.registry.models import LOOKBACK, MODEL_OPTIONS
from ostinato.data.reading import read_panel
from ostinato.errors import DataError
from ostinato.evaluation import value_baselines
from ostinato.experiment.panel_folder import read_panel as read_worker_panel
from ostinato.experiment.panel_folder import write_panel
from ostinato.runs import read_predictions
from ostinato.tasks.forecasting import evaluate, fit, predict
from ostinato.tasks.forecasting.features import forecastable, raw_rows
from ostinato.tasks.forecasting.predicting import left_out
from ostinato.tasks.forecasting.recipe import recipe_from
from ostinato.tasks.forecasting.targets import target_of

TRAINING = {"epochs": 1}
BEGIN = "2020-10-25T23:00"


def frame(rows=1500, future=0, begin=BEGIN):
    """Hourly rows from 23 o'clock of a day on."""
    generator = np.random.default_rng(1)
    time = pd.date_range(begin, periods=rows, freq="h").to_numpy()
    y = 10 + 0.1 * generator.standard_normal(rows).cumsum()
    promo = (generator.random(rows) < 0.2).astype(float)
    made = pl.DataFrame({"time": time, "y": y, "promo": promo})
    return made.with_columns(y=pl.when(pl.int_range(rows) < rows - future).then("y"))


def bars(rows=1500, future=0, begin=BEGIN):
    made = frame(rows, future, begin)
    price = pl.col("y").exp()
    return made.select(
        "time", "promo", open=price, high=price * 1.01, low=price * 0.99, close=price, volume=price * 0 + 1
    )


def fitted(out, data, **recipe):
    usual = LOOKBACK | {"target": "y", "horizons": [1, 6]}
    return fit(data, out, "lstm", options=MODEL_OPTIONS["lstm"], training=TRAINING, recipe=usual | recipe)


@pytest.fixture(scope="module")
def with_promo(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("known") / "run", frame(600), known=["promo"])


@pytest.mark.parametrize("make", [frame, bars])
def test_the_holiday_after_the_last_row_is_seen(make):
    """The last row is Christmas Eve at 23 o'clock."""
    rows = 60 * 24 + 1
    recipe = recipe_from(
        LOOKBACK | {"target": "y" if make is frame else "return", "horizons": [1, 24, 30], "holidays": "US"}
    )
    whole = read_panel(make(rows + 48), target=recipe.target, holidays="US")
    panel = read_panel(make(rows), target=recipe.target, holidays="US")
    assert panel.time[-1] == pd.Timestamp("2020-12-24T23:00").timestamp()
    recipe = recipe.of(panel)
    raw = raw_rows(recipe, panel)
    assert raw[-1, -3:].tolist() == [1.0, 1.0, 0.0]
    assert torch.equal(raw, raw_rows(recipe, whole)[:rows])
    assert forecastable(recipe, panel).all()


@pytest.mark.parametrize("make", [frame, bars])
def test_forecasts_with_holidays_are_the_same_whatever_comes_later(make, tmp_path):
    rows, later = 60 * 24 + 1, 60 * 24 + 49
    target = {"target": "y" if make is frame else "return"}
    run = fitted(tmp_path / "run", make(rows), holidays="US", **target).run
    short, long = predict(run, make(rows)), predict(run, make(later))
    assert short["row"].n_unique() == rows
    quantiles = [name for name in short.columns if name.startswith("q")]
    here = long.filter(pl.col("row") < rows)
    np.testing.assert_allclose(
        short.select(quantiles).to_numpy(), here.select(quantiles).to_numpy(), rtol=1e-6, atol=1e-9
    )
    assert left_out(run.recipe, read_panel(make(rows), holidays="US", **target)) == ""


def test_a_known_column_that_ends_gives_no_forecast_at_the_end(with_promo):
    run, data = with_promo.run, frame(600)
    found = predict(run, data)
    assert found["row"].unique().sort().to_list() == list(range(594))
    assert predict(run, data, last=10)["row"].unique().to_list() == [590, 591, 592, 593]
    with pytest.raises(
        DataError, match=r"no row asked for .* 'promo' must be known 6 rows ahead.*the target empty"
    ):
        predict(run, data, last=6)
    panel = read_panel(data, target="y", known=["promo"])
    assert left_out(run.recipe, panel).startswith(
        "6 rows at the end left out: 'promo' must be known 6 rows ahead"
    )
    assert left_out(run.recipe, panel, 4).startswith("4 rows at the end")


def test_rows_of_the_future_bring_the_forecasts(with_promo):
    run, data = with_promo.run, frame(600, future=6)
    found = predict(run, data)
    assert found["row"].unique().sort().to_list() == list(range(594))
    assert predict(run, data, last=1)["row"].unique().to_list() == [593]
    assert left_out(run.recipe, read_panel(data, target="y", known=["promo"])) == ""
    # what the promotion of the future is has been seen
    other = data.with_columns(promo=pl.when(pl.int_range(600) < 599).then("promo").otherwise(50.0))
    one, two = (raw_rows(run.recipe, read_panel(some, target="y", known=["promo"])) for some in (data, other))
    assert (one != two).any(dim=1)[:594].nonzero().ravel().tolist() == [593]
    few = predict(run, frame(600, future=2))
    assert few["row"].max() == 593
    assert len(predict(run, frame(600, future=2), last=5)["row"].unique()) == 1


def test_each_series_ends_by_itself(tmp_path):
    two = [
        frame(n, future).with_columns(id=pl.lit(name)) for name, n, future in (("a", 500, 0), ("b", 600, 6))
    ]
    data = pl.concat(two)
    run = fitted(tmp_path / "run", data, known=["promo"], id="id").run
    rows = predict(run, data)["row"].unique().sort().to_list()
    assert rows == [*range(494), *range(500, 1094)]
    assert predict(run, data, last=1)["row"].unique().to_list() == [1093]
    panel = read_panel(data, target="y", known=["promo"], id="id")
    assert left_out(run.recipe, panel, 1).startswith("1 row at the end of series left out: 'promo'")


def test_bars_with_rows_of_the_future(tmp_path):
    def future(rows, empty):
        seen = pl.int_range(rows) < rows - empty
        prices = [pl.when(seen).then(name).alias(name) for name in ("open", "high", "low", "close", "volume")]
        return bars(rows).with_columns(prices)

    data = future(600, 6)
    run = fitted(tmp_path / "run", data, target="return", known=["promo"]).run
    assert run.recipe.fitted_rows == round(594 * 0.8)
    assert predict(run, data, last=1)["row"].unique().to_list() == [593]
    with pytest.raises(DataError, match="and the prices empty"):
        predict(run, bars(600), last=1)


def test_what_is_written_and_judged_knew_all_that_it_should(with_promo):
    predictions = read_predictions(with_promo.run.folder.predictions)
    assert predictions["row"].unique().sort().to_list() == list(range(480, 594))
    assert with_promo.evaluation.rows.tolist() == list(range(480, 594))
    again = evaluate(with_promo.run, frame(600))
    assert again.test["pinball"] == pytest.approx(with_promo.results.test["pinball"])


def test_training_never_sees_what_is_made_up(with_promo):
    panel = read_panel(frame(600), target="y", known=["promo"])
    recipe = with_promo.run.recipe
    told = forecastable(recipe, panel)
    for fold in recipe.folds(panel, 3):
        target = target_of(recipe)
        for rows in (
            fold.train,
            fold.validation,
            target.labelled(panel, fold.test),
            target.fitted(panel, fold),
        ):
            assert told[rows].all()


def test_holidays_reach_other_processes(tmp_path):
    panel = read_panel(frame(600), target="y", holidays="US", time_zone="America/New_York")
    write_panel(tmp_path / "panel", panel)
    copy = read_worker_panel(tmp_path / "panel")
    recipe = recipe_from(LOOKBACK | {"target": "y", "horizon": 48, "holidays": "US"}).of(panel)
    assert torch.equal(raw_rows(recipe, panel), raw_rows(recipe, copy))
    assert forecastable(recipe, copy).all()
    assert not forecastable(recipe, replace(panel, holidays=None))[-48:].any()


def scattered(rows=900, every=9):
    """About one step in nine is missing."""
    lost = np.random.default_rng(3).choice(np.arange(1, rows - 1), rows // every, replace=False)
    return frame(rows).filter(~pl.int_range(rows).is_in(lost)), np.setdiff1d(np.arange(rows), lost)


def test_rows_are_judged_where_most_of_their_labels_are_known(tmp_path):
    data, seen = scattered()
    done = fitted(tmp_path / "run", data, horizons=None, horizon=24)
    here = np.isin(np.arange(900), seen)
    expected = [
        row
        for row in range(720, 900)
        if here[row] and row + 24 < 900 and here[row + 1 : row + 25].mean() >= 0.5
    ]
    assert len(expected) > 120
    assert done.evaluation.rows.tolist() == expected
    metrics = [done.results.test, *done.results.baselines.values()]
    assert all(np.isfinite(found["pinball"]) for found in metrics)
    assert all(np.isfinite(found.statistic) for found in done.evaluation.skill.values())
    table = read_predictions(done.run.folder.predictions)
    later = table["row"] + table["horizon"]
    known = (later < 900) & later.is_in(seen.tolist())
    assert (table["actual"].is_not_null() == known).all()
    judged = table.filter(pl.col("row").is_in(expected) & pl.col("actual").is_not_null())
    mae = judged.group_by("row").agg((pl.col("actual") - pl.col("q50")).abs().mean())["actual"].mean()
    assert done.results.test["mae"] == pytest.approx(mae)


def test_baselines_are_fitted_on_the_labels_that_there_are(tmp_path):
    data, _ = scattered()
    panel = read_panel(data, target="y")
    recipe = recipe_from(LOOKBACK | {"target": "y", "horizon": 24}).of(panel)
    target, fold = target_of(recipe), recipe.folds(panel)[0]
    rows = target.fitted(panel, fold)
    (levels,) = target.levels(panel)
    naive = value_baselines(levels)["naive"]().fit(levels, rows)
    labels = levels.labels(rows) - levels.level[rows][:, None]
    for place in (0, 23):
        column = labels[:, place]
        known = np.sort(column[np.isfinite(column)])
        assert len(known) < len(rows)
        scaled = naive.errors[place] * (known[-1] / naive.errors[place][-1])
        np.testing.assert_allclose(scaled, known, atol=1e-12)


def test_few_known_labels_are_not_enough():
    data = frame(400).with_columns(y=pl.when(~pl.int_range(400).is_between(350, 352)).then("y"))
    panel = read_panel(data, target="y")
    recipe = recipe_from(LOOKBACK | {"target": "y", "horizon": 4}).of(panel)
    rows = target_of(recipe).labelled(panel, np.arange(340, 400))
    assert rows.tolist() == [*range(340, 348), *range(353, 396)]  # of 348 and 349 one label of four is known
    pair = recipe_from(LOOKBACK | {"target": "y", "horizons": [1, 4]}).of(panel)
    assert 349 in target_of(pair).labelled(panel, np.arange(340, 400))  # one of two


def test_why_rows_are_too_few_is_said(tmp_path):
    with pytest.raises(
        DataError,
        match=r"the test part has 5 rows with a label.*\(55 rows less than 56 before the end; "
        r"40 rows of the future do not count\)",
    ):
        fitted(tmp_path / "run", frame(640, 40), known=["promo"], horizons=[1, 55], fractions=[0.7, 0.2, 0.1])
    gaps = frame(300).filter(~(pl.int_range(300).is_between(271, 291)))
    with pytest.raises(
        DataError, match=r"\(6 rows less than 7 before the end; 21 rows missing in the source\)"
    ):
        fitted(tmp_path / "run", gaps, fractions=[0.7, 0.2, 0.1])


def test_the_command_says_in_one_note_what_is_left_out(with_promo, tmp_path):
    frame(600).write_csv(tmp_path / "y.csv")
    arguments = (
        str(with_promo.run.folder.path),
        str(tmp_path / "y.csv"),
        "-o",
        str(tmp_path / "out.parquet"),
    )
    done = ostinato("predict", *arguments)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "note: 6 rows at the end left out: 'promo' must be known 6 rows ahead." in text
    assert "Rows of the future, with the time and 'promo' filled in and the target empty, bring them." in text
    assert text.count("note") == 1
    assert len(pl.read_parquet(tmp_path / "out.parquet")) == 2 * 594
    last = ostinato("predict", *arguments, "--last", "1", "--force")
    assert last.returncode != 0
    assert "no row asked for can have a forecast" in " ".join(last.stderr.split())
    assert "Traceback" not in last.stderr
