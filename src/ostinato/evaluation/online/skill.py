"""Losses of a model beside those of baselines, row by row as they become known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError, DataError
from ..columns import Floats
from ..verdict import Outcome, baseline_phrase
from .sequence import ConfidenceSequence
from .sums import Sum

WORDS = {
    Outcome.BETTER: "better than {}",
    Outcome.WORSE: "worse than {}",
    Outcome.NO_BETTER: "no better than {} so far",
    Outcome.UNTESTED: "cannot be told from {} yet",
}
DUST = 8 * 2.0**-52  # of the larger loss: rounding is no skill, however regular


@dataclass(frozen=True)
class SkillSummary:
    """A model beside one baseline. None is not known yet.

    difference: mean of loss - baseline's loss; below 0 the model lost less.
    relative: 1 - loss / baseline's loss; None where the baseline lost nothing.
    low, high: of the difference, at all times at once with chance `level`; each baseline has its own.
    outcome: better, worse, no better so far, or not tested: the interval has no bounds yet.
    words: the same with the baseline's name.
    """

    baseline: str
    rows: int
    loss: float | None
    baseline_loss: float | None
    difference: float | None
    relative: float | None
    low: float | None
    high: float | None
    level: float
    outcome: Outcome
    words: str


class OnlineSkill:
    """Mean losses and skill against each baseline, in constant memory.

    Args:
        baselines: their names; none may come twice.
        alpha: chance that an interval is ever wrong, each.
        horizon: rows that a label looks ahead.

    Raises:
        ConfigError: a name comes twice, or alpha or horizon is out of range.
    """

    def __init__(self, baselines: Sequence[str], alpha: float = 0.05, horizon: int = 1) -> None:
        if len(set(baselines)) != len(baselines):
            raise ConfigError(f"each baseline may be named once, got {list(baselines)}.")
        self.baselines = tuple(baselines)
        self.count = 0
        self._losses = [Sum() for _ in range(len(self.baselines) + 1)]
        self._sequences = [ConfidenceSequence(alpha, horizon) for _ in self.baselines]

    def check(self, losses: Sequence[float]) -> None:
        """Refuse losses that `add` could not take.

        Raises:
            DataError: they are not one finite number for the model and for each baseline.
        """
        if len(losses) != len(self._losses):
            raise DataError(f"losses must be {len(self._losses)}, the model's first, got {len(losses)}.")
        for loss in losses:
            if not math.isfinite(loss):
                raise DataError(f"losses must be finite, got {loss}.")

    def add(self, losses: Sequence[float]) -> None:
        """One row: the model's loss, then each baseline's; refused as a whole or taken as a whole.

        Raises:
            DataError: as `check`.
        """
        self.check(losses)
        self.count += 1
        ours = float(losses[0])
        self._losses[0].add(ours)
        for place, sequence in enumerate(self._sequences, 1):
            theirs = float(losses[place])
            self._losses[place].add(theirs)
            difference = ours - theirs
            if abs(difference) <= DUST * max(abs(ours), abs(theirs)):
                difference = 0.0
            sequence.add(difference)

    def add_many(self, losses: Floats) -> None:
        """Rows in their order, (N, 1 + B): as `add` of each, but for rounding; refused or taken as a whole.

        Raises:
            DataError: as `check`.
        """
        if losses.ndim != 2 or losses.shape[1] != len(self._losses):
            raise DataError(f"losses must be (rows, {len(self._losses)}), got shape {losses.shape}.")
        if not np.isfinite(losses).all():
            raise DataError("losses must be finite.")
        self.count += len(losses)
        for one, column in zip(self._losses, losses.T, strict=True):
            one.add_many(column)
        ours = losses[:, 0]
        for sequence, theirs in zip(self._sequences, losses.T[1:], strict=True):
            difference = ours - theirs
            dust = np.abs(difference) <= DUST * np.maximum(np.abs(ours), np.abs(theirs))
            sequence.add_many(np.where(dust, 0.0, difference))

    def mean(self, place: int = 0) -> float | None:
        """Mean loss of the model (0) or of a baseline (1 and on)."""
        return self._losses[place].value / self.count if self.count else None

    def summary(self) -> list[SkillSummary]:
        """Against each baseline, in their order."""
        return [self._skill(place) for place in range(1, len(self._losses))]

    def _skill(self, place: int) -> SkillSummary:
        name, sequence = self.baselines[place - 1], self._sequences[place - 1]
        ours, theirs = self.mean(), self.mean(place)
        low, high = sequence.interval()
        outcome, bounded = outcome_of_bounds(low, high), math.isfinite(low)
        return SkillSummary(
            baseline=name,
            rows=self.count,
            loss=ours,
            baseline_loss=theirs,
            difference=sequence.mean,
            relative=1 - ours / theirs if ours is not None and theirs else None,
            low=low if bounded else None,
            high=high if bounded else None,
            level=1 - sequence.alpha,
            outcome=outcome,
            words=WORDS[outcome].format(baseline_phrase(name)),
        )


def outcome_of_bounds(low: float, high: float) -> Outcome:
    """What a difference of losses (ours less the baseline's) comes to that lies between the two."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return Outcome.UNTESTED
    if high < 0:
        return Outcome.BETTER
    return Outcome.WORSE if low > 0 else Outcome.NO_BETTER
