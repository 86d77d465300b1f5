"""How much faster does a 4x64 LSTM learn from contiguous streams with carried state than from overlapping windows?

Windows are the common way: a Dataset of overlapping windows of 32 steps, a DataLoader that shuffles them and joins 128
to a batch, torch.nn.LSTM read at the last step. Each step passes through the network 32 times per epoch. Streams are
our default: the rows cut into a few contiguous streams, slice after slice, the state carried on and the gradient not.
Each step passes through the network once per epoch.

Both have the same rows, scaled features, network, dropout, optimizer, learning rate and clipping, in one process, in
turn. Each is validated as it would be used, windows on windows and streams on a stream; validation is on no clock.

The level is the lowest validation log-loss that windows reach in their first epoch, looked at 20 times in it; streams
are looked at after each epoch. Each side reaches it twice: at a constant learning rate, and in one cycle of it, which
for windows lasts that first epoch, so that its end is as good as it gets, and for streams all of the default epochs.

    python benchmarks/bench_streams_and_windows.py [--quick] [--seeds 3] [--threads 1] [--dry]

Real trades if OSTINATO_DATA names the folder of btcusd-trades.csv, otherwise the simulated market.
"""

# Axes: N rows, L steps of a window, B windows of a batch, F features.

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
import torch
from machine import facts, record, write_record
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, Dataset

from ostinato.core import SequenceLayer
from ostinato.data.folds import Fold
from ostinato.data.reading import panel_of_trades
from ostinato.data.simulator import simulate_trades
from ostinato.data.steps import Steps
from ostinato.data.streams import Streams
from ostinato.data.trades import Trades, read_trades
from ostinato.experiment.settings import training_config
from ostinato.models import build, config_for
from ostinato.tasks.forecasting import FORECASTING, Recipe
from ostinato.tasks.forecasting.features import raw_rows
from ostinato.tasks.forecasting.model import forecast_model
from ostinato.tasks.forecasting.preparing import scaled_features
from ostinato.tasks.forecasting.streaming import stream
from ostinato.tasks.forecasting.targets.direction import Direction, losses
from ostinato.training import Trainer, TrainingConfig
from ostinato.training.optimizers import make_optimizer, make_schedule
from ostinato.training.progress import EpochRecord, Progress, SilentWatcher

NETWORK = {"units": 64, "layers": 4}
WINDOW = 32  # steps
BATCH = 128  # windows
LOOKS = 20  # validations in an epoch of windows
RATES = {"constant": {"schedule": "none"}, "one cycle": {"schedule": "OneCycleLR"}}
EPOCH_BAR, LEVEL_BAR, OUTSIDE_BAR = 25.0, 5.0, 0.10  # at least, at least, at most


@dataclass(frozen=True)
class Task:
    """The same for both sides: scaled features x (N, F) and labels up (N,), to the end of the validation part."""

    source: str
    x: Tensor
    up: Tensor
    fold: Fold


@dataclass
class Learning:
    """What one training took."""

    epochs: list[float] = field(default_factory=list)  # seconds of each
    curve: list[tuple[float, float]] = field(default_factory=list)  # seconds of training, validation log-loss
    inside: float = 0.0  # seconds in forward (with the loss), backward and optimizer

    @property
    def outside(self) -> float:
        """Share of the time that went elsewhere: cutting, joining, clipping, book-keeping."""
        return 1 - self.inside / sum(self.epochs)

    @property
    def best(self) -> float:
        """The lowest validation loss."""
        return min(loss for _, loss in self.curve)

    def seconds_to(self, level: float) -> float:
        """Of training until the validation loss is ``level`` or lower; infinite if it never is."""
        return next((seconds for seconds, loss in self.curve if loss <= level), math.inf)


@dataclass(frozen=True)
class Pair:
    """One training of each side from the same seed."""

    rate: str
    windows: Learning
    streams: Learning

    def to_level(self) -> tuple[float, float]:
        """Seconds of each side to the best that windows reach."""
        return self.windows.seconds_to(self.windows.best), self.streams.seconds_to(self.windows.best)


