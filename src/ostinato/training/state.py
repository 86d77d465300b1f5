"""``TrainingState``: everything that the next number of a training run depends on, shared by loop and resuming.

It holds no more than the parts; ``loop`` moves them on, ``resuming`` puts them into a checkpoint and back.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..core import Generators, SequenceLayer
from ..data.piece import Sampler
from .config import TrainingConfig
from .progress import Progress
from .truncation import PieceMemory


@dataclass
class TrainingState:
    """A training run as it stands.

    model       what is trained, in place
    best        its weights and buffers when the validation loss was lowest
    memory      of what came before the next piece
    random      generators of all random numbers
    """

    config: TrainingConfig
    model: SequenceLayer
    sampler: Sampler
    parameters: list[nn.Parameter]
    optimizer: Optimizer
    schedule: LRScheduler | None
    memory: PieceMemory
    random: Generators
    best: dict[str, Tensor]
    progress: Progress = field(default_factory=Progress)

    def keep_best(self) -> None:
        """The present weights are the best."""
        self.best = snapshot(self.model)


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
