"""Files of a store that are moved under ``ostinato live``: it stops within seconds, and says where everything is."""

import json
import os
import subprocess
import time

import pytest

import forkserver
from forkserver import OSTINATO
from ostinato.store import Reader, verify

LINES = 40


def lines(first, count):
    rows = [
        {"id": n, "time": 1.7e9 + n, "price": 100 + 0.01 * (n % 5), "amount": 0.5}
        for n in range(first, first + count)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def stored(path, count, process):
    """Wait until so many events are there."""
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        if path.exists():
            with Reader.open(path) as reader:
                if reader.counts().events == count:
                    return
        time.sleep(0.02)


@pytest.fixture
def engine(small_run, tmp_path):
    store = tmp_path / "live.sqlite"
    process = forkserver.Popen(
        [OSTINATO, "live", str(small_run), "--feed", "stdin:", "--store", str(store), "--no-dashboard"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"},
    )
    try:
        process.stdin.write(lines(0, LINES))
        process.stdin.flush()
        stored(store, LINES, process)
        yield process, store
    finally:
        process.kill()
        process.communicate()


def test_a_renamed_store_is_whole_under_its_new_name(engine):
    process, store = engine
    new = store.with_name("kept.sqlite")
    store.rename(new)
    assert process.wait(60) == 1  # though the input is open, and silent
    said = process.stderr.read()
    assert f"{store} was moved to {new}, while it was written. All that was committed is in {new}." in said
    assert "Traceback" not in said
    assert verify(new).ok
    with Reader.open(new) as reader:
        assert reader.counts().events == LINES
