"""ostinato compare forecast, and ostinato fit forecast --folds: what a user sees."""

import io
import json

import pytest
from rich.console import Console

from cli.conftest import ostinato
from ostinato.cli.ranking import comparison_table, show_comparison
from ostinato.runs.comparison import ComparedBaseline, ComparedModel, Comparison, read_comparison
from ostinato.runs.results import SkillTest

SMALL = (
    *("--models", "rnn,mlp", "--set", "units=4", "--set", "model.window=8", "--set", "epochs=1"),
    *("--set", "feature_windows=[4, 8]"),
)


@pytest.fixture(scope="module")
def done(trades_csv, tmp_path_factory):
    out = tmp_path_factory.mktemp("compared") / "all"
    return out, ostinato("compare", "forecast", str(trades_csv), "--out", str(out), *SMALL)


def test_the_table_and_a_sentence_for_each_model(done):
    out, said = done
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    rows = [line.split()[0] for line in lines if "–0." in line]  # those with an interval
    found = read_comparison(out / "compare.json")
    losses = {name: entry.test["log_loss"] for name, entry in (found.models | found.baselines).items()}
    assert rows == sorted(losses, key=losses.__getitem__)
    for model in found.models.values():
        assert model.verdict in " ".join(said.stdout.split())
    assert "All on the same 799 rows of trades.csv" in said.stdout
    assert json.loads((out / "rnn" / "config.json").read_text())["model"]["units"] == 4
    assert json.loads((out / "mlp" / "config.json").read_text())["model"]["window"] == 8


def test_json_and_resume_and_an_existing_folder(done, trades_csv):
    out, _ = done
    again = ostinato("compare", "forecast", str(trades_csv), "--out", str(out), "--resume", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == json.loads((out / "compare.json").read_text())
    refused = ostinato("compare", "forecast", str(trades_csv), "--out", str(out), *SMALL)
    assert refused.returncode == 1
    assert (
        refused.stderr
        == f"ostinato: {out} already holds a comparison. --force replaces it, --resume continues it.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "rnn,lsmt"], "no model is called 'lsmt'. Did you mean 'lstm'?"),
        (
            ["--models", "rnn", "--set", "model.unit=3"],
            "none of rnn has a field 'unit'. Did you mean 'units'?",
        ),
        (["--models", "rnn", "--set", "channels=[3]"], "--set channels: channels is no field of the config"),
        (["--folds", "10000"], "folds must be 1 to 100, got 10,000"),
        (["--folds", "3", "--window", "roling"], "Did you mean 'rolling'?"),
        (["--folds", "100", "--horizon", "60"], "of one of 100 folds has"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(trades_csv, tmp_path, arguments, said):
    done = ostinato(
        "compare", "forecast", str(trades_csv), "--out", str(tmp_path / "all"), "--quiet", *arguments
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "all").exists()


def test_fit_walks_forward(trades_csv, tmp_path):
    out = tmp_path / "run"
    usual = ("--model", "rnn", "--set", "units=4", "--set", "epochs=1", "--set", "feature_windows=[4, 8]")
    done = ostinato("fit", "forecast", str(trades_csv), "--out", str(out), "--folds", "2", *usual)
    assert done.returncode == 0, done.stderr
    assert "799 rows in 2 folds, expanding window" in done.stdout
    assert "log-loss, fold by fold" in done.stdout
    found = json.loads((out / "folds.json").read_text())
    assert [fold["parts"]["test"]["rows"] for fold in found["folds"]] == [400, 400]
    again = ostinato(
        "fit", "forecast", str(trades_csv), "--out", str(out), "--folds", "2", "--resume", "--json"
    )
    assert json.loads(again.stdout)["test"] == found["test"]
    other = ostinato("fit", "forecast", str(trades_csv), "--out", str(out), "--resume")
    assert (other.returncode, "Repeat its --folds" in other.stderr) == (1, True)


def made_up(scale=1.0, **changes):
    """Two models, one of which failed, and two baselines, in a unit of our choice."""

    def entry(loss):
        test = {"pinball": loss * scale, "coverage_80": 0.8, "mae": 2 * scale, "crps": 3 * scale}
        return {"test": test, "intervals": {"pinball": [0.9 * loss * scale, 1.1 * loss * scale]}}

    skill = {"exponential_smoothing": SkillTest(statistic=-3.21, p_value=0.0004)}
    usual = {
        "created": "2026-01-31T12:00:00+00:00",
        "source": "a.csv",
        "target": "return",
        "horizon": 24,
        "measure": "pinball",
        "loss_name": "pinball loss",
        "rows_scored": 1234,
        "best_baseline": "exponential_smoothing",
        "compared": 2,
        "models": {
            "gru": ComparedModel(failed="the loss became NaN."),
            "lstm": ComparedModel(
                **entry(1.25),
                parameters=23_456,
                seconds=12.3,
                step_us=456.7,
                skill=skill,
                corrected_p=0.0004,
                verdict="lstm beats them.",
            ),
        },
        "baselines": {
            "exponential_smoothing": ComparedBaseline(**entry(1.5)),
            "naive": ComparedBaseline(**entry(1.0)),
        },
    }
    return Comparison(**(usual | changes))


def shown(found, width):
    console = Console(width=width, record=True, file=io.StringIO())
    show_comparison(console, found)
    return console.export_text().splitlines()


def test_rows_are_sorted_and_numbers_are_scaled():
    lines = shown(made_up(scale=1e-4), 80)
    assert [line.split()[0] for line in lines[4:7]] == ["naive", "lstm", "exp_smoothing"]
    assert lines[5].split() == [
        "lstm",
        "0.1250",
        "0.113–0.138",
        "0.8000",
        "0.2000",
        "-3.2",
        "4e-04",
        "23k",
        "12s",
        "457µs",
    ]
    assert lines[2].count("×1e-3") == 2
    assert "gru failed: the loss became NaN." in lines
    assert "×1e" not in "".join(shown(made_up(), 80))


@pytest.mark.parametrize("width", [70, 80, 100, 200])
@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1.0, 12345.0])
def test_the_table_is_no_wider_than_the_terminal(width, scale):
    lines = shown(made_up(scale), width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)


def test_a_wider_terminal_shows_more():
    table = comparison_table(Console(width=60), made_up())
    wide = comparison_table(Console(width=200), made_up())
    assert len(table.columns) < len(wide.columns) == 11
