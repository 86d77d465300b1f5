"""Sets of steps as intervals, against Python's own sets."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ostinato.core import StepSet

STEPS = st.lists(st.integers(-20, 20), max_size=12)


@given(STEPS, STEPS)
def test_as_sets_of_numbers(first, second):
    a, b = StepSet.of(first), StepSet.of(second)
    assert set(a) == set(first)
    assert list(a) == sorted(set(first))
    assert set(a | b) == set(first) | set(second)
    assert set(a.plus(b)) == {x + y for x in first for y in second}
    assert set(a.shifted(3)) == {x + 3 for x in first}
    assert set(a.mirrored(2)) == {4 - x for x in first}
    assert (a.first, a.last) == ((min(first), max(first)) if first else (math.inf, -math.inf))
    assert bool(a) == bool(first)


@given(STEPS)
def test_intervals_are_apart_and_in_order(steps):
    intervals = StepSet.of(steps).intervals
    assert all(before[1] + 1 < after[0] for before, after in pairwise(intervals))


def test_without_limit():
    past = StepSet.between(-math.inf, 5)
    assert past.shifted(2).intervals == ((-math.inf, 7),)
    assert past.plus(StepSet.of([0, -3])).intervals == ((-math.inf, 5),)
    assert past.mirrored(0).intervals == ((-5, math.inf),)
    assert (past | StepSet.between(3, math.inf)) == StepSet.everything()
    assert StepSet.between(2, 1) == StepSet()
