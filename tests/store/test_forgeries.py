"""A copy of a store is forged at random, a cell or some rows at a time; verify tells of each.

What cannot be told, and why:
    health                       a gauge, of which only the latest rows are kept
    snapshots that are removed   a cache: the events give the same state
    durable of the last group    the next group records it
    a tail cut from all tables   an earlier state of the store; ``--expect`` tells
"""

import io
import random
import shutil
import sqlite3

import numpy as np
import polars as pl
import pytest

from ostinato.errors import StoreError
from ostinato.live.events import Gap
from ostinato.store import Flag, Health, Store, seal, verify
from ostinato.store.schema import TRIGGERS
from ostinato.store.sealed import folder_of
from store.filling import FIRST, event, fill, head, losses

DAY = 86_400.0
CLOCK = {"step": 2_000.0, "start": 10 * DAY}
TABLES = (
    "head",
    "groups",
    "models",
    "predictions",
    "scores",
    "shadows",
    "gaps",
    "snapshots",
    "notes",
    "sealed",
    "events",
    "records",
)
WAYS = ("changed", "nulled", "removed", "duplicated", "swapped", "cut")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Parquet read here, not in a process of its own."""
    monkeypatch.setattr(
        "ostinato.files.parquet.read_frame", lambda path, limits, check: pl.read_parquet(path)
    )


@pytest.fixture(scope="module")
def forged(tmp_path_factory):
    """Rows of every kind, a day of them sealed in the middle of a group."""
    path = tmp_path_factory.mktemp("sound") / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 50, snapshots=2, **CLOCK)
        store.begin()
        store.add_gap(Gap(FIRST + 50, FIRST + 52, "silence", "unfillable", "too old", 1.0, 2.0))
        store.add_score(FIRST + 49, FIRST + 52, [np.nan], np.full(3, np.nan), Flag.ACROSS_HOLE)
        store.add_health(Health(time=6.0, state="live", feed="f", started=0.0, stale_after=30.0))
        store.commit()
        store.begin()
        store.add_event(event(FIRST + 53, **CLOCK))
        store.add_prediction(FIRST + 53, 1, [0.5], [0.5, 0.25])
        store.add_note("reconnect", "closed after 24 hours", 5.0)
        store.commit()
        other = store.add_model("cd" * 32, "runs/two") if store.begin() is None else 0
        for key in range(FIRST + 44, FIRST + 48):
            store.add_shadow(key, other, [0.25], losses(key)[2])
        store.commit()
        assert len(seal(store, 1e12)) == 1
        for kind in ("swap", "ban"):
            store.begin()
            store.add_note(kind, "why", 7.0)
            store.commit()
    return path


def contents(connection):
    return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


def other(value, dice):
    """Another value of the same kind."""
    if isinstance(value, int):
        return value + dice.choice((-1, 1, 7))
    if isinstance(value, float):
        return dice.choice((value / 2 - 1.0, value + 1.0))
    if isinstance(value, bytes):
        place = dice.randrange(max(len(value), 1))
        return (
            value[:place]
            + bytes([(value[place] if value else 0) ^ 1 << dice.randrange(8)])
            + value[place + 1 :]
        )
    return "x" if value is None else value + "x"


def forge(connection, table, way, dice):
    """Do it; in words what was done. The rows are found by their place."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    rows = connection.execute(f"SELECT * FROM {table}").fetchall()
    place, column = dice.randrange(len(rows)), dice.choice(columns)
    at = columns.index(column)
    new = [list(row) for row in rows]
    if way == "changed":
        new[place][at] = other(rows[place][at], dice)
    elif way == "nulled":
        new[place][at] = None
    elif way == "removed":
        del new[place]
    elif way == "duplicated":
        copy = list(rows[place])
        copy[0] = copy[0] + 1_000 if isinstance(copy[0], int) else copy[0] + "y"
        new.append(copy)
    elif way == "swapped":
        second = dice.randrange(len(rows))
        new[place][at], new[second][at] = rows[second][at], rows[place][at]
    else:
        del new[-dice.randrange(1, 4) :]
    connection.execute(f"DELETE FROM {table}")
    connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", new)
    return f"{table}.{column} of {rows[place]!r:.200} {way}"


