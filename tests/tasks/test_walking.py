"""Walking forward: every row of the test part is judged once, by a model that was fitted before it."""

import json

import numpy as np
import pytest

from contract.registry.models import MODEL_OPTIONS
from ostinato.errors import ConfigError
from ostinato.evaluation import auc, direction_metrics
from ostinato.experiment.evaluating import pooled
from ostinato.experiment.scores import intervals_of
from ostinato.runs import read_predictions
from ostinato.runs.walk import read_walk
from ostinato.tasks.forecasting import FORECASTING, evaluate, open_run, panel_of, walk
from ostinato.tasks.forecasting.evaluating import unseen_fold
from ostinato.tasks.forecasting.recipe import recipe_from
from tasks.conftest import DATA, TRAINING
from tasks.test_resuming import Interrupt, assert_same_run, weights

FOLDS = 3


def walked(trades, out, **changes):
    usual = {
        "folds": FOLDS,
        "options": MODEL_OPTIONS["lstm"],
        "training": TRAINING | {"epochs": 1},
        "recipe": DATA,
    }
    return walk(trades, out, "lstm", **(usual | changes))


@pytest.fixture(scope="module")
def done(trades, tmp_path_factory):
    return walked(trades, tmp_path_factory.mktemp("walk") / "run")


def folder_of(walk):
    return walk.fits[-1].run.folder.path


def test_every_row_is_scored_once_by_what_was_fitted_before_it(done, trades):
    panel = panel_of(trades, done.fits[0].run.recipe)
    rows = [fit.evaluation.rows for fit in done.fits]
    np.testing.assert_array_equal(np.concatenate(rows), np.arange(960, 1199))  # the last row has no label
    np.testing.assert_array_equal(done.scored.rows, np.concatenate(rows))
    for fit, mine in zip(done.fits, rows, strict=True):
        assert (
            fit.run.recipe.rows_fitted == mine[0]
        )  # the label of the last one fitted is at most its first row
        assert fit.run.recipe.fitted_until == panel.time[mine[0] - 1]


def test_the_folder_is_the_run_of_the_last_fold(done):
    folder = folder_of(done)
    assert sorted(path.name for path in (folder / "folds").iterdir()) == ["1", "2"]
    assert open_run(folder).recipe.rows_fitted == 1120
    assert [open_run(folder / "folds" / name).recipe.rows_fitted for name in "12"] == [960, 1040]
    assert read_predictions(folder / "predictions.parquet")["row"].min() == 1120


def test_folds_json_holds_what_the_forecasts_in_the_runs_say(done):
    """From the files alone, against functions that know no folds."""
    folder = folder_of(done)
    found = read_walk(folder / "folds.json")
    parts = [
        read_predictions(path / "predictions.parquet").drop_nulls("actual").drop_nans("actual")
        for path in (folder / "folds" / "1", folder / "folds" / "2", folder)
    ]
    p = np.concatenate([part["p_up"].to_numpy() for part in parts])
    up = np.concatenate([part["actual"].to_numpy() for part in parts])
    whole = direction_metrics(p, up)
    for name in ("log_loss", "brier", "accuracy"):
        assert found.test[name] == pytest.approx(whole[name], rel=1e-9)
    folds = [auc(part["p_up"].to_numpy(), part["actual"].to_numpy()) for part in parts]
    assert found.test["auc"] == pytest.approx(np.average(folds, weights=[len(part) for part in parts]))
    assert found.rows_scored == len(p) == 239
    assert [fold.parts["test"].rows for fold in found.folds] == [80, 80, 80]
    losses = [fold.baselines["base_rate"]["log_loss"] for fold in found.folds]
    assert found.baselines["base_rate"].test["log_loss"] == pytest.approx(
        np.average(losses, weights=[80, 80, 79])
    )
    for name, (low, high) in found.intervals.items():
        assert low <= found.test[name] <= high


def test_a_rolling_window_forgets(trades, tmp_path):
    done = walked(trades, tmp_path / "run", window="rolling", folds=2)
    first, last = (fit.run.recipe for fit in done.fits)
    panel = panel_of(trades, first)
    assert (first.fitted_from, last.fitted_from) == (panel.time[0], panel.time[120])
    assert done.results.window == "rolling"


