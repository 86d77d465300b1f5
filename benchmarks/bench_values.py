"""How well do the default models foresee returns and temperatures, and is any of it skill?

Every model with its defaults beside every baseline on the same rows, exactly as ``ostinato compare forecast --seeds 3``
does: the 24-hour return of hourly bars, the oil temperature of ETTh1 at five horizons, and one-minute bars that are
built from trades. The figures are medians over the seeds.

    python benchmarks/bench_values.py [--tasks hourly,ett24,...] [--models lstm,gru,cnn,tcn,mlp,rnn] [--seeds 3]
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from machine import record, write_record

from ostinato.models import MODELS
from ostinato.runs.comparison import Comparison
from ostinato.tasks.forecasting import compare

# Twelve, four and four months of thirty days, as the literature cuts it. There the first forecast is made at the last
# hour before the test months, row 11,519, and the last one when its labels end with them: 2,881 - horizon forecasts.
ETT = {"target": "OT", "bounds": (8640, 11519, 14400)}


class Task(NamedTuple):
    """What is asked, and the bar: a metric of the best model, at most."""

    file: str
    recipe: dict[str, Any]
    words: str
    metric: str = "pinball"
    bar: float | None = None


TASKS = {
    "hourly": Task(
        "btcusd-hourly.csv", {"target": "return", "horizon": 24}, "24-hour return of BTC/USD, hourly bars"
    ),
    "ett24": Task("series/ETTh1.csv", ETT | {"horizon": 24}, "ETTh1 OT, 24 hours", "scaled_mse", 0.050),
    "ett48": Task("series/ETTh1.csv", ETT | {"horizon": 48}, "ETTh1 OT, 48 hours", "scaled_mse", 0.075),
    "ett168": Task("series/ETTh1.csv", ETT | {"horizon": 168}, "ETTh1 OT, 168 hours", "scaled_mse", 0.11),
    "ett336": Task("series/ETTh1.csv", ETT | {"horizon": 336}, "ETTh1 OT, 336 hours", "scaled_mse", 0.12),
    "ett720": Task("series/ETTh1.csv", ETT | {"horizon": 720}, "ETTh1 OT, 720 hours", "scaled_mse", 0.14),
    "minute-return": Task(
        "btcusd-trades.csv",
        {"target": "return", "bars": "1m", "horizon": 10},
        "10-minute return, one-minute bars",
    ),
    "minute-direction": Task(
        "btcusd-trades.csv",
        {"target": "direction", "bars": "1m"},
        "direction of the next minute, one-minute bars",
        "log_loss",
    ),
}
SHOWN = (
    "pinball",
    "crps",
    "coverage_80",
    "mae",
    "scaled_mse",
    "mase",
    "log_loss",
    "auc",
    "brier",
    "accuracy",
)


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    lines: list[str] = []
    for name in arguments.tasks.split(","):
        task = TASKS[name]
        with tempfile.TemporaryDirectory() as folder:
            found = compare(
                Path(os.environ["OSTINATO_DATA"]) / task.file,
                Path(folder) / "compared",
                arguments.models.split(","),
                recipe=task.recipe,
                seeds=arguments.seeds,
            )
        part = [f"### {task.words}", "", *table(found), "", *verdict(task, found), ""]
        print("\n".join(part), flush=True)
        lines += part
    if not arguments.dry:
        sizes = {"seeds": str(arguments.seeds), "models": arguments.models}
        write_record("values", record(__doc__ or "", lines, sizes))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def table(found: Comparison) -> list[str]:
    """Everything that was compared, the best first."""
    everything = {**found.models, **found.baselines}
    metrics = [name for name in SHOWN if any(one.test.get(name) is not None for one in everything.values())]
    lines = [
        f"| | {' | '.join(metrics)} | p (corrected) | trained | one step |",
        "|---" * (len(metrics) + 4) + "|",
    ]
    for name in sorted(everything, key=lambda name: everything[name].test.get(found.measure) or float("inf")):
        one = everything[name]
        figures = " | ".join(
            "" if (value := one.test.get(metric)) is None else f"{value:.5g}" for metric in metrics
        )
        model = found.models.get(name)
        rest = " | | |"
        if model is not None:
            p = "" if model.corrected_p is None else f"{model.corrected_p:.2g}"
            rest = f" {p} | {model.seconds or 0:.0f} s | {model.step_us or 0:.0f} µs |"
        lines.append(f"| {f'**{name}**' if model else name} | {figures} |{rest}")
    told = [f"{name}: {one.settings}" for name, one in found.baselines.items() if one.settings]
    return [*lines, "", f"Baselines: {'; '.join(told)}."] if told else lines


def verdict(task: Task, found: Comparison) -> list[str]:
    """The bar, and what the comparison says of each model."""
    said = [f"- {model.verdict}" for model in found.models.values()]
    if task.bar is None:
        return said
    reached = {
        name: model.test[task.metric] for name, model in found.models.items() if model.test.get(task.metric)
    }
    best = min(reached, key=lambda name: reached[name] or float("inf"))
    word = "pass" if (reached[best] or float("inf")) <= task.bar else "FAIL"
    return [
        f"Bar: {task.metric} at most {task.bar} for the best of the family; {best} {reached[best]:.4f}: {word}.",
        "",
        *said,
    ]


if __name__ == "__main__":
    main()
