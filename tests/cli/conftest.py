"""Running the real command, and small files for it."""

import contextlib
import csv
import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ostinato.cli import main
from ostinato.data.simulator import simulate_trades


@pytest.fixture(scope="session")
def trades_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4,000 simulated trades."""
    path = tmp_path_factory.mktemp("trades") / "trades.csv"
    write_csv(path, rows=4000)
    return path


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, trades_csv: Path) -> Path:
    """A run of a small LSTM on those trades."""
    out = tmp_path_factory.mktemp("runs") / "small"
    done = ostinato("fit", "forecast", str(trades_csv), "--out", str(out), *SMALL)
    assert done.returncode == 0, done.stderr
    return out


SMALL = ("--set", "units=8", "--set", "epochs=2", "--set", "feature_windows=[4, 8]")


def write_csv(path: Path, rows: int, seed: int = 0) -> None:
    trades = simulate_trades(rows=rows, seed=seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "price", "amount"])
        writer.writerows(zip(trades.time, trades.price, trades.amount, strict=True))


@dataclass(frozen=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def ostinato(*arguments: str) -> Done:
    """The command, in this process: loading torch anew for each would take seconds."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv, sys.argv = sys.argv, ["ostinato", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = argv
    return Done(code, out.getvalue(), err.getvalue())


def in_a_process(*arguments: str) -> Done:
    """The command as a user starts it."""
    code = "import sys; from ostinato.cli import main; sys.argv[0] = 'ostinato'; main()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
