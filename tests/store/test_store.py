"""One writer and one reader: what goes in comes out, once, whole or not at all."""

import sqlite3
import time
import tracemalloc

import numpy as np
import pytest

from ostinato.errors import StoreError
from ostinato.live.events import Gap
from ostinato.store import Flag, Health, Reader, Store
from ostinato.store import group as groups
from ostinato.store.schema import Origin
from store.filling import DIGEST, FIRST, add, assert_prefix, chain, event, fill, head, losses, number

HEALTH = {"state": "live", "feed": "f", "started": 0.0, "stale_after": 30.0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "live.db"


def test_what_goes_in_comes_out(path):
    with Store.create(path, head()) as store:
        fill(store, 50)
        assert store.position() == (FIRST + 49, event(FIRST + 49).time)
        assert store.head_hash() == chain(range(FIRST, FIRST + 50))
    assert assert_prefix(path) == 50
    with Reader.open(path) as reader:
        assert reader.head == head()
        assert reader.counts()[:3] == (50, 50, 49)
        one = reader.predictions_after(FIRST + 9, 1)[0]
        assert (one.key, one.model, one.flags, one.step_us) == (FIRST + 10, 1, Flag(0), 90.0)
        assert one.baselines.tolist() == [0.5, 0.25]
        assert (one.time, one.received, one.origin) == (1.7e9 + 10, 1.7e9 + 10.25, Origin.STREAM)
        assert reader.predictions_after(None, 1)[0].flags == Flag.COLD | Flag.BACKFILLED
        score = reader.scores_after(FIRST + 9, 1)[0]
        assert (score.key, score.resolved_by, score.flags, score.time) == (
            FIRST + 10,
            FIRST + 11,
            Flag.LATE,
            1.7e9 + 10,
        )
        assert score.numbers.tolist() == [number(FIRST + 10)]
        assert score.losses.tolist() == losses(FIRST + 10)
        assert reader.scores_after(None, 1)[0].prediction_flags == Flag.COLD | Flag.BACKFILLED


def test_every_kind_of_row_comes_back(path):
    with Store.create(path, head()) as store:
        store.begin()
        add(store, FIRST)
        store.add_gap(Gap(FIRST + 1, FIRST + 9, "silence", "unfillable", "too old", 1.0, 2.0), "reset")
        store.add_note("reconnect", "closed after 24 hours", 5.0)
        store.add_health(Health(time=6.0, **HEALTH))
        other = store.add_model("cd" * 32, "runs/two")
        assert store.add_model("cd" * 32, "elsewhere") == other == 2
        store.add_shadow(FIRST, other, np.array([0.75]))
        store.commit()
        store.begin()
        store.add_shadow(FIRST, other, np.array([0.75]), 0.25)
        store.swap(other, FIRST + 10)
        store.commit()
    with Reader.open(path) as reader:
        assert reader.gaps() == [
            (FIRST + 1, FIRST + 9, "silence", "unfillable", "too old", "reset", 1.0, 2.0)
        ]
        assert reader.notes_after() == [(1, 5.0, "reconnect", "closed after 24 hours")]
        assert reader.latest_health() == (1, Health(time=6.0, **HEALTH)) == reader.health_after(0)[0]
        assert reader.health_after(1) == []
        (shadow,) = reader.shadows_after()
        assert (shadow.key, shadow.model, shadow.numbers.tolist(), shadow.loss) == (FIRST, 2, [0.75], 0.25)
        told = [(one.id, one.digest.hex(), one.role, one.since_key) for one in reader.models()]
        assert told == [(1, DIGEST, "retired", None), (2, "cd" * 32, "champion", FIRST + 10)]


def test_a_group_is_written_whole_or_not_at_all(path):
    with Store.create(path, head()) as store:
        fill(store, 5)
        store.begin()
        add(store, FIRST + 5)
        number_of = store.add_model("cd" * 32, "runs/two")
        store.rollback()
        assert store.position().key == FIRST + 4
        store.begin()
        store.add_event(event(FIRST + 5))
        with pytest.raises(StoreError, match="no model 2"):
            store.add_prediction(FIRST + 5, number_of, [0.5], [0.5, 0.5])
        store.rollback()
        store.begin()
        add(store, FIRST + 5)
        store._group.snapshots.append((FIRST, 1, None, 0.0))  # fails after the rest is written
        with pytest.raises(StoreError, match="cannot keep a row"):
            store.commit()
        assert store.head_hash() == chain(range(FIRST, FIRST + 5))
        fill(store, 5)
    assert assert_prefix(path) == 10


def test_every_row_twice_is_every_row_once(path):
    with Store.create(path, head()) as store:
        fill(store, 20)
        before = store.head_hash()
        store.begin()
        for key in range(FIRST, FIRST + 20):
            assert not store.add_event(event(key))
            assert not store.add_prediction(key, 1, [0.9], [0.5, 0.5])
            if key < FIRST + 19:
                assert not store.add_score(key, key + 1, [1.0], [0.6])
        gap = Gap(5, 6, "silence", "unfillable", "too old", 1.0, 2.0)
        store.add_gap(gap)
        store.add_gap(gap)
        store.commit()
        assert store.head_hash() == before
    assert assert_prefix(path) == 20
    with Reader.open(path) as reader:
        assert len(reader.gaps()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE predictions SET numbers = x'00' WHERE key = 101",
        "UPDATE predictions SET flags = 0",
        "DELETE FROM predictions WHERE key = 104",
        "INSERT OR REPLACE INTO predictions SELECT 101, model, numbers, numbers, 0, 0, 1, hash FROM predictions",
        "INSERT INTO predictions SELECT 50, model, numbers, baselines, 0, 0, 1, hash FROM predictions LIMIT 1",
    ],
)
def test_the_ledger_is_append_only(path, statement):
    with Store.create(path, head()) as store:
        fill(store, 5)
    stranger = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        stranger.execute(statement)
    stranger.close()
    assert assert_prefix(path) == 5


