"""Real parts: an exchange in a process of its own, and lives that can be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import forkserver
from contract.registry.models import MODEL_OPTIONS
from forkserver import OSTINATO
from ostinato.data.simulator import simulate_trades
from ostinato.tasks.forecasting import fit

QUICK = {"epochs": 1, "streams": 4, "update_every": 32, "sampler": "streams"}


class Lives:
    """Starts one life at a time."""

    def __init__(self, server):
        self.server = server

    def start(self, run, feed, store, until):
        """Begin or go on; its process number."""
        print(run, feed, store, until, sep="\t", file=self.server.stdin, flush=True)
        return int(self.server.stdout.readline())

    def wait(self):
        """How it ended."""
        return int(self.server.stdout.readline())

    def live(self, *how):
        """To the end, undisturbed."""
        self.start(*how)
        assert self.wait() == 0


@pytest.fixture(scope="session")
def children():
    """A process that has torch loaded and forks."""
    command = [sys.executable, str(Path(__file__).with_name("live_child.py"))]
    pipe = subprocess.PIPE
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as server:
        yield Lives(server)
        server.stdin.close()


class Exchanges:
    """``ostinato exchange`` on any free port."""

    def __init__(self):
        self.running = []

    def start(self, *options):
        """Its address, as ``ostinato live --feed`` takes it."""
        command = [OSTINATO, "exchange", "--port", "0", "--quiet", *map(str, options)]
        child = forkserver.Popen(command, stdout=subprocess.PIPE, text=True)
        self.running.append(child)
        address = child.stdout.readline().strip()
        assert address.startswith("binance:"), address
        return address

    def close(self):
        for child in self.running:
            child.send_signal(signal.SIGINT)
            child.wait(20)
            child.stdout.close()
        self.running.clear()


@pytest.fixture
def exchanges():
    made = Exchanges()
    yield made
    made.close()


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """A small LSTM that foresees directions."""
    folder = tmp_path_factory.mktemp("live") / "run"
    recipe = {"feature_windows": [4, 16]}
    fit(
        simulate_trades(1_200, seed=3),
        folder,
        "lstm",
        options=MODEL_OPTIONS["lstm"],
        training=QUICK,
        recipe=recipe,
    )
    return folder
