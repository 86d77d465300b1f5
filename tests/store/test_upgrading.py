"""A store of an earlier version opens, goes on, and says what its second chain covers."""

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ostinato.live.events import Event
from ostinato.store import Reader, Store, recording, seal, verify

GOLDEN = Path(__file__).parent / "golden" / "format-1"


@pytest.fixture
def path(tmp_path):
    return shutil.copytree(GOLDEN, tmp_path / "a") / "live.sqlite"


def go_on(store, count):
    """Events at the price of the last one; flat counts as not up."""
    for _ in range(count):
        key, moment = store.position()
        last = next(iter(store.events_after(key - 1)))
        store.begin()
        store.add_event(Event(key + 1, moment + 1000.0, last.values, 1.79e9))
        numbers, baselines = said(store, key)
        costs = -np.log1p(-np.array([numbers, *baselines]))
        store.add_prediction(key + 1, 1, [0.5], [0.5, 0.25])
        store.add_score(key, key + 1, [0.0], costs, 4)
        store.commit()


def said(store, key):
    """p of up after an event, and the baselines'."""
    sql = "SELECT numbers, baselines FROM predictions WHERE key = ?"
    numbers, baselines = store._connection.execute(sql, (key,)).fetchone()
    return float(np.frombuffer(numbers)[0]), np.frombuffer(baselines)


def test_it_is_read_as_it_is_and_goes_on_with_a_second_chain(path):
    old = verify(path)
    assert old.ok
    assert "no second chain" in old.remarks[0]
    assert old.records_hash == bytes(32)
    with Store.open(path) as store:
        go_on(store, 5)
        new = verify(path, expect=[old.head_hash.hex()])
        assert new[:2] == (True, ())
        assert "groups up to 40 were written by an earlier version" in new.remarks[0]
        assert seal(store, 1e12) == ["2024-07-04"]  # beside a day that the earlier version has sealed
    for _ in range(2):
        with Store.open(path):
            assert verify(path, expect=[new.records_hash.hex()]).remarks == new.remarks


def test_what_came_since_is_covered(path):
    with Store.open(path) as store:
        go_on(store, 5)
    with sqlite3.connect(path) as stranger:
        stranger.execute("UPDATE scores SET flags = 0 WHERE key = 201")
        stranger.execute("UPDATE gaps SET why = 'other'")
    texts = verify(path).problems
    assert any("scores of group 43" in text for text in texts)
    assert any("gaps were never recorded" in text for text in texts)


def test_a_crash_while_it_is_brought_up_leaves_it_as_it_was(path, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    before = verify(path)
    monkeypatch.setattr(recording, "begin", crash)
    with pytest.raises(KeyboardInterrupt):
        Store.open(path)
    assert verify(path) == before
    with Reader.open(path) as reader:
        assert reader.counts().events == 193
    monkeypatch.undo()
    with Store.open(path):
        assert verify(path).ok
