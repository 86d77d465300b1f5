"""A file as a feed: the rows that are read offline, each once and in order, at any speed."""

import asyncio
import math
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.reading import read_panel
from ostinato.errors import ConfigError, DataError, FeedError
from ostinato.live.events import Event, Gap, Position, Since
from ostinato.live.feeds.file import FileFeed, panel_of_file, parse_speed


def released(feed, after=None, since=None, most=math.inf):
    """All batches of a feed, or the first ``most``."""

    async def read():
        batches = []
        stream = feed.batches(after, since or Since())
        async for items in stream:
            batches.append(items)
            if len(batches) >= most:
                break
        await stream.aclose()
        await feed.close()
        return batches

    return asyncio.run(read())


def flat(batches):
    return [item for items in batches for item in items]


def trades_file(tmp_path, rows=600, seconds=1.0):
    path = tmp_path / "trades.csv"
    time = 1_534_131_395 + np.floor(np.arange(rows) * seconds)
    pl.DataFrame({"time": time, "price": 6000 + np.arange(rows) * 0.01, "amount": 0.5}).write_csv(path)
    return path


def holed_table(hours=(*range(3), 5, 6, *range(9, 30)), series=("",)):
    """Hourly rows of some hours, of one or several series."""
    begin = 1_500_000_000 // 3600 * 3600
    frame = pl.DataFrame(
        [
            {"time": begin + 3600 * hour, "load": float(hour), "place": name}
            for name in series
            for hour in hours
        ]
    )
    return read_panel(frame, target="load", id="place" if len(series) > 1 else "")


def test_every_row_of_the_file_comes_once_and_as_offline(tmp_path):
    path = trades_file(tmp_path)
    panel = read_panel(path)
    feed = FileFeed("file:trades.csv", panel)
    batches = released(feed)
    events = flat(batches)
    assert [event.key for event in events] == list(range(600))
    assert [event.time for event in events] == panel.time.tolist()
    assert [event.values for event in events] == list(
        zip(panel.values["price"].tolist(), panel.values["amount"].tolist(), strict=True)
    )
    assert {event.happened for event in events} == {None}
    assert max(map(len, batches)) == 1  # so that each is foreseen before it is seen
    assert (feed.kind, feed.columns, feed.health.state) == ("trades", ("price", "amount"), "ended")


def test_bars_open_to_volume(tmp_path):
    panel = read_panel(trades_file(tmp_path), bars="1m")
    feed = FileFeed("file", panel)
    assert (feed.kind, feed.columns, feed.step) == ("bars", ("open", "high", "low", "close", "volume"), 60.0)
    assert [event.values[3] for event in flat(released(feed))] == panel.values["close"].tolist()


def test_missing_rows_are_holes_in_their_place():
    items = flat(released(FileFeed("file", holed_table())))
    assert [(item.first, item.last) for item in items if isinstance(item, Gap)] == [(3, 4), (7, 8)]
    assert [item.key if isinstance(item, Event) else "hole" for item in items] == [
        *(0, 1, 2, "hole", 5, 6, "hole"),
        *range(9, 30),
    ]
    assert {(i.reason, i.outcome, i.why) for i in items if isinstance(i, Gap)} == {
        ("missing", "unfillable", "the source has no row there")
    }


def test_rows_of_the_future_are_no_events():
    panel = holed_table(range(6))
    future = replace(panel, observed=np.array([True] * 4 + [False] * 2))
    assert [event.key for event in flat(released(FileFeed("file", future)))] == [0, 1, 2, 3]


@given(observed=st.lists(st.booleans(), min_size=1, max_size=40), cut=st.integers(0, 39))
@settings(max_examples=60, deadline=None)
def test_going_on_anywhere_gives_what_one_pass_gives(observed, cut):
    observed[0] = True
    panel = holed_table(range(len(observed)))
    feed = FileFeed("file", replace(panel, observed=np.array(observed)))
    whole = flat(released(feed))
    covered = [
        key for i in whole for key in ([i.key] if isinstance(i, Event) else range(i.first, i.last + 1))
    ]
    assert covered == list(range(max(np.flatnonzero(observed)) + 1))
    events = [item for item in whole if isinstance(item, Event)]
    last = events[cut % len(events)]
    rest = whole[whole.index(last) + 1 :]
    went_on = flat(released(feed, Position(last.key, last.time)))
    assert [i[:3] if isinstance(i, Event) else i[:5] for i in went_on] == [
        i[:3] if isinstance(i, Event) else i[:5] for i in rest
    ]


