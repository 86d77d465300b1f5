"""One trial of a search: a training run that does not use the test part and may be pruned."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import ConfigError, DataError, OstinatoError, RunError
from ..training.progress import EpochRecord, Progress, SilentWatcher
from .fitting import train
from .settings import fit_settings
from .task import AnyTask

# called with a step (per cent of the epochs) and the validation loss; returns whether to prune the trial
ShouldPrune = Callable[[int, float], bool]


@dataclass(frozen=True)
class TrialRequest:
    """Request to train a trial: plain values, which can be sent to another process."""

    number: int
    out: str
    model: str
    options: dict[str, Any]
    training: dict[str, Any]
    recipe: dict[str, Any]
    seed: int


@dataclass(frozen=True)
class TrialResult:
    """Result of a trial. ``facts`` are fields of ``TunedTrial``."""

    state: str  # "complete", "pruned", "failed" or "interrupted"
    loss: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    failed: str | None = None
    refused: bool = False  # the settings or the data were refused before training began


class Pruned(Exception):  # noqa: N818 - it is no error
    """Ends a training run between two epochs; unwinding the loop restores its signal handler."""


class EpochReporter(SilentWatcher):
    """Reports every epoch to ``should_prune``.

    A step is the progress of the training run in per cent: models train for different numbers of epochs.
    """

    def __init__(self, should_prune: ShouldPrune) -> None:
        self.should_prune = should_prune
        self.epochs = 1
        self.facts: dict[str, Any] = {}

    def begin(self, progress: Progress, updates_in_epoch: int, epochs: int) -> None:
        """Record the number of epochs."""
        self.epochs = epochs

    def evaluated(self, progress: Progress, evaluation: EpochRecord) -> None:
        """Report the loss.

        Raises:
            Pruned: ``should_prune`` returned True.
        """
        done = evaluation.epoch + 1
        self.facts = {"best_epoch": progress.best_epoch, "epochs": done, "seconds": evaluation.seconds}
        if self.should_prune(round(100 * done / self.epochs), evaluation.validation_loss):
            raise Pruned


def train_trial(
    task: AnyTask, order: TrialRequest, data: Any, should_prune: ShouldPrune, device: str = "cpu"
) -> TrialResult:
    """Train into the folder of the trial.

    Raises:
        RunError: the folder cannot be written: no other trial could be, either.
    """
    watcher = EpochReporter(should_prune)
    try:
        settings = fit_settings(
            task,
            Path(order.out),
            order.model,
            options=order.options,
            training=order.training,
            recipe=order.recipe,
            seed=order.seed,
            force=True,
        )
        finished = train(settings, data, device=device, watcher=watcher).finished
    except Pruned:
        return TrialResult("pruned", facts=watcher.facts | {"stopped": "pruned"})
    except RunError:
        raise
    except (OstinatoError, MemoryError, torch.OutOfMemoryError) as error:
        return TrialResult(
            "failed",
            facts=watcher.facts,
            failed=_reason(error),
            refused=isinstance(error, ConfigError | DataError),
        )
    if finished.stopped == "interrupted":
        return TrialResult("interrupted")
    facts = asdict(finished)
    return TrialResult("complete", facts.pop("best_loss"), facts)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:1000] or type(error).__name__