def main() -> None:
    asked = parse()
    torch.set_num_threads(asked.threads)
    load = facts()["load average"]
    task = prepare(trades_for(asked.quick))
    apart = answers_agree(task)
    print(f"the same weights give the same: outputs are {apart:.1e} apart", flush=True)
    pairs = []
    for seed in range(1 if asked.quick else asked.seeds):
        for rate, schedule in RATES.items():
            windows = learn_from_windows(task, our_training(seed, schedule))
            few = {"epochs": 2} if asked.quick else {}
            streams = learn_from_streams(task, our_training(seed, schedule | few))
            pairs.append(Pair(rate, windows, streams))
            print(f"seed {seed}, {rate}: {told(pairs[-1])}", flush=True)
    lines = answer(task, pairs)
    print("\n".join(lines))
    if not (asked.quick or asked.dry):
        told_sizes = sizes(task, pairs) | {"apart at the start": f"{apart:.1e}", "load average before": load}
        print(f"kept in {write_record('streams_and_windows', record(__doc__ or '', lines, told_sizes)).name}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small market, once, no record")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each side and rate")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def trades_for(quick: bool) -> Trades:
    folder = os.environ.get("OSTINATO_DATA")
    if quick:
        return simulate_trades(rows=1_500)
    return read_trades(Path(folder) / "btcusd-trades.csv") if folder else simulate_trades(rows=100_000)


def prepare(trades: Trades) -> Task:
    """Scaled on the train part, without the test part: as fitting a forecast does it."""
    panel = panel_of_trades(trades)
    recipe = Recipe().of(panel)
    (fold,) = recipe.folds(panel)
    seen = len(fold.used)
    chain = forecast_model(recipe, "lstm", NETWORK)
    x = scaled_features(chain, raw_rows(recipe, panel)[:seen], panel, fold.train)
    up = torch.from_numpy(Direction(recipe).labels(panel)[:seen]).to(x)
    return Task(trades.report.source, x, up, fold)


def our_network(task: Task) -> SequenceLayer:
    return build("lstm", NETWORK, task.x.shape[1], Direction.outputs)


def our_training(seed: int, options: dict[str, Any]) -> TrainingConfig:
    """The defaults but for ``options``; all epochs, for the curve."""
    return training_config(FORECASTING, "lstm", {"patience": None} | options, seed, Recipe())


@contextmanager
def clock(add: Callable[[float], None]) -> Iterator[None]:
    """Add the seconds that the block takes."""
    began = time.perf_counter()
    yield
    add(time.perf_counter() - began)


def answers_agree(task: Task) -> float:
    """Windows through both networks with the same weights, from a zero state; how far apart the outputs are."""
    torch.manual_seed(0)
    ours, theirs = our_network(task).eval(), LastStep(task.x.shape[1]).eval()
    theirs.memory.load_state_dict(ours.memory.state_dict())  # type: ignore[union-attr]
    theirs.head.load_state_dict(ours.head.module.state_dict())  # type: ignore[union-attr]
    windows, _ = next(iter(DataLoader(OverlappingWindows(task, task.fold.validation), 64)))
    with torch.inference_mode():
        y, expected = ours(windows)[0][:, -1, 0], theirs(windows)
    apart = float((y - expected).norm() / expected.norm())
    assert apart < 1e-5, f"the two networks are {apart:.1e} apart: nothing is worth timing"
    return apart


# the common way


class OverlappingWindows(Dataset[tuple[Tensor, Tensor]]):
    """Every window of ``WINDOW`` rows that ends within a part, with the label of its last row."""

    def __init__(self, task: Task, part: np.ndarray) -> None:
        self.task, self.part = task, part
        self.first = max(int(part[0]), WINDOW - 1)

    def __len__(self) -> int:
        return int(self.part[-1]) + 1 - self.first

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        row = self.first + place
        return self.task.x[row - WINDOW + 1 : row + 1], self.task.up[row]