def test_another_file_is_refused(tmp_path):
    feed = FileFeed("file", read_panel(trades_file(tmp_path)))
    with pytest.raises(FeedError, match=r"row 5 of trades.csv has the time 1534131400.*Bring the file"):
        released(feed, Position(5, 1_534_131_401.0))
    with pytest.raises(FeedError, match=r"rows 0 to 599, and the last row that was stored is 600"):
        released(feed, Position(600, 1_534_131_995.0))
    assert flat(released(feed, Position(599, 1_534_131_994.0))) == []


def test_it_begins_where_it_is_told(tmp_path):
    feed = FileFeed("file", read_panel(trades_file(tmp_path)))
    assert flat(released(feed, since=Since(key=590)))[0].key == 590
    assert flat(released(feed, since=Since(history=50)))[0].key == 0
    assert flat(released(feed, since=Since(key="first")))[0].key == 0
    with pytest.raises(FeedError, match="no row 600"):
        released(feed, since=Since(key=600))


def test_at_a_speed_no_row_comes_before_it_is_due(tmp_path):
    """600 rows, one a second, 2,000 times as fast: 0.3 s."""
    feed = FileFeed("file", read_panel(trades_file(tmp_path)), speed=2000.0)
    began = time.monotonic()
    batches = released(feed)
    assert time.monotonic() - began >= 599 / 2000
    events = flat(batches)
    assert [event.key for event in events] == list(range(600))
    assert len(batches) > 3
    assert all(event.received >= event.happened - 0.001 for event in events)
    assert events[-1].happened - events[0].happened == pytest.approx(599 / 2000, abs=1e-6)
    assert (feed.health.clock_rate, feed.health.lag >= 0) == (2000.0, True)


def test_a_long_pause_in_the_file_is_not_stale(tmp_path):
    panel = read_panel(trades_file(tmp_path, rows=10, seconds=7200.0))
    assert FileFeed("file", panel, speed=60.0).stale_after > 7200 / 60


def test_waiting_can_be_cancelled(tmp_path):
    feed = FileFeed("file", read_panel(trades_file(tmp_path, seconds=3600.0)), speed=1.0)

    async def read():
        async for items in feed.batches(None, Since()):
            assert [event.key for event in items] == [0]

    async def cut():
        async with asyncio.timeout(0.05):
            await read()

    with pytest.raises(TimeoutError):
        asyncio.run(cut())


def test_one_series_of_several():
    panel = holed_table(range(4), series=("north", "south"))
    with pytest.raises(FeedError, match=r"several series, 'north', 'south'.*\?id=north"):
        FileFeed("file", panel)
    with pytest.raises(FeedError, match=r"no series 'sout'. Did you mean 'south'\?"):
        FileFeed("file", panel, id="sout")
    feed = FileFeed("file", panel, id="south")
    assert [(event.key, event.values) for event in flat(released(feed))] == [
        (4 + hour, (float(hour),)) for hour in range(4)
    ]


def test_speeds():
    assert parse_speed("60") == 60
    assert parse_speed("max") == math.inf
    for wrong in ("0", "-1", "nan", "inf", "fast", ""):
        with pytest.raises(FeedError, match="speed must be max or a number above 0"):
            parse_speed(wrong)


def test_a_file_is_read_as_the_kind_that_is_asked_for(tmp_path):
    path = trades_file(tmp_path)
    assert panel_of_file(str(path), "trades", (), "", {}).kind == "trades"
    assert panel_of_file(str(path), "bars", (), "1m", {}).step == 60.0
    assert list(panel_of_file(str(path), "table", ("price", "amount"), "", {}).values) == ["price", "amount"]
    with pytest.raises(DataError, match="holds trades, and bars are asked for"):
        panel_of_file(str(path), "bars", (), "", {})
    with pytest.raises(ConfigError, match="bars must be"):
        panel_of_file(str(path), "bars", (), "1y", {})
