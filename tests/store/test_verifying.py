"""verify finds each fault that is planted, and says where."""

import gc
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ostinato.errors import BrokenStoreError, StoreError
from ostinato.live.events import Gap
from ostinato.store import Flag, Store, verify
from ostinato.store.ledger import EventDigest
from ostinato.store.schema import TRIGGERS
from store.filling import FIRST, chain, event, fill, head, number


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 60)
    return path


def test_text_that_is_none_is_refused_in_a_sentence_alone(path):
    """Nothing else is said on the way out: what was being read is let go of in silence."""
    with sqlite3.connect(path) as stranger:
        stranger.execute("UPDATE scores SET losses = CAST(losses AS TEXT)")
    stranger.close()
    with pytest.raises(BrokenStoreError, match="is damaged"):
        verify(path)
    gc.collect()


def test_a_sound_store(path):
    verdict = verify(path)
    assert verdict[:8] == (True, (), 60, 60, 59, 0, 0, chain(range(FIRST, FIRST + 60)))
    assert (verdict.losses, verdict.remarks, verdict.counts) == (3 * 59, (), {})


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE predictions SET numbers = zeroblob(8) WHERE key = 120", "breaks at event 120"),
        ("UPDATE predictions SET hash = zeroblob(32) WHERE key = 120", "breaks at event 120"),
        ("UPDATE predictions SET hash = zeroblob(32) WHERE key = 159", "breaks at event 159"),
        ("UPDATE predictions SET model = 2 WHERE key = 120", "breaks at event 120"),
        ("UPDATE predictions SET numbers = 'x' WHERE key = 120", "breaks at event 120"),
        ("DELETE FROM predictions WHERE key = 120", "breaks at event 121"),
        ("UPDATE models SET digest = zeroblob(32)", "breaks at event 100"),
        ("UPDATE events SET price = price + 1 WHERE key = 120", "near 120 are not those"),
        ("UPDATE events SET origin = 1 WHERE key = 120", "near 120 are not those"),
        ("DELETE FROM events WHERE key = 121", "near 120 are not those"),
        (
            "DELETE FROM events WHERE key BETWEEN 120 AND 124",
            "events 120 to 124 are missing, and no gap declares",
        ),
        ("DELETE FROM groups WHERE id = 3", "group 3 of event 110 is missing"),
        ("UPDATE scores SET losses = 'x' WHERE key = 120", "losses of event 120 are no numbers"),
        (
            "UPDATE predictions SET flags = 'x' WHERE key = 120",
            "flags of the prediction after event 120 are 'x'",
        ),
        ("INSERT INTO scores VALUES (999, 1000, x'', x'', 0, 1)", "score of event 999 is of no prediction"),
    ],
)
def test_each_fault_is_found(path, statement, said):
    stranger = sqlite3.connect(path, isolation_level=None)
    for name in ("update", "delete", "insert"):
        stranger.execute(f"DROP TRIGGER predictions_no_{name}")
    stranger.execute(statement)
    stranger.executescript(TRIGGERS)
    stranger.close()
    verdict = verify(path)
    assert not verdict.ok
    assert any(said in problem for problem in verdict.problems), verdict.problems


def hole(path, *gaps: Gap):
    with Store.open(path) as store:
        store.begin()
        for gap in gaps:
            store.add_gap(gap)
        if any(gap.outcome == "unfillable" for gap in gaps):  # what waited will never be known
            last = next(gap.last for gap in gaps if gap.outcome == "unfillable")
            store.add_score(FIRST + 59, last, np.array([np.nan]), np.full(3, np.nan), Flag.ACROSS_HOLE)
        else:
            up = event(FIRST + 70).values[0] > event(FIRST + 59).values[0]
            costs = [-np.log(p if up else 1 - p) for p in (number(FIRST + 59), 0.5, 0.25)]
            store.add_score(FIRST + 59, FIRST + 70, np.array([float(up)]), np.array(costs), Flag.LATE)
        store.add_event(event(FIRST + 70))
        store.add_prediction(FIRST + 70, 1, np.array([0.5]), np.array([0.5, 0.5]))
        store.commit()
    return verify(path)


def gap(first, last, outcome="unfillable"):
    return Gap(FIRST + first, FIRST + last, "silence", outcome, "too old", 1.0, 2.0)


def test_a_hole_that_is_declared(path):
    assert hole(path, gap(60, 64), gap(65, 69))[:2] == (True, ())


@pytest.mark.parametrize(
    ("gaps", "first"), [((), 60), ((gap(60, 68),), 69), ((gap(61, 69),), 60), ((gap(60, 69, "filled"),), 60)]
)
def test_a_hole_that_is_not(path, gaps, first):
    verdict = hole(path, *gaps)
    assert verdict.problems == (
        f"events {FIRST + first} to {FIRST + 69} are missing, and no gap declares them.",
    )
    assert verdict.holes == 10


def test_what_is_no_store(tmp_path):
    with pytest.raises(StoreError):
        verify(tmp_path / "nothing")


GOLDEN = Path(__file__).parent / "golden"


def copied(folder, name="format-1"):
    """A store as an earlier version has left it, to be spoilt."""
    return shutil.copytree(GOLDEN / name, folder / name) / "live.sqlite"


def forge(path, *steps):
    """Statements that keep to no rule, or functions of the connection."""
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.create_function("halved", 1, lambda blob: (np.frombuffer(blob) / 2).tobytes())
    for name in ("update", "delete", "insert"):
        stranger.execute(f"DROP TRIGGER predictions_no_{name}")
    for statement in steps:
        stranger.execute(statement)
    stranger.executescript(TRIGGERS)
    stranger.close()


