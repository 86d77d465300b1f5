"""What every command owes its user."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import typer

from cli.conftest import SMALL, in_a_process, ostinato, write_csv
from ostinato.cli import app

README = Path(__file__).parents[2] / "README.md"


def commands(group: typer.core.TyperGroup, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        deeper = getattr(command, "commands", None)
        found += commands(command, (*prefix, name)) if deeper else [(*prefix, name)]
    return found


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_the_readme_shows_it(command):
    done = ostinato(*command, "--help")
    assert done.returncode == 0
    assert "Usage: ostinato " + " ".join(command) in done.stdout
    shown = "ostinato " + " ".join(command)
    assert shown in README.read_text() or f"make {command[0]}" in README.read_text()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["fit", "forecast", "--help"], ["--version"]], ids=" ".join
)
def test_help_does_not_load_torch(arguments):
    code = (
        "import sys\nfrom ostinato.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'polars', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'{heavy} loaded' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_ostinato_imports_no_torch():
    code = "import ostinato, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_commands_load_neither_the_compiler_nor_what_few_need():
    """Together these take longer to load than torch itself, in every command and every process that one starts."""
    late = ("torch._dynamo", "sympy", "scipy.signal", "scipy.stats", "sklearn", "statsmodels")
    code = f"import ostinato.tasks.forecasting.live, sys; print(set({late!r}) & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_the_story_from_fit_to_prediction(small_run, trades_csv, tmp_path):
    assert {"config.json", "weights.safetensors", "metrics.json", "predictions.parquet"} <= {
        path.name for path in small_run.iterdir()
    }
    scores = ostinato("evaluate", str(small_run), str(trades_csv), "--json")
    metrics = json.loads((small_run / "metrics.json").read_text())
    assert json.loads(scores.stdout)["test"] == metrics["test"]

    out = tmp_path / "predictions.parquet"
    assert ostinato("predict", str(small_run), str(trades_csv), "-o", str(out)).returncode == 0
    frame = pl.read_parquet(out)
    assert frame.columns == ["row", "time", "id", "actual", "p_up"]
    assert len(frame) == 4000
    stored = pl.read_parquet(small_run / "predictions.parquet")
    joined = frame.join(stored, on="row", suffix="_stored")
    assert len(joined) == len(stored) == 800
    assert (joined["p_up"] - joined["p_up_stored"]).abs().max() < 1e-6

    write_csv(tmp_path / "one.csv", rows=1)
    one = ostinato("predict", str(small_run), str(tmp_path / "one.csv"), "-o", str(tmp_path / "one.parquet"))
    assert one.stdout.startswith("1 forecast in ")

    again = in_a_process("predict", str(small_run), str(trades_csv), "-o", str(out))
    assert again.returncode == 1
    assert "--force replaces it" in again.stderr


def test_rows_one_at_a_time_give_the_same_file(small_run, tmp_path):
    write_csv(tmp_path / "few.csv", rows=300)
    files = []
    for chunk in ("1", "7", "2048"):
        out = tmp_path / f"{chunk}.parquet"
        done = ostinato(
            "predict", str(small_run), str(tmp_path / "few.csv"), "-o", str(out), "--chunk", chunk
        )
        assert done.returncode == 0, done.stderr
        files.append(pl.read_parquet(out)["p_up"])
    assert (files[0] - files[2]).abs().max() < 1e-6
    assert (files[1] - files[2]).abs().max() < 1e-6


def test_runs_lists_what_is_there(small_run):
    done = ostinato("runs", str(small_run.parent), "--json")
    (run,) = json.loads(done.stdout)
    assert (run["name"], run["task"], run["model"]) == ("small", "forecast", "lstm")
    test = json.loads((small_run / "metrics.json").read_text())["test"]
    head, line = ostinato("runs", str(small_run.parent)).stdout.splitlines()
    assert head.split() == ["run", "model", "target", "created", "loss"]
    created = f"{run['created'][:10]} {run['created'][11:16]}"
    assert " ".join(line.split()) == f"small lstm direction {created} {test['log_loss']:.4f} log-loss"


def test_runs_are_a_line_each(small_run, tmp_path):
    for name in ("whole", "half", "broken", "n" * 200):
        shutil.copytree(small_run, tmp_path / name)
    (tmp_path / "half" / "metrics.json").unlink()
    (tmp_path / "broken" / "config.json").write_text("{")
    lines = ostinato("runs", str(tmp_path)).stdout.splitlines()
    assert len(lines) == 5
    assert max(len(line) for line in lines) <= 80
    by_name = {line.split()[0]: line for line in lines}
    assert by_name["half"].endswith("not finished")
    assert " broken: config.json" in by_name["broken"]
    assert any(name.startswith("nnn") and name.endswith("…") for name in by_name)


def test_evaluate_shows_what_fit_shows(small_run, trades_csv, tmp_path):
    run = tmp_path / "run"
    shown = ostinato("fit", "forecast", str(trades_csv), "--out", str(run), *SMALL).stdout
    scores = ostinato("evaluate", str(run), str(trades_csv)).stdout
    assert scores.startswith("scored 799 rows from 3,200 to 3,998 of ")
    table, verdict = (
        [line for line in text.splitlines() if line.startswith("lstm ")] for text in (shown, scores)
    )
    assert verdict[-2].split() == table[-2].split()[:7]
    assert verdict[-1] == table[-1]
    assert "DM" in scores
    assert json.loads(ostinato("evaluate", str(run), str(trades_csv), "--json").stdout)["rows"] == [
        3200,
        3999,
    ]


def test_a_price_that_never_moves(small_run, tmp_path):
    still = tmp_path / "still.csv"
    still.write_text("time,price,amount\n" + "".join(f"{1_800_000_000 + t},5,1\n" for t in range(2000)))
    found = json.loads(
        ostinato("evaluate", str(small_run), str(still), "--json").stdout, parse_constant=pytest.fail
    )
    assert found["test"]["auc"] is None
    done = ostinato("fit", "forecast", str(still), "--out", str(tmp_path / "run"), *SMALL)
    assert "note: the price never moves" in done.stdout
    assert "lstm cannot be judged: all rows that were scored are of one class." in " ".join(
        done.stdout.split()
    )


def test_env_says_which_backend_and_why():
    done = ostinato("env")
    assert "torch is faster" in done.stdout
    facts = json.loads(ostinato("env", "--json").stdout)
    assert {backend["op"] for backend in facts["backends"]} >= {"convolution", "gru", "lstm", "rnn", "scan"}


def test_fit_prints_json_alone(trades_csv, tmp_path):
    done = ostinato("fit", "forecast", str(trades_csv), "-o", str(tmp_path / "run"), "--json", *SMALL)
    assert json.loads(done.stdout)["training"]["epochs"] == 2


def test_a_config_file_is_read_and_set_wins(trades_csv, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text("[model]\nunits = 6\n[training]\nepochs = 1\nlearning_rate = 0.01\n")
    run = tmp_path / "run"
    more = ("--config", str(config), "--set", "model.units=5", "--set", "data.feature_windows=[4]")
    done = ostinato("fit", "forecast", str(trades_csv), "-o", str(run), *more)
    assert done.returncode == 0, done.stderr
    written = json.loads((run / "config.json").read_text())
    assert written["model"]["units"] == 5
    assert (written["training"]["epochs"], written["training"]["learning_rate"]) == (1, 0.01)


def test_fit_tells_which_series_have_no_row_in_a_part(tmp_path):
    rows = 400
    path = tmp_path / "shops.csv"
    lines = [f"{1_600_000_000 + 3600 * row},{row % 7},old" for row in range(rows)]
    lines += [f"{1_600_000_000 + 3600 * row},{row % 5},[red]new" for row in range(rows - 60, rows)]
    path.write_text("time,y,shop\n" + "\n".join(lines) + "\n")
    out = tmp_path / "run"
    done = ostinato(
        *("fit", "forecast", str(path), "--target", "y", "--id", "shop", "--out", str(out)),
        *("--model", "mlp", "--set", "epochs=1", "--no-page", "--horizon", "1"),
    )
    assert done.returncode == 0, done.stderr
    note = "note: 1 of 2 series without a train row: '[red]new'; nothing is learned from them"
    assert note in " ".join(done.stdout.split())
    assert note in json.loads((out / "config.json").read_text())["read"]
