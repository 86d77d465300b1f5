"""Which sizes and rates of training have the lowest validation loss, on the real trades and on a simulated market?

The defaults come from here. Each candidate differs from the defaults in what it names; every number is a validation
log-loss, the test parts are not looked at. The last column is the mean of both markets relative to the defaults. A
setting has to gain more than the seeds differ, about 0.0005, to become a default.

    python benchmarks/bench_defaults.py [--models lstm,gru,tcn,cnn,mlp,rnn] [--seeds 0,1]
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from machine import record, write_record

from ostinato.data.simulator import simulate_trades
from ostinato.data.trades import Trades, read_trades
from ostinato.tasks.forecasting import fit

Candidate = dict[str, dict[str, Any]]

RECURRENT: dict[str, Candidate] = {
    "defaults": {},
    "32 units": {"options": {"units": 32}},
    "128 units": {"options": {"units": 128}},
    "2 layers": {"options": {"layers": 2}},
    "dropout 0.3": {"options": {"dropout": 0.3}},
    "learning rate 0.006": {"training": {"learning_rate": 6e-3}},
    "8 streams": {"training": {"streams": 8}},
    "slices of 128": {"training": {"update_every": 128}},
    "input noise 0.1": {"training": {"input_noise": 0.1}},
    "weight decay 0.3": {"training": {"weight_decay": 0.3}},
    "both": {"training": {"input_noise": 0.1, "weight_decay": 0.3}},
    "windows to 128": {"recipe": {"feature_windows": [8, 32, 128]}},
}
CANDIDATES: dict[str, dict[str, Candidate]] = {
    "lstm": RECURRENT,
    "gru": RECURRENT,
    "rnn": RECURRENT,
    "tcn": {
        "defaults": {},
        "32 channels": {"options": {"channels": 32}},
        "16 channels": {"options": {"channels": 16}},
        "3 levels": {"options": {"levels": 3}},
        "5 levels": {"options": {"levels": 5}},
        "dropout 0.2": {"options": {"dropout": 0.2}},
        "no weight decay": {"training": {"weight_decay": 0.0}},
        "weight decay 0.1": {"training": {"weight_decay": 0.1}},
        "weight decay 1": {"training": {"weight_decay": 1.0}},
        "16 streams": {"training": {"streams": 16}},
        "learning rate 0.002": {"training": {"learning_rate": 2e-3}},
    },
    "cnn": {
        "defaults": {},
        "window 32": {"options": {"window": 32}},
        "channels 32, 32": {"options": {"channels": [32, 32]}},
        "dropout 0.4": {"options": {"dropout": 0.4}},
        "batches of 512": {"training": {"windows": 512}},
        "learning rate 0.001": {"training": {"learning_rate": 1e-3}},
        "no weight decay": {"training": {"weight_decay": 0.0}},
    },
    "mlp": {
        "defaults": {},
        "window 16": {"options": {"window": 16}},
        "window 4": {"options": {"window": 4}},
        "dropout 0.4": {"options": {"dropout": 0.4}},
        "learning rate 0.001": {"training": {"learning_rate": 1e-3}},
        "weight decay 0.3": {"training": {"weight_decay": 0.3}},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="lstm,tcn,cnn,mlp")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    markets = [read_trades(Path(os.environ["OSTINATO_DATA"]) / "btcusd-trades.csv"), simulate_trades()]
    lines = ["| model | candidate | real trades | simulated | against defaults |", "|---|---|---|---|---|"]
    for name in arguments.models.split(","):
        lines += rows(name, markets, seeds)
    print("\n".join(lines))
    if not arguments.dry:
        write_record("defaults", record(__doc__, lines, {"seeds": arguments.seeds}))


def rows(name: str, markets: list[Trades], seeds: list[int]) -> list[str]:
    lines, reference = [], 0.0
    for label, changes in CANDIDATES[name].items():
        losses = [mean(validation_loss(trades, name, seed, changes) for seed in seeds) for trades in markets]
        reference = reference or mean(losses)
        lines.append(
            f"| {name} | {label} | {losses[0]:.4f} | {losses[1]:.4f} | {mean(losses) - reference:+.4f} |"
        )
        print(lines[-1], flush=True)
    return lines


def validation_loss(trades: Trades, name: str, seed: int, changes: Candidate) -> float:
    """The only number that is looked at."""
    with tempfile.TemporaryDirectory() as folder:
        return fit(trades, Path(folder) / "run", name, seed=seed, **changes).finished.best_loss


if __name__ == "__main__":
    main()
