"""``ostinato live`` as a user meets it: a real process, a real exchange, a real page.

A process of its own has what only a process shows: signals, kill -9, standard input, broken pipes, a lock. Mistakes and
what is printed are asked of the command within the process of the tests, which has torch loaded.
"""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

import forkserver
from cli.conftest import ostinato
from forkserver import OSTINATO
from ostinato.store import Reader

ROWS = 3_000
FEW = 600


def live(*options, **more):
    """Run the command to its end."""
    command = [OSTINATO, "live", *map(str, options)]
    return forkserver.run(command, timeout=120, env=environment(), **more)


def live_here(*options):
    """Run the command to its end, in this process."""
    return ostinato("live", *map(str, options))


def environment():
    return os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"}


def started(*options):
    """Start the command and wait for the address of its page."""
    child = forkserver.Popen(
        [OSTINATO, "live", *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    for line in child.stdout:
        if line.startswith("the page: "):
            return child, line.removeprefix("the page: ").strip()
    raise AssertionError(child.stderr.read())


def state(address):
    with urllib.request.urlopen(f"{address.rstrip('/')}/api/state", timeout=10) as answer:
        return json.load(answer)


def events_in(store):
    """Count them. The reader is closed, because one left open keeps an index of a log that a later run replaces."""
    with Reader.open(store) as reader:
        return reader.counts().events


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def written(path, rows):
    """A file of the last trades of a market, for a live run without a network."""
    from ostinato.data.simulator import simulate_trades

    trades = simulate_trades(ROWS, seed=3)
    columns = (trades.time, trades.price, trades.amount)
    lines = zip(*(column[-rows:].tolist() for column in columns), strict=True)
    path.write_text(
        "time,price,amount\n" + "".join(f"{time:.0f},{price!r},{amount!r}\n" for time, price, amount in lines)
    )
    return path


@pytest.fixture(scope="module")
def trades_csv(tmp_path_factory):
    """As many as a challenger is trained on, and more."""
    return written(tmp_path_factory.mktemp("data") / "trades.csv", ROWS)


@pytest.fixture(scope="module")
def few_csv(tmp_path_factory):
    """Enough for predictions and their score, all of them later than what the run was fitted on."""
    return written(tmp_path_factory.mktemp("data") / "trades.csv", FEW)


def test_a_life_on_an_exchange_is_seen_interrupted_and_gone_on_with(small_run, exchanges, tmp_path):
    feed = exchanges.start("--simulate", ROWS, "--seed", 7, "--begin", 500, "--speed", 300)
    store = tmp_path / "live.sqlite"
    how = [
        small_run,
        "--feed",
        feed,
        "--store",
        store,
        "--history",
        400,
        "--port",
        0,
        "--log",
        tmp_path / "log.jsonl",
    ]
    child, address = started(*how)
    until(lambda: state(address).get("headline"))
    until(lambda: events_in(store) > 450)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert "to go on: ostinato live" in out
    with Reader.open(store) as reader:
        first = reader.counts().events
        origins = {row.origin.name for row in reader.events_after(limit=5000)}
    assert origins == {"HISTORY", "STREAM"}
    done = live(*how, "--for", 5)
    assert done.returncode == 0, done.stderr
    assert "goes on after event" in done.stdout
    with Reader.open(store) as reader:
        assert reader.counts().events > first
        keys = [row.key for row in reader.events_after(limit=5000)]
    assert keys == list(range(keys[0], keys[-1] + 1))
    events = [json.loads(line)["event"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert events.count("started") == events.count("stopped") == 2


def test_a_file_ends_by_itself_with_its_score(small_run, few_csv, tmp_path):
    done = live_here(
        small_run, "--feed", f"file:{few_csv}", "--store", tmp_path / "a.sqlite", "--no-dashboard"
    )
    assert done.returncode == 0, done.stderr
    for words in (
        "600 events, 600 predictions, 599 resolved",
        "sign table",
        "scored forecasts",
        "however often one looks",
    ):
        assert words in done.stdout


def test_lines_on_standard_input(small_run, tmp_path):
    lines = "".join(
        f'{{"time": {1700000000 + row}, "price": {100 + row % 3}, "amount": 1}}\n' for row in range(50)
    )
    done = live(
        small_run, "--feed", "stdin:", "--store", tmp_path / "a.sqlite", "--no-dashboard", input=lines
    )
    assert done.returncode == 0, done.stderr
    assert "50 events, 50 predictions, 49 resolved" in done.stdout


@pytest.mark.parametrize("where", ["a reader that went", "a full disk"])
def test_what_cannot_be_said_ends_no_life(where, small_run, few_csv, tmp_path):
    store = tmp_path / "a.sqlite"
    command = [
        OSTINATO,
        "live",
        small_run,
        "--feed",
        f"file:{few_csv}",
        "--store",
        store,
        "--no-dashboard",
    ]
    if where == "a full disk":
        if not Path("/dev/full").exists():
            pytest.skip("there is no /dev/full")
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                list(map(str, command)), stdout=full, stderr=subprocess.PIPE, timeout=120, env=environment()
            )
    else:
        ours, theirs = os.pipe()
        os.close(ours)
        with os.fdopen(theirs, "wb") as gone:
            done = subprocess.run(
                list(map(str, command)), stdout=gone, stderr=subprocess.PIPE, timeout=120, env=environment()
            )
    assert (done.returncode, done.stderr) == (0, b"")
    with Reader.open(store) as reader:
        assert reader.counts().events == FEW
        assert reader.latest_health()[1].state == "ended"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_log_that_cannot_be_written_ends_no_life(small_run, few_csv, tmp_path):
    done = live_here(
        *(small_run, "--feed", f"file:{few_csv}", "--store", tmp_path / "a.sqlite"),
        *("--no-dashboard", "--log", "/dev/full"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "600 events, 600 predictions" in done.stdout


@pytest.mark.timeout(200)
@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_a_life_that_is_killed_leaves_no_process(small_run, trades_csv, tmp_path):
    """Killed while a challenger is trained, the page open."""
    feed = f"file:{trades_csv}?speed=300"
    child, _ = started(
        *(small_run, "--feed", feed, "--store", tmp_path / "a.sqlite", "--port", 0, "--retrain", "1000")
    )
    until(lambda: list(tmp_path.glob("a.sqlite-models/*.log")), 60)
    number = Path(f"/proc/{child.pid}")
    others = {int(one) for task in number.glob("task/*/children") for one in task.read_text().split()}
    child.kill()
    child.communicate(timeout=30)
    assert len(others) == 2
    until(lambda: not any(Path(f"/proc/{one}").exists() and ") Z " not in stat(one) for one in others))


def stat(number):
    try:
        return Path(f"/proc/{number}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ") Z "


def test_a_log_without_its_package(small_run, few_csv, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['structlog'] = None\n")
    done = subprocess.run(
        [
            *(OSTINATO, "live", str(small_run), "--feed", f"file:{few_csv}", "--no-dashboard"),
            *("--store", str(tmp_path / "a.sqlite"), "--log", str(tmp_path / "log")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment() | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert done.stderr == ("ostinato: --log needs the package structlog: pip install 'ostinato[live]'.\n")


def mistakes(run, trades, folder):
    """Options, and what is said."""
    file = ["--feed", f"file:{trades}", "--store", folder / "new.sqlite", "--no-dashboard"]
    return {
        "no run": ([folder / "nothing", *file], "no run in"),
        "no feed": ([run, "--feed", "binanse:BTCUSDT"], "there is no feed 'binanse:BTCUSDT'. Did you mean 'binance'?"),
        "no file": ([run, "--feed", f"file:{folder}/gone.csv"], "gone.csv"),
        "no symbol": ([run, "--feed", "binance:"], "a symbol such as BTCUSDT"),
        "policy": ([run, *file, "--on-gap", "ignore"], "--on-gap must be carry or reset, got 'ignore'"),
        "long since": ([run, *file, "--since", "9" * 5000], "--since must be an id such as 123456, or first"),
        "log in the store": ([run, *file, "--log", folder / "new.sqlite-wal"], "stands where it keeps files"),
        "since": ([run, *file, "--since", "yesterday"], "--since must be an id such as 123456, or first"),
        "schedule": ([run, *file, "--retrain", "often"], "--retrain must be hourly, daily, weekly"),
        "log": ([run, *file, "--log", folder / "no" / "log.jsonl"], "cannot write the log"),
        "a folder": ([run, "--feed", f"file:{trades}", "--store", folder, "--no-dashboard"], str(folder)),
        "host": ([run, *file[:-1], "--host", "0.0.0.0", "--port", "0"], "token"),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(mistakes("", "", Path())))
def test_a_mistake_is_one_sentence(name, small_run, few_csv, tmp_path):
    options, words = mistakes(small_run, few_csv, tmp_path)[name]
    done = live_here(*options)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("ostinato: ")
    assert done.stderr.count("\n") == 1


def test_a_busy_port(small_run, few_csv, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = live_here(
            small_run, "--feed", f"file:{few_csv}", "--store", tmp_path / "a.sqlite", "--port", port
        )
    assert done.returncode == 1
    assert f"port {port}: address already in use. Name another --port" in done.stderr
    assert not list(tmp_path.glob("a.sqlite*"))


def test_an_unknown_symbol(small_run, exchanges, tmp_path):
    feed = exchanges.start("--simulate", 100, "--speed", 60).replace("BTCUSDT", "BTCUSTD", 1)
    done = live_here(small_run, "--feed", feed, "--store", tmp_path / "a.sqlite", "--no-dashboard")
    assert done.returncode == 1
    assert "BTCUSTD" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_lives_on_one_store(small_run, exchanges, tmp_path):
    feed = exchanges.start("--simulate", 500, "--begin", 100, "--speed", 60)
    how = [small_run, "--feed", feed, "--store", tmp_path / "a.sqlite", "--port", 0]
    child, _ = started(*how)
    second = live(*how)
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)
    assert child.returncode == 0
    assert second.returncode == 1
    assert "another process" in second.stderr


def test_a_run_of_the_wrong_kind(small_run, tmp_path):
    """A table where trades are wanted."""
    path = tmp_path / "table.csv"
    path.write_text("date,load\n" + "".join(f"2024-01-01 {hour:02}:00:00,{hour}\n" for hour in range(24)))
    done = live_here(small_run, "--feed", f"file:{path}", "--store", tmp_path / "a.sqlite", "--no-dashboard")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_life_on_what_the_run_was_fitted_on_says_that_nothing_counts(small_run, tmp_path):
    from ostinato.data.simulator import simulate_trades

    trades = simulate_trades(1_200, seed=3)  # the run's own, of which the last fifth is left out
    trades = type(trades)(*(None if part is None else part[:900] for part in (
        trades.time, trades.price, trades.amount, trades.id, trades.side)), trades.report)  # fmt: skip
    rows = zip(trades.time.tolist(), trades.price.tolist(), trades.amount.tolist(), strict=True)
    path = tmp_path / "own.csv"
    path.write_text(
        "time,price,amount\n" + "".join(f"{time:.0f},{price!r},{amount!r}\n" for time, price, amount in rows)
    )
    done = live_here(small_run, "--feed", f"file:{path}", "--store", tmp_path / "a.sqlite", "--no-dashboard")
    assert "no prediction is scored: 899 were made on what the run was fitted on" in done.stdout


def test_lines_that_are_no_events_are_told_of(small_run, tmp_path):
    done = live(
        small_run,
        "--feed",
        "stdin:",
        "--store",
        tmp_path / "a.sqlite",
        "--no-dashboard",
        input="garbage\n" * 7,
    )
    assert done.returncode == 0, done.stderr
    assert "7 messages were no events" in done.stdout
