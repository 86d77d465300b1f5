"""Our side: windows run whole, and streams with carried state."""

import torch
from torch import Tensor

from ostinato.core import SequenceLayer
from ostinato.data.steps import Steps
from ostinato.data.streams import Streams
from ostinato.data.windows import Windows
from ostinato.models import build
from ostinato.training import Trainer, TrainingConfig
from ostinato.training.progress import Progress, SilentWatcher

from .series import BATCH, KERNEL, LAYERS, RATE, UNITS, WINDOW, Series
from .timing import Clock, Trained, count


def network(kind: str) -> SequenceLayer:
    """x (B, T, 1) to the step after each, (B, T, 1)."""
    if kind == "tcn":
        sizes = {"channels": UNITS, "levels": LAYERS, "kernel_size": KERNEL, "dropout": 0.0}
    else:
        sizes = {"units": UNITS, "layers": LAYERS, "dropout": 0.0}
    return build(kind, sizes, 1, 1)


def last(layer: SequenceLayer, windows: Tensor) -> Tensor:
    """Windows (B, L, 1) to the step after each, (B,)."""
    return layer.last(windows)[:, 0]


def squares(y: Tensor, target: Tensor) -> Tensor:
    """The losses."""
    return (y[..., 0] - target).square()


def train(kind: str, series: Series, sampler: str, seconds: float, seed: int) -> Trained:
    """By "windows" or "streams"; judged as it was trained, on windows or on a stream."""
    torch.manual_seed(seed)
    y = torch.from_numpy(series.learnt)
    steps = Steps(y[:-1, None], y[1:], torch.ones(len(y) - 1))
    cut = Windows(steps, WINDOW, BATCH, seed) if sampler == "windows" else Streams(steps, BATCH, WINDOW, seed)
    layer, clock = network(kind), Clock(seconds)
    config = TrainingConfig(
        sampler=sampler,  # type: ignore[arg-type]
        update_every=WINDOW,
        optimizer="Adam",
        learning_rate=RATE,
        schedule="none",
        clip_norm=None,
        epochs=10_000,
        patience=None,
        seed=seed,
    )
    watcher = Until(clock)
    trainer = Trainer(layer, cut, squares, watcher.validate, config, watcher=watcher)
    watcher.trainer = trainer
    trainer.run()
    layer.eval()
    mse = (
        series.mse(lambda windows: last(layer, windows))
        if sampler == "windows"
        else on_a_stream(layer, series)
    )
    return Trained(clock.rate(), len(clock.done), mse, count(layer))


def on_a_stream(layer: SequenceLayer, series: Series) -> float:
    """MSE on the test steps, streamed from the first step of the series on."""
    y = torch.from_numpy(series.y)
    with torch.inference_mode():
        foreseen = layer(y[None, :-1, None])[0][0, :, 0]
    return float((foreseen - y[1:])[series.train - 1 :].square().mean())


class Until(SilentWatcher):
    """Stops when the time is over; keeps the newest weights as the best, as the others do."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.trainer, self.epochs = clock, None, 0

    def validate(self, layer: SequenceLayer) -> float:
        """Ever lower."""
        self.epochs += 1
        return 1 / self.epochs

    def update(self, progress: Progress, rows: int) -> None:
        """Windows have one label, slices one at each step: ``rows`` is their number."""
        if self.clock.update(rows):
            progress.stopped = "time"
