"""For every test: one thread, since the workers of pytest-xdist share the cores."""

import gc
import os
import subprocess
from pathlib import Path

import pytest

import forkserver

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch loads; also for processes that tests start


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip that says how to have it."""
    folder = os.environ.get("OSTINATO_DATA")
    if not folder:
        pytest.skip("OSTINATO_DATA is unset: set it to the folder of real data to run this test")
    return Path(folder)


@pytest.fixture
def forked_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that our code starts are forked too, so that they need not load torch."""
    monkeypatch.setattr(subprocess, "Popen", forkserver.Popen)


def pytest_collection_finish() -> None:
    """What stays to the end is looked at by the garbage collector no more: tests, and all that was imported.

    Half a second for each collection of a worker; torch's compiler and statsmodels ask for many.
    """
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter) -> None:
    """Here, not beside the contract: pytest-xdist's controller loads no conftest.py further down."""
    from contract.table import write_table

    write_table(terminalreporter)
