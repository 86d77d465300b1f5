"""Standard input as a feed, over real pipes, files, terminals and processes."""

import asyncio
import json
import os
import pty
import sys
import threading
import time
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forkserver
from ostinato.data.table import Column, Table
from ostinato.data.times import read_times
from ostinato.live.events import Event, Gap, Note, Position, Since
from ostinato.live.feeds import stdin
from ostinato.live.feeds.stdin import LONGEST_LINE, LineError, StdinFeed, number, parse_object, seconds

TRADES = ("price", "amount")
BARS = ("open", "high", "low", "close", "volume")


async def collect(feed, after=None, since=None):
    return [item async for items in feed.batches(after, since or Since()) for item in items]


@contextmanager
def piped(data: bytes):
    """The reading end of a pipe into which another thread writes."""
    out, into = os.pipe()
    writer = threading.Thread(
        target=lambda: (os.fdopen(into, "wb", 0).__enter__().write(data), os.close(into))
    )

    def write():
        with os.fdopen(into, "wb") as file:
            file.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with os.fdopen(out, "rb", 0) as stream:
            yield stream
    finally:
        writer.join()


def said(lines, columns=TRADES, kind="trades", step=None, after=None, since=None):
    """What a feed makes of some lines; the feed, its items."""
    text = b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines)
    with piped(text) as stream:
        feed = StdinFeed("stdin:", kind, columns, step, stream)
        return feed, asyncio.run(collect(feed, after, since))


def trade(at, **more):
    return {"time": 1_534_131_395 + at, "price": 6356.73 + at, "amount": 0.5, **more}


def events(items):
    return [item for item in items if isinstance(item, Event)]


def order(items):
    """Keys of events, and first and last of gaps."""
    seen = [item for item in items if not isinstance(item, Note)]
    return [item.key if isinstance(item, Event) else (item.first, item.last) for item in seen]


def test_lines_are_counted_where_they_have_no_key():
    feed, items = said([trade(at) for at in range(1000)])
    assert [event.key for event in items] == list(range(1000))
    assert items[7].values == (6363.73, 0.5)
    assert items[7].time == 1_534_131_402
    assert feed.health.state == "ended"
    _, items = said([trade(5)], after=Position(41, 1_534_131_399.0))
    assert [event.key for event in items] == [42]
    _, items = said([trade(5)], since=Since(key=9))
    assert [event.key for event in items] == [9]


def test_keys_that_are_given_tell_duplicates_and_holes():
    feed, items = said([trade(0, key=5), trade(1, key=6), trade(1, key=6), trade(2, key=4), trade(3, key=9)])
    assert order(items) == [5, 6, (7, 8), 9]
    gap = next(item for item in items if isinstance(item, Gap))
    assert (gap.reason, gap.outcome) == ("skipped", "unfillable")
    assert feed.health.left_out == {"duplicate": 1, "renumbered": 1}
    assert (feed.health.duplicates, feed.health.rejected, feed.health.unfillable_gaps) == (1, 1, 1)
    _, items = said([trade(0, id="5"), trade(1, id="6")], after=Position(3, 0.0))
    assert order(items) == [(4, 4), 5, 6]


def test_rows_with_a_step_are_known_by_their_time():
    hours = [{"time": 3600 * hour, "load": 1.5} for hour in (100, 101, 101, 104)]
    _, items = said(hours, ("load",), "table", 3600.0)
    assert order(items) == [100, 101, (102, 103), 104]


def test_bars():
    bar = {"time": "2018-08-13T03:36:00Z", "open": 2, "high": "3.5", "low": 1, "close": 2, "volume": 0}
    _, items = said([bar], BARS, "bars", 60.0)
    assert items[0].values == (2.0, 3.5, 1.0, 2.0, 0.0)
    assert items[0].key == items[0].time / 60