class LastStep(nn.Module):
    """``torch.nn.LSTM`` read at the last step: x (B, L, F) to logits (B,)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        config: Any = config_for("lstm", NETWORK)
        self.memory = nn.LSTM(features, config.units, config.layers, dropout=config.dropout, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.units, Direction.outputs)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.memory(x)
        return self.head(self.dropout(y[:, -1]))[:, 0]


def learn_from_windows(task: Task, config: TrainingConfig) -> Learning:
    """One epoch in a loop as it is written everywhere."""
    torch.manual_seed(config.seed)
    model, learnt, watch = LastStep(task.x.shape[1]), Learning(), Stopwatch()
    loader = DataLoader(OverlappingWindows(task, task.fold.train), BATCH, shuffle=True)
    optimizer = make_optimizer(model.parameters(), config)
    schedule = make_schedule(optimizer, config, len(loader))
    looks = {round(len(loader) * look / LOOKS) for look in range(1, LOOKS + 1)}
    seconds, began = 0.0, time.perf_counter()
    for done, (x, up) in enumerate(loader, 1):
        optimizer.zero_grad()
        with clock(watch.add):
            binary_cross_entropy_with_logits(model(x), up).backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm or math.inf)
        with clock(watch.add):
            optimizer.step()
        if schedule is not None and done < len(loader):
            schedule.step()
        if done in looks:
            seconds += time.perf_counter() - began
            learnt.curve.append((seconds, loss_on_windows(model, task)))
            began = time.perf_counter()
    learnt.epochs, learnt.inside = [seconds], watch.seconds
    return learnt


def loss_on_windows(model: LastStep, task: Task) -> float:
    """Log-loss of the windows that end in the validation part."""
    model.eval()
    windows, total = OverlappingWindows(task, task.fold.validation), 0.0
    with torch.inference_mode():
        for x, up in DataLoader(windows, 1024):
            total += float(binary_cross_entropy_with_logits(model(x), up, reduction="sum"))
    model.train()
    return total / len(windows)


# our default


def learn_from_streams(task: Task, config: TrainingConfig) -> Learning:
    """All epochs of our trainer, with a stopwatch on what it spends in the model."""
    torch.manual_seed(config.seed)
    train = task.fold.train
    steps = Steps(task.x[train], task.up[train], torch.ones(len(train)))
    assert config.sampler == "streams"
    assert config.update_every is not None
    network, learnt, watch = our_network(task), Learning(), Stopwatch()
    network.forward = watch.timed(network.forward)  # type: ignore[method-assign]
    trainer = Trainer(
        network,
        Streams(steps, config.streams, config.update_every, config.seed, config.jitter),
        watch.timed(losses),
        lambda layer: loss_on_a_stream(layer, task),
        config,
        watcher=Epochs(learnt, watch),
    )
    trainer.state.optimizer.step = watch.timed_step(trainer.state.optimizer.step)  # type: ignore[method-assign]
    with mock.patch.object(Tensor, "backward", watch.timed(Tensor.backward)):
        trainer.run()
    return learnt


def loss_on_a_stream(layer: SequenceLayer, task: Task) -> float:
    """Log-loss on the validation part, streamed from row 0 on."""
    part = task.fold.validation
    return float(losses(stream(layer, task.x)[part], task.up[part]).mean())


class Stopwatch:
    """Adds up the time within some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.seconds += seconds

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, on the watch."""

        @wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            with clock(self.add):
                return function(*arguments, **named)

        return run

    def timed_step(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """An optimizer's step, on the watch without its closure, in which forward and backward are timed."""

        @wraps(step)
        def run(closure: Callable[[], float]) -> Any:
            def uncounted() -> float:
                with clock(lambda seconds: self.add(-seconds)):
                    return closure()

            with clock(self.add):
                return step(uncounted)

        return run


class Epochs(SilentWatcher):
    """Notes what each epoch took, without its validation."""

    def __init__(self, learnt: Learning, watch: Stopwatch) -> None:
        self.learnt, self.watch = learnt, watch
        self.began = self.ended = (0.0, 0.0)  # seconds in all, and in the model

    def begin(self, progress: Progress, updates_in_epoch: int, epochs: int) -> None:
        self.began = progress.seconds, self.watch.seconds

    def update(self, progress: Progress, rows: int) -> None:
        self.ended = progress.seconds, self.watch.seconds

    def evaluated(self, progress: Progress, evaluation: EpochRecord) -> None:
        seconds, inside = (end - begin for begin, end in zip(self.began, self.ended, strict=True))
        self.learnt.epochs.append(seconds)
        self.learnt.inside += inside
        self.learnt.curve.append((sum(self.learnt.epochs), evaluation.validation_loss))


