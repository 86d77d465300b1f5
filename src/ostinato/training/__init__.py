"""The loop: whole sequences, truncated back-propagation, windows, early stopping, checkpoints, progress."""

from .config import TrainingConfig
from .loop import Finished, Trainer
from .objective import Objective

__all__ = ["Finished", "Objective", "Trainer", "TrainingConfig"]
