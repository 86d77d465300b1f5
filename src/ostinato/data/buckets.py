"""Batches of examples of about one length: a bounded share of padding, and no Python for each example.

Axes: E examples, B examples of a batch, T steps of the longest in it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError
from .example_batches import ExampleBatches, share_out
from .examples import Examples
from .piece import Piece
from .steps import check_at_least, check_skip, epoch_generator
from .timing import STEP_BY_STEP, Timing


class EpochPlan(NamedTuple):
    """The batches of an epoch, in the order in which they come.

    items    (E,) the examples, batch by batch
    sizes    examples of each batch
    longest  steps of its longest example
    ragged   whether its examples differ in length
    """

    items: Tensor
    sizes: list[int]
    longest: list[int]
    ragged: list[bool]


class Buckets(ExampleBatches):
    """Every example once an epoch, whole, in batches of examples from one bucket.

    A bucket is a range of lengths. The ranges are as wide as can be while the examples of each, padded to its longest,
    waste no more than ``padding`` of their steps; so does an epoch then, whatever its batches. Examples are drawn anew
    within their buckets in each epoch, and the batches come in random order.

    To evaluate, take ``shuffle=False``; ``Piece.items`` says which example each row is.

    Args:
        examples: what to batch. Those without a label are there too, with weight 0.
        batch_size: most examples of a batch; those of a bucket are shared out evenly.
        seed: of the order. An epoch's order depends on the seed and the epoch's number alone.
        shuffle: False takes the examples from the shortest to the longest.
        most_steps: of a batch, padding included, which bounds memory; a longer example is a batch by itself.
        padding: largest share of an epoch's steps that is padding, 0 to 1.
        timing: of the model that is trained.

    Raises:
        ConfigError: a size is too small, or steps have labels that the model has no output for.
        DataError: an example is too short for an output of the model.

    Source:
        Khomenko et al. 2016, Accelerating recurrent neural network training using sequence bucketing, arXiv:1708.05604.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        most_steps: int | None = None,
        padding: float = 0.15,
        timing: Timing = STEP_BY_STEP,
    ) -> None:
        check_at_least("batch_size", batch_size, 1, "example")
        check_at_least("most_steps", 1 if most_steps is None else most_steps, 1, "step")
        if not 0 <= padding < 1:
            raise ConfigError(f"padding must be a share of 0 or more and below 1, got {padding}.")
        examples.check_answers(timing)
        self.examples, self.seed, self.shuffle, self.timing = examples, seed, shuffle, timing
        self._lengths = examples.lengths.cpu().numpy()
        self._bucket, longest = bucket_lengths(self._lengths, padding)
        sizes = [min(batch_size, max((most_steps or batch_size * top) // top, 1)) for top in longest]
        counts = np.bincount(self._bucket, minlength=len(longest)).tolist()
        self._sizes = [
            size for count, most in zip(counts, sizes, strict=True) for size in share_out(count, most)
        ]

    @property
    def largest(self) -> Tensor:
        """x of as many examples as a batch may have, of the greatest length: no batch is larger."""
        x, shape = self.examples.x, (max(self._sizes), int(self._lengths.max()))
        return torch.empty(*shape, *x.shape[1:], dtype=x.dtype, device="meta")

    def epoch(self, number: int, skip: int = 0) -> Iterator[Piece]:
        """The batches of epoch ``number``, without the first ``skip`` of them.

        Raises:
            ConfigError: number is below 0, or the epoch has fewer than ``skip`` batches.
        """
        plan = self.plan(number)
        check_skip(skip, len(self), "batches")
        items = plan.items.to(self.examples.x.device).split(plan.sizes)
        # not a generator function: what is wrong is said at the call, not at the first batch
        return (self._batch(items[k], plan.longest[k], plan.ragged[k]) for k in range(skip, len(items)))

    def plan(self, number: int) -> EpochPlan:
        """Which examples each batch has, decided for a whole epoch at once."""
        generator = epoch_generator(self.seed, number)
        count, sizes = len(self._lengths), np.array(self._sizes)
        mixed = np.argsort(self._lengths, kind="stable")
        if self.shuffle:
            mixed = torch.randperm(count, generator=generator).numpy()
        items = mixed[np.argsort(self._bucket[mixed], kind="stable")]
        starts = np.cumsum(sizes) - sizes
        longest = np.maximum.reduceat(self._lengths[items], starts)
        ragged = np.minimum.reduceat(self._lengths[items], starts) < longest
        order = (
            torch.randperm(len(sizes), generator=generator).numpy() if self.shuffle else np.arange(len(sizes))
        )
        within = np.arange(count) - np.repeat(np.cumsum(sizes[order]) - sizes[order], sizes[order])
        items = items[np.repeat(starts[order], sizes[order]) + within]
        return EpochPlan(
            torch.from_numpy(items), sizes[order].tolist(), longest[order].tolist(), ragged[order].tolist()
        )

    def padding(self, number: int) -> float:
        """Share of padding among the steps of epoch ``number``."""
        plan = self.plan(number)
        return 1 - int(self._lengths.sum()) / sum(np.multiply(plan.sizes, plan.longest).tolist())

    def _batch(self, items: Tensor, longest: int, ragged: bool) -> Piece:
        examples = self.examples
        begin = examples.offsets[items]
        lengths = examples.offsets[items + 1] - begin
        return examples.piece(items, begin, lengths, longest, ragged, self.timing)


def bucket_lengths(lengths: np.ndarray, padding: float) -> tuple[np.ndarray, list[int]]:
    """The bucket of each length (E,), the shortest first, and the greatest length of each bucket.

    Each is begun by the greatest length that is left, and takes in shorter ones while all of its examples, padded to
    that length, waste at most ``padding`` of their steps.

    >>> buckets, longest = bucket_lengths(np.array([10, 9, 5, 8, 1]), 0.15)
    >>> buckets.tolist(), longest
    ([2, 2, 1, 2, 0], [1, 5, 10])
    """
    order = np.argsort(-lengths, kind="stable")
    sorted_lengths = lengths[order].astype(np.int64)
    total = np.concatenate([[0], np.cumsum(sorted_lengths)])
    bucket, begin = np.empty(len(lengths), np.int64), 0
    longest: list[int] = []
    while begin < len(lengths):
        top = int(sorted_lengths[begin])
        count = np.arange(1, len(lengths) - begin + 1)
        # the mean falls as shorter ones come in: those that fit are the first ones
        fits = total[begin + 1 :] - total[begin] >= (1 - padding) * top * count
        end = begin + (len(fits) if fits.all() else int(fits.argmin()))
        bucket[order[begin:end]] = len(longest)
        longest.append(top)
        begin = end
    return len(longest) - 1 - bucket, longest[::-1]
