"""Several processes on one store, and what kill -9 leaves."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import forkserver
from ostinato.errors import StoreError
from ostinato.store import Reader, Store, verify
from store.filling import ENVIRONMENT, FIRST, assert_prefix, chain, fill, head

WRITER = """
import sys
from pathlib import Path
from ostinato.store import Store
from store.filling import ENVIRONMENT, FIRST, fill, head
path, count = Path(sys.argv[1]), int(sys.argv[2])
with Store.open_or_create(path, head()) as store:
    print("open", store.recovered or "", flush=True)
    while store.position() is None or store.position().key < FIRST + count - 1:
        done = 0 if store.position() is None else store.position().key + 1 - FIRST
        fill(store, min(3, count - done), group=3)
        print(store.position().key, flush=True)
    sys.stdin.read()
"""


def writer(path: Path, count: int) -> subprocess.Popen:
    return forkserver.Popen(
        [sys.executable, "-c", WRITER, str(path), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def killed(process: subprocess.Popen) -> list[str]:
    """The lines it still had said."""
    process.send_signal(signal.SIGKILL)
    return process.communicate()[0].splitlines()


def rounds(path: Path, kills: int, count: int, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(kills):
        process = writer(path, count)
        assert process.stdout.readline().startswith("open")
        for _ in range(dice.randrange(20)):
            process.stdout.readline()
        time.sleep(0.004 * dice.random())  # anywhere within a commit
        said = [int(line) for line in killed(process) if line.strip().isdigit()]
        stored = assert_prefix(path)
        assert not said or stored >= said[-1] - FIRST + 1  # what was acknowledged is there
    with Store.open(path, head()) as store:
        assert store.recovered is None or "nothing that was committed is lost" in store.recovered
        done = store.position().key + 1 - FIRST
        fill(store, count - done)
        assert store.head_hash() == chain(range(FIRST, FIRST + count))
    assert verify(path).ok
    assert assert_prefix(path) == count


def test_killed_again_and_again_it_holds_what_an_unbroken_run_does(tmp_path):
    rounds(tmp_path / "live.db", 6, 600, seed=1)


@pytest.mark.slow
def test_killed_a_hundred_times(tmp_path):
    rounds(tmp_path / "live.db", 100, 6_000, seed=2)


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path):
    path = tmp_path / "live.db"
    process = writer(path, 30)
    assert process.stdout.readline().startswith("open")
    with pytest.raises(StoreError, match=r"another process is writing .*live\.db"):
        Store.open(path, head())
    Reader.open(path).close()
    killed(process)
    Store.open(path, head()).close()


def test_a_second_writer_in_the_same_process_is_refused(tmp_path):
    with Store.create(tmp_path / "live.db", head()), pytest.raises(StoreError, match="another process"):
        Store.open(tmp_path / "live.db", head())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_keep_the_lock_of_its_dead_parent(tmp_path):
    path = tmp_path / "live.db"
    program = f"""
import os, sys
from pathlib import Path
from ostinato.store import Store
from store.filling import ENVIRONMENT, head
store = Store.create(Path({str(path)!r}), head())
child = os.fork()
if child == 0:
    print("here", flush=True)  # only then has it let go of the lock
    sys.stdin.read()
    os._exit(0)
os.kill(os.getpid(), 9)
"""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout.readline() == "here\n"
        process.wait()
        Store.open(path, head()).close()  # while the child still waits


def test_a_reader_sees_whole_groups_while_a_writer_writes(tmp_path):
    path = tmp_path / "live.db"
    process = writer(path, 900)
    assert process.stdout.readline().startswith("open")
    seen, key, looks = [], None, 0
    with Reader.open(path) as reader:
        while len(seen) < 900:
            block = reader.predictions_after(key, 1_000)
            seen += block
            key = block[-1].key if block else key
            assert len(seen) % 3 == 0
            looks += bool(block)
        assert [one.key for one in seen] == list(range(FIRST, FIRST + 900))
        assert reader.wal_bytes() < 8 << 20
    process.communicate()
    assert process.returncode == 0
    assert assert_prefix(path) == 900


LOCKED = """
import fcntl
import sys
with open(sys.argv[1], "rb+") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # SQLite's shared lock
    except OSError:
        print("locked")
"""


def test_a_second_reader_of_a_process_leaves_the_locks_of_the_first(tmp_path):
    """Closing any descriptor of a file releases the locks of its process; the writer would then remove the log."""
    path = tmp_path / "live.sqlite"
    with Store.create(path, head()) as store:
        fill(store, 3)
        with Reader.open(path):
            for way in (Reader.open, verify):
                found = way(path)
                if isinstance(found, Reader):
                    found.close()
                child = subprocess.run([sys.executable, "-c", LOCKED, path], check=True, capture_output=True)
                assert child.stdout == b"locked\n", way
