"""A disk that is full in the middle of a run."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from ostinato.errors import StoreError, StoreFullError
from ostinato.store import Reader, Store
from store.filling import ENVIRONMENT, FIRST, assert_prefix, chain, fill, head


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte; only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True
    )
    if not made or made.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_loses_nothing_that_was_committed(small_disk):
    path = small_disk / "live.db"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    with Store.create(path, head()) as store:
        with pytest.raises(StoreFullError, match=r"no room left.*Make room"):
            fill(store, 100_000)
        count = store.position().key + 1 - FIRST
        assert count > 100
        for _ in range(3):  # as often as it is tried
            with pytest.raises(StoreFullError):
                fill(store, 50, group=50)
        with Reader.open(path) as reader:
            assert reader.counts().events == count
        ballast.unlink()
        fill(store, 20)  # and goes on once there is room
    assert assert_prefix(path) == count + 20


def test_it_is_reopened_when_there_is_room(small_disk):
    path = small_disk / "live.db"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    store = Store.create(path, head())
    with pytest.raises(StoreFullError):
        fill(store, 100_000)
    count = store.position().key + 1 - FIRST
    store.close()
    with suppress(StoreFullError):  # to open it may take room, too
        Store.open(path, head()).close()
    ballast.unlink()
    with Store.open(path, head()) as store:
        assert store.recovered is None or "nothing that was committed is lost" in store.recovered
        fill(store, 20)
        assert store.head_hash() == chain(range(FIRST, FIRST + count + 20))
    assert assert_prefix(path) == count + 20


def test_no_room_for_a_new_store(small_disk):
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(StoreFullError):
        Store.create(small_disk / "live.db", head())
    assert not (small_disk / "live.db").exists()


@pytest.mark.parametrize("killed", [False, True])
def test_a_reader_where_nothing_can_be_written(small_disk, killed):
    path = small_disk / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 50)
        if killed:  # a log is left; its index, in shared memory, is of the dead machine
            log = path.with_name("live.db-wal")
            kept, left = path.read_bytes(), log.read_bytes()
    if killed:
        path.write_bytes(kept)
        log.write_bytes(left)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    if killed:
        with pytest.raises(StoreError, match="Copy"):
            Reader.open(path)
    else:
        assert assert_prefix(path) == 50
    with pytest.raises(StoreError, match="Read-only file system"):
        Store.open(path, head())


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
def test_a_file_that_may_not_grow(tmp_path):
    """A limit on the size of files stops writing as a full disk does, and needs no mounting."""
    path = tmp_path / "live.db"
    program = f"""
import resource
from pathlib import Path
from ostinato.errors import StoreError, StoreFullError
from ostinato.store import Store
from store.filling import ENVIRONMENT, fill, head
store = Store.create(Path({str(path)!r}), head())
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    fill(store, 100_000)
except StoreFullError as error:
    print(store.position().key)
store.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    count = int(done.stdout) + 1 - FIRST
    assert assert_prefix(path) == count
    with Store.open(path, head()) as store:
        fill(store, 20)
    assert assert_prefix(path) == count + 20
