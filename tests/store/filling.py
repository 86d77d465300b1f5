"""Stores whose every row follows from its key, so that any part of one can be checked."""

import hashlib
import math
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ostinato.live.events import Event
from ostinato.store import Flag, Reader, Store, StoreHeader, make_header
from ostinato.store.schema import Origin

# of processes that tests start, so that they find this file
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).strip(
        os.pathsep
    )
}
DIGEST = "ab" * 32
FIRST = 100


def head(**changes: Any) -> StoreHeader:
    fields = {
        "feed": "binance:BTCUSDT",
        "kind": "trades",
        "columns": ("price", "amount"),
        "target": "direction",
        "measure": "log_loss",
        "outputs": ("p_up",),
        "horizons": (1,),
        "baselines": ("base_rate", "sign_table"),
        "run": "runs/one",
        "digest": DIGEST,
        "created": 1.7e9,
        "version": "0.1",
    }
    return make_header(**(fields | changes))


def event(key: int, step: float = 1.0, start: float = 1.7e9) -> Event:
    moment = start + step * (key - FIRST)
    values = (100.0 + math.sin(key), float("nan") if key % 7 == 0 else float(key))
    origin = Origin.HISTORY if key < FIRST + 3 else Origin.STREAM
    return Event(key, moment, values, moment + 0.25, None if key % 3 == 0 else moment, origin)


def number(key: int) -> float:
    return 0.5 + 0.4 * math.cos(key)


def went_up(key: int) -> bool:
    return math.sin(key + 1) > math.sin(key)


def losses(key: int) -> list[float]:
    """Log-loss of the prediction and of the two baselines."""
    return [-math.log(p if went_up(key) else 1 - p) for p in (number(key), 0.5, 0.25)]


def made(key: int) -> Flag:
    """Flags of a prediction: the first events came before the stream, and the state was cold a little longer."""
    return (Flag.BACKFILLED if key < FIRST + 3 else Flag(0)) | (Flag.COLD if key < FIRST + 5 else Flag(0))


def add(store: Store, key: int, **clock: float) -> None:
    """The event, the prediction on it, and the score of the one before: late, since these events are of long ago."""
    assert store.add_event(event(key, **clock))
    assert store.add_prediction(key, 1, np.array([number(key)]), np.array([0.5, 0.25]), made(key), 90.0)
    if key > FIRST:
        before = key - 1
        assert store.add_score(
            before, key, np.array([float(went_up(before))]), np.array(losses(before)), Flag.LATE
        )


def fill(store: Store, count: int, group: int = 5, snapshots: int = 20, **clock: float) -> None:
    """So many more events, each with prediction and score; a snapshot after every few."""
    last = store.position()
    key = FIRST if last is None else last.key + 1
    end = key + count
    while key < end:
        store.begin()
        for one in range(key, min(key + group, end)):
            add(store, one, **clock)
            if (one - FIRST) % snapshots == snapshots - 1:
                store.add_snapshot(one, 1, b"state after %d" % one)
        store.commit()
        key += group


def chain(keys: Iterable[int]) -> bytes:
    """The hash that the ledger must have, worked out anew."""
    link = bytes(32)
    for key in keys:
        link = hashlib.sha256(
            link + struct.pack("<q", key) + bytes.fromhex(DIGEST) + struct.pack("<d", number(key))
        ).digest()
    return link


def assert_prefix(path: Path) -> int:
    """A store holds the first so many events, each with all that belongs to it; how many."""
    with Reader.open(path) as reader:
        events = list(reader.replay())
        count = len(events)
        keys = range(FIRST, FIRST + count)
        same = [
            (one.key, one.time, one.received, one.happened, one.origin, repr(one.values)) for one in events
        ]
        wanted = [event(key) for key in keys]
        assert same == [(e.key, e.time, e.received, e.happened, e.origin, repr(e.values)) for e in wanted]
        predictions = reader.predictions_after(None, 100_000)
        assert [(p.key, float(p.numbers[0])) for p in predictions] == [(key, number(key)) for key in keys]
        assert [score.key for score in reader.scores_after(None, 100_000)] == list(keys)[:-1]
        assert reader.head_hash() == chain(keys)
    return count
