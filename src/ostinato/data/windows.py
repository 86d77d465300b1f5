"""Overlapping windows in random order.

Axes: N steps, B windows of a batch, L steps of a window, F features.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..errors import DataError
from .piece import LAST_OUTPUT, Piece
from .steps import Steps, check_at_least, check_skip, epoch_generator
from .timing import STEP_BY_STEP, Timing


class Windows:
    """A window for each labelled step, whose last output refers to it: with latency 0 and stride 1 it ends with it.

    A window that would reach back beyond the beginning of its sequence is filled with zeros on the left; a step whose
    window would reach beyond the end has none.

    Of a ``Piece``: x (B, L, F) is a transposed view of (B, F, L) memory, as convolutions like it; target (B,) or
    (B, K), weight (B,) above 0; rows (B,), the step that each window ends with.

    Args:
        steps: what to cut.
        length: of a window, in steps, L.
        batch_size: windows per batch, B; the last batch of an epoch may have fewer, or one more.
        seed: of the order. An epoch's order depends on the seed and the epoch's number alone.
        shuffle: False takes the windows in the order of time.
        timing: of the model that is trained.

    Raises:
        ConfigError: a size is too small.   DataError: no step has a label.
    """

    carries = False

    def __init__(
        self,
        steps: Steps,
        length: int,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        timing: Timing = STEP_BY_STEP,
    ) -> None:
        check_at_least("length", length, 1, "step")
        check_at_least("batch_size", batch_size, 1, "window")
        self.steps, self.length, self.batch_size = steps, length, batch_size
        self.seed, self.shuffle, self.timing = seed, shuffle, timing
        self._age = steps_since_start(steps)
        self._lag = timing.lag(length)
        self.ends = self._find_ends()
        blank = steps.x.new_zeros(length - 1, steps.x.shape[1])
        self._windows = torch.cat([blank, steps.x]).unfold(0, length, 1)  # (N, F, L), a view

    @property
    def weight(self) -> Tensor:
        """Of all windows, (W,)."""
        return self.steps.weight[self.ends - self._lag]

    @property
    def largest(self) -> Tensor:
        """x of a whole batch."""
        x = self.steps.x
        return torch.empty(max(self._sizes()), self.length, x.shape[1], dtype=x.dtype, device="meta")

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._sizes())

    def count(self, number: int) -> int:
        """Batches of one epoch: the same in all, unlike the slices of Streams."""
        return len(self)

    def epoch(self, number: int, skip: int = 0) -> Iterator[Piece]:
        """The batches of epoch ``number``, without the first ``skip`` of them.

        Raises:
            ConfigError: number is below 0, or the epoch has fewer than ``skip`` batches.
        """
        check_skip(skip, len(self), "batches")
        batches = self.order(number).split(self._sizes())[skip:]
        # not a generator function: what is wrong is said at the call, not at the first batch
        return map(self.batch, batches)

    def _sizes(self) -> list[int]:
        """Windows of each batch. One left over joins the batch before: batch statistics need more than one."""
        full, rest = divmod(len(self.ends), self.batch_size)
        sizes = [self.batch_size] * full
        if rest == 1 and full:
            sizes[-1] += 1
        elif rest:
            sizes.append(rest)
        return sizes

    def order(self, number: int) -> Tensor:
        """The steps that windows end with, in the order of one epoch."""
        generator = epoch_generator(self.seed, number)
        if not self.shuffle:
            return self.ends
        order = torch.randperm(len(self.ends), generator=generator)
        return self.ends[order.to(self.ends.device)]

    def batch(self, rows: Tensor) -> Piece:
        """The windows that end with the steps ``rows`` (B,)."""
        x = self._windows.index_select(0, rows)  # not [rows], which would keep the memory of x
        if self.steps.starts is not None:
            back = torch.arange(self.length - 1, -1, -1, device=rows.device)
            x = x.masked_fill((back > self._age[rows, None])[:, None], 0)
        labelled = rows - self._lag if self._lag else rows
        target, weight = self.steps.target[labelled], self.steps.weight[labelled]
        return Piece(x.transpose(1, 2), target, weight, rows, LAST_OUTPUT)

    def _find_ends(self) -> Tensor:
        """The last step of each window, (W,): as far behind its labelled step as the last output lags."""
        labelled = (self.steps.weight > 0).nonzero()[:, 0]
        if len(labelled) == 0:
            raise DataError("no step has a label: every weight is 0.")
        if self._lag == 0:
            return labelled
        ends = labelled[labelled + self._lag < len(self.steps)] + self._lag
        ends = ends[self._age[ends] >= self._lag]  # in the same sequence
        if len(ends) == 0:
            raise DataError(
                f"no step has a label and {self._lag} more steps of its sequence after it, by which the last output "
                "of a window lags. Bring longer sequences."
            )
        return ends


def steps_since_start(steps: Steps) -> Tensor:
    """How many steps of its own sequence came before each step, (N,)."""
    position = torch.arange(len(steps), device=steps.x.device)
    first = steps.first_steps()
    return position - first[torch.searchsorted(first, position, right=True) - 1]
