"""Does an epoch of the LSTM go through ten million trades as quickly, row for row, as through a hundred thousand?

Both sizes are a random walk of prices, read from memory and trained for one epoch with the defaults, exactly as
``ostinato fit forecast`` does, in turn in one process. What comes before the epoch (features of every row, scaling,
labels) is told too, and the most memory that was taken.

    python benchmarks/bench_rows.py [--rows 100000,10000000] [--rounds 3]
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from machine import record, write_record

from ostinato.data.trades import Trades, make_trades
from ostinato.experiment.fitting import train
from ostinato.experiment.settings import fit_settings
from ostinato.tasks.forecasting import FORECASTING, panel_of
from ostinato.training.progress import SilentWatcher

BAR = 0.9  # of the small size's rows per second: the same, as far as a shared machine can tell


class Watch(SilentWatcher):
    """Notes when the first update begins and when the epoch's last one ends."""

    def __init__(self) -> None:
        self.began = self.ended = 0.0
        self.rows = 0

    def begin(self, progress, updates_in_epoch, epochs) -> None:
        self.began = time.perf_counter()

    def update(self, progress, rows) -> None:
        self.rows += rows
        self.ended = time.perf_counter()


class Pass(NamedTuple):
    """One epoch."""

    before: float  # seconds from the trades to the first update
    rate: float  # rows per second of the epoch


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    sizes = [int(rows) for rows in arguments.rows.split(",")]
    markets = {rows: walk(rows) for rows in sizes}
    passes: dict[int, list[Pass]] = {rows: [] for rows in sizes}
    for _ in range(arguments.rounds):
        for rows in sizes:
            passes[rows].append(one(markets[rows]))
            print(f"{rows:,} rows: {passes[rows][-1]}", flush=True)
    lines = table(passes)
    print("\n".join(lines))
    if not arguments.dry:
        write_record(
            "rows", record(__doc__ or "", lines, {"rows": arguments.rows, "rounds": str(arguments.rounds)})
        )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="100000,10000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def walk(rows: int) -> Trades:
    """Trades with prices that move by a cent, amounts of a log-normal size, about four seconds apart."""
    random = np.random.default_rng(0)
    time_ = 1.6e9 + np.floor(np.cumsum(random.exponential(4.0, rows)))
    price = 6500 + 0.01 * np.cumsum(random.integers(-1, 2, rows))
    return make_trades("a random walk", time_, price, random.lognormal(-1.0, 1.0, rows))


def one(trades: Trades) -> Pass:
    with tempfile.TemporaryDirectory() as folder:
        settings = fit_settings(FORECASTING, Path(folder) / "run", "lstm", training={"epochs": 1})
        watch, start = Watch(), time.perf_counter()
        train(settings, panel_of(trades, settings.recipe), watcher=watch)
    return Pass(watch.began - start, watch.rows / (watch.ended - watch.began))


def table(passes: dict[int, list[Pass]]) -> list[str]:
    lines = ["| rows | rows per second of the epoch | seconds before it |", "|---|---|---|"]
    rates = {rows: median(found.rate for found in all_) for rows, all_ in passes.items()}
    for rows, found in passes.items():
        lines.append(f"| {rows:,} | {rates[rows]:,.0f} | {median(one.before for one in found):.1f} |")
    small, large = min(rates), max(rates)
    ratio = rates[large] / rates[small]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    word = "pass" if ratio >= BAR else "FAIL"
    return [
        *lines,
        "",
        f"{ratio:.2f} times the rate of the small size (at least {BAR}): {word}. Most memory: {peak:.1f} GiB.",
    ]


if __name__ == "__main__":
    main()