def cannot_be_told(before, after):
    """Whether all that differs is on the list above."""
    unlike = [table for table in TABLES if before[table] != after[table]]
    if unlike == ["snapshots"]:
        return set(after["snapshots"]) < set(before["snapshots"])
    if unlike == ["groups"]:
        last = before["groups"][-1]
        rest = after["groups"][-1][:2] == last[:2] and after["groups"][-1][3:] == last[3:]
        return rest and before["groups"][:-1] == after["groups"][:-1]
    return not unlike


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def test_every_forgery_is_told(forged, tmp_path, seed):
    assert verify(forged).ok
    dice, done, silent = random.Random(seed), 0, []
    shutil.copytree(folder_of(forged), tmp_path / "live.db-sealed")
    path = tmp_path / "live.db"
    while done < 150:
        shutil.copy(forged, path)
        stranger = sqlite3.connect(path, isolation_level=None)
        before = contents(stranger)
        triggers = [
            sql for (sql,) in stranger.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
        ]
        for name in ("update", "delete", "insert"):
            stranger.execute(f"DROP TRIGGER predictions_no_{name}")
        try:
            what = forge(stranger, dice.choice(TABLES), dice.choice(WAYS), dice)
        except sqlite3.Error:  # SQLite itself does not take it
            continue
        finally:
            for sql in triggers:
                stranger.execute(sql)
            after = contents(stranger)
            stranger.close()
        if cannot_be_told(before, after):
            continue
        done += 1
        try:
            if verify(path).ok:
                silent.append(what)
        except StoreError:  # refused in a sentence
            pass
    assert silent == []


@pytest.mark.parametrize("part", ["events", "predictions", "scores", "records"])
def test_every_column_of_a_sealed_file_with_its_digest_made_anew(forged, tmp_path, part):
    """A forger who also writes the new SHA-256 into the store."""
    import hashlib

    name = next(folder_of(forged).glob(f"*-{part}.parquet")).name
    frame = pl.read_parquet(folder_of(forged) / name)
    for column in frame.columns:
        folder = tmp_path / column
        shutil.copytree(forged.parent, folder)
        path = folder / "live.db"
        buffer = io.BytesIO()
        frame.with_columns(frame[column].reverse()).write_parquet(buffer)
        if frame[column].equals(frame[column].reverse()):
            continue
        (folder_of(path) / name).write_bytes(buffer.getvalue())
        assert verify(path).counts["sealed"] == 1
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        with sqlite3.connect(path) as stranger:
            stranger.execute("UPDATE sealed SET sha256 = ? WHERE part = ?", (digest, part))
        verdict = verify(path)
        assert set(verdict.counts) - {"record"} or verdict.counts["record"] > 1, column


def test_a_forger_who_takes_the_second_chain_away(forged, tmp_path):
    """It then looks like a store of an earlier version, which is said; the hash that was written down tells."""
    sound = verify(forged)
    assert verify(forged, expect=[sound.records_hash.hex(), sound.head_hash.hex()]).ok
    shutil.copytree(forged.parent, tmp_path / "a")
    path = tmp_path / "a" / "live.db"
    with sqlite3.connect(path) as stranger:
        stranger.execute("DELETE FROM records")
    assert "the records of the second chain are gone" in verify(path).problems[0]


@pytest.mark.parametrize("table", TABLES)
def test_each_column_alone(forged, tmp_path, table):
    """One cell each, in the last row but one; flags become others that might be."""
    shutil.copytree(folder_of(forged), tmp_path / "live.db-sealed")
    path, dice = tmp_path / "live.db", random.Random(5)
    silent, told = [], 0
    with sqlite3.connect(forged) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    for at, column in enumerate(columns):
        shutil.copy(forged, path)
        stranger = sqlite3.connect(path, isolation_level=None)
        for name in ("update", "delete", "insert"):
            stranger.execute(f"DROP TRIGGER predictions_no_{name}")
        rows = [list(row) for row in stranger.execute(f"SELECT * FROM {table}")]
        row = rows[-2] if len(rows) > 1 else rows[-1]
        row[at] = (
            row[at] ^ {"predictions": 2, "scores": 4}[table] if column == "flags" else other(row[at], dice)
        )
        stranger.execute(f"DELETE FROM {table}")
        stranger.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
        stranger.executescript(TRIGGERS)
        stranger.close()
        try:
            told += not verify(path).ok
            silent += [column] if verify(path).ok else []
        except StoreError:  # refused in a sentence
            told += 1
    assert silent == []
    assert told == len(columns)
