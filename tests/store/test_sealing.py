"""Days that are over, moved to parquet: every answer stays what it was, whatever happens on the way."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import forkserver
from ostinato.errors import BrokenStoreError, StoreError, StoreFullError
from ostinato.live.events import Gap
from ostinato.store import Flag, Reader, Store, seal, sealing, verify
from ostinato.store.sealed import folder_of
from store.filling import ENVIRONMENT, FIRST, add, chain, event, fill, head

DAY = 86_400.0
CLOCK = {"step": 600.0, "start": 10 * DAY}  # 144 events a day, from midnight on
LAST_GROUP = re.compile(r"durable=\S+")  # the last group's is written when a store is closed


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Parquet read here; test_exporting.py reads it in a process of its own, which takes half a second a file."""
    monkeypatch.setattr(
        "ostinato.files.parquet.read_frame", lambda path, limits, check: pl.read_parquet(path, glob=False)
    )


def answers(path: Path, between: bool = True) -> list[str]:
    """What a reader is told, a few rows at a time, so that answers cross from day to day."""
    told = []
    with Reader.open(path) as reader:
        for read in (reader.events_after, reader.predictions_after, reader.scores_after, reader.ledger_after):
            key = None
            while block := read(key, 37):
                told += [LAST_GROUP.sub("durable=?", str(row)) for row in block]
                key = block[-1][0]
        told += [str(row) for row in reader.replay()]
        if between:
            told += [str(row) for row in reader.events_between(10.5 * DAY, 12.5 * DAY, 1_000)]
        told.append(str(reader.counts()[:5]))
        told.append(reader.head_hash().hex())
    return told


@pytest.fixture
def store(tmp_path):
    """Four days and a bit, in groups that reach across midnight."""
    with Store.create(tmp_path / "live.db", head()) as store:
        fill(store, 4 * 144 + 60, group=7, snapshots=10, **CLOCK)
        yield store


def rows(store: Store, table: str) -> int:
    return store._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_sealed_days_answer_as_they_did(store):
    before, verdict = answers(store.path), verify(store.path)
    assert verdict.ok
    with Reader.open(store.path) as reader:
        when = [one.durable for one in reader.predictions_after(None, 1_000)]
    assert seal(store, 12 * DAY) == ["1970-01-11", "1970-01-12"]
    assert answers(store.path) == before
    assert seal(store, 1e12) == ["1970-01-13", "1970-01-14"]
    assert seal(store, 1e12) == []
    assert answers(store.path) == before
    with Reader.open(store.path) as reader:
        assert [one.durable for one in reader.predictions_after(None, 1_000)] == when
    after = verify(store.path, expect=[verdict.records_hash.hex()])  # sealing is recorded behind it
    assert after._replace(records_hash=verdict.records_hash) == verdict
    assert rows(store, "events") == rows(store, "predictions") == 60
    assert rows(store, "groups") <= 10
    with Reader.open(store.path) as reader:
        assert reader.counts().sealed_days == 4
        events = [str(one) for one in reader.replay()]
    assert [str(one) for one in store.events_after()] == events
    frame = pl.read_parquet(folder_of(store.path) / "1970-01-11-events.parquet")
    assert frame["key"].to_list() == list(range(FIRST, FIRST + 144))
    assert frame["time"].is_between(10 * DAY, 11 * DAY, closed="left").all()
    said = pl.read_parquet(folder_of(store.path) / "1970-01-14-predictions.parquet")
    assert said["hash"][-1] == chain(range(FIRST, FIRST + 4 * 144))


def test_the_writer_goes_on_behind_sealed_days(store):
    seal(store, 1e12)
    store.close()
    with Store.open(store.path, head()) as again:
        assert again.recovered is None
        assert again.position().key == FIRST + 4 * 144 + 59
        fill(again, 100, **CLOCK)
        assert again.head_hash() == chain(range(FIRST, FIRST + 4 * 144 + 160))
        again.begin()
        assert not again.add_event(event(FIRST))
        again.rollback()
    assert verify(store.path).ok


def test_one_reader_counts_on_while_days_are_sealed(store):
    with Reader.open(store.path) as reader:
        for before in (0, 11 * DAY, 1e12, 1e12):
            seal(store, before)
            fill(store, 3, **CLOCK)
            last = store.position().key
            assert reader.counts()[:3] == (last + 1 - FIRST, last + 1 - FIRST, last - FIRST)
            assert reader.counts() == reader.counts()


