"""What both peers train with: Lightning, without logger, checkpoints, progress bar and summary."""

from typing import Any

import pytorch_lightning as pl

from .timing import Clock


class Until(pl.Callback):
    """Notes each update and stops when the time is over."""

    def __init__(self, clock: Clock, steps: int) -> None:
        self.clock, self.steps = clock, steps

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """An update was made."""
        if self.clock.update(self.steps):
            trainer.should_stop = True


def quiet(clock: Clock, steps: int) -> dict[str, Any]:
    """Arguments of ``pl.Trainer``; an update learns from ``steps`` steps of the series."""
    return {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "callbacks": [Until(clock, steps)],
    }
