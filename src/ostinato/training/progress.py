"""Progress of a training run, and the protocol of those who watch it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol


@dataclass
class Progress:
    """Progress of a training run. Plain numbers, so that a checkpoint can hold it."""

    epoch: int = 0  # the present epoch, from 0
    done: int = 0  # pieces of it that are done
    updates: int = 0  # updates in total
    seconds: float = 0.0  # spent training, over all sessions
    loss_sum: float = 0.0  # of the present epoch
    loss_weight: float = 0.0
    best_loss: float = float("inf")
    best_epoch: int = -1
    waited: int = 0  # evaluations since the best one
    stopped: Literal["", "epochs", "early", "time", "interrupted"] = ""  # why it ended; "" while it has not

    @property
    def loss(self) -> float:
        """Mean loss of the present epoch."""
        return self.loss_sum / self.loss_weight if self.loss_weight else float("nan")

    def judge(self, validation_loss: float) -> bool:
        """Record a validation loss; returns whether it is the best so far."""
        better = validation_loss < self.best_loss
        if better:
            self.best_loss, self.best_epoch, self.waited = validation_loss, self.epoch, 0
        else:
            self.waited += 1
        return better

    def next_epoch(self, epochs: int, patience: int | None) -> None:
        """Close the present epoch, and stop the training run if it is due."""
        self.epoch, self.done = self.epoch + 1, 0
        self.loss_sum = self.loss_weight = 0.0
        if patience is not None and self.waited >= patience:
            self.stopped = "early"
        elif self.epoch >= epochs:
            self.stopped = "epochs"

    def reopen(self, patience: int | None, max_seconds: float | None) -> None:
        """Clear the reason for stopping unless it still holds, as after a resume with other limits."""
        early = patience is not None and self.waited >= patience
        late = max_seconds is not None and self.seconds >= max_seconds
        holds = {"epochs": True, "early": early, "time": late}
        if not holds.get(self.stopped, False):
            self.stopped = ""


@dataclass(frozen=True)
class EpochRecord:
    """One line of metrics.jsonl."""

    epoch: int
    updates: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    seconds: float
    best: bool

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Watcher(Protocol):
    """Is notified of every update and every evaluation."""

    def begin(self, progress: Progress, updates_in_epoch: int, epochs: int) -> None:
        """An epoch begins, or goes on after a resume."""

    def update(self, progress: Progress, rows: int) -> None:
        """An update was made from ``rows`` rows."""

    def evaluated(self, progress: Progress, evaluation: EpochRecord) -> None:
        """The epoch has ended."""

    def end(self, progress: Progress) -> None:
        """Training has ended."""


class SilentWatcher:
    """Watches nothing."""

    def begin(self, progress: Progress, updates_in_epoch: int, epochs: int) -> None:
        """Nothing."""

    def update(self, progress: Progress, rows: int) -> None:
        """Nothing."""

    def evaluated(self, progress: Progress, evaluation: EpochRecord) -> None:
        """Nothing."""

    def end(self, progress: Progress) -> None:
        """Nothing."""
