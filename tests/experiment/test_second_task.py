"""A task of another package goes through every command with nothing but its own file and an entry point."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge

import forkserver
from ostinato.errors import BrokenRunError, ConfigError, RunError
from ostinato.runs.folder import RunFolder
from ostinato.runs.reading import read_lines
from ostinato.runs.tensors import read_tensors

SMALL = ("--set", "model.units=4", "--set", "training.epochs=3", "--set", "windows=16", "--threads", "1")
QUICK = (*SMALL, "--no-page")


@pytest.fixture(scope="module")
def run(csv, installed, tmp_path_factory):
    """A run of the task, made once."""
    from typer.testing import CliRunner

    from ostinato.cli import app

    out = tmp_path_factory.mktemp("runs") / "lstm"
    sys.path.insert(0, str(installed))
    try:
        done = CliRunner().invoke(app, ["fit", "ragged", str(csv), "-o", str(out), *SMALL])
    finally:
        sys.path.remove(str(installed))
    assert done.exit_code == 0, (done.output, done.exception)
    return out, done.output


def weights(folder):
    tensors, _ = read_tensors(RunFolder(folder).weights)
    return {name: value.tobytes() for name, value in tensors.items()}


def test_fit_leaves_a_run_judged_beside_the_baseline(run, csv):
    out, said = run
    assert "read 120 sequences from" in said
    assert "linear_mean" in said
    found = json.loads((out / "metrics.json").read_text())
    config = json.loads((out / "config.json").read_text())
    assert (config["task"], config["data"]["features"], config["data"]["rows"]) == ("ragged", 2, 120)
    assert {name: part["rows"] for name, part in found["parts"].items()} == {
        "train": 84,
        "validation": 12,
        "test": 24,
    }
    # the baseline is that of scikit-learn on means that polars works out
    mean = pl.read_csv(csv).group_by("sequence", maintain_order=True).mean()
    x, y = mean.select("a", "b").to_numpy().astype(np.float32), mean["label"].to_numpy()
    test = pl.read_parquet(out / "predictions.parquet")["row"].to_numpy()
    others = np.setdiff1d(np.arange(120), test)
    theirs = np.mean((Ridge().fit(x[others], y[others]).predict(x[test]) - y[test]) ** 2)
    assert found["baselines"]["linear_mean"]["mse"] == pytest.approx(theirs, rel=1e-5)
    assert found["tests"]["diebold_mariano"]["linear_mean"]["p_value"] is not None


def test_evaluate_says_what_the_run_says(run, csv, ostinato):
    out, _ = run
    found = json.loads(ostinato("evaluate", out, csv, "--json", "--threads", "1"))
    kept = json.loads((out / "metrics.json").read_text())
    assert found["scored"] == 24
    assert found["test"] == pytest.approx(kept["test"])
    assert found["baselines"] == kept["baselines"]


def test_predict_writes_every_sequence_or_the_last(run, csv, ostinato, tmp_path):
    out, _ = run
    assert "120 predictions in" in ostinato("predict", out, csv, "-o", tmp_path / "all.parquet")
    found = pl.read_parquet(tmp_path / "all.parquet")
    judged = pl.read_parquet(out / "predictions.parquet")
    both = found.join(judged, on="row", maintain_order="right")
    np.testing.assert_allclose(both["predicted"], both["predicted_right"], rtol=1e-5, atol=1e-6)
    assert len(both) == 24
    ostinato("predict", out, csv, "-o", tmp_path / "last.parquet", "--last", "5")
    assert pl.read_parquet(tmp_path / "last.parquet")["row"].to_list() == [115, 116, 117, 118, 119]
    with pytest.raises(ConfigError, match="a run of the task ragged has no --column"):
        ostinato("predict", out, csv, "-o", tmp_path / "no.parquet", "--column", "time=t")


def test_the_page_of_a_run(run, ostinato, tmp_path):
    out, _ = run
    page = (out / "report.html").read_text()
    for text in ("ragged: lstm", "read 120 sequences", "linear mean", "First rows of the test part"):
        assert text in page
    ostinato("report", out, "-o", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_a_walk_over_folds(csv, ostinato, tmp_path):
    said = ostinato("fit", "ragged", csv, "-o", tmp_path / "run", "--folds", "2", *QUICK)
    assert "120 rows in 2 folds" in said
    found = json.loads((tmp_path / "run/folds.json").read_text())
    assert [fold["parts"]["test"]["rows"] for fold in found["folds"]] == [60, 60]
    # the last run is judged on its own fold, not on rows that it was trained on
    own = pl.read_parquet(tmp_path / "run/predictions.parquet")["row"].to_list()
    earlier = pl.read_parquet(tmp_path / "run/folds/1/predictions.parquet")["row"].to_list()
    assert sorted(own + earlier) == list(range(120))
    judged = json.loads(ostinato("evaluate", tmp_path / "run", csv, "--json"))
    assert judged["rows"] == [own[0], own[-1] + 1]
    assert judged["test"] == pytest.approx(found["folds"][-1]["test"])


def test_a_comparison_over_models_and_seeds(csv, ostinato, tmp_path):
    words = ("compare", "ragged", csv, "-o", tmp_path / "all", "--models", "lstm,gru")
    said = ostinato(*words, "--seeds", "2", *SMALL)
    found = json.loads((tmp_path / "all/compare.json").read_text())
    assert (found["task"], found["target"], found["compared"]) == ("ragged", "ragged", 2)
    assert sorted(run for model in found["models"].values() for run in model["runs"]) == [
        "gru/seed-0",
        "gru/seed-1",
        "lstm/seed-0",
        "lstm/seed-1",
    ]
    assert "linear_mean" in said
    assert "Predictions of ragged" in (tmp_path / "all/report.html").read_text()
    again = ostinato(*words, "--seeds", "2", *QUICK, "--resume")
    assert "linear_mean" in again
    listed = json.loads(ostinato("runs", tmp_path / "all", "--json"))
    assert {(entry["task"], entry["model"], entry["broken"]) for entry in listed} == {
        ("ragged", "lstm", None),
        ("ragged", "gru", None),
    }


@pytest.mark.usefixtures("forked_processes")
def test_a_search_in_two_processes(csv, installed, ostinato, tmp_path, monkeypatch):
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", ""), *sys.path])
    )
    said = ostinato("tune", "ragged", csv, "-o", tmp_path / "s", "--trials", "3", "-j", "2", *QUICK)
    found = json.loads((tmp_path / "s/tune.json").read_text())
    assert (found["task"], found["searched"], found["failed"], found["test_scored"]) == ("ragged", 3, 0, 1)
    assert "Best of 3 configurations" in said
    assert not (tmp_path / "s/.data").exists()
    assert (tmp_path / "s/best/metrics.json").is_file()


def test_killed_and_resumed_equals_uninterrupted(csv, installed, ostinato, tmp_path):
    """A real process, killed with -9 after two epochs; this one resumes it."""
    words = [
        "fit",
        "ragged",
        str(csv),
        *QUICK,
        "--set",
        "training.epochs=30",
        "--set",
        "training.patience=none",
    ]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-m", "ostinato.cli", *words, "-o", str(killed)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(installed), *sys.path])}
    with forkserver.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and len(read_lines(killed / "metrics.jsonl")) < 2:
            time.sleep(0.005)
        process.kill()
        said = process.communicate()[1]
    assert process.returncode == -signal.SIGKILL, said
    assert not (killed / "metrics.json").exists()
    ostinato(*words, "-o", killed, "--resume")
    ostinato(*words, "-o", whole)
    assert len(read_lines(killed / "metrics.jsonl")) == 30
    assert weights(killed) == weights(whole)
    one, other = (json.loads((out / "metrics.json").read_text()) for out in (killed, whole))
    assert one["test"] == other["test"]


def test_folders_of_one_task_are_refused_by_another(run, csv, ostinato, tmp_path):
    from ostinato.tasks.forecasting import open_run

    out, _ = run
    with pytest.raises(BrokenRunError, match="belongs to the task 'ragged', not to forecast"):
        open_run(out)
    ostinato("compare", "ragged", csv, "-o", tmp_path / "all", "--models", "gru", *QUICK)
    plan = json.loads((tmp_path / "all/plan.json").read_text())
    (tmp_path / "all/plan.json").write_text(json.dumps(plan | {"task": "forecast"}))
    with pytest.raises(RunError, match="holds a comparison of the task 'forecast'"):
        ostinato("compare", "ragged", csv, "-o", tmp_path / "all", "--resume", *QUICK)


def test_a_run_of_a_task_that_is_not_installed(run, csv):
    from ostinato.tasks import find_task, task_of_run

    out, _ = run
    with pytest.raises(BrokenRunError, match=r"config\.json: no task is called 'ragged'\. Tasks: forecast\."):
        task_of_run(out)
    with pytest.raises(ConfigError, match="Did you mean 'forecast'"):
        find_task("forcast")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ragged = experiment.nowhere:Ragged", "no task can be loaded from experiment.nowhere:Ragged"),
        ("ragged = experiment.ragged:Sequences", "experiment.ragged:Sequences is not a task"),
        ("other = experiment.ragged:Ragged", "calls itself 'ragged', and is installed as 'other'"),
        ("Ragged = experiment.ragged:Ragged", "no task can be called 'Ragged'"),
    ],
)
def test_an_entry_point_that_names_no_task(line, message, tmp_path, monkeypatch):
    from ostinato.tasks import find_task

    info = tmp_path / "odd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ostinato.tasks]\n{line}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=message):
        find_task(line.split(" ")[0])


def test_the_task_is_small():
    """What a stranger has to write; with docstrings and imports."""
    assert len((Path(__file__).parent / "ragged.py").read_text().splitlines()) < 150