def test_what_does_not_fit_is_refused(path):
    with Store.create(path, head()) as store:
        with pytest.raises(StoreError, match="no group is open"):
            store.add_event(event(FIRST))
        store.begin()
        with pytest.raises(StoreError, match="a group is open"):
            store.begin()
        with pytest.raises(StoreError, match="3 values for 2 columns"):
            store.add_event(event(FIRST)._replace(values=(1.0, 2.0, 3.0)))
        with pytest.raises(StoreError, match="comes after its event"):
            store.add_prediction(FIRST, 1, [0.5], [0.5, 0.5])
        store.add_event(event(FIRST))
        with pytest.raises(StoreError, match="2 numbers for the outputs"):
            store.add_prediction(FIRST, 1, [0.5, 0.5], [0.5, 0.5])
        with pytest.raises(StoreError, match="3 numbers for the baselines"):
            store.add_prediction(FIRST, 1, [0.5], [0.5, 0.5, 0.5])
        with pytest.raises(StoreError, match="no model 7"):
            store.add_prediction(FIRST, 7, [0.5], [0.5, 0.5])
        with pytest.raises(StoreError, match="no prediction on event"):
            store.add_score(FIRST, FIRST + 1, [1.0], [0.5])


def test_when_a_group_was_on_the_disk_is_told_by_the_next(path):
    with Store.create(path, head()) as store, Reader.open(path) as reader:
        began = time.time()
        store.begin()
        add(store, FIRST)
        durable = store.commit()
        assert began <= durable <= time.time()
        assert reader.predictions_after()[0].durable is None
        store.begin()
        add(store, FIRST + 1)
        store.commit()
        first, second = reader.predictions_after()
        assert first.durable == durable
        assert began <= first.prepared <= durable <= second.prepared
        assert second.durable is None
        store.close()
        assert reader.predictions_after()[1].durable is not None


def test_a_reader_goes_on_from_what_it_saw(path):
    with Store.create(path, head()) as store, Reader.open(path) as reader:
        version = reader.data_version()
        assert reader.predictions_after() == reader.scores_after() == reader.events_after() == []
        fill(store, 23)
        assert reader.data_version() != version
        seen, key = [], None
        while block := reader.predictions_after(key, 5):
            seen += block
            key = block[-1].key
        assert [one.key for one in seen] == list(range(FIRST, FIRST + 23))
        between = reader.events_between(1.7e9 + 3.5, 1.7e9 + 10)
        assert [one.key for one in between] == list(range(FIRST + 4, FIRST + 10))
        assert reader.events_between(0.0, 1.0) == reader.events_between(2e9, 3e9) == []
        assert len(reader.events_between(0.0, 3e9, 7)) == 7