def test_a_store_of_an_earlier_version_is_computed_anew(tmp_path):
    verdict = verify(copied(tmp_path))
    assert verdict[:7] == (True, (), 193, 193, 192, 0, 7)
    assert verdict.losses == 3 * 192


def test_losses_that_were_halved(tmp_path):
    path = copied(tmp_path)
    sound = verify(path)
    forge(path, "UPDATE scores SET losses = halved(losses)")
    verdict = verify(path)
    assert verdict.head_hash == sound.head_hash  # the chain of the ledger does not cover them
    assert set(verdict.counts) == {"loss"}
    assert verdict.counts["loss"] == 143  # the others are in sealed files; the one across a hole is NaN
    first = verdict.findings[0]
    assert first.recomputed == pytest.approx(2 * first.stored)
    assert f"the loss of event {first.key} is" in first.text


def test_digests_that_are_gone_and_prices_that_were_doubled(tmp_path):
    path = copied(tmp_path)
    forge(path, "UPDATE groups SET digest = NULL", "UPDATE events SET price = 2 * price")
    verdict = verify(path)
    assert verdict.counts["group"] == 30  # all but the one across the end of the sealed day
    assert "group 11 has no digest of its events" in verdict.problems[0]
    with pytest.raises(BrokenStoreError, match="no digest"):
        Store.open(path).events_after(60).__next__()


def test_prices_whose_digests_were_made_anew_have_other_outcomes(tmp_path):
    path = copied(tmp_path)
    groups = {}
    stranger = sqlite3.connect(path)
    for key, *row, group in stranger.execute(
        "SELECT key, time, received, happened, origin, price, amount, group_id FROM events"
    ).fetchall():
        price = 20_000 - row[4]  # what rose falls
        stranger.execute("UPDATE events SET price = ? WHERE key = ?", (price, key))
        groups.setdefault(group, []).append((key, *row[:4], (price, row[5])))
    for group, events in groups.items():
        digest = EventDigest(2).of(events)
        stranger.execute("UPDATE groups SET digest = ? WHERE id = ? AND digest NOTNULL", (digest, group))
    stranger.commit()
    stranger.close()
    assert verify(path).counts["score"] > 100


def test_a_log_that_was_cut(tmp_path):
    path = tmp_path / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 50)
        store._connection.execute("PRAGMA wal_checkpoint(RESTART)")
        fill(store, 150)
        dead = tmp_path / "dead"
        dead.mkdir()
        for end in ("", "-wal", ".lock"):
            shutil.copy(tmp_path / f"live.db{end}", dead / f"live.db{end}")
    assert verify(dead / "live.db")[:4] == (True, (), 200, 200)
    log = dead / "live.db-wal"
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size // 2)
    before = {one.name: one.read_bytes() for one in dead.iterdir()}
    verdict = verify(dead / "live.db")
    lost = 200 - verdict.events
    assert 0 < lost < 150
    assert verdict.problems == (
        f"the log was cut: the last {lost // 5} groups with {lost} events "
        f"(those after key {299 - lost}, up to key 299) are lost.",
    )
    assert {one.name: one.read_bytes() for one in dead.iterdir()} == before
    (dead / "live.db.lock").unlink()
    assert "bytes of the log were not whole" in verify(dead / "live.db").problems[0]


def test_a_store_whose_end_was_removed(path):
    forge(path, *(f"DELETE FROM {table} WHERE key > 150" for table in ("scores", "predictions", "events")))
    forge(path, "DELETE FROM groups WHERE id > 11")
    verdict = verify(path)
    assert any("the last 1 group with 9 events" in problem for problem in verdict.problems)
    path.with_name("live.db.lock").unlink()
    assert any(
        "snapshot of model 1 was taken after event 159" in problem for problem in verify(path).problems
    )


def test_a_head_that_was_written_down(path):
    early = chain(range(FIRST, FIRST + 20)).hex()
    assert verify(path, expect=[early, chain(range(FIRST, FIRST + 60)).hex()]).ok
    verdict = verify(path, expect=["ab" * 32])
    assert verdict.counts == {"expected": 1}
    with pytest.raises(StoreError, match="64 hexadecimal digits"):
        verify(path, expect=["12"])


def test_nothing_is_left_beside_a_store(tmp_path):
    path = copied(tmp_path)
    before = {one.name: one.stat().st_mtime_ns for one in path.parent.rglob("*")}
    assert verify(path).ok
    assert {one.name: one.stat().st_mtime_ns for one in path.parent.rglob("*")} == before


def test_a_writer_that_comes_meanwhile(path):
    """What is read as a file that does not change is read again."""
    again = []

    def look(read, events):
        if not again:
            again.append(Store.open(path))
            fill(again[0], 400)

    verdict = verify(path, progress=look)
    again[0].close()
    assert verdict[:3] == (True, (), 460)


def test_a_copy_that_was_taken_while_it_was_written(path):
    """As the documentation takes it."""
    copy = path.with_name("copy.db")
    with Store.open(path) as store:
        fill(store, 100)
        with sqlite3.connect(path) as stranger:
            stranger.execute(f"VACUUM INTO '{copy}'")
        fill(store, 20)
        assert verify(path)[:3] == (True, (), 180)
        last = verify(copy).records_hash.hex()
        assert verify(path, expect=[last]).ok
    assert verify(copy)[:3] == (True, (), 160)
    with Store.open(copy) as store:
        fill(store, 20)
        assert store.head_hash() == verify(path).head_hash
