"""What a fit leaves behind, recomputed with scikit-learn, and what comes of evaluating it again."""

import json

import numpy as np
import polars as pl
import pytest
import sklearn.metrics

from ostinato.data.simulator import simulate_trades
from ostinato.errors import DataError
from ostinato.runs import read_config, read_lines, read_predictions
from ostinato.tasks.forecasting import evaluate, open_run
from tasks.conftest import cut

METRICS = {"log_loss", "auc", "brier", "accuracy"}
BASELINES = {"base_rate", "sign_table"}


@pytest.fixture(scope="module")
def run(finished):
    return open_run(finished.run.folder.path)


def metrics(run) -> dict:
    return json.loads(run.folder.metrics.read_text())


def test_metrics_json_has_the_shape_of_the_design(fitted):
    found = metrics(fitted.run)
    assert set(found) == {"test", "validation", "baselines", "tests", "training", "model"}
    assert set(found["test"]) == set(found["validation"]) == METRICS
    assert set(found["baselines"]) == set(found["tests"]["diebold_mariano"]) == BASELINES
    assert all(set(scores) == METRICS for scores in found["baselines"].values())
    assert all(set(test) == {"statistic", "p_value"} for test in found["tests"]["diebold_mariano"].values())
    assert set(found["tests"]) == {"diebold_mariano"}
    assert set(found["training"]) == {"seconds", "epochs", "stopped"}
    assert set(found["model"]) == {"parameters", "step_us"}
    assert found["training"]["stopped"] == "epochs"
    assert found["model"]["step_us"] > 0


def test_predictions_are_of_the_test_rows_exactly(fitted, trades):
    frame = read_predictions(fitted.run.folder.predictions)
    rows = np.arange(960, 1_200)
    assert frame.columns == ["row", "time", "id", "p_up"]
    assert np.array_equal(frame["row"], rows)
    assert np.array_equal(frame["time"], trades.time[rows])
    assert np.array_equal(frame["id"], trades.id[rows])
    assert frame["p_up"].dtype == pl.Float64


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


def test_a_series_that_grew_is_scored_on_its_own_last_part(run, longer):
    found = evaluate(run, longer)
    assert (found.part.start, found.part.stop, found.notes) == (1_200, 1_500, ())


def test_rows_that_the_run_was_fitted_on_are_left_out(run, longer):
    """The last fifth of 1,000 trades begins at 800; the run was fitted on 960."""
    found = evaluate(run, cut(longer, 1_000))
    assert (found.part.start, found.part.stop) == (960, 1_000)
    assert found.notes == ("rows 800 to 960 were left out: the run was fitted on them",)


@pytest.mark.parametrize("rows", [961, 900, 500, 60])
def test_a_series_that_was_cut_leaves_nothing_to_score(run, longer, rows):
    with pytest.raises(
        DataError, match=rf"fitted on the first 960 of these rows, and there are only {rows}: none"
    ):
        evaluate(run, cut(longer, rows))


def test_another_series_is_scored_on_its_last_fifth(run):
    found = evaluate(run, simulate_trades(rows=700, seed=8))
    assert (found.part.start, found.part.stop, found.notes) == (560, 700, ())
    assert set(found.test) == METRICS
    assert len(found.p_up) == 700
