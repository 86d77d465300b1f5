"""The engine by hand: what counts, what does not, and what it leaves behind."""

import asyncio
import json
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ostinato.errors import BrokenStoreError, ConfigError, DataError, StoreFullError
from ostinato.live import Event, Gap, Note, Since
from ostinato.live.engine import Settings
from ostinato.live.feeds import Feed
from ostinato.live.feeds.file import FileFeed
from ostinato.store import Flag, Origin
from ostinato.tasks.forecasting import fit, open_run
from ostinato.tasks.forecasting.live import engine_of, feed_of, forecaster_of
from ostinato.tasks.forecasting.reading import panel_of
from tasks.conftest import Small
from tasks.live.conftest import drive, ledger, scores


class Hand(Feed):
    """Nothing comes but what a test gives to the engine."""

    def __init__(self):
        super().__init__("by hand", "trades", ("price", "amount"))

    async def batches(self, after, since):
        return
        yield


@pytest.fixture(scope="module")
def run(trades, tmp_path_factory):
    return open_run(Small(trades).fit(tmp_path_factory.mktemp("runs") / "run").run.folder.path)


class Clock:
    """Seconds that a test sets."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def event(key, received, happened=None, origin=Origin.STREAM, price=None):
    return Event(
        key, 1000.0 + key, (100.0 + (key % 3 if price is None else price), 1.0), received, happened, origin
    )


@pytest.fixture
def engine(lives, run, monkeypatch):
    """One whose commits take a tenth of a second by a clock that stands otherwise."""
    made = lives.engine(run, Hand())
    made.clock = clock = Clock()
    made.resume()
    commit = made.store.commit

    def slow():
        commit()
        clock.now += 0.1
        return clock.now

    monkeypatch.setattr(made.store, "commit", slow)
    return made


def test_what_was_committed_in_time_counts(engine):
    for key in range(40):
        engine.take([event(key, received=engine.clock())])
        engine.clock.now += 1.0
    flags = [flag for _, _, _, flag in scores(engine)]
    assert flags == [0] * 39


@pytest.mark.parametrize(
    "when", ["received in the same group", "received before the commit was over", "happened before it"]
)
def test_what_was_committed_after_it_was_known_does_not(when, engine):
    engine.take([event(0, received=engine.clock())])
    if when == "received in the same group":
        engine.clock.now = 1005.0
        engine.take([event(1, received=1002.0), event(2, received=1003.0)])
        assert [flag for _, _, _, flag in scores(engine)] == [0, Flag.LATE]
        return
    durable = engine.clock()
    happened = durable - 0.05 if when == "happened before it" else None
    received = durable + 1.0 if happened else durable - 0.05
    engine.clock.now = max(received, engine.clock())
    engine.take([event(1, received=received, happened=happened)])
    assert [flag for _, _, _, flag in scores(engine)] == [Flag.LATE]


def predictions(engine):
    return engine.store._connection.execute("SELECT key, flags FROM predictions ORDER BY key").fetchall()


def test_what_came_later_is_flagged_and_kept(engine):
    origins = [Origin.HISTORY, Origin.FILL, Origin.STREAM]
    for key, origin in enumerate(origins):
        engine.take([event(key, 1001.0, origin=origin)])
    late = [flags & Flag.BACKFILLED for _, flags in predictions(engine)]
    assert late == [Flag.BACKFILLED, Flag.BACKFILLED, 0]
    assert len(ledger(engine)[0]) == 3


def test_a_cold_state_does_not_count(engine):
    needed = engine.forecaster.needed
    assert needed > 100
    for key in range(needed + 5):
        engine.take([event(key, 1e9)])
    assert [bool(flags & Flag.COLD) for _, flags in predictions(engine)] == [True] * (needed - 1) + [
        False
    ] * 6


def test_what_nobody_saw_is_not_scored(engine):
    def come(item):
        engine.clock.now += 1.0
        engine.take([event(item, engine.clock()) if isinstance(item, int) else item])

    for item in (0, 1, 2, Gap(3, 9, "disconnect", "unfillable", "pruned", 1.0, 2.0), 10, 11):
        come(item)
    found = [
        (key, by, bool(flags & Flag.ACROSS_HOLE), bool(np.isfinite(losses).all()))
        for key, by, losses, flags in scores(engine)
    ]
    assert found == [(0, 1, False, True), (1, 2, False, True), (2, 9, True, False), (10, 11, False, True)]


def test_what_is_there_is_passed_over(engine):
    engine.take([event(key, 1e9) for key in range(5)])
    before = engine.store.head_hash(), ledger(engine)[0].tolist(), engine.forecaster.seen
    engine.take([event(key, 1e9) for key in range(5)])
    assert (engine.store.head_hash(), ledger(engine)[0].tolist(), engine.forecaster.seen) == before


def test_snapshots_come_by_events_and_by_seconds(engine):
    def kept():
        return [key for (key,) in engine.store._connection.execute("SELECT key FROM snapshots ORDER BY key")]

    engine.settings = Settings(snapshot_events=10, snapshot_seconds=5.0)
    engine.clock.now = 1000.0
    for key in range(10):
        engine.take([event(key, 1e9)])
    assert kept() == [9]
    engine.take([event(10, 1e9)])
    engine.clock.now += 6.0
    engine.take([event(11, 1e9)])
    assert kept() == [9, 11]


def test_a_full_disk_stops_it_and_room_lets_it_go_on(run, trades, lives):
    whole = lives.engine(run, panel_of(trades, run.recipe), "whole")
    drive(whole)
    engine = lives.engine(run, panel_of(trades, run.recipe), "full")
    pages = engine.store._connection.execute("PRAGMA page_count").fetchone()[0]
    engine.store._connection.execute(f"PRAGMA max_page_count = {pages + 12}")
    with pytest.raises(StoreFullError, match=r"no room left .* all before it is kept"):
        drive(engine)
    stopped = engine.store.position()
    assert stopped is not None
    engine.store.close()
    again = lives.engine(run, panel_of(trades, run.recipe), "full")
    assert again.store.position() == stopped
    drive(again)
    assert again.store.head_hash() == whole.store.head_hash()


def test_it_tells_how_it_is_and_what_happened(run, trades, tmp_path):
    """A whole life of a file, with its health, its log and its farewell."""
    feed = FileFeed("file:x", panel_of(trades, run.recipe))
    engine = engine_of(
        run, feed, tmp_path / "a.sqlite", Settings(health_seconds=0.05), tmp_path / "log.jsonl"
    )
    asyncio.run(engine.run())
    rows = [
        json.loads(body)
        for (body,) in engine.store._connection.execute("SELECT body FROM health ORDER BY id")
    ]
    engine.close()
    assert rows[0]["state"] == "starting"
    assert rows[-1]["state"] == "ended"
    assert rows[-1]["last_key"] == len(trades) - 1
    assert rows[-1]["events"] == sum(rows[-1]["latency_counts"]) == len(trades)
    assert rows[-1]["memory_bytes"] > 1e6
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["started", "ended"]


def test_gaps_and_notes_go_into_store_and_log(run, tmp_path):
    engine = engine_of(run, Hand(), tmp_path / "a.sqlite", Settings(), tmp_path / "log.jsonl")
    engine.resume()
    engine.take(
        [event(0, 1.0), Note("reconnect", "again"), Gap(1, 2, "silence", "filled", "by REST", 1.0, 2.0)]
    )
    assert engine.store._connection.execute("SELECT kind, text FROM notes").fetchall() == [
        ("reconnect", "again")
    ]
    assert engine.store._connection.execute("SELECT first, last, outcome FROM gaps").fetchall() == [
        (1, 2, "filled")
    ]
    engine.close()
    kinds = [json.loads(line)["event"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert kinds == ["started", "reconnect", "gap"]


def test_a_store_of_another_run_is_refused(run, trades, lives, tmp_path):
    lives.engine(run, Hand()).close()
    other = open_run(Small(trades).fit(tmp_path / "other", seed=1).run.folder.path)
    with pytest.raises(BrokenStoreError, match="another run's: its predictions are those of other weights"):
        lives.engine(other, Hand())


def test_a_run_that_wants_the_future_is_refused(tmp_path, lives):
    from tasks.panels import LOOKBACK, table

    recipe = LOOKBACK | {"target": "a", "horizons": [1], "known": ["k"]}
    run = fit(table(400), tmp_path / "run", "lstm", training={"epochs": 1}, recipe=recipe).run
    with pytest.raises(ConfigError, match="wants 'k', known in advance, which no feed gives"):
        feed_of("stdin:", open_run(run.folder.path).recipe)


def test_a_model_that_does_not_stream_is_refused(run, lives, monkeypatch):
    whole = SimpleNamespace(**vars(run), name="lstm")
    whole.model = SimpleNamespace(streams=False, stride=1, latency=0)
    with pytest.raises(ConfigError, match="does not stream"):
        lives.engine(whole, Hand())


def test_since_says_where_a_file_begins(run, trades, lives):
    engine = lives.engine(run, panel_of(trades, run.recipe), since=Since(0, 700))
    drive(engine)
    assert ledger(engine)[0][0] == 700


def test_a_clock_set_back_tells_nothing(engine):
    """What was received by a clock that was ahead may have been known before the commit."""
    engine.take([event(0, received=engine.clock())])
    engine.clock.now += 1.0
    engine.take([event(1, received=engine.clock() + 100.0)])
    assert [flag for _, _, _, flag in scores(engine)] == [Flag.LATE]


def test_what_the_run_was_fitted_on_does_not_count(run, trades, lives):
    """Nor do baselines count it twice."""
    recipe = run.recipe
    engine = lives.engine(run, panel_of(trades, recipe))
    counted = engine.forecaster.baselines["base_rate"].each[0].state()["rows"]
    drive(engine, group=1)
    fitted = [bool(flags & Flag.FITTED) for _, flags in predictions(engine)]
    within = (trades.time >= recipe.fitted_from) & (trades.time <= recipe.fitted_until)
    assert fitted == within.tolist()
    assert 0.7 < np.mean(fitted) < 0.9
    after = engine.forecaster.baselines["base_rate"].each[0].state()["rows"]
    assert after == counted + int((~within).sum()) - 1


def test_a_group_that_failed_leaves_no_snapshot(engine, monkeypatch):
    """The model has seen what the store has not."""
    engine.take([event(0, 1000.0)])
    monkeypatch.setattr(engine.store, "commit", lambda: (_ for _ in ()).throw(StoreFullError("full")))
    with pytest.raises(StoreFullError):
        engine.take([event(1, 1001.0)])
    monkeypatch.undo()
    engine.finish("stopped")
    kept = [key for (key,) in engine.store._connection.execute("SELECT key FROM snapshots")]
    assert not kept


def bars_run(folder, **recipe):
    from tasks.panels import LOOKBACK, bars

    usual = LOOKBACK | {"scale_halflife": 20.0, "target": "return"}
    training = {"epochs": 1, "streams": 4, "update_every": 32, "sampler": "streams"}
    return open_run(
        fit(bars(400), folder / "run", "lstm", training=training, recipe=usual | recipe).run.folder.path
    )


class HandBars(Hand):
    """Hourly bars by hand."""

    def __init__(self):
        super().__init__()
        self.kind, self.columns, self.step = "bars", ("open", "high", "low", "close", "volume"), 3600.0


def bar(key, received):
    price = 100.0 + key % 5
    return Event(key, 3600.0 * key, (price, price, price, price, 1.0), received)


def test_of_several_horizons_the_nearest_says_whether_it_was_late(tmp_path, lives):
    """Eleven of twelve outcomes were in the same group."""
    engine = lives.engine(bars_run(tmp_path, horizons=[1, 12]), HandBars())
    engine.resume()
    now = time.time()
    engine.take([bar(key, now - 600.0 + key) for key in range(12)])
    for key in range(12, 26):
        engine.take([bar(key, time.time())])
    late = [bool(flags & Flag.LATE) for _, _, _, flags in scores(engine)]
    assert late[:11] == [True] * 11
    assert late[11:] == [False] * (len(late) - 11)
    assert len(late) == 14


def test_reset_gives_up_what_waits_for_bars(tmp_path, lives):
    engine = lives.engine(bars_run(tmp_path, horizon=3), HandBars(), policy="reset")
    engine.resume()
    for key in range(50):
        engine.take([bar(key, time.time())])
    engine.take([Gap(50, 59, "missing", "unfillable", "down", 1.0, 2.0)])
    engine.take([bar(60, time.time())])
    flags = {key: flags for key, _, _, flags in scores(engine)}
    assert sorted(flags) == list(range(50))
    assert all(flags[key] & Flag.ACROSS_HOLE for key in (47, 48, 49))
    assert list(engine.state.pending) == [60]


def test_a_swap_does_not_change_what_was_said(run, trades, lives, tmp_path):
    """What the one before said is judged as it was said, by the one after it and after a stop."""
    other = open_run(Small(trades).fit(tmp_path / "other", seed=5).run.folder.path)
    engine = lives.engine(run, Hand(), "swapped")
    engine.resume()
    challenger = forecaster_of(other, engine.store.head.baselines, engine.store.head.units)
    number = engine.add_challenger(challenger.digest, str(other.folder.path))
    engine.state.shadow = (number, challenger)
    for key in range(30):
        engine.take([event(key, time.time())])
    engine.swap(*reversed((challenger, number)), "better")
    for key in range(30, 40):
        engine.take([event(key, time.time())])
    keys, numbers = ledger(engine)
    for key, _, losses, _ in scores(engine):
        up = (key + 1) % 3 > key % 3
        p = numbers[keys == key][0, 0]
        assert losses[0] == pytest.approx(-np.log(p if up else 1 - p), abs=1e-12)
    engine.store.close()
    check_after_a_stop(run, lives, engine.store.head_hash())


def check_after_a_stop(run, lives, head):
    import sqlite3

    with sqlite3.connect(lives.folder / "swapped.sqlite") as connection:
        connection.execute("DELETE FROM snapshots")
    connection.close()
    again = lives.engine(run, Hand(), "swapped")
    again.resume()
    assert (again.state.champion, again.store.head_hash()) == (2, head)
    said = again.forecaster.pending()
    assert [one.key for one in said] == [39]
    assert said[0].numbers == ledger(again)[1][-1]


def test_a_challenger_that_fails_harms_nobody(run, trades, lives):
    engine = lives.engine(run, Hand())
    engine.resume()

    class Broken:
        def step(self, event):
            raise DataError("the model's forecast is not a number")

    engine.state.shadow = (7, Broken())
    engine.take([event(0, 1.0)])
    assert engine.state.shadow is None
    assert engine.store._connection.execute("SELECT kind FROM notes").fetchall() == [("challenger",)]


def test_challengers_are_judged_in_the_units_of_the_store(tmp_path, lives):
    from tasks.panels import LOOKBACK, table

    panel = replace(table(400), known=())
    recipe = LOOKBACK | {"target": "a,b", "horizons": [1, 4]}
    run = open_run(
        fit(panel, tmp_path / "run", "lstm", training={"epochs": 1}, recipe=recipe).run.folder.path
    )
    engine = lives.engine(run, panel)
    drive(engine)
    engine.finish("stopped")  # with a snapshot of two columns
    units = engine.store.head.units
    assert len(units) == 2
    text = run.folder.baselines.read_text()
    carried = json.loads(text)
    carried["units"] = [3 * unit for unit in carried["units"]]
    run.folder.baselines.write_text(json.dumps(carried))
    assert tuple(forecaster_of(run, units=units).scorer.units) == units
    run.folder.baselines.write_text(text)
    head = engine.store.head_hash()
    engine.store.close()
    again = lives.engine(run, panel)
    again.resume()
    assert again.forecaster.seen == len(panel)
    assert again.store.head_hash() == head
