"""Files of a store that are moved, removed or replaced while a process writes it: it stops, and no row is lost."""

import shutil
import sqlite3
import subprocess
import sys

import pytest

import forkserver
from ostinato.errors import StoreMovedError
from ostinato.store import Reader, Store, verify
from store.filling import ENVIRONMENT, FIRST, assert_prefix, chain, fill, head

COUNT = 12  # far fewer groups than a checkpoint waits for: all rows are in the log alone

WRITER = """
import sys
from pathlib import Path
from ostinato.errors import StoreError
from ostinato.store import Store
from store.filling import fill, head
with Store.open(Path(sys.argv[1]), head()) as store:
    print("open", flush=True)
    for line in sys.stdin:
        try:
            fill(store, int(line))
            print(store.position().key, flush=True)
        except StoreError as error:
            print(error, flush=True)
"""


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "stores"
    folder.mkdir()
    with Store.create(folder / "live.sqlite", head()) as opened:
        fill(opened, COUNT)
        opened.check_files()
        yield opened


def stopped(store):
    """The sentence with which it stops; it does so again whatever is asked."""
    with pytest.raises(StoreMovedError) as first:
        store.check_files()
    with pytest.raises(StoreMovedError, match=r"^\S"):
        store.begin()
    store.close()
    text = str(first.value)
    assert "while it was written" in text
    return text


def whole(path, count=COUNT):
    """A store holds what was committed, and can be gone on with."""
    assert assert_prefix(path) == count
    assert verify(path).ok
    with Store.open(path, head()) as again:
        assert again.recovered is None
        fill(again, 3)
        assert again.head_hash() == chain(range(FIRST, FIRST + count + 3))


def test_renamed(store):
    new = store.path.with_name("kept.sqlite")
    store.path.rename(new)
    text = stopped(store)
    assert f"{store.path} was moved to {new}" in text
    assert f"All that was committed is in {new}. Go on with --store {new}" in text
    assert not store.path.with_name("live.sqlite-wal").exists()
    whole(new)


def test_renamed_and_a_new_one_in_its_place(store):
    new = store.path.with_name("kept.sqlite")
    store.path.rename(new)
    for end in ("-wal", "-shm", ".lock"):
        store.path.with_name(f"live.sqlite{end}").unlink(missing_ok=True)
    with Store.create(store.path, head()) as other:
        fill(other, 5)
        log = other.wal_bytes()
        assert "was replaced by another file" in stopped(store)
        assert other.wal_bytes() == log > 0  # that of the other one is left alone
        fill(other, 5)
    whole(new)
    whole(store.path, 10)


def test_the_folder_is_moved(store, tmp_path):
    new = tmp_path / "elsewhere"
    store.path.parent.rename(new)
    text = stopped(store)
    assert f"the folder of {store.path} was moved to {new}" in text
    assert f"is in {new / 'live.sqlite'}" in text
    whole(new / "live.sqlite")


def test_removed(store):
    for path in store.path.parent.iterdir():
        path.unlink()
    text = stopped(store)
    copy = store.path.with_name("live-rescued.sqlite")
    assert f"{store.path} was removed" in text
    assert f"was copied to {copy}" in text
    whole(copy)


def test_removed_with_its_folder(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(store.path.parent)
    assert f"was copied to {tmp_path / 'live-rescued.sqlite'}" in stopped(store)
    whole(tmp_path / "live-rescued.sqlite")


def test_replaced_by_a_rename(store, tmp_path):
    other = tmp_path / "other.sqlite"
    with Store.create(other, head()) as made:
        fill(made, 4)
    other.rename(store.path)
    text = stopped(store)
    copy = store.path.with_name("live-rescued.sqlite")
    assert "was replaced by another file" in text
    assert f"was copied to {copy}" in text
    whole(copy)


@pytest.mark.parametrize("end", ["-wal", "-shm", ".lock"])
def test_a_file_beside_it_is_removed(store, end):
    store.path.with_name(f"live.sqlite{end}").unlink()
    text = stopped(store)
    assert f"{store.path}{end} was removed" in text
    assert f"is in {store.path}. Start again" in text
    whole(store.path)


@pytest.mark.parametrize("end", ["-sealed", "-models"])
def test_a_folder_beside_it_is_removed(store, end):
    folder = store.path.with_name(f"live.sqlite{end}")
    folder.mkdir()
    store.check_files()  # it may come to be at any time
    folder.rename(folder.with_name("gone"))
    assert f"{folder} was removed or moved" in stopped(store)
    whole(store.path)


def test_another_log_stands_beside_it(store):
    log = store.path.with_name("live.sqlite-wal")
    log.rename(log.with_name("old-wal"))
    log.write_bytes(b"another's")
    text = stopped(store)
    copy = store.path.with_name("live-rescued.sqlite")
    assert f"{log} was replaced by another file" in text
    assert f"was copied to {copy}" in text
    assert log.read_bytes() == b"another's"
    whole(copy)


def writer(path):
    process = forkserver.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stdout.readline() == "open\n"
    return process


def asked(process, count):
    print(count, file=process.stdin, flush=True)
    return process.stdout.readline().strip()


def test_a_second_writer_gets_in_where_the_lock_is_removed(store):
    store.path.with_name("live.sqlite.lock").unlink()
    with writer(store.path) as second:
        assert asked(second, 5) == str(FIRST + COUNT + 4)
        store.begin()
        store.add_note("kind", "text")
        with pytest.raises(StoreMovedError, match=r"another process has written .* Let one process write it"):
            store.commit()
        text = stopped(store)
        assert f"Another process writes {store.path} now" in text
        assert asked(second, 5) == str(FIRST + COUNT + 9)
        second.stdin.close()
    whole(store.path, COUNT + 10)


def test_a_second_writer_that_comes_late_is_the_one_that_stops(store):
    store.path.with_name("live.sqlite.lock").unlink()
    with writer(store.path) as second:
        fill(store, 5)  # before anybody looked
        assert "another process has written" in asked(second, 5)
        second.stdin.close()
    assert "was replaced by another file" in stopped(store)
    whole(store.path, COUNT + 5)


def test_closed_without_a_look_it_is_whole_too(store):
    new = store.path.with_name("kept.sqlite")
    store.path.rename(new)
    store.close()
    whole(new)


def test_a_checkpoint_by_hand_stops_nobody(store):
    with sqlite3.connect(store.path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    fill(store, 5)
    store.check_files()
    store.close()
    whole(store.path, COUNT + 5)


def test_a_reader_sees_that_the_store_is_another(store):
    with Reader.open(store.path) as reader:
        assert reader.in_place()
        shutil.copy(store.path, store.path.with_name("copy"))
        store.path.with_name("copy").replace(store.path)
        assert not reader.in_place()
