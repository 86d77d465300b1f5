"""How long does it take to read ten million trades and make one-minute bars of them, and how much memory?

Each file is read by a process of its own. Memory is the growth of the largest resident size, of the process after its
imports and of those that it starts (parquet is parsed in one), beside the size of the array of time, price and amount.
The bar: under 30 s, and memory under 3 times the array. A CSV file of 1 GB is then read in the same way.

    python benchmarks/bench_reading.py [--rows 10000000] [--dry]
"""

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from machine import record, write_record

BAR_SECONDS, BAR_RATIO = 30.0, 3.0
GIGABYTE = 1_000_000_000
CHILD = """
import json, resource, sys, time
from ostinato.data.reading import read_panel
import polars, numpy, gzip
def resident():
    # a process that was started begins getrusage's figure with that of its parent
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
before = resident()
began = time.perf_counter()
trades = read_panel(sys.argv[1])
read = time.perf_counter()
bars = read_panel(trades, bars="1m")
done = time.perf_counter()
grown = resident() - before
print(json.dumps(dict(rows=len(trades), bars=len(bars), close=float(bars.values["close"].sum()),
    volume=float(bars.values["volume"].sum()), read=read - began, bars_seconds=done - read, grown=grown,
    child=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--dry", action="store_true", help="leave no record")
    arguments = parser.parse_args()
    lines = [
        "| file | size | rows | read | bars | together | memory | its parser | / array |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        results = [told(path) for path in make_files(Path(folder), arguments.rows)]
    for name, size, told_ in results:
        lines.append(row(name, size, told_))
    judged = [entry for name, _, entry in results if "1 GB" not in name]
    agree = len({(e["bars"], round(e["close"], 2), round(e["volume"], 2)) for e in judged}) == 1
    quick = all(seconds(entry) < BAR_SECONDS for entry in judged)
    small = all(ratio(entry) < BAR_RATIO for entry in judged)
    lines += [
        "",
        f"All files give the same bars: {'yes' if agree else 'NO'}. Under {BAR_SECONDS:g} s: "
        f"{'pass' if quick else 'FAIL'}; memory under {BAR_RATIO:g} times the array: {'pass' if small else 'FAIL'}.",
    ]
    print("\n".join(lines))
    if not arguments.dry:
        sizes = {"rows": f"{arguments.rows:,}", "polars": pl.__version__}
        write_record("reading", record(__doc__, lines, sizes))


def make_files(folder: Path, rows: int) -> list[Path]:
    """A random walk in cents, with stamps in whole seconds, as CSV, gzip and parquet; and CSV up to 1 GB."""
    frame = walk(rows)
    paths = [folder / name for name in ("trades.csv", "trades.csv.gz", "trades.parquet", "1 GB.csv")]
    frame.write_csv(paths[0])
    with paths[0].open("rb") as plain, gzip.open(paths[1], "wb", compresslevel=1) as packed:
        shutil.copyfileobj(plain, packed)
    frame.write_parquet(paths[2])
    more = round(rows * GIGABYTE / paths[0].stat().st_size)
    walk(more).write_csv(paths[3])
    return paths


def walk(rows: int) -> pl.DataFrame:
    random = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "time": 1_700_000_000 + np.cumsum(random.exponential(0.5, rows)).astype(np.int64),
            "price": np.round(30_000 * np.exp(1e-5 * np.cumsum(random.normal(size=rows))), 2),
            "amount": np.round(random.lognormal(-3, 1.3, rows), 8),
        }
    )


def told(path: Path) -> tuple[str, int, dict[str, float]]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True, timeout=600
    )
    return path.name, path.stat().st_size, json.loads(done.stdout)


def seconds(entry: dict[str, float]) -> float:
    return entry["read"] + entry["bars_seconds"]


def ratio(entry: dict[str, float]) -> float:
    """Of the memory of both processes, though they do not need it all at once, to the array."""
    return (entry["grown"] + entry["child"]) / (24 * entry["rows"])


def row(name: str, size: int, entry: dict[str, float]) -> str:
    cells = [
        name,
        f"{size / 1e6:,.0f} MB",
        f"{entry['rows']:,}",
        *(f"{number:.1f} s" for number in (entry["read"], entry["bars_seconds"], seconds(entry))),
        *(f"{number / 1e6:,.0f} MB" for number in (entry["grown"], entry["child"])),
        f"{ratio(entry):.2f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
