"""Lines that lie far ahead, ids that begin again: each bad line is left out by itself, and counted by its reason."""

import asyncio
import json
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.errors import FeedError
from ostinato.live.events import Event, Gap, Note, Position, Since
from ostinato.live.feeds.stdin import StdinFeed, _InputState

BEGIN = 1.7e9
YEAR = 365 * 86_400.0
TRADES = ("price", "amount")


def trade(at, **more):
    return {"id": 10_000 + at, "time": BEGIN + at, "price": 100 + at % 5, "amount": 0.5, **more}


def read(lines, after=None, cuts=(), kind="trades", columns=TRADES, step=None):
    """Feed, and all items, of a pipe into which the text is written in pieces."""
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    async def run():
        out, into = os.pipe()
        with os.fdopen(out, "rb", 0) as stream, os.fdopen(into, "wb", 0) as writer:
            feed = StdinFeed("stdin:", kind, columns, step, stream)

            async def collect():
                return [item async for items in feed.batches(after, Since()) for item in items]

            task = asyncio.create_task(collect())
            for begin, end in zip((0, *cuts), (*cuts, len(text)), strict=True):
                writer.write(text[begin:end])
                await asyncio.sleep(0)
            writer.close()
            return feed, await task

    return asyncio.run(run())


def events(items):
    return [(item.key, item.time) for item in items if isinstance(item, Event)]


def notes(items):
    return [(item.kind, item.text) for item in items if isinstance(item, Note)]


def honest(count, without=()):
    return [(10_000 + at, BEGIN + at) for at in range(count) if at not in without]


def test_ids_that_begin_again_are_told_at_once_and_counted_at_the_end():
    again = [trade(60 + at, id=1 + at) for at in range(300)]
    feed, items = read([trade(at) for at in range(60)] + again)
    assert events(items) == honest(60)
    assert feed.health.left_out == {"renumbered": 300}
    told = notes(items)
    assert told[0][0] == "rejected"
    assert "line 61: 1 came after 10059, though its time, 2023-11-14T22:14:20+00:00, is later" in told[0][1]
    assert "Begin a new --store" in told[0][1]
    assert told[1] == (
        "left out",
        "of 360 lines: 300 whose ids began again; ids 1 to 300 came after 10059 with later times",
    )


def test_ids_that_began_again_do_not_go_on_where_the_old_ones_ended():
    lines = [trade(at, id=at) for at in range(20)] + [trade(20 + at, id=at) for at in range(60)]
    feed, items = read(lines)
    assert events(items) == [(at, BEGIN + at) for at in range(20)]
    assert feed.health.left_out == {"renumbered": 60}


