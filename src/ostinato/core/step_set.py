"""Sets of time steps, as intervals: which steps of its input an output can see."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class StepSet:
    """Whole numbers as disjoint intervals in order, both ends within; an end may be infinite.

    >>> (StepSet.of([3, 1, 2, 7]) | StepSet.between(9, 10)).intervals
    ((1, 3), (7, 7), (9, 10))
    >>> StepSet.of([0, -4]).shifted(10).intervals
    ((6, 6), (10, 10))
    """

    intervals: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, steps: Iterable[int]) -> "StepSet":
        """The set of these steps."""
        return cls._joined((step, step) for step in steps)

    @classmethod
    def between(cls, first: float, last: float) -> "StepSet":
        """``first`` to ``last``, which may be infinite."""
        return cls(((first, last),)) if first <= last else cls()

    @classmethod
    def everything(cls) -> "StepSet":
        """All steps: of a layer that needs the whole sequence."""
        return cls.between(-math.inf, math.inf)

    @classmethod
    def union(cls, sets: Iterable["StepSet"]) -> "StepSet":
        """The union of several sets."""
        return cls._joined(interval for one in sets for interval in one.intervals)

    @classmethod
    def _joined(cls, intervals: Iterable[tuple[float, float]]) -> "StepSet":
        joined: list[tuple[float, float]] = []
        for first, last in sorted(intervals):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = joined[-1][0], max(joined[-1][1], last)
            else:
                joined.append((first, last))
        return cls(tuple(joined))

    def __or__(self, other: "StepSet") -> "StepSet":
        return StepSet.union((self, other))

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __iter__(self) -> Iterator[int]:
        """The steps in ascending order; the set must be finite."""
        for first, last in self.intervals:
            yield from range(int(first), int(last) + 1)

    @property
    def first(self) -> float:
        """The smallest step; ``math.inf`` for the empty set."""
        return self.intervals[0][0] if self.intervals else math.inf

    @property
    def last(self) -> float:
        """The largest step; ``-math.inf`` for the empty set."""
        return self.intervals[-1][1] if self.intervals else -math.inf

    def within(self, first: float, last: float) -> "StepSet":
        """Those of the steps that lie in ``first..last``."""
        ends = ((max(low, first), min(high, last)) for low, high in self.intervals)
        return StepSet._joined((low, high) for low, high in ends if low <= high)

    def shifted(self, steps: float) -> "StepSet":
        """The set shifted by ``steps``."""
        return StepSet(tuple((first + steps, last + steps) for first, last in self.intervals))

    def plus(self, offsets: "StepSet") -> "StepSet":
        """Each sum of a step of this set and one of the other, neither of them without limit on both sides."""
        return StepSet._joined(
            (first + low, last + high) for first, last in self.intervals for low, high in offsets.intervals
        )

    def mirrored(self, centre: int) -> "StepSet":
        """The set mirrored at ``centre``."""
        return StepSet(tuple((2 * centre - last, 2 * centre - first) for first, last in self.intervals[::-1]))
