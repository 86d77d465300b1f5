"""Write and restore the files of a training run in its run folder.

metrics.jsonl            a line is added first
checkpoint.safetensors   then the checkpoint that counts the line is put in place by one rename
weights.safetensors      then the best weights; after a crash they are written again from the checkpoint
"""

from torch import Tensor, nn

from ..errors import BrokenRunError
from ..runs.folder import RunFolder
from ..runs.tensors import write_tensors
from ..runs.writing import append_line, truncate
from .checkpoint import CheckpointData, ExpectedContents, read_checkpoint, to_arrays, write_checkpoint
from .progress import EpochRecord, Progress


class Checkpointer:
    """Writes the files of one training run.

    Args:
        folder: of the run.
        whole: the model whose weights the run keeps; None is the trained one itself.
        trained: the part of it that is trained.
    """

    def __init__(self, folder: RunFolder, trained: nn.Module, whole: nn.Module | None = None) -> None:
        self.folder, self.whole = folder, whole or trained
        names = {module: name for name, module in self.whole.named_modules()}
        self.prefix = f"{names[trained]}." if names[trained] else ""
        self.log_bytes = 0

    def add_line(self, evaluation: EpochRecord) -> None:
        """One more line of metrics.jsonl."""
        self.log_bytes = append_line(self.folder.log, evaluation.record())

    def save(self, parts: CheckpointData, progress: Progress) -> None:
        """Replace the checkpoint."""
        parts.facts["log_bytes"] = self.log_bytes
        write_checkpoint(self.folder.checkpoint, parts, progress)

    def load(self, expected: ExpectedContents | None = None) -> tuple[CheckpointData, Progress] | None:
        """The last checkpoint, and a log that agrees with it; None if the training was killed before the first.

        Args:
            expected: what the checkpoint may hold.

        Raises:
            BrokenRunError: the checkpoint is damaged.
        """
        if not self.folder.checkpoint.exists():
            truncate(self.folder.log, 0)
            return None
        parts, progress = read_checkpoint(self.folder.checkpoint, expected)
        size = parts.facts.get("log_bytes")
        if not isinstance(size, int) or size < 0:
            raise BrokenRunError(
                f"{self.folder.checkpoint} does not say how long {self.folder.log.name} was."
            )
        truncate(self.folder.log, size)
        self.log_bytes = size
        return parts, progress

    def write_weights(self, best: dict[str, Tensor]) -> None:
        """Replace the weights of the whole model, the trained part being ``best``."""
        values = self.whole.state_dict() | {self.prefix + name: value for name, value in best.items()}
        write_tensors(self.folder.weights, to_arrays(values))