# the answer


def told(pair: Pair) -> str:
    """A line while waiting."""
    windows, streams = pair.to_level()
    return (
        f"an epoch takes {pair.windows.epochs[0]:.1f} s and {median(pair.streams.epochs):.2f} s, log-loss "
        f"{pair.windows.best:.4f} takes {windows:.1f} s and {streams:.1f} s"
    )


def answer(task: Task, pairs: list[Pair]) -> list[str]:
    """One sentence, then the table."""
    a, b = [pair.windows for pair in pairs], [pair.streams for pair in pairs]
    epochs = [seconds for one in a for seconds in one.epochs], [s for one in b for s in one.epochs]
    rows = len(OverlappingWindows(task, task.fold.train)), len(task.fold.train)
    faster = median(epochs[0]) / median(epochs[1])
    outside = median(one.outside for one in a), median(one.outside for one in b)
    lines = [
        "| | windows of 32 | streams | ratio | bar | |",
        "|---|---|---|---|---|---|",
        f"| seconds for an epoch | {spread(epochs[0])} | {spread(epochs[1], 2)} | {faster:.1f} | "
        f"at least {EPOCH_BAR:g} | {verdict(faster >= EPOCH_BAR)} |",
        f"| labelled rows learnt from per second | {rows[0] / median(epochs[0]):,.0f} | "
        f"{rows[1] / median(epochs[1]):,.0f} | {faster * rows[1] / rows[0]:.1f} | | |",
    ]
    ratios = []
    for rate in RATES:
        times = [pair.to_level() for pair in pairs if pair.rate == rate]
        levels = [pair.windows.best for pair in pairs if pair.rate == rate]
        ratios.append(median(windows / streams for windows, streams in times))
        lines.append(
            f"| seconds to validation log-loss {spread(levels, 4)}, {rate} | {spread([t[0] for t in times])} | "
            f"{spread([t[1] for t in times])} | {ratios[-1]:.1f} | at least {LEVEL_BAR:g} | "
            f"{verdict(ratios[-1] >= LEVEL_BAR)} |"
        )
    lines.append(
        f"| share of an epoch outside forward, backward and optimizer | {outside[0]:.1%} | {outside[1]:.1%} | | "
        f"at most {OUTSIDE_BAR:.0%}, streams | {verdict(outside[1] <= OUTSIDE_BAR)} |"
    )
    sentence = (
        f"**An epoch of streams is {faster:.0f} times faster than one of overlapping windows, and the best validation "
        f"log-loss of the windows' first epoch is reached {min(ratios):.0f} to {max(ratios):.0f} times sooner.**"
    )
    return [sentence, "", *lines, "", "Medians; in brackets the lowest and the highest."]


def sizes(task: Task, pairs: list[Pair]) -> dict[str, str]:
    """What it takes to repeat it, beside machine and versions."""
    config = our_training(0, {})
    best = [f"{min(p.streams.best for p in pairs if p.rate == rate):.4f} ({rate})" for rate in RATES]
    return {
        "data": f"{task.source}, {len(task.fold.train):,} rows to train on, {len(task.fold.validation):,} to "
        f"validate on, {task.x.shape[1]} features, float32",
        "network": f"{NETWORK['layers']} layers of {NETWORK['units']} units, dropout "
        f"{config_for('lstm', NETWORK).dropout}",  # type: ignore[attr-defined]
        "windows": f"{WINDOW} steps, batches of {BATCH}, DataLoader in the same process, one epoch",
        "streams": f"{config.streams}, an update every {config.update_every} steps, {config.epochs} epochs",
        "optimizer": f"{config.optimizer}, learning rate {config.learning_rate}, clip_norm {config.clip_norm}",
        "trainings": f"{len(pairs)} of each side, {len(pairs) // len(RATES)} seeds",
        "the lowest log-loss of streams": ", ".join(best),
    }


def spread(values: list[float], digits: int = 1) -> str:
    """Median (lowest to highest)."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))
    return f"{middle} ({low} to {high})"


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
