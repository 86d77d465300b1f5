"""Random parts of long recordings.

Axes: E recordings, W crops of an epoch, B crops of a batch.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from .example_batches import ExampleBatches, share_out
from .examples import Examples
from .piece import Piece
from .steps import check_at_least, check_skip, epoch_generator
from .timing import STEP_BY_STEP, Timing


class Crops(ExampleBatches):
    """Parts of ``length`` steps, that begin anywhere, drawn anew in each epoch; a shorter recording is taken whole.

    Of one label for each recording, a crop has that label. To evaluate whole recordings, take
    ``Buckets(examples, ..., shuffle=False)``.

    Args:
        examples: the recordings.
        length: of a crop, in steps.
        batch_size: most crops of a batch; an epoch's are shared out evenly.
        seed: of parts and order. They depend on the seed and the epoch's number alone.
        per_recording: crops of each recording in an epoch; None: as many as cover it once.
        timing: of the model that is trained.

    Raises:
        ConfigError: a size is too small, the model gives no output of so few steps, or steps have labels that it has no
            output for.
        DataError: a recording is too short for an output of the model.
    """

    def __init__(
        self,
        examples: Examples,
        length: int,
        batch_size: int,
        seed: int = 0,
        per_recording: int | None = None,
        timing: Timing = STEP_BY_STEP,
    ) -> None:
        check_at_least("length", length, 1, "step")
        check_at_least("batch_size", batch_size, 1, "crop")
        check_at_least("per_recording", 1 if per_recording is None else per_recording, 1, "crop")
        timing.lag(length)
        examples.check_answers(timing)
        self.examples, self.length, self.seed, self.timing = examples, length, seed, timing
        self._lengths = examples.lengths.cpu().numpy()
        crops = -(-self._lengths // length) if per_recording is None else per_recording
        self._items = np.repeat(np.arange(len(examples)), crops)
        self._sizes = share_out(len(self._items), batch_size)

    @property
    def largest(self) -> Tensor:
        """x of the largest batch."""
        x = self.examples.x
        shape = self._sizes[0], min(self.length, int(self._lengths.max())), *x.shape[1:]
        return torch.empty(shape, dtype=x.dtype, device="meta")

    def epoch(self, number: int, skip: int = 0) -> Iterator[Piece]:
        """The batches of epoch ``number``, without the first ``skip`` of them.

        Raises:
            ConfigError: number is below 0, or the epoch has fewer than ``skip`` batches.
        """
        items, begin = self.plan(number)
        check_skip(skip, len(self), "batches")
        starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])
        lengths = np.minimum(self._lengths[items], self.length)
        longest = np.maximum.reduceat(lengths, starts).tolist()
        ragged = (np.minimum.reduceat(lengths, starts) < longest).tolist()
        examples, device = self.examples, self.examples.x.device
        which, where, steps = (
            torch.from_numpy(array).to(device).split(self._sizes) for array in (items, begin, lengths)
        )
        # not a generator function: what is wrong is said at the call, not at the first batch
        return (
            examples.piece(which[k], where[k], steps[k], longest[k], ragged[k], self.timing)
            for k in range(skip, len(self))
        )

    def plan(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The recording of each crop of an epoch, in order, and the step of ``examples.x`` where it begins, (W,)."""
        generator = epoch_generator(self.seed, number)
        items = self._items[torch.randperm(len(self._items), generator=generator).numpy()]
        room = np.maximum(self._lengths[items] - self.length, 0) + 1  # places where a crop may begin
        drawn = torch.rand(len(items), generator=generator, dtype=torch.float64).numpy()
        begin = np.minimum((drawn * room).astype(np.int64), room - 1)
        return items, self.examples.offsets.cpu().numpy()[items] + begin