WRONG = {
    "2043": {"time": BEGIN + 20 * YEAR},
    "a year ahead, though past": {"time": BEGIN + YEAR},
    "two days ahead": {"time": BEGIN + 2 * 86_400},
    "an id of another size": {"id": 10**15},
    "id and time": {"id": 10**15, "time": BEGIN + YEAR},
    "the far past": {"time": 1.0},
    "an id of old": {"id": 3},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("at", [1, 30, 58])
def test_one_wrong_line_is_left_out_alone(wrong, at):
    lines = [trade(n, **(WRONG[wrong] if n == at else {})) for n in range(60)]
    feed, items = read(lines)
    assert events(items) == honest(60, {at})
    assert (feed.health.rejected, feed.health.duplicates) == (1, 0)
    assert [(gap.first, gap.last) for gap in items if isinstance(gap, Gap)] == [(10_000 + at, 10_000 + at)]
    rejected = next(text for kind, text in notes(items) if kind == "rejected")
    assert rejected.startswith(f"line {at + 1}: ")


def test_the_first_and_the_last_line():
    feed, items = read([trade(n, **({"time": BEGIN + 20 * YEAR} if n == 0 else {})) for n in range(20)])
    assert events(items) == honest(20, {0})
    assert "this machine's clock says" in notes(items)[0][1]
    feed, items = read([trade(n, **({"time": BEGIN + YEAR} if n == 19 else {})) for n in range(20)])
    assert events(items) == honest(19)
    assert "no line after it shows that it is right" in notes(items)[0][1]
    assert feed.health.left_out == {"ahead": 1}


def test_wrong_lines_that_follow_one_another():
    far = {5: YEAR, 6: 2 * YEAR, 9: 2 * YEAR, 10: YEAR}
    _, items = read([trade(n, time=BEGIN + n + far.get(n, 0.0)) for n in range(20)])
    assert events(items) == honest(20, far)


def test_lines_without_ids_and_rows_with_a_step():
    lines = [trade(n, time=BEGIN + n + YEAR * (n == 5)) for n in range(20)]
    _, items = read([{name: line[name] for name in ("time", *TRADES)} for line in lines])
    assert [key for key, _ in events(items)] == list(range(19))
    assert [moment for _, moment in events(items)] == [BEGIN + n for n in range(20) if n != 5]
    rows = [{"time": 3600.0 * (400_000 + n + 9_000 * (n == 5)), "load": 1.0} for n in range(20)]
    _, items = read(rows, kind="table", columns=("load",), step=3600.0)
    assert [key for key, _ in events(items)] == [400_000 + n for n in range(20) if n != 5]


@pytest.mark.parametrize("pause", [{"time": 30 * 86_400.0}, {"id": 5_000_000}])
@pytest.mark.parametrize("after", [2, 3, 10])
def test_a_pause_is_none_of_these(pause, after):
    """Whatever lies behind an honest jump is there, if only two lines of it came."""
    lines = [trade(n) for n in range(5)]
    lines += [
        trade(n, id=10_000 + n + pause.get("id", 0), time=BEGIN + n + pause.get("time", 0))
        for n in range(5, 5 + after)
    ]
    feed, items = read(lines)
    assert events(items) == [(line["id"], line["time"]) for line in lines]
    assert feed.health.rejected == 0


def test_a_late_line_behind_a_pause_takes_none_with_it():
    times = [0, 1, 2, 200_000, 199_999, 200_001, 200_002, 200_003]
    _, items = read([trade(n, time=BEGIN + at) for n, at in enumerate(times)])
    assert [key - 10_000 for key, _ in events(items)] == [0, 1, 2, 3, 5, 6, 7]


def test_ids_made_of_the_time_jump_and_are_honest():
    lines = [trade(n, id=int(1e9 * (BEGIN + n))) for n in range(20)]
    feed, items = read(lines)
    assert len(events(items)) == 20
    assert feed.health.rejected == 0


def test_what_comes_too_late_is_not_called_a_duplicate():
    feed, items = read([trade(n) for n in (0, 1, 2, 5, 3, 4, 5, 6)])
    assert feed.health.left_out == {"late": 2, "duplicate": 1}
    assert "10003 comes after 10005, too late" in notes(items)[0][1]


def test_a_store_whose_last_event_is_from_the_future_is_not_gone_on_with():
    with pytest.raises(
        FeedError, match=r"the last stored event, 10030, has the time 2043-.*Begin a new --store"
    ):
        read([trade(31)], after=Position(10_030, BEGIN + 20 * YEAR))


def test_a_wrong_event_in_the_store_is_named():
    feed, items = read([trade(31), trade(32)], after=Position(10_030, BEGIN + YEAR))
    assert feed.health.left_out == {"late": 2}
    assert "before that of the stored event 10030, 2024-" in notes(items)[0][1]
    assert "begin a new --store" in notes(items)[0][1]


def test_lines_that_wait_are_in_the_queue():
    feed = StdinFeed("stdin:", "trades", TRADES)
    state = _InputState(feed, None, Since())
    state.items([json.dumps(trade(0)).encode(), json.dumps(trade(1, time=BEGIN + YEAR)).encode()])
    assert feed.health.queue == 1
    state.items([json.dumps(trade(2)).encode()])
    assert feed.health.queue == 0


MUTATIONS = st.sampled_from([*WRONG.values(), {"price": -1}, {"time": BEGIN + 3}, {"id": 10_003}])
INPUTS = st.tuples(
    st.integers(1, 40),
    st.dictionaries(st.integers(1, 39), MUTATIONS, max_size=6),
    st.sampled_from([0.0, 20.0, 2e5]),  # of a pause
)


def mutated(count, wrong, pause):
    lines = [trade(n, time=BEGIN + n + pause * (n > count // 2)) for n in range(count)]
    return [line | wrong.get(n, {}) for n, line in enumerate(lines)]


@given(given_=INPUTS, cuts=st.lists(st.integers(0, 5_000), max_size=12))
@settings(max_examples=60, deadline=None)
def test_the_same_lines_give_the_same_events_however_they_are_cut(given_, cuts):
    lines = mutated(*given_)
    length = sum(len(json.dumps(line)) + 1 for line in lines)
    whole, items = read(lines)
    pieces, others = read(lines, cuts=sorted(cut for cut in cuts if cut < length))
    assert events(items) == events(others)
    assert whole.health.left_out == pieces.health.left_out
    assert len(events(items)) + sum(whole.health.left_out.values()) == len(
        lines
    )  # nothing is dropped in silence


@given(given_=INPUTS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_stopped_anywhere_and_given_the_input_again_it_is_as_if_never_stopped(given_, data):
    lines = mutated(*given_)
    _, whole = read(lines)
    stored = events(whole)[: data.draw(st.integers(0, len(events(whole))))]
    after = Position(*stored[-1]) if stored else None
    _, rest = read(lines, after=after)
    assert stored + events(rest) == events(whole)


def test_an_honest_line_waits_for_nothing():
    async def run():
        out, into = os.pipe()
        with os.fdopen(out, "rb", 0) as stream, os.fdopen(into, "wb", 0) as writer:
            feed = StdinFeed("stdin:", "trades", TRADES, None, stream)
            batches = feed.batches(None, Since())
            for n, at in enumerate((0.0, 1.0, 80_000.0, 80_000.0)):  # a pause of most of a day
                moment = time.time() - 100_000 + at
                writer.write(json.dumps(trade(n, time=moment)).encode() + b"\n")
                assert [(item.key, item.time) for item in await anext(batches)] == [(10_000 + n, moment)]
            await batches.aclose()

    asyncio.run(run())
