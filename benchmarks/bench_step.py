"""How long does one live step of a whole forecast take, by a stepper and by calling the layer?

One row through features, scaler, network and head, as it comes from a market: ``stepper.step(x)`` against
``layer(x[:, None], state)`` in inference mode. Both see the same rows one by one, taking turns of 100 rows in one
process, with the same weights. First their outputs must agree, within the tolerance of the contract; and a second
stepper, made from the state that the first exported half-way, must give the very same bits.

    python benchmarks/bench_step.py [--quick] [--rows 2000] [--threads 1] [--dry]

Real data if OSTINATO_DATA names the folder of btcusd-trades.csv, otherwise the simulated market. The bars are of one
minute, and their return over 24 of them is what is foreseen.
"""

# Axes: N rows, I columns, O outputs.

import argparse
import os
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from machine import record, write_record
from torch import Tensor

from ostinato.core import SequenceLayer, leaves
from ostinato.data.panel import Panel
from ostinato.data.reading import built, panel_of_trades
from ostinato.data.simulator import simulate_trades
from ostinato.data.trades import Trades, read_trades
from ostinato.tasks.forecasting import Recipe
from ostinato.tasks.forecasting.features import raw_rows
from ostinato.tasks.forecasting.model import forecast_model, parts_of
from ostinato.tasks.forecasting.streaming import stream

WARM = 200  # rows that are run and not counted
BLOCK = 100  # rows in which the sides take turns
TOLERANCE = 1e-5  # relative norm, float32


class Case(NamedTuple):
    """A forecast, and the most that a step of it may take."""

    words: str
    data: str
    model: str
    options: dict[str, Any]
    bar: float | None = None  # µs


CASES = [
    Case("LSTM, default", "trades", "lstm", {}),
    Case("LSTM, 2 x 64", "trades", "lstm", {"layers": 2}, 150.0),
    Case("GRU, 2 x 64", "trades", "gru", {"layers": 2}),
    Case("TCN, default", "trades", "tcn", {}, 400.0),
    Case("CNN on windows, default", "trades", "cnn", {}),
    Case("MLP on windows, default", "trades", "mlp", {}),
    Case("LSTM, default", "bars", "lstm", {}),
    Case("GRU, default", "bars", "gru", {}),
]
RECIPES = {"trades": Recipe(), "bars": Recipe(target="return", horizon=24)}
WORDS = {"trades": "direction of the next trade", "bars": "return of bars"}


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    trades = market(arguments.quick)
    panels = {"trades": panel_of_trades(trades), "bars": built(trades, "1m")}
    count = WARM + (100 if arguments.quick else arguments.rows)
    lines = [
        "| foreseen | network | layer(x, state) | step(x) | ratio | slowest of 100 | between others | apart | bar | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        lines.append(line(case, panels[case.data], count))
        print(lines[-1], flush=True)
    lines += [
        "",
        "Medians in µs. Slowest of 100: the 99th percentile of the steps. Between others: a step right after a call of",
        "the layer, which leaves it cold caches, as the other work of a live engine does.",
    ]
    if not (arguments.quick or arguments.dry):
        sizes = {"data": trades.report.source, "rows counted": f"{count - WARM:,}", "dtype": "float32"}
        write_record("step", record(__doc__ or "", lines, sizes))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small market, few rows, no record")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def market(quick: bool) -> Trades:
    folder = os.environ.get("OSTINATO_DATA")
    if quick or not folder:
        return simulate_trades(rows=20_000 if quick else 100_000)
    return read_trades(Path(folder) / "btcusd-trades.csv")


def line(case: Case, panel: Panel, count: int) -> str:
    recipe = RECIPES[case.data].of(panel)
    rows = raw_rows(recipe, panel)[:count]
    model = made(recipe, case, rows)
    apart = agree(model, rows)
    times = timed(model, rows)
    layer, step, between = (median(times[name]) for name in ("layer", "step", "between"))
    slow = sorted(times["step"])[int(0.99 * len(times["step"]))]
    bar = " | " if case.bar is None else f"under {case.bar:.0f} | {'met' if step < case.bar else 'MISSED'}"
    return (
        f"| {WORDS[case.data]} | {case.words} | {layer:.0f} | {step:.0f} | {layer / step:.1f} | {slow:.0f} "
        f"| {between:.0f} | {apart:.0e} | {bar} |"
    )


def made(recipe: Recipe, case: Case, rows: Tensor) -> SequenceLayer:
    """A model as training leaves it, but for the training: scaled, and with an answer that is not 0."""
    model = forecast_model(recipe, case.model, case.options).eval()
    parts = parts_of(model)
    parts.scaler.fit(stream(parts.features, rows))
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def agree(model: SequenceLayer, rows: Tensor) -> float:
    """How far apart the outputs of both are; ends the benchmark where they differ."""
    whole = stream(model, rows).double()
    stepper = model.stepper()
    found, state = [], None
    for place, row in enumerate(rows.split(1)):
        if place == len(rows) // 2:
            state = stepper.state
        found.append(stepper.step(row))
    again = model.stepper(1, state)
    later = [again.step(row) for row in rows[len(rows) // 2 :].split(1)]
    if not torch.equal(torch.cat(later), torch.cat(found[len(rows) // 2 :])):
        raise SystemExit("a restored stepper gives other bits than one that went on.")
    if not all(map(torch.equal, leaves(again.state), leaves(stepper.state))):
        raise SystemExit("a restored stepper ends in another state than one that went on.")
    apart = float((torch.cat(found).double() - whole).norm() / whole.norm())
    if not apart <= TOLERANCE:
        raise SystemExit(f"the answers are {apart:.1e} apart, so nothing is timed.")
    return apart


def timed(model: SequenceLayer, rows: Tensor) -> dict[str, list[float]]:
    """Microseconds of every row that counts: the layer, its stepper, and a stepper between calls of the layer."""
    times: dict[str, list[float]] = {"layer": [], "step": [], "between": []}
    stepper, between, state = model.stepper(), model.stepper(), None
    for block in rows.split(BLOCK):
        singles = block.split(1)
        for row in singles:
            began = time.perf_counter()
            with torch.inference_mode():
                _, state = model(row[:, None], state)
            called = time.perf_counter()
            between.step(row)
            ended = time.perf_counter()
            times["layer"].append(1e6 * (called - began))
            times["between"].append(1e6 * (ended - called))
        for row in singles:
            began = time.perf_counter()
            stepper.step(row)
            times["step"].append(1e6 * (time.perf_counter() - began))
    return {name: values[WARM:] for name, values in times.items()}


if __name__ == "__main__":
    main()
