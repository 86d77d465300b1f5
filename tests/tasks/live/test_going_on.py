"""A stop at any moment, and the ledger that would have been anyway."""

import copy
import random
import sqlite3

import numpy as np
import pytest

from ostinato.live import Event, Gap, Position
from ostinato.live.feeds import Feed
from ostinato.store import verify
from ostinato.tasks.forecasting import open_run
from ostinato.tasks.forecasting.live.baselines import live_baselines
from ostinato.tasks.forecasting.live.stepping import RunForecaster
from ostinato.tasks.forecasting.predicting import forecast_rows
from ostinato.tasks.forecasting.reading import panel_of
from ostinato.tasks.forecasting.targets import target_of
from tasks.conftest import Small
from tasks.live.conftest import drive, ledger, scores


class Listed(Feed):
    """Releases items of a list that are not stored yet."""

    def __init__(self, items):
        super().__init__("listed", "trades", ("price", "amount"))
        self.items = items

    async def batches(self, after, since):
        yield [item for item in self.items if after is None or last_key(item) > after.key]


def last_key(item):
    return item.key if isinstance(item, Event) else item.last


def events_of(trades, lost=(), first=0):
    """Events of trades, with the keys of ``lost`` (first, last) declared as gone."""
    gone = {key for span in lost for key in range(span[0], span[1] + 1)}
    items = []
    for row in range(first, len(trades)):
        if row in gone:
            items += [
                Gap(*span, "disconnect", "unfillable", "pruned", 1.0, 2.0) for span in lost if span[0] == row
            ]
        else:
            time = float(trades.time[row])
            items.append(Event(row, time, (float(trades.price[row]), float(trades.amount[row])), time, time))
    return items


