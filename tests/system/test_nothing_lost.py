"""A life that is killed at any moment, faults going on: the ledger is the one of a life that was not."""

import json
import os
import random
import signal
import time

import pytest

from ostinato.exchange import random_faults
from ostinato.exchange.catalogue import KINDS
from ostinato.store import Reader, verify

# these leave holes for good, or lie about trades; what they do has tests of its own
LOSSY = {"gap_pruned", "symbol_break", "time_hole"}
LONGEST = 0.6  # seconds that a life is left at most


def write_faults(path, faults):
    """A script that the command reads."""
    lines = [{"name": one.name, "at": one.at, "for": one.length, **one.parameters} for one in faults]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def log_size(store):
    try:
        return os.stat(f"{store}-wal").st_size  # noqa: PTH116
    except OSError:
        return 0


def kill_at_a_commit(number, store, writes):
    """Kill as soon as the log has been written to for the n-th time: within a commit, or right behind it."""
    seen, size, deadline = 0, log_size(store), time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        now = log_size(store)
        if now != size:
            seen, size = seen + 1, now
        if seen >= writes:
            break
    return kill(number)


def kill(number):
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def killed_again_and_again(children, kills, chance, how):
    """How many kills there were, and how many of them at a commit."""
    done = commits = 0
    while done < kills:
        number = children.start(*how)
        if commits * 2 <= done:
            hit = kill_at_a_commit(number, how[2], chance.randint(1, 40))
            commits += hit
        else:
            time.sleep(chance.uniform(0, LONGEST))
            hit = kill(number)
        done += hit
        code = children.wait()
        assert code in (-9, 0), code
        if code == 0 and not hit:
            break
    return done, commits


def ledger_of(store):
    with Reader.open(store) as reader:
        return reader.head_hash(), reader.counts()


@pytest.mark.parametrize(
    ("kills", "rows", "speed"),
    [
        (8, 3_000, 3_000),
        pytest.param(200, 40_000, 1_000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
    ],
)
def test_kills_lose_nothing(kills, rows, speed, children, exchanges, small_run, tmp_path):
    market = ["--simulate", rows, "--seed", 7, "--begin", 0]
    how = [small_run, exchanges.start(*market, "--speed", "max"), tmp_path / "whole.sqlite", rows - 1]
    children.live(*how)
    faults = random_faults(
        3, 4.0 * rows / 60, [name for name, kind in KINDS.items() if kind.survivable and name not in LOSSY]
    )
    write_faults(tmp_path / "faults.jsonl", faults)
    address = exchanges.start(*market, "--speed", speed, "--faults", tmp_path / "faults.jsonl")
    how = [small_run, address, tmp_path / "killed.sqlite", rows - 1]
    done, commits = killed_again_and_again(children, kills, random.Random(1), how)
    assert done >= kills
    assert commits * 3 >= done
    children.live(*how)
    whole, killed = ledger_of(tmp_path / "whole.sqlite"), ledger_of(tmp_path / "killed.sqlite")
    assert killed[0] == whole[0]
    assert killed[1].events == whole[1].events == rows
    assert verify(tmp_path / "killed.sqlite").ok
