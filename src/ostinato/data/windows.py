"""Overlapping windows in random order.

Axes: N steps, B windows of a batch, L steps of a window, F features.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataError
from .steps import Steps, check_at_least, check_skip, epoch_generator


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows and what is to be foreseen at the last step of each.

    x       (B, L, F), a transposed view of (B, F, L) memory, as convolutions like it
    target  (B,) or (B, K)
    weight  (B,), above 0
    rows    (B,) int64, the step of Steps that each window ends with
    """

    x: Tensor
    target: Tensor
    weight: Tensor
    rows: Tensor


class Windows:
    """A window for each labelled step, ending with it.

    A window that would reach back beyond the beginning of its sequence is filled with zeros on the left.

    Args:
        steps: what to cut.
        length: of a window, in steps, L.
        batch_size: windows per batch, B; the last batch of an epoch may have fewer, or one more.
        seed: of the order. An epoch's order depends on the seed and the epoch's number alone.
        shuffle: False takes the windows in the order of time.

    Raises:
        ConfigError: a size is too small.   DataError: no step has a label.
    """

    def __init__(
        self, steps: Steps, length: int, batch_size: int, seed: int = 0, shuffle: bool = True
    ) -> None:
        check_at_least("length", length, 1, "step")
        check_at_least("batch_size", batch_size, 1, "window")
        self.steps, self.length, self.batch_size = steps, length, batch_size
        self.seed, self.shuffle = seed, shuffle
        self.labelled = (steps.weight > 0).nonzero()[:, 0]
        if len(self.labelled) == 0:
            raise DataError("no step has a label: every weight is 0.")
        blank = steps.x.new_zeros(length - 1, steps.x.shape[1])
        self._windows = torch.cat([blank, steps.x]).unfold(0, length, 1)  # (N, F, L), a view
        self._age = steps_since_start(steps)

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._sizes())

    def count(self, number: int) -> int:
        """Batches of one epoch: the same in all, unlike the slices of Streams."""
        return len(self)

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
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
        full, rest = divmod(len(self.labelled), self.batch_size)
        sizes = [self.batch_size] * full
        if rest == 1 and full:
            sizes[-1] += 1
        elif rest:
            sizes.append(rest)
        return sizes

    def order(self, number: int) -> Tensor:
        """The labelled steps in the order of one epoch."""
        generator = epoch_generator(self.seed, number)
        if not self.shuffle:
            return self.labelled
        order = torch.randperm(len(self.labelled), generator=generator)
        return self.labelled[order.to(self.labelled.device)]

    def batch(self, rows: Tensor) -> Batch:
        """The windows that end with the steps ``rows`` (B,)."""
        x = self._windows.index_select(0, rows)  # not [rows], which would keep the memory of x
        if self.steps.starts is not None:
            back = torch.arange(self.length - 1, -1, -1, device=rows.device)
            x = x.masked_fill((back > self._age[rows, None])[:, None], 0)
        return Batch(x.transpose(1, 2), self.steps.target[rows], self.steps.weight[rows], rows)


def steps_since_start(steps: Steps) -> Tensor:
    """How many steps of its own sequence came before each step, (N,)."""
    position = torch.arange(len(steps), device=steps.x.device)
    first = steps.first_steps()
    return position - first[torch.searchsorted(first, position, right=True) - 1]
