"""A search looks at the validation part alone, can be killed at any moment, and judges its best trial once."""

import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.trades import make_trades
from ostinato.errors import (
    BrokenRunError,
    ConfigError,
    DataError,
    OstinatoError,
    RunError,
    RunExistsError,
)
from ostinato.experiment.panel_folder import read_panel, write_panel
from ostinato.experiment.search import model_space
from ostinato.experiment.space import Choice, Range, sections
from ostinato.experiment.study import Study, lock_folder
from ostinato.experiment.trial import TrialRequest, TrialResult, train_trial
from ostinato.experiment.workers import Workers
from ostinato.models import MODELS
from ostinato.runs import read_lines, read_tensors
from ostinato.runs.tuning import read_tuning
from ostinato.tasks.forecasting import FORECASTING, Recipe, evaluate, fit, open_run, panel_of, tune

RECIPE = {"feature_windows": [4, 16]}
USUAL = {"training": {"epochs": 2}, "recipe": RECIPE, "options": {"units": 4}, "trials": 4}
NO_FIXED = {"model": {}, "training": {}}


def tuned(data, out, **changes):
    return tune(data, out, **(USUAL | changes))


def told_of(summary) -> list:
    """What a search found, without what a clock said; a trial's number counts the killed ones too."""
    return sorted(
        (trial.state, str(trial.loss), json.dumps(trial.parameters, sort_keys=True), trial.model)
        for trial in summary.trials
    )


@pytest.fixture(scope="module")
def search(trades, tmp_path_factory):
    """A finished search. Its folder is not to be written to: ``copied_search`` is."""
    out = tmp_path_factory.mktemp("tune") / "search"
    return out, tuned(trades, out)


@pytest.fixture
def copied_search(search, tmp_path) -> Path:
    return shutil.copytree(search[0], tmp_path / "search")


def test_the_first_trial_is_what_fit_does(search, trades, tmp_path):
    done = fit(trades, tmp_path / "run", training={"epochs": 2}, recipe=RECIPE, options={"units": 4})
    first = next(trial for trial in search[1].summary.trials if trial.number == 0)
    assert first.defaults
    assert first.loss == done.finished.best_loss == search[1].summary.default_loss
    weights = read_tensors(search[0] / "trials/000/weights.safetensors")[0]
    theirs = read_tensors(tmp_path / "run/weights.safetensors")[0]
    assert all(np.array_equal(weights[name], theirs[name]) for name in theirs)


def test_the_best_run_is_the_best_trial_itself(search, trades):
    out, found = search
    best = found.summary.trials[0]
    assert best.loss == min(trial.loss for trial in found.summary.trials if trial.loss is not None)
    assert found.summary.best == best.number
    theirs = read_tensors(out / f"trials/{best.number:03d}/weights.safetensors")[0]
    ours = read_tensors(out / "best/weights.safetensors")[0]
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    again = evaluate(open_run(out / "best"), trades)
    assert again.test == pytest.approx(found.results.test, rel=1e-12)
    config = json.loads((out / "best/config.json").read_text())
    for address, value in best.parameters.items():
        section, name = address.split(".")
        assert config[section][name] == value


def test_what_lies_in_the_folder(search):
    out, found = search
    assert read_tuning(out / "tune.json") == found.summary
    trials = sorted(path.name for path in (out / "trials").iterdir())
    assert trials == ["000", "001", "002", "003"]
    assert all((out / "trials" / name / "metrics.jsonl").exists() for name in trials)
    assert not list(out.glob("trials/*/checkpoint.safetensors"))
    assert not list(out.glob("trials/*/metrics.json"))
    kept = {int(path.parent.name) for path in out.glob("trials/*/weights.safetensors")}
    assert kept == {trial.number for trial in found.summary.trials if trial.loss is not None} - {
        trial.number for trial in found.summary.trials[3:]
    }


def test_import_optuna_reads_the_journal(search):
    """Written by Optuna, so that its own tools can look at it."""
    backend = optuna.storages.journal.JournalFileBackend(str(search[0] / "study.journal"))
    study = optuna.load_study(study_name="tune", storage=optuna.storages.JournalStorage(backend))
    assert study.best_value == search[1].summary.trials[0].loss
    assert study.best_trial.number == search[1].summary.best
    assert len(study.trials) == 4
    for line in (search[0] / "study.journal").read_text().splitlines():
        json.loads(line)  # and nothing but JSON


