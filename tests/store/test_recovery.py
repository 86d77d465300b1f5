"""Damage: a log that was cut, bits that flipped. What opens is right, or is refused in a sentence."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from ostinato.errors import BrokenStoreError, StoreError
from ostinato.store import Reader, Store, verify
from ostinato.store.wal import inspect_log
from store.filling import FIRST, assert_prefix, chain, event, fill, head, number

FILES = ("", "-wal", ".lock")


def copied(path: Path, folder: Path) -> Path:
    """A store as a dead machine leaves it: without the index of the log, which lives in memory."""
    folder.mkdir()
    for end in FILES:
        source = path.with_name(path.name + end)
        if source.exists():
            shutil.copy(source, folder / source.name)
    return folder / path.name


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """What a writer leaves that was killed after 40 groups, the first ten of them in the file already."""
    folder = tmp_path_factory.mktemp("left")
    path = folder / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 50)
        store._connection.execute("PRAGMA wal_checkpoint(RESTART)")
        fill(store, 150)
        return copied(path, folder / "dead")


@pytest.fixture(scope="module")
def closed(left, tmp_path_factory):
    """The same, all of it in the file."""
    path = copied(left, tmp_path_factory.mktemp("closed") / "whole")
    Store.open(path, head()).close()
    return path


def test_a_log_that_was_cut_loses_its_last_groups_and_says_so(left, tmp_path):
    log = left.with_name("live.db-wal")
    size, dice = log.stat().st_size, random.Random(3)
    frame = inspect_log(log).frame_bytes
    used = 32 + inspect_log(log).frames * frame
    cuts = [0, 1, 31, 32, used, used - 1, used - frame, *(dice.randrange(size) for _ in range(25))]
    silent = 0
    for place, cut in enumerate(cuts):
        path = copied(left, tmp_path / str(place))
        with path.with_name("live.db-wal").open("r+b") as file:
            file.truncate(cut)
        with Store.open(path, head()) as store:
            said = store.recovered
            count = assert_prefix(path)
            assert count % 5 == 0
            assert count >= 50
            if count == 200:
                assert said is None
                silent += 1
            else:
                lost = 200 - count
                assert f"the last {lost // 5} group" in said
                assert f"{lost} event" in said
                assert f"after key {FIRST + count - 1}" in said
                with Reader.open(path) as reader:
                    assert [note.kind for note in reader.notes_after()] == ["recovered"]
            fill(store, 200 - count)
            assert store.head_hash() == chain(range(FIRST, FIRST + 200))
        with Store.open(path, head()) as store:
            assert store.recovered is None
    assert 0 < silent < len(cuts) / 2


def test_a_commit_that_was_cut_off_is_told_without_the_record_too(left, tmp_path):
    path = copied(left, tmp_path / "one")
    log = path.with_name("live.db-wal")
    path.with_name("live.db.lock").unlink()
    seen = inspect_log(log)
    with log.open("r+b") as file:
        file.truncate(32 + seen.frames * seen.frame_bytes - 100)
    with Store.open(path, head()) as store:
        assert "bytes of the log were not whole" in store.recovered
        assert assert_prefix(path) == 195


def test_a_store_that_was_closed_has_nothing_to_tell(left, tmp_path):
    path = copied(left, tmp_path / "one")
    with Store.open(path, head()) as store:
        assert store.recovered is None
    with Store.open(path, head()) as store:
        assert store.recovered is None
    assert inspect_log(path.with_name("live.db-wal")) is None


def test_commits_that_are_gone_and_a_rest_that_does_not_fit(left, tmp_path):
    path = copied(left, tmp_path / "one")
    path.with_name("live.db-wal").unlink()
    stranger = sqlite3.connect(path)
    stranger.execute("UPDATE events SET price = 1.0 WHERE key = 120")
    stranger.commit()
    stranger.close()
    with pytest.raises(BrokenStoreError, match=r"the log was cut.*not those that were written"):
        Store.open(path, head())


def test_a_log_without_its_store_is_not_played_into_a_new_one(left, tmp_path):
    path = copied(left, tmp_path / "one")
    path.unlink()
    with pytest.raises(StoreError, match="belongs to a store that is gone"):
        Store.create(path, head())


def outcome(path: Path) -> str:
    """What becomes of a damaged store: "refused", "told" by verify, or "right"."""
    try:
        with Store.open(path, head()) as store:
            count = 0
            for count, stored in enumerate(store.events_after(), 1):
                wanted = event(FIRST + count - 1)
                assert repr(stored.values) == repr(wanted.values)
                assert stored[:2] == wanted[:2]
            list(store.models())
            store.latest_snapshot(1)
        verdict = verify(path)
        if not verdict.ok:
            assert all("Traceback" not in problem for problem in verdict.problems)
            return "told"
        with Reader.open(path) as reader:
            said = reader.predictions_after(None, 1_000)
            assert [(one.key, float(one.numbers[0])) for one in said] == [
                (key, number(key)) for key in range(FIRST, FIRST + count)
            ]
            (
                reader.scores_after(None, 1_000),
                reader.gaps(),
                reader.notes_after(),
                reader.latest_health(),
                reader.counts(),
            )
    except StoreError as error:
        said = str(error)
    else:
        return "right"
    assert said.isprintable()  # which a line's end is not
    return "refused"


@pytest.mark.parametrize("end", ["", "-wal"])
def test_flipped_bits_are_found_or_do_no_harm(left, closed, tmp_path, end):
    """In the log they cut it off, for its frames have checksums; in the file it is for our digests to find them."""
    dice = random.Random(4)
    found = []
    for place in range(60):
        path = copied(left if end else closed, tmp_path / str(place))
        damaged = path.with_name(path.name + end)
        data = bytearray(damaged.read_bytes())
        for _ in range(dice.choice((1, 1, 3, 200))):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        damaged.write_bytes(data)
        found.append(outcome(path))
        shutil.rmtree(path.parent)
    if end == "-wal":
        assert set(found) == {"right"}
    else:
        assert set(found) == {"right", "refused", "told"}


def test_a_store_full_of_noise(closed, tmp_path):
    dice = random.Random(5)
    for place in range(10):
        path = copied(closed, tmp_path / str(place))
        data = bytearray(path.read_bytes())
        start = 100 if place % 2 else 4096
        data[start:] = dice.randbytes(len(data) - start)
        path.write_bytes(data)
        assert outcome(path) == "refused"
