"""The exchange's clock beside ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.live.feeds.binance.clock import ExchangeClock


def looked(times, offset=0.0, rate=1.0, way=0.02):
    clock = ExchangeClock()
    for ours in times:
        clock.add_sample(ours - way, 1000.0 + offset + (ours - 1000.0) * rate, ours + way)
    return clock


def test_the_same_clock_a_little_off():
    clock = looked((1000.0, 1000.5, 1001.0, 1301.0), offset=2.5)
    assert clock.offset == pytest.approx(2.5)
    assert clock.rate == pytest.approx(1.0)
    assert clock.shift == clock.offset


def test_one_look_says_nothing_of_the_rate():
    clock = looked((1000.0,), offset=2.5)
    assert (clock.offset, clock.rate, clock.shift) == (2.5, None, None)


def test_a_replay_cannot_be_compared():
    clock = looked((1000.0, 1000.5, 1001.0), rate=60.0)
    assert clock.rate == pytest.approx(60.0)
    assert clock.shift is None


def test_a_clock_that_drifts_by_two_percent_is_another():
    assert looked((1000.0, 1010.0, 1300.0), rate=1.02).shift is None
    assert looked((1000.0, 1010.0, 1300.0), rate=1.005).shift is not None


def test_one_slow_answer_does_not_move_the_offset():
    clock = looked((1000.0, 1001.0, 1002.0, 1003.0), way=0.005)
    clock.add_sample(1004.0, 1004.0, 1009.0)  # all of the delay on the way back
    assert clock.offset == pytest.approx(0.0, abs=0.01)


def test_our_clock_set_back_during_a_look_is_left_out():
    clock = ExchangeClock()
    clock.add_sample(1000.0, 1000.0, 900.0)
    assert clock.offset is None


@given(
    st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)), min_size=2, max_size=9), st.floats(-1e6, 1e6)
)
def test_the_offset_is_off_by_at_most_half_the_way(ways, offset):
    clock = ExchangeClock()
    for i, (there, back) in enumerate(ways):
        clock.add_sample(100.0 * i, 100.0 * i + there + offset, 100.0 * i + there + back)
    worst = max(abs(there - back) / 2 for there, back in ways)
    assert abs(clock.offset - offset) <= worst + 1e-6