def test_p_is_corrected_for_every_trial(search):
    summary, results = search[1].summary, search[1].results
    p = results.tests.diebold_mariano[summary.best_baseline].p_value
    assert summary.p_value == p
    assert summary.corrected_p == pytest.approx(min(1.0, 4 * p))
    assert "for 4 trials" in summary.verdict


def test_the_same_seed_gives_the_same_search(search, trades, tmp_path):
    assert told_of(tuned(trades, tmp_path / "same").summary) == told_of(search[1].summary)
    assert told_of(tuned(trades, tmp_path / "other", seed=1).summary) != told_of(search[1].summary)


def test_nothing_reads_the_test_part(search, trades, tmp_path):
    test = np.arange(len(trades.time)) >= 960
    rubbish = np.random.default_rng(0).uniform(1, 1e6, len(test))
    spoilt = make_trades(
        "spoilt",
        trades.time,
        np.where(test, rubbish, trades.price),
        np.where(test, rubbish[::-1], trades.amount),
        trades.id,
        trades.side,
    )
    found = tuned(spoilt, tmp_path / "spoilt")
    assert told_of(found.summary) == told_of(search[1].summary)
    assert found.results.test != search[1].results.test


@pytest.mark.parametrize("at", [1, 3])
def test_an_interrupted_search_goes_on_as_if_nothing_had_been(search, trades, tmp_path, at):
    def interrupt(trial, best, ended):
        if ended == at:
            raise KeyboardInterrupt

    found = tuned(trades, tmp_path / "search", on_trial=interrupt)
    assert (found.run, found.results) == (None, None)
    assert found.summary.searched == at
    done = tune(trades, tmp_path / "search", resume=True)
    assert told_of(done.summary) == told_of(search[1].summary)
    assert done.results.test == search[1].results.test


def test_ctrl_c_within_a_trial(search, trades, tmp_path):
    def press(trial, best, ended):
        signal.raise_signal(signal.SIGINT)

    found = tuned(trades, tmp_path / "search", on_trial=press)
    assert found.results is None
    assert told_of(tune(trades, tmp_path / "search", resume=True).summary) == told_of(search[1].summary)


def test_a_trial_under_way_when_all_was_killed_is_not_counted(search, copied_search, trades):
    journal = copied_search / "study.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if b'"facts"' in line]
    # the third trial had begun; its last line was cut off
    journal.write_bytes(b"".join(lines[: ends[2] - 1]) + lines[ends[2]][:20])
    (copied_search / "trials/077").mkdir()
    shutil.copy(copied_search / "trials/000/config.json", copied_search / "trials/077")
    done = tune(trades, copied_search, resume=True)
    assert told_of(done.summary) == told_of(search[1].summary)
    assert {path.name for path in (copied_search / "trials").iterdir()} == {
        f"{trial.number:03d}" for trial in done.summary.trials
    }


@pytest.mark.usefixtures("forked_processes")  # interpreters of their own are in the next one
def test_processes_side_by_side(search, trades, tmp_path):
    numbers = []
    found = tuned(
        trades, tmp_path / "search", jobs=2, on_trial=lambda trial, best, ended: numbers.append(trial.number)
    )
    assert sorted(numbers) == [0, 1, 2, 3]
    assert found.summary.searched == 4
    assert found.summary.default_loss == search[1].summary.default_loss
    assert found.results is not None
    assert not (tmp_path / "search/.data").exists()


def test_a_process_that_dies_is_replaced(trades, tmp_path):
    panel = panel_of(trades, Recipe())
    order = TrialRequest(
        0, str(tmp_path / "run"), "lstm", {}, {"epochs": 10_000, "patience": None}, RECIPE, 0
    )
    with Workers(1, FORECASTING, tmp_path, panel, "cpu", 1) as workers:
        workers.begin(order)
        assert workers.wait().outcome is None  # it trains
        next(iter(workers.processes.values())).kill()
        outcome = workers.wait().outcome
        assert outcome is not None
        assert outcome.state == "failed"
        assert "exit code -9" in str(outcome.failed)
        assert [workers.processes[worker].poll() for worker in workers.free] == [None]
        children = [process.pid for process in workers.processes.values()]
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_a_page_of_json_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "panel.json").open("wb") as file:
        file.truncate(1 << 31)
    with pytest.raises(
        RunError, match=r"panel\.json is 2,147,483,648 bytes, more than the 67,108,864 allowed"
    ):
        read_panel(tmp_path)