@pytest.fixture(scope="module", params=["lstm", "tcn"])
def run(request, trades, tmp_path_factory):
    """One whose state has no end, and one with a window."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    return open_run(Small(trades, request.param).fit(folder).run.folder.path)


def whole(lives, run, feed, **settings):
    engine = lives.engine(run, feed, "whole", **settings)
    drive(engine)
    return engine.store.head_hash(), ledger(engine), scores(engine)


def dropped(engine):
    """What a kill leaves: no farewell."""
    engine.store.close()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("policy", ["carry", "reset"])
def test_stops_anywhere_change_nothing(seed, policy, run, trades, lives):
    chance = random.Random(seed)
    lost = [(300, 305), (306, 306), (700, 820)]
    expected = whole(lives, run, Listed(events_of(trades, lost)), policy=policy)
    for stop in [*sorted(chance.sample(range(1200), 6)), None]:
        engine = lives.engine(
            run, Listed(events_of(trades, lost)), policy=policy, snapshot_events=chance.choice([1, 90, 5000])
        )
        drive(engine, stop, group=chance.choice([1, 3, 64]))
        dropped(engine)
    engine = lives.engine(run, Listed(events_of(trades, lost)), policy=policy)
    engine.resume()
    assert engine.store.head_hash() == expected[0]
    assert [row[:2] for row in scores(engine)] == [row[:2] for row in expected[2]]
    np.testing.assert_array_equal([row[2] for row in scores(engine)], [row[2] for row in expected[2]])
    assert not engine.store._connection.execute("SELECT * FROM notes").fetchall()


@pytest.mark.parametrize("harm", ["flip", "empty", "none"])
def test_a_damaged_snapshot_is_passed_over(harm, run, trades, lives):
    expected = whole(lives, run, Listed(events_of(trades)))
    engine = lives.engine(run, Listed(events_of(trades)), snapshot_events=50)
    drive(engine, 600)
    dropped(engine)
    with sqlite3.connect(engine.store.path) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone()[0] == 3
        if harm == "none":
            connection.execute("DELETE FROM snapshots")
        for rowid, state in connection.execute("SELECT key, state FROM snapshots").fetchall()[1:]:
            bad = b"" if harm == "empty" else state[:-9] + bytes([state[-9] ^ 1]) + state[-8:]
            connection.execute("UPDATE snapshots SET state = ? WHERE key = ?", (bad, rowid))
    connection.close()
    engine = lives.engine(run, Listed(events_of(trades)))
    drive(engine)
    assert engine.store.head_hash() == expected[0]


def test_another_machine_is_told_of(run, trades, lives, monkeypatch):
    """The ledger stays; that the same events give other numbers now is a note."""
    engine = lives.engine(run, Listed(events_of(trades)), snapshot_events=5000)
    drive(engine, 600)
    before = engine.store.head_hash()
    dropped(engine)
    engine = lives.engine(run, Listed(events_of(trades)))
    forecast = engine.forecaster.scorer.forecast
    monkeypatch.setattr(engine.forecaster.scorer, "forecast", lambda y: forecast(y) + 1e-9)
    engine.resume()
    assert engine.store.head_hash() == before
    (note,) = engine.store._connection.execute("SELECT kind, text FROM notes").fetchall()
    assert note[0] == "replay"
    assert "after event 0 came out different by 1e-09" in note[1]


@pytest.mark.parametrize("what", ["numbers", "baselines"])
def test_what_was_said_is_judged_though_a_replay_says_otherwise(what, run, trades, lives, monkeypatch):
    """The event behind a stop settles what the ledger has, not what comes out when it is replayed."""
    engine = lives.engine(run, Listed(events_of(trades)), snapshot_events=5000)
    drive(engine, 300)
    dropped(engine)
    engine = lives.engine(run, Listed(events_of(trades)), snapshot_events=5000)
    with monkeypatch.context() as patch:
        if what == "numbers":
            forecast = engine.forecaster.scorer.forecast
            patch.setattr(engine.forecaster.scorer, "forecast", lambda y: forecast(y) * 0.9)
        else:
            one = next(iter(engine.forecaster.baselines.values()))
            predict = one.predict
            patch.setattr(one, "predict", lambda: predict() * 0.9)
        engine.resume()
    engine.take(events_of(trades)[301:311])
    verdict = verify(engine.store.path)
    assert (verdict.problems, verdict.scores) == ((), 310)
    assert "came out different" in engine.store._connection.execute("SELECT text FROM notes").fetchone()[0]


def test_carried_on_is_as_if_the_lost_ones_had_never_been(run, trades, lives):
    lost = [(300, 420)]
    engine = lives.engine(run, Listed(events_of(trades, lost)), policy="carry")
    drive(engine)
    keys, numbers = ledger(engine)
    panel = panel_of(trades, run.recipe)
    kept = np.setdiff1d(np.arange(len(panel)), np.arange(300, 421))
    rest = type(panel)(
        panel.kind,
        panel.time[kept],
        {name: column[kept] for name, column in panel.values.items()},
        panel.report,
    )
    np.testing.assert_array_equal(keys, kept)
    np.testing.assert_allclose(numbers[:, 0], forecast_rows(run, rest, np.arange(len(rest))), atol=1e-6)


def test_reset_begins_anew_behind_the_hole(run, trades, lives):
    engine = lives.engine(run, Listed(events_of(trades, [(300, 420)])), "a", policy="reset")
    drive(engine)
    fresh = lives.engine(run, Listed(events_of(trades, first=421)), "b")
    drive(fresh)
    behind = ledger(engine)[0] > 420
    np.testing.assert_array_equal(ledger(engine)[1][behind], ledger(fresh)[1])


def test_a_position_is_where_the_feed_goes_on(run, trades, lives):
    engine = lives.engine(run, Listed(events_of(trades)))
    drive(engine, 99)
    assert engine.position == Position(99, float(trades.time[99]))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
def test_a_copied_forecaster_goes_on_by_itself(run, trades, way):
    """Stepper, rows, queue and baselines: the copy says what the original would have said, and leaves it alone."""
    events, target = events_of(trades)[:60], target_of(run.recipe)
    made = RunForecaster(run, live_baselines(run, target).baselines)
    for event in events[:30]:
        made.step(event)
    twin = way(made)
    states = []
    for forecaster in (twin, made):
        said = [forecaster.step(event) for event in events[30:]]
        states.append((forecaster.state(), [step.answer.numbers.tolist() for step in said]))
    assert states[0] == states[1]
    assert (twin.run.model is run.model) == (way is copy.copy)
