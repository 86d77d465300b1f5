"""What does a dashboard that is open cost, beside a store that gets 2,000 events a second?

Two answers. Processor time of the server, as a share of one core, while a writer commits 2,000 events a second with
their predictions and scores, in groups of 20: with nobody watching, with one page open, and with a program that takes
every prediction as well. And how many events a second a writer gets through that is as busy as an engine, 400
microseconds an event and then the store, beside such a server with one page open and without, both held to one and the
same core, in turn. The bar: 10 %.

The page is a program that takes the page's messages; what a browser costs to draw them is the browser's.

    python benchmarks/bench_dashboard.py [--seconds 15] [--rounds 5] [--dry]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from machine import record, write_record
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from dashboard.stores import Writer, direction_head

RATE, GROUP = 2_000, 20
STEP = 400e-6  # seconds of a model and a feed for an event
BAR = 0.10


@contextmanager
def server(path: Path, core: int | None = None):
    """The server as `ostinato live` starts it; gives its process and its address."""
    command = [sys.executable, "-m", "ostinato.dashboard", str(path), "--port", "0"]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextmanager
def reading(address: str, path: str):
    """A client that takes every message; gives how many there were and their bytes."""
    taken = {"messages": 0, "bytes": 0}

    def take(socket) -> None:
        try:
            for message in socket:
                taken["messages"] += 1
                taken["bytes"] += len(message)
        except ConnectionClosed:
            return

    with connect(address.replace("http", "ws") + path, max_size=1 << 26) as socket:
        thread = threading.Thread(target=take, args=(socket,))
        thread.start()
        yield taken
        socket.close()
        thread.join(20)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def paced(writer: Writer, seconds: float) -> float:
    """Write at the rate; the rate that it came to."""
    began, rows = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        due = int(RATE * now) - rows
        if due >= GROUP:
            writer.run(GROUP, GROUP)
            rows += GROUP
            if rows % RATE < GROUP:
                writer.health()
        else:
            time.sleep(0.002)
    return rows / (time.perf_counter() - began)


def watched(writer: Writer, seconds: float) -> list[str]:
    """Rows of the table of processor time."""
    lines = [
        "| beside a writer of 2,000 events/s | server, of one core | messages/s | kB/s |",
        "|---|---|---|---|",
    ]
    cases = {"nobody watches": [], "one page": ["live"], "one page, one program": ["live", "predictions"]}
    for name, clients in cases.items():
        with server(writer.path) as (process, address):
            settle(address)
            with reading(address, clients[0]) if clients else nothing() as page, \
                 reading(address, clients[1]) if len(clients) > 1 else nothing():  # fmt: skip
                paced(writer, 2)  # whole at first, then what is new
                before, told = cpu_seconds(process.pid), dict(page)
                rate = paced(writer, seconds)
                spent = (cpu_seconds(process.pid) - before) / seconds
                messages, sent = (page[key] - told[key] for key in ("messages", "bytes"))
        lines.append(
            f"| {name} ({rate:,.0f}/s) | {100 * spent:.1f} % | {messages / seconds:.1f} | {sent / seconds / 1e3:.1f} |"
        )
    return lines


@contextmanager
def nothing():
    yield {"messages": 0, "bytes": 0}


def settle(address: str) -> None:
    """Wait until the server has read what is there."""
    from urllib.request import urlopen

    while True:
        state = json.loads(urlopen(address + "api/state", timeout=60).read())
        if "Reading" not in state["status"]["words"] and "headline" in state:
            return
        time.sleep(0.1)


def throughput(folder: Path, rounds: int, rows: int) -> list[str]:
    """A busy writer on the core of a server with one page open, and without."""
    core = min(os.sched_getaffinity(0))
    rates: dict[bool, list[float]] = {True: [], False: []}
    shares: list[float] = []
    for place in range(rounds):
        for beside in (True, False) if place % 2 else (False, True):
            writer = Writer(folder / f"busy-{place}-{beside}.sqlite", direction_head())
            writer.run(2_000)
            with server(writer.path, core) if beside else none() as (process, address):
                if beside:
                    settle(address)
                with reading(address, "live") if beside else nothing():
                    taken = cpu_seconds(process.pid) if beside else 0.0
                    seconds, own = busy(writer, rows, core)
                    rates[beside].append(rows / seconds)
                    if beside:
                        taken = cpu_seconds(process.pid) - taken
                        shares.append(taken / (taken + own))
            writer.close()
    loss = 1 - median(a / b for a, b in zip(rates[True], rates[False], strict=True))
    told = {"alone": rates[False], "beside the server with a page open": rates[True]}
    lines = ["| busy writer, one core | events/s, median | lowest | highest |", "|---|---|---|---|"]
    lines += [f"| {name} | {median(r):,.0f} | {min(r):,.0f} | {max(r):,.0f} |" for name, r in told.items()]
    share = median(shares)
    return [
        *lines,
        "",
        f"Of the processor time that both used the server took {100 * share:.1f} %; the writer lost {100 * loss:.1f} % "
        f"of its events a second (median of the rounds' ratios). The bar is {100 * BAR:.0f} %, by processor time: "
        f"{'pass' if share < BAR else 'FAIL'}.",
    ]


def busy(writer: Writer, rows: int, core: int) -> tuple[float, float]:
    """Write as an engine does that is busy for 400 µs an event; seconds by the clock and of the processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(threading.get_native_id(), {core})
    try:
        began, spent = time.perf_counter(), time.thread_time()
        for _ in range(rows // GROUP):
            until = time.thread_time() + GROUP * STEP
            while time.thread_time() < until:
                pass
            writer.run(GROUP, GROUP)
        return time.perf_counter() - began, time.thread_time() - spent
    finally:
        os.sched_setaffinity(threading.get_native_id(), before)


@contextmanager
def none():
    yield None, ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000, help="of each busy round")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "paced.sqlite", direction_head(), apart=1 / RATE)
        writer.run(20_000, 500)
        writer.health()
        lines = watched(writer, asked.seconds)
        writer.close()
        more = throughput(Path(folder), asked.rounds, asked.rows)
    lines += ["", *more]
    print("\n".join(lines))
    if not asked.dry:
        sizes = {"seconds": f"{asked.seconds:g}", "rounds": f"{asked.rounds} of {asked.rows:,} events"}
        write_record("dashboard", record(__doc__, lines, sizes))


if __name__ == "__main__":
    main()