BAD = {
    b"nonsense": "not JSON",
    b"[1]": "not an object",
    b'{"price": 1, "amount": 1}': "no 'time'",
    b'{"time": 1, "amount": 1}': "no 'price'",
    b'{"time": 1, "price": true, "amount": 1}': "price is True",
    b'{"time": 1, "price": null, "amount": 1}': "price is None",
    b'{"time": 1, "price": "1_0", "amount": 1}': "price is '1_0'",
    b'{"time": 1, "price": 1e400, "amount": 1}': "price is inf",
    b'{"time": 1, "price": NaN, "amount": 1}': "NaN",
    b'{"time": 1, "price": 0, "amount": 1}': "too small",
    b'{"time": 1, "price": 1, "amount": -1}': "too small",
    b'{"time": "yesterday", "price": 1, "amount": 1}': "time is 'yesterday'",
    b'{"time": 1e300, "price": 1, "amount": 1}': "time is 1e+300",
    b'{"time": true, "price": 1, "amount": 1}': "time is True",
    b'{"time": 1534131396, "price": 1, "amount": 1, "key": 2}': "a key, unlike",
    b'{"time": 1, "price": 1, "amount": 1}': "1970-01-01T00:00:01+00:00, before that of the line before",
    b"[" * 60_000: "not JSON",
    b'{"a": ' * 9_000: "not JSON",
    b'{"time": ' + b"9" * 5000 + b"}": "not JSON",
    b"x" * (LONGEST_LINE + 1): "longer than 65,536 bytes",
    b"x" * (20 * LONGEST_LINE): "longer than 65,536 bytes",
    b"\xff\xfe\x1b[31m": "not JSON",
}


@pytest.mark.parametrize("line", BAD, ids=[f"{n} {words}" for n, words in enumerate(BAD.values())])
def test_a_bad_line_is_told_of_and_the_next_is_read(line):
    feed, items = said([trade(0), line, trade(1)])
    first, note, second, end = items
    assert (first.key, second.key) == (0, 1)
    assert isinstance(note, Note)
    assert note.kind == "rejected"
    assert "line 2" in note.text
    assert BAD[line] in note.text
    assert len(note.text) < 300
    assert note.text.isprintable()
    assert feed.health.rejected == sum(feed.health.left_out.values()) == 1
    assert end.text.startswith("of 3 lines: 1 ")


@pytest.mark.parametrize("key", [-1, 1.5, "x", True, 2**70, [1]])
def test_a_bad_key(key):
    feed, items = said([trade(0, key=key)])
    assert "not a whole number from 0 to 4,611,686,018,427,387,904" in items[0].text
    assert feed.health.rejected == 1


def test_a_flood_of_bad_lines_is_not_a_flood_of_notes():
    feed, items = said([b"bad"] * 5000 + [trade(0)])
    assert feed.health.rejected == 5000
    notes = [item for item in items if isinstance(item, Note)]
    assert len(notes) <= 3
    assert notes[-2].text == "of 5,001 lines: 5,000 that could not be read"
    assert "4,998 more before it" in notes[-1].text
    assert len(events(items)) == 1


def test_a_bad_line_is_the_problem_for_a_while(monkeypatch):
    feed = StdinFeed("stdin:", "trades", TRADES)
    state = stdin._InputState(feed, None, Since())
    state.items([b"junk"])
    state.items([json.dumps(trade(1.0)).encode()])
    assert "line 1" in feed.health.problem
    monkeypatch.setattr(stdin, "SHOWN", 0.0)
    state.items([json.dumps(trade(2.0)).encode()])
    assert feed.health.problem == ""


def test_the_last_line_needs_no_end_and_empty_lines_are_nothing():
    text = b"\n\r\n" + json.dumps(trade(0)).encode() + b"\r\n\n" + json.dumps(trade(1)).encode()
    with piped(text) as stream:
        feed = StdinFeed("stdin:", "trades", TRADES, None, stream)
        assert [event.key for event in asyncio.run(collect(feed))] == [0, 1]
    assert feed.health.rejected == 0


@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=30), rows=st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_pieces_of_any_length_give_the_same_lines(cuts, rows):
    text = b"".join(json.dumps(trade(at)).encode() + b"\n" for at in range(rows))

    async def read():
        out, into = os.pipe()
        with os.fdopen(out, "rb", 0) as stream, os.fdopen(into, "wb", 0) as writer:
            feed = StdinFeed("stdin:", "trades", TRADES, None, stream)
            task = asyncio.create_task(collect(feed))
            at, turn = 0, 0
            while at < len(text):
                step = cuts[turn % len(cuts)]
                writer.write(text[at : at + step])
                at, turn = at + step, turn + 1
                await asyncio.sleep(0)
            writer.close()
            return await task

    assert [event.key for event in asyncio.run(read())] == list(range(rows))


