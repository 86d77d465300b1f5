"""Is the ledger of a live run what ``ostinato predict`` says of the same trades, row by row?

The trades are replayed through the loopback exchange, as fast as they are taken, to an LSTM, a GRU, a TCN and the
windowed CNN that were fitted on the first of them. Every prediction is compared.

    python benchmarks/bench_live_equals_offline.py [TRADES] [--seconds 15]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from living import exchange, live
from machine import record, write_record

from ostinato.store import Reader, verify
from ostinato.tasks.forecasting import fit, open_run, predict

BAR = 1e-6
MODELS = ("lstm", "gru", "tcn", "cnn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    folder = os.environ.get("OSTINATO_DATA")
    parser.add_argument("trades", nargs="?", type=Path, default=folder and Path(folder) / "btcusd-trades.csv")
    parser.add_argument("--seconds", type=float, default=15.0, help="of training, for each model")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    arguments = parser.parse_args()
    if arguments.trades is None:
        raise SystemExit("name a file of trades, or set OSTINATO_DATA to the folder of real data.")
    torch.set_num_threads(1)
    lines = [
        "| model | predictions | largest difference | bar | events/s | ledger whole |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as place:
        for name in MODELS:
            lines.append(one(name, arguments.trades, Path(place), arguments.seconds))
            print(lines[-1], flush=True)
    if not arguments.dry:
        write_record("live_equals_offline", record(__doc__ or "", lines, {"trades": arguments.trades.name}))


def one(name: str, trades: Path, place: Path, seconds: float) -> str:
    """A row of the table."""
    fit(trades, place / name, name, training={"max_seconds": seconds})
    offline = predict(open_run(place / name), trades)
    store = place / f"{name}.sqlite"
    with exchange("--trades", trades, "--speed", "max") as address:
        began = time.perf_counter()
        engine = live(place / name, address, store, len(offline) - 1)
        took = time.perf_counter() - began
    engine.close()
    keys, numbers = [], []
    with Reader.open(store) as reader:
        after = None
        while rows := reader.predictions_after(after):
            keys += [row.key for row in rows]
            numbers += [row.numbers[0] for row in rows]
            after = rows[-1].key
    assert keys == offline["row"].to_list(), "a row is missing, or there is one too many"
    difference = float(np.abs(np.array(numbers) - offline["p_up"].to_numpy()).max())
    whole = verify(store)
    return (
        f"| {name} | {len(keys):,} | {difference:.1e} | {'met' if difference <= BAR else 'MISSED'} | "
        f"{len(keys) / took:,.0f} | {'yes' if whole.ok else whole.problems[0]} |"
    )


if __name__ == "__main__":
    main()
