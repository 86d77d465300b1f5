"""Which settings forecast_rows returns and temperatures best, on validation data alone?

Trains with the defaults and with one setting changed at a time, and prints by how much the validation loss changes, the
mean over seeds, beside the standard error of that change: of the differences row by row, correlated as far as labels
overlap (Newey-West). The test part is not looked at. Of settings that lie within one standard error of the best
the simplest is taken (Breiman et al. 1984, Classification and Regression Trees, section 3.4.3): fewer inputs, plainer
training.

    python benchmarks/bench_value_defaults.py [--models lstm,mlp] [--tasks hour,day,minute,ett] [--seeds 0,1]
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from machine import record, write_record

from ostinato.data.panel import Panel
from ostinato.evaluation.diebold_mariano import long_run_variance
from ostinato.experiment.fitting import train
from ostinato.experiment.settings import fit_settings
from ostinato.tasks.forecasting import FORECASTING, Recipe, panel_of
from ostinato.tasks.forecasting.predicting import forecast_rows
from ostinato.tasks.forecasting.targets import target_of

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "hour": ("btcusd-hourly.csv", {"target": "return", "horizon": 1}),
    "day": ("btcusd-hourly.csv", {"target": "return", "horizon": 24}),
    "minute": ("btcusd-trades.csv", {"target": "return", "horizon": 10, "bars": "1m"}),
    "ett": ("series/ETTh1.csv", {"target": "OT", "horizon": 24, "bounds": (8640, 11520, 14400)}),
}
ORIGINS = {"lags": (1, 2, 3, 24, 168), "halflives": (4.0, 12.0, 48.0, 168.0, 720.0)}
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "defaults": {},
    "learning_rate 3e-3": {"training": {"learning_rate": 3e-3}},
    "learning_rate 3e-4": {"training": {"learning_rate": 3e-4}},
    "weight_decay 0.01": {"training": {"weight_decay": 0.01}},
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
    parser.add_argument("--models", default="lstm,mlp")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def table(task: str, panel: Panel, recipe: dict[str, Any], models: list[str], seeds: list[int]) -> list[str]:
    lines = ["", f"### {task}", "", f"| | {' | '.join(models)} |", "|---" * (len(models) + 1) + "|"]
    plain: dict[str, list[np.ndarray]] = {}
    for setting, changes in SETTINGS.items():
        cells = []
        for model in models:
            losses = [validation_losses(panel, model, recipe, changes, seed) for seed in seeds]
            cells.append(cell(losses, plain.setdefault(model, losses), recipe["horizon"]))
        lines.append(f"| {setting} | {' | '.join(cells)} |")
        print(task, lines[-1], flush=True)
    return lines


def cell(losses: list[np.ndarray], plain: list[np.ndarray], horizon: int) -> str:
    """The loss of the defaults; of anything else the change and its standard error, in per cent."""
    usual = median(float(one.mean()) for one in plain)
    if losses is plain:
        return f"{usual:.5g}"
    change = np.mean([one - other for one, other in zip(losses, plain, strict=True)], axis=0)
    lags = max(2 * (horizon - 1), 10)
    error = np.sqrt(long_run_variance(change, lags) / len(change))
    return f"{change.mean() / usual:+.2%} ± {error / usual:.2%}"


def validation_losses(
    panel: Panel, model: str, recipe: dict[str, Any], changes: dict[str, dict[str, Any]], seed: int
) -> np.ndarray:
    """The loss of each validation row."""
    with tempfile.TemporaryDirectory() as folder:
        settings = fit_settings(
            FORECASTING,
            Path(folder) / "run",
            model,
            recipe=recipe | changes.get("recipe", {}),
            training=changes.get("training", {}),
            seed=seed,
        )
        trained = train(settings, panel)
        target = target_of(trained.run.recipe)
        rows = target.labelled(panel, trained.fold.validation)
        forecasts = forecast_rows(trained.run, panel, rows)
        return target.row_metrics(panel, rows, forecasts, trained.fold)[target.measure]


if __name__ == "__main__":
    main()
