"""How well do the default models foresee the direction of the next trade, over five seeds?

Fits every model with its defaults on the real trades, exactly as ``ostinato fit forecast`` does, and prints the median
over seeds beside the baselines and the bars that the project set itself.

    python benchmarks/bench_direction.py [--models lstm,gru,cnn,tcn,mlp,rnn] [--seeds 0,1,2,3,4]
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

import torch
from machine import record, write_record

from ostinato.data.trades import Trades, read_trades
from ostinato.runs.results import Results
from ostinato.tasks.forecasting import fit

BARS = {  # log-loss at most, AUC at least
    "lstm": (0.602, 0.630),
    "gru": (0.602, 0.630),
    "cnn": (0.606, 0.618),
    "tcn": (0.606, 0.618),
}
SECONDS = 60.0
P_VALUE = 0.01


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    path = Path(os.environ["OSTINATO_DATA"]) / "btcusd-trades.csv"
    trades = read_trades(path)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    results = {name: [one(trades, name, seed) for seed in seeds] for name in arguments.models.split(",")}
    lines = table(results)
    print("\n".join(lines))
    if not arguments.dry:
        sizes = {"data": path.name, "rows": f"{len(trades):,}", "seeds": arguments.seeds}
        write_record("direction", record(__doc__, lines, sizes))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="lstm,gru,rnn,cnn,mlp,tcn")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def one(trades: Trades, name: str, seed: int) -> Results:
    with tempfile.TemporaryDirectory() as folder:
        done = fit(trades, Path(folder) / "run", name, seed=seed)
    assert done.results is not None
    found = done.results
    print(f"{name} seed {seed}: {found.test['log_loss']:.4f} {found.test['auc']:.4f}", flush=True)
    return found


def table(results: dict[str, list[Results]]) -> list[str]:
    lines = [
        "| model | validation log-loss | test log-loss (worst) | bar | test AUC (worst) | bar | "
        "largest p against sign table | longest training | one step | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, metrics in next(iter(results.values()))[0].baselines.items():
        lines.append(f"| {name} | | {metrics['log_loss']:.4f} | | {metrics['auc']:.4f} | | | | | |")
    return lines + [row(name, found) for name, found in results.items()]


def row(name: str, found: list[Results]) -> str:
    losses, aucs = [f.test["log_loss"] for f in found], [f.test["auc"] for f in found]
    skills = [f.tests.diebold_mariano["sign_table"] for f in found]
    p = max(1.0 if skill.statistic > 0 else skill.p_value for skill in skills)
    seconds = max(f.training.seconds for f in found)
    bar_loss, bar_auc = BARS.get(name, (float("inf"), 0.0))
    passed = median(losses) <= bar_loss and median(aucs) >= bar_auc and p < P_VALUE and seconds < SECONDS
    verdict = ("pass" if passed else "FAIL") if name in BARS else ""
    return (
        f"| {name} | {median(f.validation['log_loss'] for f in found):.4f} "
        f"| {median(losses):.4f} ({max(losses):.4f}) | {bar_loss if name in BARS else ''} "
        f"| {median(aucs):.4f} ({min(aucs):.4f}) | {bar_auc if name in BARS else ''} "
        f"| {p:.1e} | {seconds:.0f} s | {median(f.model.step_us for f in found):.0f} µs | {verdict} |"
    )


if __name__ == "__main__":
    main()
