"""How many events a second go through feed, step and ledger, and how long does one take from the socket to the disk?

The LSTM of two layers of 64 foresees the direction of the next trade on the loopback exchange, which runs in a process
of its own. First as fast as the events are taken, alone and with a dashboard open on it, in turn; then at 200 events a
second; and with --soak over a million events, to see whether memory grows.

    python benchmarks/bench_live_speed.py [--rows 40000] [--rounds 3] [--soak 1000000]
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from living import Latencies, exchange, live
from machine import record, write_record

from ostinato.data.simulator import simulate_trades
from ostinato.live.engine import Engine
from ostinato.live.meters import resident_bytes
from ostinato.store import verify
from ostinato.tasks.forecasting import fit

LSTM = {"units": 64, "layers": 2}
ALIKE = 200  # events a second
SECONDS = 60.0  # at that rate
EVERY = 4.0  # virtual seconds from trade to trade, in the mean


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run = folder / "run"
        fit(simulate_trades(20_000, seed=1), run, "lstm", options=LSTM, training={"epochs": 1})
        lines = [*rates(run, folder, arguments), "", *latencies(run, folder)]
        if arguments.soak:
            lines += ["", *soak(run, folder, arguments.soak)]
    print("\n".join(lines))
    if not arguments.dry:
        sizes = {
            "rows": f"{arguments.rows:,}",
            "rounds": str(arguments.rounds),
            "soak": f"{arguments.soak:,}",
        }
        write_record("live_speed", record(__doc__ or "", lines, sizes))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak", type=int, default=0, help="events of the test of memory; 0: none")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def rates(run: Path, folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Events a second, alone and watched, in turn."""
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for turn in range(arguments.rounds):
        for seen in (False, True):
            store = folder / f"rate-{turn}-{seen}.sqlite"
            found[seen].append(rate(run, store, arguments.rows, seen))
            print(f"dashboard {seen}: {found[seen][-1][0]:,.0f} events/s", flush=True)
    alone, watched = (median(one for one, _ in found[seen]) for seen in (False, True))
    cpu = median(one for _, one in found[False])
    return [
        "| what | figure | bar | |",
        "|---|---|---|---|",
        f"| events/s, alone (median of {arguments.rounds}) | {alone:,.0f} | 5,000 | {met(alone >= 5000)} |",
        f"| … processor time of feed, step and ledger for one event | {1e6 * cpu:.0f} µs | | |",
        f"| events/s with a dashboard open | {watched:,.0f} | | |",
        f"| what the dashboard costs | {1 - watched / alone:.1%} | 10 % | {met(watched > 0.9 * alone)} |",
    ]


def rate(run: Path, store: Path, rows: int, seen: bool) -> tuple[float, float]:
    """Events a second between the first and the last commit, and processor time for each."""
    measured: list[Latencies] = []

    def measure(engine: Engine) -> None:
        if not measured:
            measured.append(Latencies(engine))

    market = ("--simulate", rows, "--seed", 7, "--begin", 0, "--speed", "max")
    with exchange(*market) as address:
        live(run, address, store, rows // 4).close()
        with watched(store) if seen else contextlib.nullcontext():
            engine = live(run, address, store, rows - 1, measure)
    engine.close()
    assert verify(store).ok
    (one,) = measured
    events, seconds = len(one.seconds), one.ended - one.began
    return events / seconds, (time.process_time() - one.cpu) / events


@contextlib.contextmanager
def watched(store: Path) -> Iterator[None]:
    """A dashboard with one page open, each in a process of its own, so that their work is not the engine's."""
    command = [sys.executable, "-m", "ostinato.dashboard", str(store), "--port", "0", "--until-eof"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        address = server.stdout.readline().strip().replace("http://", "ws://").rstrip("/") + "/live"
        with subprocess.Popen([sys.executable, "-c", PAGE, address], stdout=pipe, text=True) as page:
            assert page.stdout is not None
            assert page.stdout.readline() == "open\n"
            yield
            page.terminate()
            assert int(page.stdout.read()) > 0, "the page was told nothing"
        server.stdin.close()


PAGE = """
import asyncio, signal, sys, websockets
async def main():
    count = 0
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        origin = sys.argv[1].replace("ws:", "http:")[:-5]
        async with websockets.connect(sys.argv[1], max_size=None, origin=origin) as page:
            await page.recv()
            print("open", flush=True)
            async for message in page:
                count += 1
    except asyncio.CancelledError:
        print(count)
asyncio.run(main())
"""


def latencies(run: Path, folder: Path) -> list[str]:
    """From the socket to the committed prediction, at a moderate rate."""
    rows = int(ALIKE * SECONDS)
    measured: list[Latencies] = []

    def measure(engine: Engine) -> None:
        if not measured:
            measured.append(Latencies(engine))

    market = ["--simulate", rows, "--seed", 7, "--begin", 0, "--wait"]
    store = folder / "latency.sqlite"
    with exchange(*market, "--speed", ALIKE * EVERY) as address:
        engine = live(run, address, store, rows - 1, measure)
    engine.close()
    milliseconds = 1e3 * np.array(measured[0].seconds)
    high = float(np.quantile(milliseconds, 0.99))
    real = len(milliseconds) / (measured[0].ended - measured[0].began)
    return [
        f"At {real:.0f} events a second, {len(milliseconds):,} of them, from the socket to the disk:",
        "",
        "| median | 90 % | 99 % | 99.9 % | most | bar of 99 % | |",
        "|---|---|---|---|---|---|---|",
        "| "
        + " | ".join(f"{np.quantile(milliseconds, q):.2f} ms" for q in (0.5, 0.9, 0.99, 0.999, 1.0))
        + f" | 10 ms | {met(high < 10)} |",
    ]


def soak(run: Path, folder: Path, rows: int) -> list[str]:
    """Memory of the engine's process, every few thousand events."""
    seen: list[tuple[int, int]] = []

    def look(engine: Engine) -> None:
        if engine.meters.events - (seen[-1][0] if seen else 0) >= rows / 200:
            seen.append((engine.meters.events, resident_bytes()))

    store = folder / "soak.sqlite"
    with exchange("--simulate", rows, "--seed", 7, "--begin", 0, "--speed", "max") as address:
        engine = live(run, address, store, rows - 1, look)
    engine.close()
    events, bytes_ = np.array(seen[len(seen) // 10 :], float).T
    slope = np.polyfit(events, bytes_, 1)[0]
    return [
        f"Memory over {rows:,} events: {bytes_[0] / 2**20:.1f} MiB after a tenth of them, "
        f"{bytes_[-1] / 2**20:.1f} MiB at the end, at most {bytes_.max() / 2**20:.1f} MiB; slope {slope:+.2f} bytes an "
        f"event ({met(abs(slope) < 8)}: flat is less than 8).",
    ]


def met(yes: bool) -> str:
    return "met" if yes else "MISSED"


if __name__ == "__main__":
    main()
