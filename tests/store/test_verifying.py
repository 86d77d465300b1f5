"""verify finds each fault that is planted, and says where."""

import sqlite3

import numpy as np
import pytest

from ostinato.errors import StoreError
from ostinato.live.events import Gap
from ostinato.store import Store, verify
from ostinato.store.schema import TRIGGERS
from store.filling import FIRST, chain, event, fill, head


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 60)
    return path


def test_a_sound_store(path):
    verdict = verify(path)
    assert verdict == (True, (), 60, 60, 59, 0, 0, chain(range(FIRST, FIRST + 60)))


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
        ("UPDATE predictions SET flags = 'x' WHERE key = 120", "score of event 120 makes no sense"),
        ("INSERT INTO scores VALUES (999, 1000, x'', x'', 0, 1)", "scores are of no prediction"),
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
