"""`ostinato exchange` as a program: its first line, its end, and what it refuses."""

import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

import forkserver
from ostinato.cli import main
from ostinato.exchange import FAULTS

COMMAND = [sys.executable, "-c", "from ostinato.cli import main; main()", "exchange"]


@pytest.fixture
def ended(monkeypatch, capfd):
    """Run the command to its end, in this process: exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ostinato", "exchange", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        said = capfd.readouterr()
        return end.value.code, said.out, said.err

    return run


@contextmanager
def running(*arguments):
    with forkserver.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_first_line_is_an_address_and_ctrl_c_is_the_usual_end(tmp_path):
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nname = "rest_lag"\nat = 5\n')
    options = ("--simulate", 500, "--seed", 3, "--begin", "0.5", "--port", 0, "--speed", 20, "--wait")
    with running(*options, "--faults", faults) as (process, line):
        feed, _, query = line.partition("?")
        assert feed == "binance:BTCUSDT"
        rest, ws, speed = query.split("&")
        url = rest.removeprefix("rest=")
        assert url.startswith("http://127.0.0.1:")
        assert ws == f"ws=ws://{url.removeprefix('http://')}"
        assert speed == "speed=20"
        rows = httpx.get(f"{url}/api/v3/aggTrades?symbol=BTCUSDT&limit=1000", trust_env=False).json()
        assert [row["a"] for row in rows] == list(range(250))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        said = process.stderr.read()
        assert "250 trades of BTCUSDT to come, 250 past, 1 faults" in said
        assert "Traceback" not in said


def test_trades_of_a_file(tmp_path):
    path = tmp_path / "trades.csv"
    path.write_text("time,price,amount\n1534131395,6356.73,0.96017748\n1534131412,6355.28,1.1\n")
    with running("--trades", path, "--port", 0, "--speed", "max", "--quiet", "--symbol", "ETHUSDT") as (
        process,
        line,
    ):
        assert line.startswith("binance:ETHUSDT?")
        assert line.endswith("&speed=max")
        url = line.split("rest=")[1].split("&")[0]
        assert httpx.get(f"{url}/api/v3/time", trust_env=False).json() == {"serverTime": 1534131394000}
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_faults_are_listed(ended):
    code, out, _ = ended("--list-faults")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(FAULTS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "listens on this machine alone, not on '0.0.0.0'"),
        (["--host", "example.com"], "listens on this machine alone"),
        (["--speed", "fast"], "--speed must be a number above 0, or max, got 'fast'"),
        (["--speed", "0"], "the speed must be above 0"),
        (["--begin", "2"], "nothing is left to happen after --begin '2': there are 2 trades"),
        (["--symbol", "x"], "'x' is no symbol"),
        (["--trades", "none.csv"], "none.csv"),
    ],
)
def test_mistakes(ended, arguments, said):
    code, out, err = ended("--simulate", 2, "--port", 0, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("ostinato: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_busy_port(ended):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = ended("--simulate", 2, "--port", port)
    assert (code, out) == (1, "")
    assert err == (
        f"ostinato: port {port} of 127.0.0.1 is taken by another program: choose another --port, or 0 for one that is "
        "free.\n"
    )