def test_a_panel_for_other_processes_is_the_same_panel(trades, tmp_path):
    panel = panel_of(trades, Recipe())
    half = len(panel) // 2
    panel = replace(
        panel,
        starts=np.array([0, half]),
        ids=("a", "b"),
        observed=np.arange(len(panel)) % 3 > 0,
        season=24,
    )
    write_panel(tmp_path / "panel", panel)
    other = read_panel(tmp_path / "panel")
    assert list(other.values) == list(panel.values)
    for name in ("time", "starts", "observed"):
        assert np.array_equal(getattr(other, name), getattr(panel, name))
    assert all(np.array_equal(other.values[name], panel.values[name]) for name in panel.values)
    for name in ("kind", "ids", "step", "season", "targets", "known", "bars"):
        assert getattr(other, name) == getattr(panel, name)
    assert other.report.lines() == panel.report.lines()


def test_a_hopeless_trial_ends_after_the_epoch(trades, tmp_path):
    panel = panel_of(trades, Recipe())
    order = TrialRequest(0, str(tmp_path / "run"), "lstm", {"units": 4}, {"epochs": 50}, RECIPE, 0)
    losses = []

    def should_prune(step, loss):
        losses.append((step, loss))
        return len(losses) == 2

    outcome = train_trial(FORECASTING, order, panel, should_prune)
    assert (outcome.state, outcome.loss) == ("pruned", None)
    lines = read_lines(tmp_path / "run/metrics.jsonl")
    assert losses == [(2, lines[0]["validation_loss"]), (4, lines[1]["validation_loss"])]
    assert len(lines) == outcome.facts["epochs"] == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def spaces(*models):
    return {name: model_space(FORECASTING, name, NO_FIXED, 0, Recipe()) for name in models}


def test_worse_than_most_is_pruned_but_never_the_defaults(tmp_path):
    search = Study(tmp_path / "study.journal", spaces("lstm"), 0)
    first = search.ask()[0]
    for _ in range(5):
        trial = search.ask()[0]
        assert not search.should_prune(trial, 50, 0.5)
        search.tell(trial, TrialResult("complete", 0.5))
    other = search.ask()[0]
    assert search.should_prune(other, 50, 0.6)
    assert not search.should_prune(first, 50, 0.6)


def test_every_model_is_tried_with_its_defaults_first(tmp_path):
    search = Study(tmp_path / "study.journal", spaces("lstm", "cnn"), 0)
    found = []
    for _ in range(4):
        trial, model, values = search.ask()
        found.append((model, values))
        search.tell(trial, TrialResult("complete", 1.0))
    assert [model for model, _ in found[:2]] == ["lstm", "cnn"]
    for model, values in found[:2]:
        defaults = search.spaces[model].defaults
        assert values == {address: defaults[address] for address in values}
    assert [trial.defaults for trial in search.trials()] == [True, True, False, False]


def synthetic(path, sessions):
    """A search without training: the loss depends on the dropout alone. Sessions: trials of each."""
    for trials in sessions:
        search = Study(path, spaces("lstm"), 0)
        for _ in range(trials):
            trial, _, values = search.ask()
            loss = 0.5 + (values["model.dropout"] - 0.4) ** 2
            search.tell(trial, TrialResult("complete", loss))
    return search


