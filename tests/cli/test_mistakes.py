"""A user's mistake is one sentence on standard error and exit code 1; never a traceback, and nothing is lost."""

import json
import shutil

import pytest

from cli.conftest import SMALL, ostinato, write_csv


def refused(*arguments: str) -> str:
    """The sentence that a command refuses with."""
    done = ostinato(*arguments)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("ostinato: ")
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def fit(data: object, out: object, *more: str) -> tuple[str, ...]:
    return ("fit", "forecast", str(data), "--out", str(out), *more)


def test_missing_file(tmp_path):
    assert "nowhere.csv" in refused(*fit(tmp_path / "nowhere.csv", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_missing_column(tmp_path):
    (tmp_path / "a.csv").write_text("time,cost,amount\n1,2,3\n")
    message = refused(*fit(tmp_path / "a.csv", tmp_path / "run"))
    assert "price" in message
    assert "--column price=NAME" in message


def test_ambiguous_column(tmp_path):
    (tmp_path / "a.csv").write_text("time,px,rate,amount\n1,2,3,4\n")
    message = refused(*fit(tmp_path / "a.csv", tmp_path / "run"))
    assert "price" in message
    assert "rate" in message


def test_text_in_a_number_column(tmp_path):
    (tmp_path / "a.csv").write_text("time,price,amount\n1,2.5,3\n2,oops,4\n")
    message = refused(*fit(tmp_path / "a.csv", tmp_path / "run"))
    assert "oops" in message
    assert "3" in message  # the line of the file


def test_a_file_shorter_than_the_window(tmp_path):
    write_csv(tmp_path / "few.csv", rows=100)
    assert "too few" in refused(*fit(tmp_path / "few.csv", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_unknown_model_offers_the_nearest(trades_csv, tmp_path):
    assert "Did you mean 'lstm'?" in refused(*fit(trades_csv, tmp_path / "run", "--model", "lsmt"))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("model.unit=3", "Did you mean 'units'?"),
        ("training.epoch=3", "Did you mean 'epochs'?"),
        ("epochs=many", "epochs is 'many'"),
        ("units=0", "units is 0"),
        ("rows", "--set wants KEY=VALUE"),
        ("units=" + "9" * 5000, "units is '99"),
        ("units=" + "[" * 100_000, "units is '[["),
        ("nonsense=1", "is no field of the config"),
        ("modle.units=1", "is no section"),
        ("training.optimizer=Adan", "Did you mean 'Adam'?"),
    ],
)
def test_wrong_settings(trades_csv, tmp_path, setting, words):
    assert words in refused(*fit(trades_csv, tmp_path / "run", "--set", setting))


def test_a_number_that_python_does_not_read(trades_csv, tmp_path):
    (tmp_path / "c.toml").write_text("[model]\nunits = " + "9" * 5000)
    message = refused(*fit(trades_csv, tmp_path / "run", "--config", str(tmp_path / "c.toml")))
    assert "cannot read the config" in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--set", "training.epoch=3"], "Did you mean 'epochs'?"),
        (["--set", "data.feature_window=[4]"], "Did you mean 'feature_windows'?"),
        (["--set", "units=0"], "units is 0"),
        (["--set", "optimizer=Adan"], "Did you mean 'Adam'?"),
        (["--set", "schedule=OneCycle"], "Did you mean 'OneCycleLR'?"),
        (["--set", 'optimizer_options={"beta": 1}'], "AdamW refuses its options"),
        (["--set", "horizons=[3, 1]"], "The numbers must ascend"),
        (["--force", "--resume"], "Choose one of them"),
        (["--model", "cnn", "--set", "kernel_size=4"], "kernel_size is 4"),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_command_is_said_before_the_file_is_read(tmp_path, more, words):
    (tmp_path / "broken.csv").write_text("nothing,that,is,needed\n1,2,3,4\n")
    assert words in refused(*fit(tmp_path / "broken.csv", tmp_path / "run", *more))
    assert not (tmp_path / "run").exists()


def test_a_file_in_the_place_of_the_run(tmp_path):
    (tmp_path / "run").write_text("mine")
    message = refused(*fit(tmp_path / "nowhere.csv", tmp_path / "run"))
    assert "is a file. Choose another folder" in message
    assert (tmp_path / "run").read_text() == "mine"


def test_a_run_that_is_out_of_time_is_given_more(trades_csv, tmp_path):
    run = tmp_path / "run"
    little = ("--set", "max_seconds=1e-9")
    assert ostinato(*fit(trades_csv, run, *SMALL, *little)).returncode == 0
    assert json.loads((run / "metrics.json").read_text())["training"]["stopped"] == "time"
    more = ("--resume", "--set", "max_seconds=600")
    assert ostinato(*fit(trades_csv, run, *more)).returncode == 0
    assert json.loads((run / "metrics.json").read_text())["training"]["stopped"] == "epochs"


def test_an_existing_run_is_kept(small_run, trades_csv):
    before = (small_run / "weights.safetensors").read_bytes()
    message = refused(*fit(trades_csv, small_run))
    assert "--force replaces it" in message
    assert "--resume continues it" in message
    assert (small_run / "weights.safetensors").read_bytes() == before


def test_force_and_resume_are_heard(small_run, trades_csv, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    assert ostinato(*fit(trades_csv, run, "--resume")).returncode == 0
    before = json.loads((run / "metrics.json").read_text())["test"]
    assert before == json.loads((small_run / "metrics.json").read_text())["test"]
    assert ostinato(*fit(trades_csv, run, "--force", *SMALL, "--seed", "1")).returncode == 0
    assert json.loads((run / "metrics.json").read_text())["test"] != before


def test_resuming_keeps_to_what_was_begun(small_run, trades_csv, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    assert "was begun with model = 'lstm'" in refused(*fit(trades_csv, run, "--resume", "--model", "gru"))
    assert "was begun with seed = 0, now it is 1" in refused(*fit(trades_csv, run, "--resume", "--seed", "1"))
    assert ostinato(*fit(trades_csv, run, "--resume", "--model", "lstm", "--seed", "0")).returncode == 0


def test_resuming_with_other_trades_is_refused(small_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    write_csv(tmp_path / "other.csv", rows=4000, seed=1)
    assert "other data" in refused(*fit(tmp_path / "other.csv", run, "--resume"))


@pytest.mark.parametrize("command", ["evaluate", "predict"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: (run / "config.json").unlink(), "no run in"),
        (lambda run: (run / "config.json").write_text("{"), "config.json"),
        (lambda run: edit(run, "task", "__import__('os')"), "task"),
        (lambda run: edit(run, "format_version", 99), "newer ostinato"),
        (lambda run: edit(run, "model", {"name": "lstm", "units": 4096, "layers": 64}), "parameters"),
        (lambda run: edit(run, "model", {"name": "lstm", "units": 10**9}), "units"),
        (lambda run: edit(run, "model", {"name": "os.system"}), "no model is called"),
        (lambda run: (run / "weights.safetensors").unlink(), "weights.safetensors"),
        (lambda run: (run / "weights.safetensors").write_bytes(b"\xff" * 100), "header"),
        (lambda run: cut(run / "weights.safetensors"), "weights.safetensors"),
    ],
    ids=[
        "no-config",
        "half-json",
        "code",
        "newer",
        "huge",
        "huger",
        "no-model",
        "no-weights",
        "rubbish",
        "cut",
    ],
)
def test_broken_and_hostile_runs(command, damage, words, small_run, trades_csv, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    damage(run)
    more = ("-o", str(tmp_path / "out.parquet")) if command == "predict" else ()
    assert words in refused(command, str(run), str(trades_csv), *more)


def test_runs_of_a_folder_that_is_not_there(tmp_path):
    assert "is no folder" in refused("runs", str(tmp_path / "nothing"))


def test_a_device_that_is_not_there(trades_csv, tmp_path):
    assert "device must be" in refused(*fit(trades_csv, tmp_path / "run", "--device", "tpu"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    rows = (f"2024-01-{1 + row // 24:02d} {row % 24:02d}:00:00,{row % 7},{row % 5}" for row in range(300))
    path.write_text("time,load,wind\n" + "\n".join(rows))
    return path


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--horizon", "0"], "horizon is 0"),
        (["--horizon", "-3"], "horizon is -3"),
        (["--horizon", "abc"], "--horizon wants steps ahead like 24 or 1,6,24, got 'abc'"),
        (["--horizon", "99999999999"], "horizon is 99999999999. Input should be less than"),
        (["--horizon", "9" * 5000], "--horizon wants steps ahead"),
        (["--horizon", "290"], "300 rows are too few"),
        (["--bars", "1m"], "bars are for the direction and the return of a price"),
        (["--folds", "100000"], "folds must be 1 to 100, got 100,000"),
        (["--known", "load"], "named for two uses"),
        (["--known", "wnd"], "Did you mean 'wind'?"),
        (["--id", "nope"], "has no column 'nope' for the id"),
        (["--target", "lod"], "Did you mean 'load'?"),
        (["--target", "RETRUN"], "Did you mean 'return'?"),
        (["--set", "data.levels=[0.9,0.1]"], "The numbers must ascend"),
        (["--set", "data.bounds=nonsense"], "bounds is 'nonsense'"),
        (["--set", "data.bounds=[200,100,50]"], "bounds must be three ascending ends"),
        (["--set", 'data.calendar=["moon"]'], "calendar.0 is 'moon'"),
        (["--set", "data.kind=bars"], "data.kind is determined by the data and cannot be chosen"),
        (["--set", "data.season=7"], "data.season is determined by the data and cannot be chosen"),
        (["--set", "=3"], "--set '': '' is no field of the config"),
        (["--holidays", "XX"], "the holidays of 'XX' are not known"),
        (["--time-zone", "Mars/Phobos"], "there is no time zone 'Mars/Phobos'"),
        (["--time-zone", "../../etc/passwd"], "there is no time zone"),
        (["--model", "LSTMM"], "Did you mean 'lstm'?"),
        (["--model", ""], "no model is called ''"),
        (["--threads", "100000"], "threads must be 1 to 256, got 100,000"),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["fit", "compare", "tune"])
def test_wrong_options_are_refused_and_leave_nothing(table, tmp_path, command, more, words):
    if command == "compare" and more[0] == "--model":
        more = ["--models", more[1] or ","]
        words = words.replace("no model is called ''", "no model is named")
    elif command == "tune" and more[0] == "--folds":
        more, words = ["--trials", "0"], "trials must be 1 to 10,000, got 0"
    said = refused(
        command, "forecast", str(table), "--target", "load", "--out", str(tmp_path / "out"), "--quiet", *more
    )
    assert words in said
    assert len(said) < 900
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("fit", ["--folds", "0"]),
        ("fit", ["--threads", "0"]),
        ("fit", ["--modle", "lstm"]),
        ("compare", ["--seeds", "0"]),
        ("compare", ["--folds", "0"]),
    ],
    ids=str,
)
def test_usage_is_told_with_exit_code_2(table, tmp_path, command, more):
    done = ostinato(command, "forecast", str(table), "--target", "load", "--out", str(tmp_path / "o"), *more)
    assert done.returncode == 2
    assert more[0] in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[modle]\nunits = 3", "modle is no section"),
        ("model = 3", "model is no section"),
        ("[model]\nunit = 3", "Did you mean 'units'?"),
        ("[model]\nunits = 'x'", "units is 'x'"),
        ("[data]\nhorizon = true", "horizon is True"),
        ("[data]\nlevels = [nan]", "levels.0 is nan"),
        ("[training]\nepochs = inf", "epochs is inf"),
        ("[model\n", "cannot read the config"),
        ("[data]\nbounds = [2024-01-12, 2024-01-05, 2024-01-03]", "bounds must be three ascending ends"),
    ],
    ids=str,
)
def test_wrong_configs(table, tmp_path, text, words):
    (tmp_path / "c.toml").write_text(text)
    out = tmp_path / "run"
    said = refused(*fit(table, out, "--target", "load", "--config", str(tmp_path / "c.toml"), "--quiet"))
    assert words in said
    assert not out.exists()


def test_options_that_do_not_go_together(trades_csv, tmp_path):
    for more in (["--holidays", "DE"], ["--known", "x"], ["--id", "x"], ["--covariates", "amount"]):
        said = refused(*fit(trades_csv, tmp_path / "run", *more, "--quiet"))
        assert f"{more[0]} is for bars and tables" in said


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_run_on_data_of_another_kind(command, small_run, table, tmp_path):
    more = ("-o", str(tmp_path / "p.parquet")) if command == "predict" else ()
    said = refused(command, str(small_run), str(table), *more)
    assert "no column 'price', which the run was fitted on as the price" in said
    bars = "".join(f"{1e9 + 3600 * row},5,6,4,5,1\n" for row in range(100))
    (tmp_path / "bars.csv").write_text("time,open,high,low,close,volume\n" + bars)
    assert "reads trades, bars.csv holds bars" in refused(
        command, str(small_run), str(tmp_path / "bars.csv"), *more
    )


def test_a_page_of_a_folder_that_is_neither(tmp_path):
    assert "no run and no comparison" in refused("report", str(tmp_path))


def edit(run, field, value):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {field: value}))


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])
