"""Contiguous streams in slices, for back-propagation that is truncated while the state goes on.

Axes: N steps, B streams, T steps of a slice, F features, K slices of an epoch.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..errors import ConfigError
from .piece import Piece, blank
from .steps import Steps, check_at_least, check_skip, epoch_generator
from .timing import STEP_BY_STEP, Timing, check_one_output_for_each_step


class Streams:
    """All steps, cut into B streams whose lengths differ by at most 1, handed out slice by slice.

    Every step is visited once per epoch. The state of a stream goes on from slice to slice. A sequence
    that ends inside a slice ends by its length; the next begins with the stream's next slice, reset.

    Of a ``Piece``: every output is an answer; target (B, T') or (B, T', K) and weight (B, T') are 0 where padded;
    rows (B, T). A slice is as long as the longest of its streams. Where the model lags or strides, a target stands at
    the output that refers to it; the last ``latency`` steps of a sequence, or of a stream, have no output and are not
    learnt from.

    Args:
        steps: what to cut.
        streams: run side by side, B, 1 to N.
        steps_per_slice: T; raised to whole blocks of the model.
        seed: of the jitter.
        jitter: the first slice of an epoch has a random 1 to T steps, so that the cuts, over which no
            gradient flows, fall elsewhere in each epoch.
        timing: of the model that is trained.

    Raises:
        ConfigError: a size is too small, there are more streams than steps, or the model gives no output or several
            for a step.
    """

    carries = True

    def __init__(
        self,
        steps: Steps,
        streams: int,
        steps_per_slice: int,
        seed: int = 0,
        jitter: bool = True,
        timing: Timing = STEP_BY_STEP,
    ) -> None:
        check_at_least("streams", streams, 1, "stream")
        check_at_least("steps_per_slice", steps_per_slice, 1, "step")
        if streams > len(steps):
            raise ConfigError(
                f"{streams:,} streams need as many steps, there are {len(steps):,}. Take fewer."
            )
        check_one_output_for_each_step(timing)
        self.streams, self.steps_per_slice = streams, timing.whole_blocks(steps_per_slice)
        self.seed, self.jitter, self.timing = seed, jitter, timing
        self.bounds = stream_bounds(len(steps), streams).to(steps.x.device)
        self.steps = delayed(steps, timing.latency, self.bounds) if timing.latency else steps

    @property
    def weight(self) -> Tensor:
        """Of all steps, (N,)."""
        return self.steps.weight

    @property
    def largest(self) -> Tensor:
        """x of a slice of full length."""
        x = self.steps.x
        shape = self.streams, self.steps_per_slice, *x.shape[1:]
        return torch.empty(shape, dtype=x.dtype, device="meta")

    def count(self, number: int) -> int:
        """Slices of epoch ``number``; jitter can add one."""
        return self.plan(number)[0].shape[1]

    def epoch(self, number: int, skip: int = 0) -> Iterator[Piece]:
        """The slices of epoch ``number``, without the first ``skip`` of them.

        Raises:
            ConfigError: number is below 0, or the epoch has fewer than ``skip`` slices.
        """
        begin, length, fresh = self.plan(number)
        check_skip(skip, begin.shape[1], "slices")
        # what depends on numbers rather than shapes is decided here, once, not slice by slice
        longest, shortest = length.amax(0).tolist(), length.amin(0).tolist()
        resets = fresh.any(0).tolist()
        return (
            self.take(begin[:, k], length[:, k], fresh[:, k] if resets[k] else None, longest[k], shortest[k])
            for k in range(skip, len(longest))
        )

    def plan(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Where the slices of an epoch begin, how long they are, and which begin a sequence; each (B, K)."""
        generator = epoch_generator(self.seed, number)
        first, block = self.steps_per_slice, self.timing.block
        if self.jitter:
            first = block * int(torch.randint(1, first // block + 1, (), generator=generator))
        return plan(self.bounds, self.steps.first_steps(), first, self.steps_per_slice)

    def take(self, begin: Tensor, length: Tensor, reset: Tensor | None, longest: int, shortest: int) -> Piece:
        """The steps from ``begin`` (B,) on, ``length`` (B,) of each stream."""
        longest = self.timing.whole_blocks(longest)  # so that all streams stand at the end of a block
        x, position = self.steps.x, torch.arange(longest, device=begin.device)
        rows = begin[:, None] + position
        if shortest == longest:
            return Piece(x[rows], *self._learnt(rows), rows, reset=reset)
        padded = position >= length[:, None]
        rows = rows.masked_fill(padded, -1)  # -1 reads the last step, which is blanked next
        return Piece(
            blank(x[rows], padded), *self._learnt(rows, padded, length), rows, lengths=length, reset=reset
        )

    def _learnt(
        self, rows: Tensor, padded: Tensor | None = None, length: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Target and weight of each output over ``rows`` (B, T)."""
        timing = self.timing
        if timing.stride != 1:
            spoken = timing.completed_by(int(rows.shape[1] / timing.stride))
            rows = rows[:, spoken]
            padded = None if padded is None else padded[:, spoken]
        target, weight = self.steps.target[rows], self.steps.weight[rows]
        if padded is None or length is None:
            return target, weight
        if timing.block > 1:  # a block that a sequence does not fill may give nothing
            outputs = torch.arange(rows.shape[1], device=rows.device)
            padded = padded | (outputs >= timing.outputs(length)[:, None])
        return blank(target, padded), blank(weight, padded)


def delayed(steps: Steps, latency: int, bounds: Tensor) -> Steps:
    """Each target ``latency`` steps later in its sequence and stream, where the output that refers to it comes."""
    position = torch.arange(len(steps), device=steps.x.device)
    begins = torch.cat([bounds[:-1], steps.first_steps()]).unique()
    age = position - begins[torch.searchsorted(begins, position, right=True) - 1]
    weight = steps.weight.roll(latency).masked_fill(age < latency, 0)
    return replace(steps, target=steps.target.roll(latency, 0), weight=weight)


def stream_bounds(steps: int, streams: int) -> Tensor:
    """Where the streams begin, and the end of the last: (B + 1,). The longer streams come first."""
    short, longer = divmod(steps, streams)
    lengths = torch.full((streams,), short)
    lengths[:longer] += 1
    return torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])


def plan(bounds: Tensor, first_steps: Tensor, first: int, usual: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cut streams into slices, none of which holds steps of two sequences.

    Args:
        bounds: of the streams, (B + 1,).
        first_steps: of the sequences, sorted.
        first, usual: the most steps of a stream's first slice and of the others.

    Returns:
        begin, length and fresh, each (B, K): the first step of a slice, its steps, and whether a
        sequence (or the stream) begins with it. A stream that ends early has slices of length 0.
    """
    begin = torch.cat([bounds[:-1], first_steps]).unique()  # of pieces: one sequence in one stream
    length = torch.diff(begin, append=bounds[-1:])
    head = torch.where(torch.isin(begin, bounds), first, usual).minimum(length)
    slices = 1 + -(-(length - head) // usual)

    piece = torch.repeat_interleave(torch.arange(len(begin), device=begin.device), slices)
    turn = place_in_run(slices)  # of a slice in its piece
    offset = torch.where(turn > 0, head[piece] + (turn - 1) * usual, 0)
    steps = torch.where(turn > 0, (length[piece] - offset).clamp(max=usual), head[piece])

    stream = torch.searchsorted(bounds, begin[piece], right=True) - 1
    column = place_in_run(torch.bincount(stream))
    shape = (len(bounds) - 1, int(column.max()) + 1)
    table = torch.zeros(3, *shape, dtype=torch.long, device=begin.device)
    table[:, stream, column] = torch.stack([begin[piece] + offset, steps, (turn == 0).long()])
    return table[0], table[1], table[2].bool()


def place_in_run(lengths: Tensor) -> Tensor:
    """Runs of the given lengths, laid end to end: 0, 1, ... in each. [2, 3] gives [0, 1, 0, 1, 2]."""
    before = lengths.cumsum(0) - lengths
    return torch.arange(int(lengths.sum()), device=lengths.device) - torch.repeat_interleave(before, lengths)