def test_the_sampler_learns_the_same_in_one_session_or_many(tmp_path):
    once = synthetic(tmp_path / "once.journal", [30])
    often = synthetic(tmp_path / "often.journal", [3, 10, 1, 16])
    assert once.trials() == often.trials()
    assert len({json.dumps(trial.parameters) for trial in once.trials()}) == 30
    drawn = [trial.parameters["model.dropout"] for trial in once.trials()]
    assert np.mean(np.abs(np.array(drawn[20:]) - 0.4)) < np.mean(np.abs(np.array(drawn[:9]) - 0.4)) / 2
    importance = once.importance(once.trials()[0])
    assert max(importance, key=importance.__getitem__) == "model.dropout"
    assert sum(importance.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("model", list(MODELS))
def test_the_space_of_every_model(model):
    space = model_space(FORECASTING, model, NO_FIXED, 0, Recipe())
    assert {address for address in space.space if address.startswith("model.")}
    first = space.values(space.first())
    assert first == {address: space.defaults[address] for address in first}
    for seed in range(20):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
        drawn = sections(space.draw(study.ask()))
        model_space(FORECASTING, model, drawn, 0, Recipe())  # every draw is a valid config
        sampler = drawn["training"].get("sampler", space.defaults["training.sampler"])
        assert ("streams" in drawn["training"]) == (sampler == "streams")


def test_defaults_lie_within_the_space_wherever_they_are():
    assert Choice((1, 2)).including(None).values == (1, 2, None)
    assert Choice((1, 2)).including(2).values == (1, 2)
    wide = Range(2, 6).including(9).including(1)
    assert (wide.low, wide.high) == (1, 9)


def test_what_is_fixed_is_not_searched(trades, tmp_path):
    fixed = model_space(
        FORECASTING, "lstm", {"model": {"units": 4}, "training": {"sampler": "windows"}}, 0, Recipe()
    )
    assert "model.units" not in fixed.space
    assert {"training.windows", "training.window"} <= set(fixed.space)
    assert "training.streams" not in fixed.space
    everything = {
        address.partition(".")[2]: value
        for address, value in spaces("lstm")["lstm"].defaults.items()
        if address.startswith("training.")
    }
    network = {"units": 4, "layers": 1, "dropout": 0.0}
    with pytest.raises(ConfigError, match="nothing is left to search"):
        tune(trades, tmp_path / "search", training=everything, options=network, trials=2)


def test_more_trials_after_the_end(copied_search, trades):
    before = read_tuning(copied_search / "tune.json")
    same = tune(trades, copied_search, resume=True)  # nothing is left to do
    assert same.summary.test_scored == before.test_scored == 1
    assert same.results == tune(trades, copied_search, resume=True, trials=2).results
    more = tune(trades, copied_search, resume=True, trials=6).summary
    assert more.searched == 6
    assert more.test_scored == (1 if more.best == before.best else 2)
    assert more.corrected_p == pytest.approx(min(1.0, 6 * more.p_value))
    assert told_of(before)[0] in told_of(more)
    shutil.rmtree(copied_search / "best")
    assert tune(trades, copied_search, resume=True, trials=6).summary.test_scored == more.test_scored + 1


def test_going_on_keeps_to_what_was_begun(copied_search, trades, longer):
    for changes in (
        {"seed": 1},
        {"model": "gru"},
        {"training": {"epochs": 3}},
        {"options": {"layers": 1}},
        {"recipe": {"horizon": 2}},
    ):
        with pytest.raises(ConfigError, match="was begun with"):
            tune(trades, copied_search, resume=True, **changes)
    with pytest.raises(DataError, match="other data"):
        tune(longer, copied_search, resume=True)
    assert read_tuning(copied_search / "tune.json").searched == 4


def test_trials_that_cannot_be_trained(trades, tmp_path):
    with pytest.raises(DataError, match=r"none of 3 trials .* not finite"):
        tuned(trades, tmp_path / "search", training={"learning_rate": 1e30, "clip_norm": None}, trials=3)
    assert read_tuning(tmp_path / "search/tune.json").failed == 3


def test_data_that_are_too_few_end_the_search_at_once(trades, tmp_path):
    with pytest.raises(DataError, match="too few"):
        tuned(trades, tmp_path / "search", recipe={"feature_windows": [4, 900]})
    tuned(trades, tmp_path / "search", trials=1)  # the folder can be used


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trials": 0}, "trials must be 1 to 10,000, got 0"),
        ({"jobs": 0}, "jobs must be 1"),
        ({"seconds": 0.0}, "seconds must be above 0"),
        ({"seconds": float("nan")}, "seconds must be above 0"),
        ({"model": "lsmt"}, "Did you mean 'lstm'"),
        ({"model": ["lstm", "lsmt"]}, "Did you mean 'lstm'"),
        ({"model": []}, "no model"),
        ({"options": {"unit": 3}}, "Did you mean 'units'"),
        ({"model": ["lstm", "cnn"], "options": {"unit": 3}}, "Did you mean 'units'"),
        ({"training": {"epoch": 3}}, "Did you mean 'epochs'"),
        ({"recipe": {"horizn": 3}}, "Did you mean 'horizon'"),
        ({"force": True, "resume": True}, "Choose one of them"),
    ],
    ids=str,
)
def test_mistakes(trades, tmp_path, changes, words):
    with pytest.raises(ConfigError, match=words):
        tuned(trades, tmp_path / "search", **changes)
    assert not (tmp_path / "search").exists()


def test_folders_that_cannot_be_used(copied_search, trades, tmp_path):
    with pytest.raises(RunExistsError, match=r"--force .* --resume"):
        tuned(trades, copied_search)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="is a file"):
        tuned(trades, tmp_path / "file")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/study.journal").write_text("mine")
    for more in ({}, {"force": True}, {"resume": True}):
        with pytest.raises(RunError, match="holds no search"):
            tuned(trades, tmp_path / "mine", **more)
    assert (tmp_path / "mine/study.journal").read_text() == "mine"


