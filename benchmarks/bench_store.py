"""How long does the live store take to make an event, its prediction and a score durable?

Groups of one event and of fifty, in turn with a bare commit of one row by SQLite with the same settings, which is what
the disk costs; then fifty again while another process reads all that is new every 250 ms, as a dashboard does. The
bars: under 400 µs for a group of one, under 40 µs an event in groups of fifty. Then opening, verifying and sealing.

    python benchmarks/bench_store.py [--events 100000] [--dry]
"""

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from machine import record, write_record

from ostinato.live.events import Event
from ostinato.store import Flag, Store, StoreHeader, make_header, seal, verify

BAR_ONE, BAR_FIFTY = 400.0, 40.0
ROUNDS = 5
FEWEST = 100_000
READER = """
import sys, time
from ostinato.store import Reader
with Reader.open(sys.argv[1]) as reader:
    said = scored = None
    while True:
        if block := reader.predictions_after(said, 10_000):
            said = block[-1].key
        if block := reader.scores_after(scored, 10_000):
            scored = block[-1].key
        reader.latest_health(), reader.counts()
        time.sleep(0.25)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--dry", action="store_true", help="leave no record")
    arguments = parser.parse_args()
    if arguments.events < FEWEST:
        parser.error(f"--events must be at least {FEWEST:,}, one a second: a whole day is sealed.")
    with tempfile.TemporaryDirectory() as folder:
        lines = commits(Path(folder), arguments.events) + whole(Path(folder), arguments.events)
    print("\n".join(lines))
    if not arguments.dry:
        sizes = {"events": f"{arguments.events:,}, one prediction and one score each", "rounds": str(ROUNDS)}
        write_record("store", record(__doc__, lines, sizes | {"SQLite": sqlite3.sqlite_version}))


def head() -> StoreHeader:
    return make_header(
        feed="benchmark",
        kind="trades",
        columns=("price", "amount"),
        target="direction",
        measure="log_loss",
        outputs=("p_up",),
        baselines=("base_rate", "sign_table"),
        digest="ab" * 32,
        created=0.0,
        version="0",
    )


def commits(folder: Path, events: int) -> list[str]:
    """Medians over rounds, each side in turn."""
    names = ("SQLite, one row", "groups of 1", "groups of 50", "groups of 50, beside a reader")
    times: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for number in range(ROUNDS):
        bare, one, fifty, read = (folder / f"{number}-{name}" for name in ("bare", "one", "fifty", "read"))
        times[names[0]].append(bare_commits(bare, events // 50 // ROUNDS))
        with Store.create(one, head()) as store:
            times[names[1]].append(groups(store, events // 50 // ROUNDS, 1))
        with Store.create(fifty, head()) as store:
            times[names[2]].append(groups(store, events // 50 // ROUNDS, 50))
        with Store.create(read, head()) as store:
            reader = subprocess.Popen([sys.executable, "-c", READER, str(read)])
            times[names[3]].append(groups(store, events // 50 // ROUNDS, 50))
            reader.kill()
            reader.wait()
    lines = ["| | commit, median | 99th percentile | an event |", "|---|---|---|---|"]
    each, typical = {}, {}
    for name, rounds in times.items():
        size = 50 if "50" in name else 1
        each[name] = median(float(one.mean()) for one in rounds) / size
        middle, late = (median(float(np.quantile(one, q)) for one in rounds) for q in (0.5, 0.99))
        typical[name] = middle
        lines.append(f"| {name} | {middle:.0f} µs | {late:.0f} µs | {each[name]:.1f} µs |")
    # of the means, since each 128th commit empties the log
    one, fifty = each[names[1]], each[names[2]]
    lines += [
        "",
        f"A group of one under {BAR_ONE:g} µs: {'pass' if one < BAR_ONE else 'FAIL'}; an event in groups of fifty "
        f"under {BAR_FIFTY:g} µs: {'pass' if fifty < BAR_FIFTY else 'FAIL'}. A group of one takes "
        f"{typical[names[1]] / typical[names[0]]:.1f} times a bare commit of SQLite (medians). The reader follows "
        f"{1e6 / each[names[3]]:,.0f} events/s, and has the cores to share with the writer.",
        "",
    ]
    return lines


def bare_commits(path: Path, count: int) -> np.ndarray:
    """Microseconds of each commit of one small row."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE rows (key INTEGER PRIMARY KEY, cell BLOB)")
    times = []
    for key in range(count):
        began = time.perf_counter()
        connection.execute("INSERT INTO rows VALUES (?, ?)", (key, bytes(200)))
        times.append(time.perf_counter() - began)
    connection.close()
    return 1e6 * np.array(times)


def groups(store: Store, count: int, size: int) -> np.ndarray:
    """Microseconds of each group, from its begin to its commit; a snapshot of 16 KB every 1,000 events."""
    numbers, baselines, state = np.array([0.5]), np.array([0.5, 0.5]), bytes(16_384)
    # true ones, since verify computes them anew: the price never rises, and the events are of long ago
    actual, losses, flags = np.array([0.0]), np.full(3, np.log(2.0)), Flag.LATE
    times = []
    last = store.position()
    key = 0 if last is None else last.key + 1
    for _ in range(count):
        began = time.perf_counter()
        store.begin()
        for one in range(key, key + size):
            moment = 1.7e9 + 6400 + one
            store.add_event(Event(one, moment, (100.0, 1.0), moment + 0.1, moment))
            store.add_prediction(one, 1, numbers, baselines, Flag(0), 90.0)
            if one:
                store.add_score(one - 1, one, actual, losses, flags)
            if one % 1_000 == 999:
                store.add_snapshot(one, 1, state)
        store.commit()
        key += size
        times.append(time.perf_counter() - began)
    return 1e6 * np.array(times)


def whole(folder: Path, events: int) -> list[str]:
    """Opening, replaying, verifying and sealing a store of all events."""
    path = folder / "whole"
    with Store.create(path, head()) as store:
        groups(store, events // 50, 50)
    size = path.stat().st_size / events
    seconds = {}
    began = time.perf_counter()
    with Store.open(path) as store:
        seconds["open"] = time.perf_counter() - began
        seconds["read all events, checked"] = timed(lambda: sum(1 for _ in store.events_after()))
        seconds["verify"] = timed(lambda: verify(path).ok)
        seconds["seal"] = timed(lambda: seal(store, 1e12))
        seconds["verify, sealed"] = timed(lambda: verify(path).ok)
    packed = sum(file.stat().st_size for file in (folder / "whole-sealed").iterdir()) / events
    told = [f"{name} {value:.2f} s" for name, value in seconds.items()]
    return [f"A store of {events:,} events, {size:.0f} bytes each, {packed:.0f} sealed: {'; '.join(told)}."]


def timed(what: object) -> float:
    began = time.perf_counter()
    if not what():  # type: ignore[operator]
        raise SystemExit("the store is not what was written")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
