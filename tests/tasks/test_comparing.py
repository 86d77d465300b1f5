"""Models and baselines on the same rows: what compare.json says, and what may go wrong on the way."""

import contextlib
import json
from statistics import median_low

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from contract.registry.models import MODEL_OPTIONS
from ostinato.errors import ConfigError, DataError, RunError, RunExistsError, TrainingError
from ostinato.evaluation import ModelScores, judge
from ostinato.evaluation.verdict import recorded
from ostinato.experiment import comparing
from ostinato.runs import read_results
from ostinato.runs.comparison import read_comparison
from ostinato.tasks.forecasting import compare, evaluate, open_run
from tasks.conftest import DATA, TRAINING
from tasks.test_resuming import Hears, Interrupt, weights

MODELS = ("rnn", "cnn", "mlp")


def compared(trades, out, **changes):
    usual = {
        "models": MODELS,
        "options": {name: MODEL_OPTIONS[name] for name in MODELS},
        "training": TRAINING | {"epochs": 1},
        "recipe": DATA,
    }
    return compare(trades, out, **(usual | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("comparison") / "all"


@pytest.fixture(scope="module")
def found(trades, folder):
    return compared(trades, folder)


def timeless(comparison):
    """Without what a clock said."""
    value = json.loads(comparison.model_dump_json())
    value["created"] = ""
    for model in value["models"].values():
        model["seconds"] = model["step_us"] = None
    return value


def test_every_model_stands_beside_every_baseline_on_the_same_rows(found, folder, trades):
    assert read_comparison(folder / "compare.json") == found
    assert list(found.models) == list(MODELS)
    assert (found.folds, found.compared, found.measure, found.rows_scored) == (1, 3, "log_loss", 239)
    assert {name: part.rows for name, part in found.parts.items()} == {
        "train": 839,
        "validation": 119,
        "test": 240,
    }
    for name, model in found.models.items():
        assert model.runs == [name]
        run = open_run(folder / name)
        alone = evaluate(run, trades)
        assert model.test == pytest.approx(alone.test)
        assert model.skill["sign_table"].statistic == pytest.approx(alone.skill["sign_table"].statistic)
        assert model.parameters == sum(parameter.numel() for parameter in run.model.parameters())
        for baseline, metrics in alone.baselines.items():
            assert found.baselines[baseline].test == pytest.approx(metrics)
        for metric, (low, high) in model.intervals.items():
            assert low <= model.test[metric] <= high


def test_the_best_baseline_is_the_one_that_loses_least(found):
    losses = {name: baseline.test["log_loss"] for name, baseline in found.baselines.items()}
    assert losses[found.best_baseline] == min(losses.values())


def test_p_values_are_corrected_for_the_number_of_models(found):
    p = [model.skill[found.best_baseline].p_value for model in found.models.values()]
    _, corrected, *_ = multipletests(p, method="holm")
    assert [model.corrected_p for model in found.models.values()] == pytest.approx(list(corrected))
    for name, model in found.models.items():
        assert model.verdict.startswith(f"{name} ")
        assert f"corrected p = {model.corrected_p:.2g}" in model.verdict


def test_what_is_recorded_is_the_one_verdict(found):
    """As anybody judges who has compare.json alone."""
    baselines = {name: baseline.test for name, baseline in found.baselines.items()}
    verdicts = judge(
        {
            name: ModelScores(found.measure, model.test, baselines, model.skill)
            for name, model in found.models.items()
        }
    )
    assert {name: verdict.sentence for name, verdict in verdicts.items()} == {
        name: model.verdict for name, model in found.models.items()
    }
    assert recorded(found) == verdicts


def test_folds_and_seeds(trades, tmp_path):
    """Of three seeds the metrics are medians; of two folds all rows are scored once."""
    found = compared(trades, tmp_path / "all", models=["rnn"], seeds=3, seed=5, folds=2)
    model = found.models["rnn"]
    assert model.runs == [f"rnn/seed-{seed}-fold-{fold}" for seed in (5, 6, 7) for fold in (1, 2)]
    assert (found.rows_scored, found.folds, found.compared) == (239, 2, 1)
    results = {run: read_results(tmp_path / "all" / run / "metrics.json") for run in model.runs}
    for metric in ("log_loss", "brier", "accuracy"):
        of_seeds = [
            np.average(
                [results[f"rnn/seed-{seed}-fold-{fold}"].test[metric] for fold in (1, 2)], weights=[120, 119]
            )
            for seed in (5, 6, 7)
        ]
        assert model.test[metric] == pytest.approx(np.median(of_seeds))
    seconds = [
        sum(results[f"rnn/seed-{seed}-fold-{fold}"].training.seconds for fold in (1, 2)) for seed in (5, 6, 7)
    ]
    assert model.seconds == pytest.approx(median_low(seconds))
    middle = sorted((5, 6, 7), key=lambda seed: _loss(results, seed))[1]
    assert model.test["log_loss"] == pytest.approx(_loss(results, middle))
    low, high = model.intervals["log_loss"]
    assert low <= model.test["log_loss"] <= high


def _loss(results, seed):
    return np.average(
        [results[f"rnn/seed-{seed}-fold-{fold}"].test["log_loss"] for fold in (1, 2)], weights=[120, 119]
    )


def test_baselines_are_fitted_once_for_all_models(trades, tmp_path, monkeypatch):
    from ostinato.evaluation.baselines.direction import SignTable

    fitted = []
    usual = SignTable.fit
    monkeypatch.setattr(SignTable, "fit", lambda self, *given: fitted.append(1) or usual(self, *given))
    compared(trades, tmp_path / "all", models=["rnn", "mlp"])
    assert len(fitted) == 2  # to be judged, and to be carried by the runs


def test_an_interrupted_comparison_is_resumed_to_the_same_numbers(found, folder, trades, tmp_path):
    told = []

    def watching(stop):
        @contextlib.contextmanager
        def watch(name):
            told.append((name, Interrupt(at=3) if stop and name == "cnn" else Hears()))
            yield told[-1][1]

        return watch

    out = tmp_path / "all"
    with pytest.raises(KeyboardInterrupt):
        compared(trades, out, watch=watching(stop=True))
    assert [name for name, _ in told] == ["rnn", "baselines", "cnn"]
    assert not (out / "compare.json").exists()
    with pytest.raises(RunExistsError, match="already holds a comparison"):
        compared(trades, out)
    before = weights(out / "rnn")
    told.clear()
    again = compare(trades, out, resume=True, watch=watching(stop=False))  # no choice needs to be repeated
    updates = {name: watcher.updates for name, watcher in told}
    assert list(updates) == ["rnn", "baselines", "cnn", "mlp"]
    assert (updates["rnn"], updates["cnn"] > 0, updates["mlp"] > updates["cnn"]) == (0, True, True)
    assert weights(out / "rnn") == before
    assert timeless(again) == timeless(found)
    for name in MODELS:
        assert weights(out / name) == weights(folder / name)


def test_a_model_that_fails_does_not_stop_the_others(trades, tmp_path, monkeypatch):
    usual = comparing.train

    def train(choices, *given, **more):
        if choices.config.model["name"] == "cnn":
            raise TrainingError("the loss became NaN.")
        return usual(choices, *given, **more)

    monkeypatch.setattr(comparing, "train", train)
    found = compared(trades, tmp_path / "all")
    assert {name: model.failed for name, model in found.models.items()} == {
        "rnn": None,
        "cnn": "the loss became NaN.",
        "mlp": None,
    }
    assert found.models["cnn"].test == {}
    assert found.compared == 2
    assert read_comparison(tmp_path / "all" / "compare.json") == found


def test_where_all_fail_the_reason_is_raised(trades, tmp_path):
    with pytest.raises(DataError, match="too few"):
        compared(trades, tmp_path / "all", recipe={"feature_windows": [4, 5000]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"models": ["lsmt"]}, "no model is called 'lsmt'. Did you mean 'lstm'?"),
        ({"models": []}, "no model is named"),
        ({"options": {"lstn": {}, "x": {"a": 1}}}, "no model is called 'x'"),
        ({"options": {"rnn": {"unit": 4}}}, "model rnn has no field 'unit'. Did you mean 'units'?"),
        ({"training": {"epoch": 4}}, "training has no field 'epoch'. Did you mean 'epochs'?"),
        ({"recipe": {"horizn": 4}}, "data has no field 'horizn'. Did you mean 'horizon'?"),
        ({"seeds": 0}, "seeds must be 1 to 100, got 0"),
        ({"seed": -1}, "the field seed cannot be -1"),
        ({"seed": "a"}, "seed must be a whole number, got 'a'"),
        ({"folds": 10_000}, "folds must be 1 to 100, got 10,000"),
        ({"force": True, "resume": True}, "Choose one of them"),
    ],
)
def test_bad_choices_are_told_before_anything_is_written(trades, tmp_path, change, said):
    with pytest.raises(ConfigError) as caught:
        compared(trades, tmp_path / "all", **change)
    assert said in str(caught.value)
    assert not (tmp_path / "all").exists()


