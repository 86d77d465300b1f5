"""A life of many days: those that are over go to parquet while it goes on."""

import asyncio
import os
import signal

import numpy as np
import pytest

from ostinato.data.panel import Panel
from ostinato.live import Since
from ostinato.live.engine import Settings
from ostinato.live.feeds.file import FileFeed
from ostinato.live.sealing import Sealer
from ostinato.store import Reader, seal, verify
from ostinato.store.sealing import sweep
from ostinato.tasks.forecasting import open_run
from ostinato.tasks.forecasting.live import engine_of
from tasks.conftest import Small
from tasks.live.conftest import drive


@pytest.fixture(scope="module")
def run(trades, tmp_path_factory):
    return open_run(Small(trades).fit(tmp_path_factory.mktemp("runs") / "run").run.folder.path)


def days(count, trades):
    """The trades, so many hours apart that they fill days."""
    time = 1.7e9 + np.arange(len(trades)) * count * 86_400 / len(trades)
    return Panel("trades", time, {"price": trades.price, "amount": trades.amount}, trades.report)


class Waiting(FileFeed):
    """A file that stays at its end until some days are sealed."""

    enough: asyncio.Event

    async def batches(self, after, since):
        async for items in super().batches(after, since):
            yield items
        self.enough = asyncio.Event()
        await asyncio.wait_for(self.enough.wait(), 60)


def test_days_that_are_over_are_sealed_and_nothing_is_lost(run, trades, tmp_path):
    panel = days(9, trades)
    whole = engine_of(run, FileFeed("file:x", panel), tmp_path / "whole.sqlite", Settings())
    drive(whole)
    head = whole.store.head_hash()
    whole.close()
    feed = Waiting("file:x", panel)
    settings = Settings(health_seconds=0.02, snapshot_events=50, since=Since())
    engine = engine_of(run, feed, tmp_path / "live.sqlite", settings)
    sealing = Sealer(days=3.0, every=0.0)
    sealing.watch(engine)

    def look(engine):
        sealed = engine.store._connection.execute("SELECT count(DISTINCT day) FROM sealed").fetchone()[0]
        rows = engine.store._connection.execute("SELECT count(*) FROM events").fetchone()[0]
        if sealed >= 5 and rows < 700 and hasattr(feed, "enough"):
            feed.enough.set()

    engine.each_second.append(look)
    asyncio.run(engine.run())
    engine.close()
    sealing.close()
    with Reader.open(tmp_path / "live.sqlite") as reader:
        assert reader.head_hash() == head
        assert reader.counts().events == len(trades)
        assert reader.counts().sealed_days >= 5
    assert verify(tmp_path / "live.sqlite").ok
    assert len(list((tmp_path / "live.sqlite-sealed").glob("*-events.parquet"))) >= 5


def test_it_goes_on_behind_sealed_days(run, trades, tmp_path):
    panel = days(9, trades)
    store = tmp_path / "live.sqlite"
    engine = engine_of(run, FileFeed("file:x", panel), store, Settings(snapshot_events=50))
    drive(engine, 1000)
    assert len(seal(engine.store, float(panel.time[1000]) - 86_400)) >= 5
    engine.close()
    again = engine_of(run, FileFeed("file:x", panel), store, Settings())
    drive(again)
    whole = engine_of(run, FileFeed("file:x", panel), tmp_path / "whole.sqlite", Settings())
    drive(whole)
    assert again.store.head_hash() == whole.store.head_hash()
    again.close()
    whole.close()


def life(engine, sealing, look):
    """Live until a look says that it is enough."""
    sealing.watch(engine)
    enough = asyncio.Event()

    def looked(engine):
        if hasattr(engine.feed, "enough") and look(engine):
            enough.set()

    engine.each_second.append(looked)

    async def work():
        task = asyncio.create_task(engine.run())
        waiting = asyncio.create_task(asyncio.wait_for(enough.wait(), 60))
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        engine.feed.enough.set()
        await task
        await waiting

    try:
        asyncio.run(work())
    finally:
        sealing.close()


def notes(engine):
    return [text for (text,) in engine.store._connection.execute("SELECT text FROM notes ORDER BY id")]


def waiting(run, panel, store):
    return engine_of(run, Waiting("file:x", panel), store, Settings(health_seconds=0.02, snapshot_events=50))