def test_an_interrupted_walk_is_resumed_to_the_same_numbers(done, trades, tmp_path):
    import contextlib

    @contextlib.contextmanager
    def watch(name):
        yield Interrupt(at=2) if name == "lstm fold 1/3" else None

    with pytest.raises(KeyboardInterrupt):
        walked(trades, tmp_path / "run", watch=watch)
    assert not (tmp_path / "run" / "folds.json").exists()
    assert not (tmp_path / "run" / "folds" / "2").exists()
    before = weights(tmp_path / "run")
    walked(trades, tmp_path / "run", options={}, training={}, recipe={}, resume=True)
    assert weights(tmp_path / "run") == before
    for place in ("", "folds/1", "folds/2"):
        assert_same_run(tmp_path / "run" / place, folder_of(done) / place)
    one, other = (
        json.loads((path / "folds.json").read_text()) for path in (tmp_path / "run", folder_of(done))
    )
    assert {**one, "created": ""} == {**other, "created": ""}


@pytest.mark.parametrize("change", [{"folds": 2}, {"window": "rolling"}])
def test_a_walk_is_not_gone_on_with_on_other_rows(done, trades, change):
    before = weights(folder_of(done))
    with pytest.raises(ConfigError, match=r"was begun on other rows of these data\. Repeat its --folds"):
        walked(trades, folder_of(done), resume=True, **change)
    assert weights(folder_of(done)) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"folds": 0}, "folds must be 1 to 100, got 0"),
        ({"folds": 10_000}, "folds must be 1 to 100, got 10,000"),
        ({"window": "rollin"}, "window must be expanding or rolling, got 'rollin'. Did you mean 'rolling'?"),
    ],
)
def test_what_cannot_be_walked_is_refused(trades, tmp_path, change, said):
    with pytest.raises(ConfigError) as caught:
        walked(trades, tmp_path / "run", **change)
    assert said in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_metrics_are_means_of_their_columns():
    """Worked by hand: the root is that of the mean, and what is nowhere known does not exist."""
    from ostinato.experiment.scores import means

    nan = np.nan
    found = means({"mse": np.array([1.0, 7.0]), "OT.mse": np.array([9.0, nan]), "mase": np.array([nan, nan])})
    assert found == {"mse": 4.0, "rmse": 2.0, "OT.mse": 9.0, "OT.rmse": 3.0, "mase": None}


def test_intervals_of_several_series_see_moments_not_rows():
    """Twice the same series is no more information than one."""
    time = np.arange(200.0)
    values = np.random.default_rng(0).normal(size=200)
    single = intervals_of({"mse": values**2}, 3)
    double = intervals_of({"mse": np.tile(values**2, 2)}, 3, np.tile(time, 2))
    assert single["mse"] == pytest.approx(double["mse"])
    assert single["rmse"] == pytest.approx(np.sqrt(single["mse"]))


def test_pooled_tests_see_the_rows_of_all_folds(done, trades):
    """The statistic is that of the joined losses, and not of any one fold."""
    from ostinato.evaluation import diebold_mariano

    scores = [fit.evaluation.scored for fit in done.fits]
    recipe = done.fits[0].run.recipe
    found = pooled(FORECASTING, recipe_from(recipe.model_dump()), panel_of(trades, recipe), scores)
    ours = np.concatenate([score.losses for score in scores])
    theirs = np.concatenate([score.baselines["sign_table"]["log_loss"] for score in scores])
    test = diebold_mariano(ours, theirs, horizon=1)
    assert found.skill["sign_table"].statistic == pytest.approx(test.statistic)
    assert found.skill["sign_table"].p_value == pytest.approx(test.p_value)


def test_evaluate_says_again_what_the_run_says(done, trades):
    """Its own data have its own parts: baselines too are fitted on all that came before its block."""
    for fit in done.fits:
        found = evaluate(fit.run, trades)
        np.testing.assert_array_equal(found.rows, fit.evaluation.rows)
        assert found.test == pytest.approx(fit.results.test, rel=1e-9)
        assert found.validation == pytest.approx(fit.results.validation, rel=1e-9)
        for name, metrics in fit.results.baselines.items():
            assert found.baselines[name] == pytest.approx(metrics, rel=1e-9)


def test_a_longer_series_is_judged_on_what_the_run_has_not_seen(done, longer):
    """Of 1,500 rows the test part begins at 1,200, validation at 1,050; the last fold was fitted up to 1,120."""
    found = evaluate(done.fits[-1].run, longer)
    assert found.rows.min() == 1200
    panel = panel_of(longer, done.fits[-1].run.recipe)
    fold, _ = unseen_fold(done.fits[-1].run.recipe, panel)
    assert fold.validation.min() == 1120
    assert fold.train.max() < 1120


def test_force_leaves_no_fold_of_the_walk_before(trades, tmp_path):
    walked(trades, tmp_path / "run")
    (tmp_path / "run" / "folds" / "notes.txt").write_text("mine")
    walked(trades, tmp_path / "run", folds=2, force=True)
    assert sorted(path.name for path in (tmp_path / "run" / "folds").iterdir()) == ["1", "notes.txt"]
