"""What a fit leaves behind, recomputed with scikit-learn, and what comes of evaluating it again."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import sklearn.metrics

from ostinato.data.reading import panel_of_trades
from ostinato.data.simulator import simulate_trades
from ostinato.data.trades import make_trades
from ostinato.errors import DataError
from ostinato.runs import read_config, read_lines, read_predictions, read_results
from ostinato.tasks.forecasting import evaluate, open_run, predict
from tasks.conftest import cut

METRICS = {"log_loss", "auc", "brier", "accuracy"}
BASELINES = {"base_rate", "logistic", "sign_table"}


@pytest.fixture(scope="module")
def run(finished):
    return open_run(finished.run.folder.path)


def metrics(run) -> dict:
    return json.loads(run.folder.metrics.read_text())


def test_metrics_json_has_the_shape_of_the_design(fitted, trades):
    found = metrics(fitted.run)
    assert set(found) == {
        "measure",
        "test",
        "validation",
        "baselines",
        "baseline_settings",
        "tests",
        "training",
        "model",
        "parts",
        "trials",
    }
    assert found["measure"] == "log_loss"
    assert found["baseline_settings"] == {
        "sign_table": "the last 4 signs",
        "logistic": "the last 32 changes",
    }
    assert set(found["test"]) == set(found["validation"]) == METRICS
    assert set(found["baselines"]) == set(found["tests"]["diebold_mariano"]) == BASELINES
    assert all(set(scores) == METRICS for scores in found["baselines"].values())
    assert all(set(test) == {"statistic", "p_value"} for test in found["tests"]["diebold_mariano"].values())
    assert set(found["tests"]) == {"diebold_mariano"}
    assert set(found["training"]) == {"seconds", "epochs", "stopped"}
    assert set(found["model"]) == {"parameters", "step_us"}
    assert found["training"]["stopped"] == "epochs"
    assert found["model"]["step_us"] > 0
    rows = {name: part["rows"] for name, part in found["parts"].items()}
    assert rows == {"train": 839, "validation": 119, "test": 240}
    assert found["parts"]["validation"]["first"] == trades.time[840]
    assert found["parts"]["validation"]["last"] == trades.time[958]


def test_predictions_are_of_the_test_rows_exactly(fitted, trades):
    frame = read_predictions(fitted.run.folder.predictions)
    rows = np.arange(960, 1_200)
    assert frame.columns == ["row", "time", "id", "actual", "p_up"]
    assert np.array_equal(frame["row"], rows)
    assert np.array_equal(frame["time"], trades.time[rows])
    assert np.array_equal(frame["id"], trades.id[rows])
    assert frame["p_up"].dtype == pl.Float64
    assert np.array_equal(frame["actual"][:-1], np.diff(trades.price[rows]) > 0)
    assert frame["actual"].null_count() == 1  # of the last row nobody knows


def test_scikit_learn_finds_the_same_metrics(fitted, trades):
    p = read_predictions(fitted.run.folder.predictions)["p_up"].to_numpy()[:-1]  # the last row has no next
    up = trades.price[961:] > trades.price[960:-1]
    expected = {
        "log_loss": sklearn.metrics.log_loss(up, p),
        "auc": sklearn.metrics.roc_auc_score(up, p),
        "brier": sklearn.metrics.brier_score_loss(up, p),
        "accuracy": sklearn.metrics.accuracy_score(up, p > 0.5),
    }
    assert metrics(fitted.run)["test"] == pytest.approx(expected, rel=1e-9)


def test_the_log_has_a_line_for_each_epoch(fitted):
    lines = read_lines(fitted.run.folder.log)
    assert [line["epoch"] for line in lines] == [0, 1]
    assert min(line["validation_loss"] for line in lines) == pytest.approx(fitted.finished.best_loss)
    # judged on raw rows through the whole chain, validated on scaled ones through the network: the same number
    assert metrics(fitted.run)["validation"]["log_loss"] == pytest.approx(fitted.finished.best_loss, abs=1e-6)


def test_the_config_holds_every_choice(finished, small):
    config = read_config(finished.run.folder.config)
    assert config.model["name"] == "lstm"
    assert config.data["origin"] == np.floor(small.trades.time[0])
    assert config.data["rows"] == 1_200
    assert config.training["epochs"] == 2


def test_evaluating_again_gives_metrics_json(fitted, trades):
    found, kept = evaluate(open_run(fitted.run.folder.path), trades), metrics(fitted.run)
    assert found.test == pytest.approx(kept["test"], rel=1e-9)
    assert found.validation == pytest.approx(kept["validation"], rel=1e-9)
    assert found.baselines == kept["baselines"]
    for name, test in kept["tests"]["diebold_mariano"].items():
        assert found.skill[name].statistic == pytest.approx(test["statistic"], rel=1e-6)
    assert found.notes == ()


def test_the_rows_that_were_scored_have_a_label(run, trades):
    assert_rows(evaluate(run, trades), 960, 1_199)


def test_a_series_that_grew_is_scored_on_its_own_last_part(run, longer):
    for rows, start in ((1_201, 961), (1_500, 1_200)):
        found = evaluate(run, cut(longer, rows))
        assert_rows(found, start, rows - 1)
        assert found.notes == ()


def assert_rows(evaluation, start, stop):
    assert np.array_equal(evaluation.rows, np.arange(start, stop))


def after(run, trades) -> int:
    """The first row that is later than all that the run was fitted on."""
    return int((trades.time <= run.recipe.fitted_until).sum())


def test_the_recipe_knows_until_when_the_run_was_fitted(run, trades):
    assert (run.recipe.fitted_from, run.recipe.fitted_until) == (trades.time[0], trades.time[959])


@pytest.mark.parametrize(("start", "stop"), [(0, 1_000), (1, 1_000), (200, 1_100), (33, 1_150)])
def test_a_slice_is_scored_on_later_rows_only(run, trades, start, stop):
    """However the slice was cut out of the file of the run, nothing that was fitted on is scored."""
    some = sliced(trades, start, stop)
    found = evaluate(run, some)
    first = after(run, some)
    assert_rows(found, first, stop - start - 1)
    assert (some.time[found.rows] > trades.time[959]).all()
    begin = run.recipe.folds(panel_of_trades(some))[0].test[0]
    assert len(found.notes) == 1
    assert found.notes[0].startswith(
        f"rows {begin:,} to {first - 1:,} were left out: the run was fitted on rows up to"
    )
    assert found.notes[0].endswith(" UTC, perhaps on these")


@pytest.mark.parametrize(("start", "stop"), [(0, 962), (0, 500), (100, 900), (300, 700), (0, 60)])
def test_a_slice_of_what_was_fitted_on_leaves_nothing_to_score(run, trades, start, stop):
    with pytest.raises(
        DataError,
        match=r"^\d rows? of the test part can be scored, and at least 8 are needed: .* up to 2023-11-",
    ):
        evaluate(run, sliced(trades, start, stop))


def test_a_slice_after_all_that_was_fitted_on_is_scored_as_any_other(run, longer):
    found = evaluate(run, sliced(longer, 1_000, 1_500))
    assert_rows(found, 400, 499)
    assert found.notes == ()


def test_trades_before_all_that_was_fitted_on_are_scored_as_any_other(run):
    found = evaluate(run, moved(simulate_trades(rows=700, seed=8), days=-365))
    assert_rows(found, 560, 699)
    assert found.notes == ()


def test_another_series_is_scored_on_its_last_fifth(run):
    found = evaluate(run, moved(simulate_trades(rows=700, seed=8), days=365))
    assert_rows(found, 560, 699)
    assert found.notes == ()
    assert set(found.test) == METRICS
    assert found.predictions.shape == (139,)


def test_another_series_of_the_same_time_is_not_trusted(run):
    """It might be the same market under another name: nobody knows."""
    with pytest.raises(DataError, match=r"perhaps on these\. Bring later ones"):
        evaluate(run, simulate_trades(rows=700, seed=8))


def test_an_older_run_says_that_it_does_not_know(copied, trades):
    config = json.loads((copied / "config.json").read_text())
    del config["data"]["fitted_from"], config["data"]["fitted_until"]
    config["data"]["prefix"] = "0" * 64
    (copied / "config.json").write_text(json.dumps(config))
    older = open_run(copied)
    assert evaluate(older, trades).notes == ()
    assert evaluate(older, sliced(trades, 100, 900)).notes == (
        "the run is too old to say whether it was fitted on some of these rows",
    )


def test_a_run_of_the_first_release_opens(copied, trades):
    """Its data section had these fields and no others, and its results neither a measure nor parts."""
    config = json.loads((copied / "config.json").read_text())
    kept = ("source", "target", "horizon", "origin", "fractions", "feature_windows", "rows")
    config["data"] = {name: config["data"][name] for name in kept} | {"digest": "1" * 64, "prefix": "0" * 64}
    (copied / "config.json").write_text(json.dumps(config))
    results = metrics(open_run(copied))
    del results["measure"], results["parts"]
    (copied / "metrics.json").write_text(json.dumps(results))
    older = open_run(copied)
    assert (older.recipe.ahead, older.recipe.inputs, older.recipe.kind) == (
        (1,),
        ("price", "amount"),
        "trades",
    )
    assert read_results(older.folder.metrics).measure == "log_loss"
    stored = read_predictions(copied / "predictions.parquet")
    forecast = predict(older, trades, last=240)
    np.testing.assert_allclose(forecast["p_up"], stored["p_up"], rtol=0, atol=1e-6)
    assert set(evaluate(older, trades).test) == METRICS


def test_a_metric_that_does_not_exist_is_none(run, trades):
    """Prices that never rise have no AUC, and JSON has no NaN."""
    still = moved(replace(trades, price=np.full(len(trades), 5.0)), days=365)
    found = evaluate(run, still)
    assert found.test["auc"] is None
    assert found.baselines["sign_table"]["auc"] is None
    json.dumps([found.test, found.validation, found.baselines], allow_nan=False)


def sliced(trades, start, stop):
    """Rows ``start`` to ``stop`` of some trades."""
    columns = (trades.time, trades.price, trades.amount, trades.id, trades.side)
    return make_trades(trades.report.source, *(column[start:stop] for column in columns))


def moved(trades, days):
    """The same trades at another time."""
    return replace(trades, time=trades.time + 86_400.0 * days)
