"""Which settings foresee returns and temperatures best, on validation data alone?

Trains with the defaults and with one setting changed at a time, and prints the validation loss (in units of the mean
change of each series) over that of the defaults, the median over seeds. The test part is not looked at. A setting leaves
its plain value only where that gains on more than one data set.

    python benchmarks/bench_value_defaults.py [--models lstm,tcn,mlp] [--tasks hourly,minute,ett] [--seeds 0,1]
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import torch
from machine import record, write_record

from ostinato.data.panel import Panel
from ostinato.tasks.forecasting import Recipe, choose, panel_of
from ostinato.tasks.forecasting.fitting import train_chosen

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "hourly": ("btcusd-hourly.csv", {"target": "return", "horizon": 24}),
    "minute": ("btcusd-trades.csv", {"target": "return", "horizon": 10, "bars": "1m"}),
    "ett": ("series/ETTh1.csv", {"target": "OT", "horizon": 24, "bounds": (8640, 11520, 14400)}),
}
ORIGINS = {"lags": (1, 2, 3, 24, 168), "halflives": (4.0, 12.0, 48.0, 168.0, 720.0)}
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "defaults": {},
    "learning_rate 3e-3": {"training": {"learning_rate": 3e-3}},
    "learning_rate 3e-4": {"training": {"learning_rate": 3e-4}},
    "weight_decay 0.01": {"training": {"weight_decay": 0.01}},
    "weight_decay 1": {"training": {"weight_decay": 1.0}},
    "input_noise 0.3": {"training": {"input_noise": 0.3}},
    "where the level came from": {"recipe": ORIGINS},
    "only the last change": {"recipe": {"lags": (1,), "halflives": ()}},
    "hour, weekday and yearday": {"recipe": {"calendar": ("hour", "weekday", "yearday")}},
    "free_quantiles": {"recipe": {"form": "free_quantiles"}},
}


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    lines = []
    for task in arguments.tasks.split(","):
        file, recipe = TASKS[task]
        panel = panel_of(Path(os.environ["OSTINATO_DATA"]) / file, Recipe(**recipe))
        lines += table(task, panel, recipe, arguments.models.split(","), seeds)
    if not arguments.dry:
        sizes = {"seeds": arguments.seeds, "models": arguments.models}
        write_record("value_defaults", record(__doc__ or "", lines, sizes))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="lstm,tcn,mlp")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def table(task: str, panel: Panel, recipe: dict[str, Any], models: list[str], seeds: list[int]) -> list[str]:
    lines = ["", f"### {task}", "", f"| | {' | '.join(models)} |", "|---" * (len(models) + 1) + "|"]
    plain: dict[str, float] = {}
    for setting, changes in SETTINGS.items():
        cells = []
        for model in models:
            loss = median(validation_loss(panel, model, recipe, changes, seed) for seed in seeds)
            plain.setdefault(model, loss)
            cells.append(f"{loss:.4f}" if setting == "defaults" else f"{loss / plain[model] - 1:+.2%}")
        lines.append(f"| {setting} | {' | '.join(cells)} |")
        print(task, lines[-1], flush=True)
    return lines


def validation_loss(
    panel: Panel, model: str, recipe: dict[str, Any], changes: dict[str, dict[str, Any]], seed: int
) -> float:
    with tempfile.TemporaryDirectory() as folder:
        choices = choose(
            Path(folder) / "run",
            model,
            recipe=recipe | changes.get("recipe", {}),
            training=changes.get("training", {}),
            seed=seed,
        )
        return train_chosen(choices, panel).finished.best_loss


if __name__ == "__main__":
    main()