def test_a_line_is_released_while_the_input_stays_open_and_waiting_can_be_cancelled():
    async def read():
        out, into = os.pipe()
        with os.fdopen(out, "rb", 0) as stream, os.fdopen(into, "wb", 0) as writer:
            feed = StdinFeed("stdin:", "trades", TRADES, None, stream)
            batches = feed.batches(None, Since())
            writer.write(json.dumps(trade(0)).encode() + b"\n")
            assert [event.key for event in await anext(batches)] == [0]
            writer.write(json.dumps(trade(1)).encode() + b'\n{"time')
            assert [event.key for event in await anext(batches)] == [1]
            waiting = asyncio.ensure_future(anext(batches))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await batches.aclose()
            assert os.get_blocking(stream.fileno())
            assert not asyncio.get_running_loop().remove_reader(stream.fileno())

    asyncio.run(read())


def test_a_terminal():
    async def read():
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "r+b", 0) as keyboard, os.fdopen(theirs, "r+b", 0) as stream:
            feed = StdinFeed("stdin:", "trades", TRADES, None, stream)
            task = asyncio.create_task(collect(feed))
            keyboard.write(json.dumps(trade(0)).encode() + b"\n" + json.dumps(trade(1)).encode() + b"\n\x04")
            return await task

    assert [event.key for event in asyncio.run(read())] == [0, 1]


PROGRAM = """
import asyncio
from ostinato.live.events import Since
from ostinato.live.feeds import stdin
from ostinato.live.feeds.stdin import StdinFeed
async def main():
    feed = StdinFeed("stdin:", "trades", ("price", "amount"))
    async for items in feed.batches(None, Since()):
        print(*[item.key for item in items])
asyncio.run(main())
"""


@pytest.mark.parametrize("source", ["file", "nothing"])
def test_standard_input_of_a_process(tmp_path, source):
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps(trade(at)) + "\n" for at in range(3)))
    with (path if source == "file" else Path(os.devnull)).open() as stdin:
        done = forkserver.run([sys.executable, "-W", "error", "-c", PROGRAM], stdin=stdin, timeout=60)
    assert (done.stdout, done.stderr) == ("0 1 2\n" if source == "file" else "", "")


def test_a_line_without_end_takes_no_memory():
    text = b"x" * 20_000_000
    with piped(text) as stream:
        feed = StdinFeed("stdin:", "trades", TRADES, None, stream)
        tracemalloc.start()
        asyncio.run(collect(feed))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert feed.health.rejected == 1
    assert peak < 2_000_000


@pytest.fixture(autouse=True)
def own_zone():
    """The machine's zone again after a test that changed it."""
    yield
    time.tzset()


STAMPS = (
    "2018-08-13T03:36:35Z",
    "2018-08-13 03:36:35.25",
    "2018-08-13T03:36:35+05:30",
    "2018-08-13",
    "2018/08/13 03:36",
    "2018-08-13 03:36:35 UTC",
)


@pytest.mark.parametrize("stamp", STAMPS)
def test_text_is_the_time_that_a_file_would_have(stamp, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    assert seconds({"time": stamp}) == from_file([stamp])[0]


@given(
    moment=st.datetimes(datetime(1975, 1, 1), datetime(2200, 1, 1)),
    unit=st.sampled_from([1, 10**3, 10**6, 10**9]),
)
@settings(deadline=None)
def test_numbers_are_the_time_that_a_file_would_have(moment, unit):
    value = int(moment.replace(tzinfo=UTC).timestamp() * unit)
    assert seconds({"time": value}) == seconds({"time": str(value)}) == from_file([value])[0]


def from_file(values) -> np.ndarray:
    """The times as the readers of files understand them."""
    cells = pl.Series("time", values)
    return read_times(Column("time", cells, Table(pl.DataFrame({"time": cells}), "data")), None).seconds


@given(line=st.binary(max_size=200))
@settings(deadline=None)
def test_no_line_breaks_the_reader(line):
    try:
        entry = parse_object(line)
        seconds(entry), number(entry, "price")
    except LineError:
        pass


def test_no_numbers_are_lost():
    price = 6356.123456789012
    _, items = said([trade(0, price=price), trade(1, price=repr(price))])
    assert [event.values[0] for event in items] == [price, price]
