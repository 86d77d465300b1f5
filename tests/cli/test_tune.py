"""ostinato tune: what a user sees of a search, and that nothing is lost when it is killed."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

import forkserver
from cli.conftest import ostinato, write_csv
from ostinato.cli.tune import Trials
from ostinato.runs.tuning import read_tuning

FIXED = ("--set", "epochs=2", "--set", "units=4", "--set", "feature_windows=[4, 8]")


def tune(data, out, *more) -> tuple[str, ...]:
    return ("tune", "forecast", str(data), "--out", str(out), *more)


@pytest.fixture(scope="module")
def market(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("market") / "trades.csv"
    write_csv(path, rows=1200)
    return path


@pytest.fixture(scope="module")
def searched(market, tmp_path_factory):
    out = tmp_path_factory.mktemp("tune") / "search"
    done = ostinato(*tune(market, out, "--trials", "3", *FIXED))
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def found_in(out) -> list:
    trials = read_tuning(out / "tune.json").trials
    return sorted((str(trial.loss), json.dumps(trial.parameters)) for trial in trials)


def test_what_is_said(searched):
    out, said = searched
    text = " ".join(said.split())
    summary = read_tuning(out / "tune.json")
    assert "3 trials: 3 complete, 0 ended early, 0 failed." in text
    assert "Best of 3 configurations on validation; p corrected for 3." in text
    assert summary.verdict in text
    assert "the defaults" in text
    assert "units=" not in text  # fixed, so not searched
    assert f"trial {summary.best} " in text
    assert "scored 2 times" not in text


def test_json(searched, market):
    out, _ = searched
    done = ostinato(*tune(market, out, "--resume", "--json"))
    assert json.loads(done.stdout) == json.loads((out / "tune.json").read_text())


def test_ctrl_c_says_how_to_go_on(searched, market, tmp_path, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Trials, "ended", press)
        done = ostinato(*tune(market, tmp_path / "s", "--trials", "3", *FIXED))
    assert done.returncode == 130
    assert "1 of 3 trials have ended" in " ".join(done.stdout.split())
    assert "--resume" in done.stdout
    assert ostinato(*tune(market, tmp_path / "s", "--resume")).returncode == 0
    assert found_in(tmp_path / "s") == found_in(searched[0])


def test_killed_and_gone_on_with(searched, market, tmp_path):
    out = tmp_path / "search"
    code = "import sys; from ostinato.cli import main; sys.argv[0] = 'ostinato'; main()"
    arguments = tune(market, out, "--trials", "3", *FIXED, "--quiet")
    process = forkserver.Popen([sys.executable, "-c", code, *arguments])
    until = time.monotonic() + 120
    while not (out / "trials/001/metrics.jsonl").exists() and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = ostinato(*tune(market, out, "--resume"))
    assert done.returncode == 0, done.stderr
    assert "3 trials: 3 complete" in done.stdout
    assert found_in(out) == found_in(searched[0])


def test_more_trials_after_the_test_part_was_seen(market, tmp_path):
    out = tmp_path / "search"
    assert ostinato(*tune(market, out, "--trials", "1", *FIXED)).returncode == 0
    shutil.rmtree(out / "best")  # so that it is scored again, whichever is the best now
    text = " ".join(ostinato(*tune(market, out, "--trials", "4", "--resume")).stdout.split())
    assert "The test part was scored already, after 1 trials." in text
    assert "p corrected for 4" in text
    assert read_tuning(out / "tune.json").test_scored == 2
    assert "The test part has now been scored 2 times" in text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--trials", "0"], "trials must be 1 to 10,000, got 0"),
        (["--jobs", "0"], "jobs must be 1"),
        (["--seconds", "-1"], "seconds must be above 0"),
        (["--model", "lsmt"], "Did you mean 'lstm'?"),
        (["--models", "lstm,lsmt"], "Did you mean 'lstm'?"),
        (["--models", ","], "no model"),
        (["--model", "lstm", "--models", "gru"], "Choose one of them"),
        (["--set", "model.unit=3"], "Did you mean 'units'?"),
        (["--set", "unit=3"], "is no field of the config"),
        (["--models", "lstm,cnn", "--set", "model.unit=3"], "Did you mean 'units'?"),
        (["--set", "training.epoch=3"], "Did you mean 'epochs'?"),
        (["--force", "--resume"], "Choose one of them"),
    ],
    ids=str,
)
def test_mistakes_are_said_before_the_file_is_read(tmp_path, more, words):
    (tmp_path / "broken.csv").write_text("nothing,that,is,needed\n1,2,3,4\n")
    done = ostinato(*tune(tmp_path / "broken.csv", tmp_path / "search", *more))
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "search").exists()


def test_an_existing_search_is_kept(searched, market):
    before = (searched[0] / "study.journal").read_bytes()
    done = ostinato(*tune(market, searched[0]))
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert "--resume" in done.stderr
    assert (searched[0] / "study.journal").read_bytes() == before