def test_a_day_that_is_still_needed_stays(tmp_path):
    with Store.create(tmp_path / "live.db", head()) as store:
        fill(store, 2 * 144, snapshots=1_000, **CLOCK)
        assert seal(store, 1e12) == []  # without a snapshot all events are needed
        store.begin()
        store.add_snapshot(FIRST + 142, 1, b"state")
        store.commit()
        assert seal(store, 1e12) == []
        store.begin()
        store.add_snapshot(FIRST + 287, 1, b"state")
        store._group.others.append(("DELETE FROM snapshots", ()))
        store.commit()
        assert seal(store, 11 * DAY - 1) == []  # the day must be over
        assert seal(store, 1e12) == ["1970-01-11"]  # the next one holds the last event
        assert rows(store, "events") == 144


def test_what_is_not_resolved_stays(tmp_path):
    with Store.create(tmp_path / "live.db", head()) as store:
        store.begin()
        for key in range(FIRST, FIRST + 200):
            store.add_event(event(key, **CLOCK))
            store.add_prediction(key, 1, [0.5], [0.5, 0.5])
            if key < FIRST + 143:
                store.add_score(key, key + 60, [1.0], [0.7])
        store.add_snapshot(FIRST + 199, 1, b"state")
        store.commit()
        assert seal(store, 1e12) == []
        store.begin()
        store.add_score(FIRST + 143, FIRST + 203, [1.0], [0.7])
        store.commit()
        assert seal(store, 1e12) == ["1970-01-11"]


def test_a_clock_that_goes_back_changes_no_answer(tmp_path):
    with Store.create(tmp_path / "live.db", head()) as store:
        for start in (10, 10.2, 10.4, 9, 11.9, 12.1, 12):
            fill(
                store,
                160,
                snapshots=1,
                start=start * DAY - 600.0 * len(list(store.events_after())),
                step=600.0,
            )
        before = answers(store.path, between=False)
        assert seal(store, 1e12) == ["1970-01-11", "1970-01-12", "1970-01-13"]
        assert answers(store.path, between=False) == before
        assert verify(store.path).ok


def test_a_crash_at_any_point_is_made_good(store):
    before = answers(store.path)
    first = sealing.write_day(store.path, 1e12)  # files, and then nothing
    assert answers(store.path) == before
    assert sealing.write_day(store.path, 1e12) == first
    sealing.record(store, first)  # recorded, and its rows still there
    assert answers(store.path) == before
    with pytest.raises(StoreError, match="sealed already"):
        sealing.record(store, first)
    assert sealing.sweep(store, 10)  # some of them gone
    assert answers(store.path) == before
    store.close()
    with Store.open(store.path, head()) as again:
        assert verify(store.path).ok
        assert len(seal(again, 1e12)) == 3
        assert answers(store.path) == before
        assert rows(again, "events") == 60


def test_kills_while_days_are_sealed(tmp_path):
    path = tmp_path / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 9 * 144, group=50, **CLOCK)
        hash_before, before = store.head_hash(), answers(path)
    program = f"""
from pathlib import Path
from ostinato.store import Store, sealing
import polars
with Store.open(Path({str(path)!r})) as store:
    print("open", flush=True)
    while (day := sealing.write_day(store.path, 1e12)) is not None:
        sealing.record(store, day)
        while sealing.sweep(store, 20):
            pass
    print("done", flush=True)
"""
    dice, kills = random.Random(6), 0
    while True:
        process = forkserver.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        process.stdout.readline()
        time.sleep(0.05 * dice.random())
        if kills < 6:
            process.send_signal(signal.SIGKILL)
        kills += 1
        if "done" in process.communicate()[0]:
            break
        with Reader.open(path) as reader:
            assert reader.head_hash() == hash_before
    assert answers(path) == before
    assert verify(path).ok
    with Reader.open(path) as reader:
        assert reader.counts().sealed_days == 8


def test_a_damaged_day_is_not_sealed(store):
    store._connection.execute("UPDATE events SET price = 7.0 WHERE key = 110")
    with pytest.raises(BrokenStoreError, match="not those that were written"):
        seal(store, 1e12)
    assert rows(store, "sealed") == 0


def test_a_sealed_file_that_changed_or_went(store):
    seal(store, 1e12)
    file = folder_of(store.path) / "1970-01-12-events.parquet"
    data = file.read_bytes()
    file.write_bytes(data[:-50] + b"\0" + data[-49:])
    with Reader.open(store.path) as reader:
        reader.events_after(None, 100)  # another day
        with pytest.raises(BrokenStoreError, match="not the file that was sealed"):
            reader.events_after(None, 200)
    assert not verify(store.path).ok
    file.unlink()
    with Reader.open(store.path) as reader, pytest.raises(StoreError, match="Put it back"):
        reader.events_after(FIRST + 144, 200)
    assert any("Put it back" in problem for problem in verify(store.path).problems)