def test_folds_that_the_data_do_not_give(trades, tmp_path):
    with pytest.raises(DataError, match="of one of 100 folds has"):
        compared(trades, tmp_path / "all", folds=100, recipe=DATA | {"horizon": 5})
    assert not (tmp_path / "all").exists()


def test_what_a_comparison_was_begun_with_is_not_changed(found, folder, trades):
    for change, said in (
        ({"models": ["rnn"]}, "models"),
        ({"training": {"epochs": 9}}, r"was begun with training\.epochs = 1, now it is 9"),
        ({"recipe": {"horizon": 2}}, r"recipe\.horizon = None, now it is 2"),
        ({"folds": 2}, "folds = 1, now it is 2"),
        ({"seed": 3}, "seed = 0, now it is 3"),
    ):
        with pytest.raises(ConfigError, match=said):
            compare(trades, folder, resume=True, **change)
    assert read_comparison(folder / "compare.json") == found


def test_a_folder_that_is_a_strangers_is_not_touched(trades, tmp_path):
    (tmp_path / "diary.txt").write_text("dear")
    for flags in ({}, {"force": True}, {"resume": True}):
        with pytest.raises(RunError, match="is not empty and holds no comparison"):
            compared(trades, tmp_path, **flags)
    with pytest.raises(RunError, match="is a file"):
        compared(trades, tmp_path / "diary.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_force_replaces_a_comparison(trades, tmp_path):
    compared(trades, tmp_path / "all", models=["rnn"])
    before = weights(tmp_path / "all" / "rnn")
    compared(trades, tmp_path / "all", models=["rnn"], seed=1, force=True)
    assert weights(tmp_path / "all" / "rnn") != before
    with pytest.raises(RunError, match="a comparison of other folds or seeds"):
        compared(trades, tmp_path / "all", models=["rnn"], folds=2, force=True)


def test_a_plan_from_a_stranger_is_refused(trades, tmp_path):
    out = tmp_path / "all"
    out.mkdir()
    for plan in ('{"models": ["../../x"]}', '{"models": 3}', "nonsense", '{"models": ["rnn"], "folds": 1e9}'):
        (out / "plan.json").write_text(plan)
        with pytest.raises((RunError, ConfigError)):
            compare(trades, out, resume=True)
    assert [path.name for path in out.iterdir()] == ["plan.json"]
