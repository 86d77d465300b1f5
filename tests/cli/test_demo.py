"""The demo: the whole story, to its last word, and nothing left running behind it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

import forkserver
from cli.conftest import ostinato
from forkserver import OSTINATO
from ostinato.cli import demo_live
from ostinato.cli.demo_live import show
from ostinato.data.simulator import simulate_trades
from ostinato.errors import ListenError

CLEAN = os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"}
BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Block())
"""


def without(folder, *names):
    """An environment in which these packages are not installed."""
    (folder / "sitecustomize.py").write_text(BLOCK.format(names=names))
    return CLEAN | {"PYTHONPATH": str(folder)}


def children(number):
    """Processes that a process started, and theirs."""
    found = []
    for task in Path(f"/proc/{number}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(child)]
    return found


def ended(number):
    """Whether a process ends within some seconds; one that nobody waits for counts."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if ") Z " in Path(f"/proc/{number}/stat").read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


@contextlib.contextmanager
def demo(*options):
    """Start the demo, as far as its page; what it said until then."""
    command = [OSTINATO, "demo", *map(str, options), "--port", "0", "--stay"]
    with forkserver.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=CLEAN, start_new_session=True
    ) as child:
        said = []
        for line in child.stdout:
            said.append(line)
            if line.startswith("the page: "):
                break
        try:
            yield child, "".join(said)
        finally:
            child.kill()


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
@pytest.mark.timeout(300)
def test_the_demo_tells_the_whole_story(trades_csv, tmp_path):
    """To a Ctrl-C in its life, which is no failure; another one is killed. Neither leaves a process behind."""
    out = tmp_path / "demo"
    (out / "live.sqlite-sealed").mkdir(parents=True)  # of a demo before
    (out / "live.sqlite-sealed" / "2020-01-01-events.parquet").touch()
    (out / "live.sqlite.webhook-0.json").touch()
    with demo(trades_csv, "--out", out) as (child, said):
        started = children(child.pid)
        os.killpg(child.pid, signal.SIGINT)
        rest, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    assert errors == ""
    assert len(started) >= 2  # an exchange, a page
    assert all(map(ended, started))
    for words in ("read 4,000 trades", "largest is", "prices from", "cnn epoch 1", "sign_table"):
        assert words in said
    assert "the base rate" in said.replace("\n", " ")  # the best baseline on 800 trades
    assert "Next steps" in rest
    kept = sorted(path.name for path in out.iterdir() if not path.name.startswith("live.sqlite-"))
    assert kept == ["cnn", "live.sqlite", "live.sqlite.lock", "lstm", "tcn", "trades.parquet"]
    assert not (out / "live.sqlite-sealed").exists()


@pytest.mark.slow  # three networks are trained again; what says that a package is missing is asked below
@pytest.mark.timeout(200)
def test_without_the_packages_of_a_life_it_ends_before_it(trades_csv, tmp_path):
    """And nothing is asked of an exchange: without data it is the simulated market."""
    done = subprocess.run(
        [OSTINATO, "demo", str(trades_csv), "--out", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=180,
        env=without(tmp_path, "httpx", "websockets", "uvicorn", "starlette"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "left out: it needs the package httpx: pip install 'ostinato[live]'" in done.stdout
    assert "Next steps" in done.stdout
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["cnn", "lstm", "tcn"]


def test_what_cannot_be_asked_is_not_reachable(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    assert demo_live.reachable() is False
    assert demo_live.missing() == "httpx"
    done = ostinato("demo", "--feed", "binance:BTCUSDT")
    assert done.returncode == 1
    assert done.stderr == "ostinato: --feed needs the package httpx: pip install 'ostinato[live]'.\n"


def test_an_exchange_that_does_not_start_says_why(small_run, tmp_path, monkeypatch):
    """Its process lacks a package; ours has it."""
    shutil.copytree(small_run, tmp_path / "lstm")
    blocked = without(tmp_path, "uvicorn", "starlette", "websockets")
    monkeypatch.setenv("PYTHONPATH", blocked["PYTHONPATH"])
    with pytest.raises(ListenError, match=r"the loopback exchange could not be started: .* needs websockets"):
        show(tmp_path, simulate_trades(4000), None, 1.0, 0, Console(quiet=True))


def test_an_exchange_ends_with_its_parent():
    command = [OSTINATO, "exchange", "--until-eof", "--quiet", "--port", "0", "--simulate", "100"]
    with forkserver.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline().startswith(b"binance:")
        child.stdin.close()
        assert child.wait(20) is not None