def test_a_store_cannot_name_other_files(store, tmp_path):
    seal(store, 1e12)
    store.close()
    stranger = sqlite3.connect(store.path)
    stranger.execute("UPDATE sealed SET file = '../secret.parquet' WHERE part = 'events'")
    stranger.commit()
    stranger.close()
    with pytest.raises(BrokenStoreError, match="names a sealed day"), Reader.open(store.path) as reader:
        reader.events_after()


def test_no_room_for_a_sealed_day(store, monkeypatch):
    before = answers(store.path)

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("ostinato.files.atomic.os.fsync", full)
    with pytest.raises(StoreFullError):
        seal(store, 1e12)
    monkeypatch.undo()
    assert [one.name for one in folder_of(store.path).iterdir()] == []
    assert answers(store.path) == before
    assert len(seal(store, 1e12)) == 4


def test_deleting_what_is_not_sealed_stays_forbidden(store):
    seal(store, 11 * DAY)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        store._connection.execute("DELETE FROM predictions WHERE key = ?", (FIRST + 144,))


def test_odd_numbers_survive_the_move(tmp_path):
    odd = np.array([np.nan, -np.nan, -0.0, np.inf, 5e-324])
    with Store.create(tmp_path / "live.db", head(outputs=tuple("abcde"), baselines=())) as store:
        store.begin()
        for key, moment in ((1, DAY), (2, 2 * DAY)):
            store.add_event(event(key)._replace(time=moment, values=(float("inf"), -0.0)))
            store.add_prediction(key, 1, odd, [], Flag.BACKFILLED)
        store.add_score(1, 2, odd, odd)
        store.add_snapshot(2, 1, b"state")
        store.commit()
        assert seal(store, 1e12) == ["1970-01-02"]
        with Reader.open(store.path) as reader:
            assert reader.predictions_after(None, 1)[0].numbers.tobytes() == odd.tobytes()
            score = reader.scores_after()[0]
            assert score.actual.tobytes() == score.losses.tobytes() == odd.tobytes()
            assert str(reader.events_after()[0].values) == "(inf, 0.0)"  # SQLite keeps no sign of zero
        assert verify(store.path).ok


def test_an_empty_store_and_one_without_predictions(tmp_path):
    with Store.create(tmp_path / "live.db", head()) as store:
        assert seal(store, 1e12) == []
        store.begin()
        for key in range(3):
            store.add_event(event(key)._replace(time=(key + 1) * DAY))
        store.add_snapshot(2, 1, b"")
        store.commit()
        assert len(seal(store, 1e12)) == 2
        assert store.head_hash() == bytes(32)
        assert verify(store.path)[:3] == (True, (), 3)
        store.begin()
        store.add_prediction(2, 1, [0.5], [0.5, 0.5], Flag.BACKFILLED)
        store.commit()
        assert verify(store.path).ok


def test_all_predictions_sealed(tmp_path):
    with Store.create(tmp_path / "live.db", head()) as store:
        fill(store, 10, start=10 * DAY)
        store.begin()
        store.add_gap(Gap(FIRST + 10, FIRST + 10, "silence", "unfillable", "too old", 1.0, 2.0))
        store.add_score(FIRST + 9, FIRST + 10, [np.nan], np.full(3, np.nan), Flag.ACROSS_HOLE)
        for key in (FIRST + 11, FIRST + 12):
            store.add_event(event(key)._replace(time=11 * DAY + key))
        store.add_snapshot(FIRST + 12, 1, b"")
        store.commit()
        assert len(seal(store, 1e12)) == 1
        assert rows(store, "predictions") == 0
        assert store.head_hash() == chain(range(FIRST, FIRST + 10))
    with Store.open(tmp_path / "live.db", head()) as store:
        assert store.head_hash() == chain(range(FIRST, FIRST + 10))
        assert (store.last_prediction(), store.last_score()) == (FIRST + 9, FIRST + 9)
        store.begin()
        assert not store.add_prediction(FIRST + 9, 1, [0.5], [0.5, 0.5])
        assert store.add_prediction(FIRST + 11, 1, [0.5], [0.5, 0.5])
        store.commit()
        assert verify(store.path).ok


def test_groups_in_one_commit_across_days_add_up(tmp_path):
    with Store.create(tmp_path / "live.db", head()) as store:
        store.begin()
        for key in range(FIRST, FIRST + 300):
            add(store, key, **CLOCK)
        store.add_snapshot(key, 1, b"")
        store.commit()
        before = answers(store.path)
        assert len(seal(store, 1e12)) == 2
        assert answers(store.path) == before
    assert assert_events(tmp_path / "live.db") == 300


def assert_events(path: Path) -> int:
    with Reader.open(path) as reader:
        assert reader.head_hash() == chain(range(FIRST, FIRST + 300))
        return sum(1 for _ in reader.replay())
