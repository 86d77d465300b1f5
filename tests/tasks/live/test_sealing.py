"""A life of many days: those that are over go to parquet while it goes on."""

import asyncio

import numpy as np
import pytest

from ostinato.data.panel import Panel
from ostinato.live import Since
from ostinato.live.engine import Settings
from ostinato.live.feeds.file import FileFeed
from ostinato.live.sealing import Sealing
from ostinato.store import Reader, verify
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
    sealing = Sealing(days=3.0, every=0.0)
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
    from ostinato.store import seal

    assert len(seal(engine.store, float(panel.time[1000]) - 86_400)) >= 5
    engine.close()
    again = engine_of(run, FileFeed("file:x", panel), store, Settings())
    drive(again)
    whole = engine_of(run, FileFeed("file:x", panel), tmp_path / "whole.sqlite", Settings())
    drive(whole)
    assert again.store.head_hash() == whole.store.head_hash()
    again.close()
    whole.close()