def test_no_process_is_started_while_no_day_is_over(run, trades, tmp_path):
    engine = waiting(run, days(2, trades), tmp_path / "live.sqlite")
    sealing, looks = Sealer(days=3.0, every=0.0), []

    def look(engine):
        looks.append(sealing.child)
        return engine.position is not None and engine.position.key == len(trades) - 1 and len(looks) > 20

    life(engine, sealing, look)
    engine.close()
    assert set(looks) == {None}


def test_a_sealing_process_that_is_killed_is_a_note(run, trades, tmp_path):
    engine = waiting(run, days(9, trades), tmp_path / "live.sqlite")
    sealing, killed = Sealer(days=3.0, every=0.0), []

    def look(engine):
        sealed = engine.store._connection.execute("SELECT count(*) FROM sealed").fetchone()[0]
        if sealing.child is not None and not killed:
            killed.append(sealed)
            os.kill(sealing.child.process.pid, signal.SIGKILL)
        return killed and sealed > killed[0]

    life(engine, sealing, look)
    said = notes(engine)
    engine.close()
    assert f"no day was sealed: it ended with {-signal.SIGKILL}" in said
    assert "was sealed" in said[-1]


def test_a_folder_that_cannot_be_written_is_a_note(run, trades, tmp_path):
    engine = waiting(run, days(9, trades), tmp_path / "live.sqlite")
    (tmp_path / "live.sqlite-sealed").write_text("in the way")
    life(engine, Sealer(days=3.0, every=0.0), lambda engine: notes(engine))
    said = notes(engine)
    engine.close()
    assert said[0].startswith("no day was sealed: ")
    assert "live.sqlite-sealed" in said[0]


def test_the_events_come_between_two_slices_of_what_is_deleted(run, trades, tmp_path):
    panel = days(9, trades)
    engine = waiting(run, panel, tmp_path / "live.sqlite")
    turns = []

    async def count():
        while True:
            turns.append(engine.store._connection.execute("SELECT count(*) FROM events").fetchone()[0])
            await asyncio.sleep(0)

    async def work():
        engine.resume()
        async for items in FileFeed("file:x", panel).batches(None, Since()):
            engine.take(items)
        assert len(seal_files(engine, panel)) >= 5
        before = engine.store._connection.execute("SELECT count(*) FROM events").fetchone()[0]
        counting = asyncio.create_task(count())
        sealing = Sealer(days=3.0)
        sealing.poll(engine)
        await sealing.sweeping
        counting.cancel()
        return before, engine.store._connection.execute("SELECT count(*) FROM events").fetchone()[0]

    before, after = asyncio.run(work())
    engine.close()
    assert max(-np.diff([before, *turns, after])) <= 250 < before - after


def seal_files(engine, panel):
    """Seal all days but the last without deleting their rows."""
    from ostinato.store.sealing import record, write_day

    names = []
    while (written := write_day(engine.store.path, float(panel.time[-1]))) is not None:
        record(engine.store, written)
        names.append(written.day)
    return names


def test_groups_are_deleted_a_slice_at_a_time(run, trades, tmp_path):
    panel = days(9, trades)
    engine = engine_of(run, FileFeed("file:x", panel), tmp_path / "a.sqlite", Settings(snapshot_events=50))
    drive(engine, group=1)
    seal_files(engine, panel)
    count = "SELECT (SELECT count(*) FROM groups), (SELECT count(*) FROM events)"
    counts = [engine.store._connection.execute(count).fetchone()]
    while sweep(engine.store, 100):
        counts.append(engine.store._connection.execute(count).fetchone())
    left = engine.store._connection.execute(count).fetchone()
    engine.close()
    assert (-np.diff(np.array(counts), axis=0)).max() == 100
    assert left[1] <= left[0] <= left[1] + 5


def test_a_model_that_retired_holds_no_day_back(run, trades, tmp_path):
    """As a stop in the middle of a trial leaves one: with a snapshot of long ago."""
    panel = days(9, trades)
    engine = engine_of(run, FileFeed("file:x", panel), tmp_path / "a.sqlite", Settings(snapshot_events=50))
    drive(engine)
    number = engine.add_challenger("ab" * 32, "gone")
    engine.store.begin()
    engine.store.add_snapshot(len(trades) // 4, number, b"state")
    engine.store.commit()
    before = float(panel.time[-1])
    held = seal(engine.store, before)
    engine.store.begin()
    engine.store.set_role(number, "retired")
    engine.store.commit()
    assert len(held) < 4 < len(held) + len(seal(engine.store, before))
    engine.close()