def test_force_removes_the_search_and_nothing_else(copied_search, trades):
    (copied_search / "trials/mine").mkdir()
    (copied_search / "trials/001/notes.txt").write_text("mine")
    done = tuned(trades, copied_search, trials=1, force=True)
    assert done.summary.searched == 1
    assert (copied_search / "trials/001/notes.txt").exists()
    assert {path.name for path in (copied_search / "trials").iterdir()} == {"000", "001", "mine"}
    assert not (copied_search / "trials/001/config.json").exists()


def test_links_are_not_followed(copied_search, trades, tmp_path):
    shutil.move(copied_search / "trials/002", tmp_path / "precious")
    (copied_search / "trials/002").symlink_to(tmp_path / "precious")
    for more in ({"force": True}, {"resume": True}):
        with pytest.raises(RunError, match="is a link"):
            tune(trades, copied_search, **more)
    assert (tmp_path / "precious/config.json").exists()


def test_one_search_at_a_time(copied_search, trades):
    with (
        lock_folder(copied_search),
        pytest.raises(RunError, match="another search is at work"),
    ):
        tune(trades, copied_search, resume=True)


def test_without_optuna(trades, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'ostinato\[tune\]'"):
        tuned(trades, tmp_path / "search")


HOSTILE = [
    None,
    True,
    -1,
    7,
    1e308,
    "x",
    "\x1b[2J",
    [],
    {},
    [[]],
    {"state": "complete"},
    {"name": "CategoricalDistribution", "attributes": {"choices": []}},
    '{"name": "FloatDistribution", "attributes": {"low": 2, "high": 1}}',
    '{"name": "CategoricalDistribution", "attributes": {"choices": ["a"]}}',
]


@st.composite
def damage(draw, lines):
    """A journal with a line lost, repeated, cut or moved, or with another value somewhere."""
    lines = list(lines)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["lose", "repeat", "move", "bytes", "value", "value", "value"]))
        if kind == "lose":
            del lines[place]
        elif kind == "repeat":
            lines.insert(place, lines[place])
        elif kind == "move":
            lines.append(lines.pop(place))
        elif kind == "bytes":
            lines[place] = draw(st.binary(max_size=20))
        else:
            try:
                record = json.loads(lines[place])
            except ValueError:
                continue
            if not isinstance(record, dict) or not record:
                continue
            inner = record
            key = draw(st.sampled_from(sorted(record)))
            if isinstance(record[key], dict) and record[key] and draw(st.booleans()):
                inner = record[key]
                key = draw(st.sampled_from(sorted(inner)))
                if isinstance(inner[key], dict) and inner[key]:
                    inner = inner[key]
                    key = draw(st.sampled_from(sorted(inner)))
            inner[key] = draw(st.sampled_from(HOSTILE))
            lines[place] = json.dumps(record).encode()
        if not lines:
            break
    return b"\n".join(lines) + draw(st.sampled_from([b"\n", b""]))


class Lines(list):
    """Not shown by hypothesis in full."""

    def __repr__(self):
        return f"{len(self)} lines"


@pytest.fixture(scope="module")
def journal(search):
    return Lines((search[0] / "study.journal").read_bytes().splitlines())


@settings(max_examples=int(os.environ.get("MAXEX", "40")), deadline=None)
@given(data=st.data())
def test_a_damaged_journal_is_refused_or_read(data, journal, tmp_path_factory):
    path = tmp_path_factory.mktemp("journal") / "study.journal"
    path.write_bytes(data.draw(damage(journal)))
    space = {
        "lstm": model_space(
            FORECASTING, "lstm", {"model": {"units": 4}, "training": {"epochs": 2}}, 0, Recipe()
        )
    }
    refused = ""
    try:
        search = Study(path, space, 0)
    except OstinatoError as error:
        refused = str(error)
    assert refused.isprintable()
    if refused:
        return
    found = search.trials()
    search.importance(found[0]) if found else None
    trial, *_ = search.ask()
    search.should_prune(trial, 50, 0.7)
    search.tell(trial, TrialResult("complete", 0.7))
    assert len(search.trials()) == len(found) + 1


@pytest.mark.parametrize(
    "value",
    [{}, [], {"format_version": 99}, {"format_version": 1, "settings": {"models": {}}}],
    ids=str,
)
def test_a_damaged_tune_json(copied_search, trades, value):
    (copied_search / "tune.json").write_text(json.dumps(value))
    with pytest.raises(BrokenRunError, match=r"tune\.json"):
        tune(trades, copied_search, resume=True)
