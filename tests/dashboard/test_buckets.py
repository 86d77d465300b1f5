"""Events as points: nothing lost, nothing twice, in order, bounded, the same however they arrive."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.dashboard.buckets import MOST, BucketRange, BucketRanges

events = st.lists(
    st.tuples(
        st.floats(0, 50).map(lambda t: round(t, 2)),
        st.floats(1, 9),
        st.one_of(st.just(np.nan), st.floats(0, 1)),
    ),
    min_size=1,
    max_size=60,
)


def columns(rows):
    time, price, value = (np.array(column, float) for column in zip(*rows, strict=True))
    return time, price, value[:, None]


@settings(max_examples=150, deadline=None)
@given(events, st.integers(1, 5), st.sampled_from([1.0, 3.0]))
def test_buckets_are_what_counting_gives(rows, cut, width):
    one = BucketRange(width, 1)
    for version, start in enumerate(range(0, len(rows), cut), 1):
        one.add(*columns(rows[start : start + cut]), version)
    found = one.rows()
    numbers = sorted({int(t // width) for t, _, _ in rows})
    assert found.time.tolist() == [number * width for number in numbers]
    for place, number in enumerate(numbers):
        inside = [row for row in rows if int(row[0] // width) == number]
        prices, values = [row[1] for row in inside], [row[2] for row in inside if row[2] == row[2]]
        assert (found.low[place], found.high[place], found.last[place]) == (
            min(prices),
            max(prices),
            prices[-1],
        )
        assert found.means[place, 0] == pytest.approx(np.mean(values) if values else np.nan, nan_ok=True)


def test_only_what_changed_is_told():
    one = BucketRange(1.0, 0)
    none = np.empty((2, 0))
    one.add(np.array([0.1, 1.1]), np.array([5.0, 6.0]), none, 1)
    one.add(np.array([1.2, 2.2]), np.array([4.0, 7.0]), none, 2)
    assert one.rows(1).time.tolist() == [1.0, 2.0]
    assert one.rows(1).low.tolist() == [4.0, 7.0]
    assert one.rows(2).time.tolist() == []
    assert one.rows().time.tolist() == [0.0, 1.0, 2.0]


def test_memory_is_bounded_and_the_newest_stay():
    one = BucketRange(1.0, 1)
    for start in range(0, 5 * MOST, 37):
        times = np.arange(start, start + 37, dtype=float)
        one.add(times, times + 1, np.full((37, 1), 1.0 if start > 2 * MOST else 9.0), start + 1)
    found = one.rows()
    assert len(found.time) == MOST
    assert np.all(np.diff(found.time) == 1.0)
    for price in (
        found.low,
        found.high,
        found.last,
    ):  # nothing is left of what a place of the ring held before
        assert price.tolist() == (found.time + 1).tolist()
    assert found.means.tolist() == [[1.0]] * MOST
    one.add(np.array([3.0]), np.array([99.0]), np.ones((1, 1)), 10**6)  # long gone: it must not come back
    assert 99.0 not in one.rows().last


def test_a_bar_is_never_split_and_the_range_grows_with_the_data():
    ranges = BucketRanges(0, step=3600.0)
    assert all(one.width % 3600.0 == 0 for one in ranges.by_name.values())
    trades = BucketRanges(0)
    trades.add(np.arange(400.0), np.ones(400), np.empty((400, 0)), 1)
    assert trades.best() == "10m"
    slow = BucketRanges(0)
    times = np.arange(400.0) * 300
    slow.add(times, np.ones(400), np.empty((400, 0)), 1)
    assert slow.best() == "1d"
