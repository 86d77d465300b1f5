"""Training: the loop, truncated back-propagation, early stopping, checkpoints, progress."""

from .config import TrainingConfig
from .loop import Finished, Trainer
from .objective import Objective

__all__ = ["Finished", "Objective", "Trainer", "TrainingConfig"]
