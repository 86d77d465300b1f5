"""Places that cannot be written, files that would be lost, and folders from strangers, through every command."""

import errno
import json
import os
import shutil

import pytest

from cli.conftest import SMALL, ostinato
from cli.test_hostile_data import held
from cli.test_mistakes import refused

USUAL = ("--set", "units=4", "--set", "epochs=1", "--set", "feature_windows=[4, 8]", "--quiet")
COMMANDS = {
    "fit": ("fit", "forecast", "DATA", "--out", "OUT", *USUAL),
    "compare": ("compare", "forecast", "DATA", "--out", "OUT", "--models", "rnn", *USUAL),
    "tune": ("tune", "forecast", "DATA", "--out", "OUT", "--trials", "1", *USUAL),
    "predict": ("predict", "RUN", "DATA", "--out", "OUT"),
    "report": ("report", "RUN", "--out", "OUT"),
    "demo": ("demo", "DATA", "--out", "OUT"),
}


def filled(name, run, data, out):
    return [{"DATA": str(data), "RUN": str(run), "OUT": str(out)}.get(part, part) for part in COMMANDS[name]]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("place", ["trades.csv/below", "n" * 300])
def test_a_place_that_cannot_be(name, place, small_run, trades_csv, tmp_path):
    shutil.copy(trades_csv, tmp_path / "trades.csv")
    said = refused(*filled(name, small_run, trades_csv, tmp_path / place))
    assert "cannot write" in said or "cannot use" in said
    assert [path.name for path in tmp_path.iterdir()] == ["trades.csv"]


@pytest.mark.parametrize("name", ["fit", "compare", "tune", "predict", "report", "demo"])
def test_a_full_disk(name, small_run, trades_csv, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = held(small_run)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        said = refused(*filled(name, small_run, trades_csv, tmp_path / "out"))
    assert "No space left on device" in said
    assert held(small_run) == before
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_disk_that_is_full_for_polars(small_run, trades_csv, tmp_path, monkeypatch):
    import polars as pl

    def full(*_):
        raise pl.exceptions.ComputeError(
            "parquet: underlying IO error: No space left on device (os error 28)"
        )

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    said = refused("predict", str(small_run), str(trades_csv), "-o", str(tmp_path / "p.parquet"))
    assert "No space left on device" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["predict", "report"])
def test_a_file_of_that_name_is_not_lost(name, small_run, trades_csv, tmp_path):
    out = tmp_path / "mine"
    out.write_text("mine")
    assert "is there already. --force replaces it." in refused(*filled(name, small_run, trades_csv, out))
    assert out.read_text() == "mine"
    assert ostinato(*filled(name, small_run, trades_csv, out), "--force").returncode == 0
    assert out.read_bytes() != b"mine"


def test_a_page_does_not_replace_a_file_of_the_run(small_run):
    before = held(small_run)
    assert "is there already" in refused("report", str(small_run), "--out", str(small_run / "config.json"))
    assert held(small_run) == before


def test_forecasts_do_not_replace_the_data(small_run, trades_csv):
    before = trades_csv.read_bytes()
    said = refused("predict", str(small_run), str(trades_csv), "-o", str(trades_csv), "--force")
    assert "is the data themselves" in said
    assert trades_csv.read_bytes() == before


@pytest.mark.parametrize("name", ["report", "runs"])
def test_a_name_that_is_too_long(name):
    assert "File name too long" in refused(name, "n" * 5000)


def test_predict_takes_any_number_of_last_rows(small_run, trades_csv, tmp_path):
    usual = ("predict", str(small_run), str(trades_csv), "-o", str(tmp_path / "p.parquet"))
    assert ostinato(*usual, "--last", "0").returncode == 2
    done = ostinato(*usual, "--last", "1" + "0" * 30)
    assert done.returncode == 0, done.stderr
    assert "4,000 forecasts" in done.stdout


@pytest.fixture(scope="module")
def compared(trades_csv, tmp_path_factory):
    out = tmp_path_factory.mktemp("compared") / "c"
    models = ("--models", "rnn", "--set", "units=4", "--no-page")
    done = ostinato("compare", "forecast", str(trades_csv), "--out", str(out), *models, *SMALL[2:], "--quiet")
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("path", ["../evil", "/etc", "rnn/../../evil", ".", "rnn\n", "n" * 5000, "rnn/\0"])
def test_a_comparison_that_points_elsewhere(path, compared, tmp_path):
    out = tmp_path / "c"
    shutil.copytree(compared, out)
    record = json.loads((out / "compare.json").read_text())
    record["models"]["rnn"]["runs"] = [path]
    (out / "compare.json").write_text(json.dumps(record))
    before = held(out)
    assert "models.rnn.runs.0" in refused("report", str(out))
    assert held(out) == before


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"models": ["../evil"]}, "no model is called '../evil'"),
        ({"options": {"../evil": {}}}, "no model is called '../evil'"),
        ({"format_version": 2}, "was written by a newer ostinato (format 2"),
        ({"seeds": 10**9}, "seeds cannot be 1000000000"),
        ({"folds": 10**9}, "folds must be 1 to 100"),
        ({"seed": -1}, "seed cannot be -1"),
        ({"models": "rnn"}, "models cannot be 'rnn'"),
        ({"code": "import os"}, "is unknown to this version"),
        ({"recipe": {"horizon": 10**9}}, "was begun with data.horizon"),
    ],
    ids=str,
)
def test_a_plan_from_a_stranger(fields, words, compared, trades_csv, tmp_path):
    out = tmp_path / "c"
    shutil.copytree(compared, out)
    plan = json.loads((out / "plan.json").read_text())
    (out / "plan.json").write_text(json.dumps(plan | fields))
    before = held(tmp_path)
    assert words in refused("compare", "forecast", str(trades_csv), "--out", str(out), "--resume")
    assert held(tmp_path) == before


def test_ctrl_c_of_a_comparison_says_how_to_go_on(compared, trades_csv, tmp_path, monkeypatch):
    from ostinato.cli.progress import ProgressBar

    def press(*_):
        raise KeyboardInterrupt

    out = tmp_path / "c"
    usual = ("compare", "forecast", str(trades_csv), "--out", str(out), "--no-page")
    with monkeypatch.context() as patched:
        patched.setattr(ProgressBar, "evaluated", press)
        done = ostinato(*usual, "--models", "rnn", "--set", "units=4", *SMALL[2:])
    assert done.returncode == 130
    assert "The same command with --resume goes on from here." in " ".join(done.stdout.split())
    assert ostinato(*usual, "--resume", "--quiet").returncode == 0

    def measured(folder):
        return json.loads((folder / "compare.json").read_text())["models"]["rnn"]["test"]

    assert measured(out) == measured(compared)
