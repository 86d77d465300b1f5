"""Order, once each, every hole declared: whatever comes, in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.live.events import Event, Gap
from ostinato.live.feeds.binance.sequencer import HISTORY, JUMP, Sequencer
from ostinato.live.feeds.feed import FeedHealth
from ostinato.store.schema import Origin

PATIENCE, PAGE = 2.0, 4


def event(key, origin=Origin.STREAM):
    return Event(key, float(key), (1.0,), 0.0, None, origin)


def order(first=None, reason="restart", most=1000, **options):
    made = Sequencer(FeedHealth(), most, PATIENCE)
    if first is not None:
        made.begin(first, reason, **options)
    return made


def fill(order, keys, now=0.0):
    order.answer([event(key, Origin.FILL) for key in keys], now)


def brief(items):
    """Keys with S, F or H; gaps as words."""
    return [
        f"{item.first}-{item.last} {item.reason} {item.outcome}"
        if isinstance(item, Gap)
        else f"{item.key}{item.origin.name[0]}"
        for item in items
    ]


def released(order):
    return brief(order.take(10_000))


def test_a_key_that_is_only_late_is_no_hole():
    feed = order()
    for key in (5, 7, 8, 7, 6, 9):
        feed.stream(event(key), 0.0)
    assert feed.health.duplicates == 1
    assert released(feed) == ["5S", "6S", "7S", "8S", "9S"]
    assert feed.due(0.0) is None
    assert feed.health.filled_gaps == feed.health.unfillable_gaps == 0


def test_a_late_key_does_not_fake_a_jump_back():
    feed = order()
    for key in (5, 6, 7, 5, 6, 8):  # the last of them seen was 6, the highest 7
        feed.stream(event(key), 0.0)
    assert released(feed) == ["5S", "6S", "7S", "8S"]
    assert feed.health.duplicates == 2


def test_a_hole_is_asked_for_after_a_while_and_declared_after_its_events():
    feed = order()
    for key in (5, 8):
        feed.stream(event(key), 10.0)
    assert feed.due(10.0) == PATIENCE
    assert feed.due(10.0 + PATIENCE) == 0.0
    assert feed.next == 6
    fill(feed, (6, 7, 8, 9), 12.0)  # 9 was not seen in the stream yet: it will come
    feed.stream(event(9), 12.0)
    assert released(feed) == ["5S", "6F", "7F", "6-7 skipped filled", "8S", "9S"]


def test_a_pruned_hole_is_declared_in_its_place():
    feed = order()
    for key in (5, 9):
        feed.stream(event(key), 0.0)
    fill(feed, (8, 9))
    assert released(feed) == ["5S", "6-7 skipped unfillable", "8F", "8-8 skipped filled", "9S"]


def test_an_answer_from_beyond_all_that_was_seen_declares_the_hole():
    feed = order()
    for key in (5, 9):
        feed.stream(event(key), 0.0)
    fill(feed, (2000, 2001))
    assert released(feed) == ["5S", "6-8 skipped unfillable", "9S"]


def test_a_hole_within_an_answer_is_unfillable():
    feed = order()
    for key in (5, 9):
        feed.stream(event(key), 0.0)
    fill(feed, (6, 8))
    assert released(feed) == [
        "5S",
        "6F",
        "6-6 skipped filled",
        "7-7 skipped unfillable",
        "8F",
        "8-8 skipped filled",
        "9S",
    ]


def test_what_was_missed_while_reconnecting_is_one_hole_over_many_answers():
    feed = order()
    feed.stream(event(5), 0.0)
    feed.interrupted("disconnect")
    assert feed.due(0.0) == 0.0
    fill(feed, (6, 7))
    fill(feed, (8,))
    feed.stream(event(10), 1.0)
    assert feed.due(1.0) == 0.0  # at once: nothing can be late here
    fill(feed, (9,))
    assert released(feed) == ["5S", "6F", "7F", "8F", "9F", "6-9 disconnect filled", "10S"]
    assert feed.due(1.0) is None


def test_a_reconnect_that_missed_nothing_declares_nothing():
    feed = order()
    feed.stream(event(5), 0.0)
    feed.interrupted("disconnect")
    fill(feed, ())
    feed.caught_up(0.0)
    assert feed.due(0.0) is None
    feed.stream(event(6), 0.0)
    assert released(feed) == ["5S", "6S"]


def test_a_quiet_market_gets_its_hole_declared_without_waiting_for_the_stream():
    feed = order()
    feed.stream(event(5), 0.0)
    feed.interrupted("silence")
    fill(feed, (6, 7))
    feed.caught_up(0.0)
    assert released(feed) == ["5S", "6F", "7F", "6-7 silence filled"]


def test_two_holes_side_by_side_are_two():
    """An overflow that is filled just as it turns out that more was missed while reconnecting."""
    feed = order(most=2)
    for key in range(5, 9):
        feed.stream(event(key), 0.0)
    feed.interrupted("disconnect")
    assert released(feed) == ["5S", "6S"]
    fill(feed, (7, 8))
    fill(feed, (9,))
    feed.caught_up(0.0)
    assert released(feed) == ["7F", "8F", "7-8 overflow filled", "9F", "9-9 disconnect filled"]


def test_history_is_no_hole_and_may_begin_later_than_asked():
    feed = order(0, HISTORY, anywhere=True)
    fill(feed, (40, 41))
    feed.stream(event(43), 0.0)
    fill(feed, (42, 43))
    assert released(feed) == ["40H", "41H", "42H", "43S"]
    assert feed.health.filled_gaps == 0


def test_only_the_very_first_event_may_be_later_than_requested():
    feed = order(0, HISTORY, anywhere=True)
    feed.stream(event(0), 0.0)
    feed.interrupted("disconnect")
    fill(feed, (5,))
    feed.caught_up(0.0)
    assert released(feed) == ["0S", "1-4 disconnect unfillable", "5F", "5-5 disconnect filled"]


def test_history_from_a_given_key_that_was_pruned_is_declared():
    feed = order(30, HISTORY)
    fill(feed, (40, 41))
    assert released(feed) == ["30-39 skipped unfillable", "40H", "41H"]


def test_giving_up_declares_the_first_hole_only():
    feed = order()
    for key in (5, 7, 9):
        feed.stream(event(key), 0.0)
    feed.give_up("gone", 20.0)
    assert released(feed) == ["5S", "6-6 skipped unfillable", "7S"]
    assert feed.next == 8


def test_a_reader_too_slow_costs_a_refill_and_no_memory():
    feed = order(most=3)
    for key in range(5, 20):
        feed.stream(event(key), 0.0)
    assert feed.size() == 3
    assert released(feed) == ["5S", "6S", "7S"]
    feed.stream(event(20), 0.0)
    assert feed.due(0.0) == 0.0
    fill(feed, range(8, 22))
    assert released(feed) == [*(f"{key}F" for key in range(8, 20)), "8-19 overflow filled", "20S"]


def test_an_absurd_jump_within_a_connection_is_refused_and_forgotten():
    feed = order()
    assert feed.stream(event(5), 0.0)
    assert not feed.stream(event(6 + JUMP + 1), 0.0)
    assert feed.stream(event(6), 0.0)
    assert released(feed) == ["5S", "6S"]
    feed.interrupted("disconnect")
    assert feed.stream(event(6 + JUMP + 1), 0.0)  # a long absence explains it


def test_bars_that_are_over_are_known_to_be_missing():
    feed = order()
    feed.known(99, 0.0)  # 100 forms now
    feed.stream(event(100), 0.0)
    feed.known(101, 60.0)  # 102 forms now, and 101 never closed
    assert feed.due(60.0) == PATIENCE
    fill(feed, (101,), 62.0)
    assert released(feed) == ["100S", "101F", "101-101 skipped filled"]


actions = st.lists(
    st.one_of(
        st.tuples(st.just("stream"), st.integers(-3, 6)),  # about the front, a few to and fro
        st.tuples(st.just("lose"), st.integers(1, 6)),
        st.tuples(st.just("break"), st.integers(0, 5)),
        st.tuples(st.just("rest"), st.integers(0, 6)),  # how far REST lags
        st.tuples(st.just("read"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.integers(1, 3)),
    ),
    max_size=60,
)


def ask(feed, front, pruned, lag, now):
    """As the exchange would answer: from ``next`` on, a page, without what it threw away."""
    keys = [key for key in range(feed.next, front - lag) if key not in pruned][:PAGE]
    fill(feed, keys, now)
    if len(keys) < PAGE:
        feed.caught_up(now)


@settings(max_examples=500, deadline=None)
@given(
    actions=actions,
    pruned=st.sets(st.integers(10, 90), max_size=15),
    begin=st.sampled_from([None, "restart", HISTORY]),
    most=st.integers(2, 12),
    anywhere=st.booleans(),
)
def test_whatever_comes_each_key_is_released_once_or_declared(actions, pruned, begin, most, anywhere):
    start, front, now, seen = 10, 12, 0.0, []
    feed = order(start if begin else None, begin or "", most, anywhere=anywhere)
    streamed = set()
    for action, number in actions:
        if action == "stream":
            key = max(start, front + number) if begin or streamed else front
            feed.stream(event(key), now)
            streamed.add(key)
            front = max(front, key + 1)
        elif action == "lose":
            front += number
        elif action == "break":
            front += number
            feed.interrupted("disconnect")
        elif action == "rest" and feed.next is not None and feed.due(now) == 0.0 and feed.size() <= most:
            ask(feed, front, pruned, number, now)
        elif action == "read":
            seen += feed.take(number)
        elif action == "wait":
            now += number
        assert (
            feed.size() <= most + 3 * PAGE + 1
        )  # and a page, with a gap before and after each of its events
    while feed.next is not None and (wait := feed.due(now)) is not None:
        now += wait
        before = feed.next
        seen += feed.take(1000)
        ask(feed, front, pruned, 0, now)
        if feed.next == before and feed.due(now) is not None:
            feed.give_up("nothing beyond", now)
    seen += feed.take(1000)
    check(seen, feed, streamed, pruned)


def check(seen, feed, streamed, pruned):
    expected = None
    filled = set()
    unfilled = set()
    for item in seen:
        if isinstance(item, Event):
            first = last = item.key
            if item.origin is Origin.FILL:
                filled.add(item.key)
        elif item.outcome == "unfillable":
            first, last = item.first, item.last
            unfilled |= set(range(first, last + 1))
        else:
            span = set(range(item.first, item.last + 1))
            assert span <= filled  # declared after its events, and nothing else
            filled -= span
            continue
        assert expected is None or first == expected
        expected = last + 1
    assert not filled  # each fill is declared
    assert unfilled <= pruned  # nothing that could be had was given up
    assert feed.next is None or expected in (None, feed.next)
    if streamed and feed.next is not None:
        assert feed.next > max(streamed)


def test_one_wrong_key_behind_an_interruption_makes_nothing_old():
    feed = order()
    feed.stream(event(5), 0.0)
    feed.interrupted("disconnect")
    assert feed.stream(event(10**15), 0.0)  # it might be
    for key in (6, 7):
        feed.stream(event(key), 0.0)
    feed.caught_up(0.0)
    feed.give_up("REST did not have it", 10.0)
    feed.stream(event(8), 10.0)
    assert released(feed) == ["5S", "6S", "7S", "8S"]
    assert feed.health.left_out == {"ahead": 1}
    assert feed.due(10.0) is None


def test_a_jump_that_the_stream_goes_on_from_is_a_hole():
    feed = order()
    feed.stream(event(5), 0.0)
    feed.interrupted("disconnect")
    for key in range(10**7, 10**7 + 3):
        feed.stream(event(key), 0.0)
    feed.caught_up(0.0)
    feed.give_up("REST did not have it", 10.0)
    assert released(feed) == ["5S", "6-9999999 disconnect unfillable", *(f"{10**7 + n}S" for n in range(3))]


def test_one_wrong_key_in_an_answer():
    feed = order(first=5)
    fill(feed, [5, 6, 10**15])
    fill(feed, [7, 8])
    feed.caught_up(0.0)
    feed.stream(event(9), 0.0)
    assert released(feed) == ["5F", "6F", "7F", "8F", "5-8 restart filled", "9S"]
    assert feed.health.left_out == {"ahead": 1}