def test_snapshots_the_newest_three_and_a_damaged_one_is_passed_over(path):
    with Store.create(path, head()) as store:
        assert store.latest_snapshot(1) is None
        fill(store, 100)
        assert store.latest_snapshot(1) == (FIRST + 99, b"state after 199")
        assert store.latest_snapshot(1, FIRST + 98) == (FIRST + 79, b"state after 179")
        assert store.latest_snapshot(1, FIRST + 58) is None  # only three are kept
        store._connection.execute(
            "UPDATE snapshots SET state = substr(state, 1, 40) || x'00' WHERE key = 199"
        )
        assert store.latest_snapshot(1) == (FIRST + 79, b"state after 179")
        assert [one.key for one in store.events_after(FIRST + 79)] == list(range(FIRST + 80, FIRST + 100))


def test_a_retired_models_snapshots_go(path):
    with Store.create(path, head()) as store:
        fill(store, 40)
        store.begin()
        other = store.add_model("cd" * 32, "runs/two")
        store.swap(other, FIRST + 40)
        store.add_snapshot(FIRST + 39, other, b"fresh")
        store.commit()
        assert store.latest_snapshot(1) is None
        assert store.latest_snapshot(other) == (FIRST + 39, b"fresh")


def test_old_health_and_notes_are_forgotten(path, monkeypatch):
    monkeypatch.setattr(groups, "KEEP_HEALTH", 10)
    monkeypatch.setattr(groups, "KEEP_NOTES", 20)
    with Store.create(path, head()) as store:
        for key in range(FIRST, FIRST + 200):
            store.begin()
            add(store, key)
            store.add_health(Health(time=float(key), **HEALTH))
            store.add_note("n", str(key))
            store.commit()
    with Reader.open(path) as reader:
        assert 10 <= len(reader.health_after()) < 10 + 65
        assert 20 <= len(reader.notes_after()) < 20 + 65
        assert reader.latest_health()[1].time == FIRST + 199


def test_memory_is_flat(path):
    with Store.create(path, head()) as store:
        fill(store, 2_000, group=50, snapshots=100)
        tracemalloc.start()
        fill(store, 500, group=50, snapshots=100)
        before = tracemalloc.get_traced_memory()[0]
        fill(store, 5_000, group=50, snapshots=100)
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert after - before < 50_000  # ten bytes an event would be as much


def test_the_log_does_not_grow_without_end(path):
    with Store.create(path, head()) as store:
        fill(store, 1_000, group=1)
        small = store.wal_bytes()
        fill(store, 1_000, group=1)
        assert store.wal_bytes() < 1.5 * small


@pytest.mark.parametrize(
    "change",
    [{"values": (1.0, "1.0")}, {"key": 1 << 70}, {"time": float("nan")}, {"time": None}, {"received": "now"}],
)
def test_an_event_that_cannot_be_kept(path, change):
    with Store.create(path, head()) as store:
        fill(store, 5)
        store.begin()
        store.add_event(event(FIRST + 5)._replace(**change))
        with pytest.raises(StoreError, match="cannot"):
            store.commit()
        fill(store, 5)
    assert assert_prefix(path) == 10


def test_hostile_texts_and_odd_health_are_kept(path):
    with Store.create(path, head()) as store, Reader.open(path) as reader:
        store.begin()
        store.add_note("n", "\ud800 half" + "x" * 100_000)
        store.add_gap(Gap(1, 2, "\ud800", "unfillable", "y" * 100_000, 1.0, 2.0))
        store.add_health(Health(time=1.0, lag=float("inf"), events_per_second=float("nan"), **HEALTH))
        store.commit()
        assert reader.notes_after()[0].text.startswith("? half")
        assert len(reader.notes_after()[0].text) == len(reader.gaps()[0].why) == 4_000
        health = reader.latest_health()[1]
        assert health.lag == float("inf")
        assert health.events_per_second != health.events_per_second


def test_numbers_keep_their_bits(path):
    odd = np.array([np.nan, -np.nan, -0.0, np.inf, 5e-324])
    with Store.create(path, head(outputs=("a", "b", "c", "d", "e"), baselines=())) as store:
        store.begin()
        store.add_event(event(FIRST))
        store.add_prediction(FIRST, 1, odd, [])
        store.commit()
        with Reader.open(path) as reader:
            assert reader.predictions_after()[0].numbers.tobytes() == odd.tobytes()


def test_a_closed_store_says_so(path):
    store = Store.create(path, head())
    store.close()
    store.close()
    store.begin()
    store.add_event(event(FIRST))
    with pytest.raises(StoreError):
        store.commit()
    with pytest.raises(StoreError):
        store.models()
