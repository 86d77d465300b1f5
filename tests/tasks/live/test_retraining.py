"""Retraining: another process, a trial on the same events, a swap between two of them."""

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ostinato.errors import ConfigError, DataError, StateError
from ostinato.live import Event, Gap
from ostinato.live.engine import Settings
from ostinato.live.feeds import Feed
from ostinato.live.feeds.file import FileFeed
from ostinato.live.replaying import Track
from ostinato.store import StoredModel, resuming
from ostinato.tasks.forecasting import open_run
from ostinato.tasks.forecasting.live import engine_of, forecaster_of
from ostinato.tasks.forecasting.live.challenger_store import ChallengerStore
from ostinato.tasks.forecasting.live.retraining import Duel, Retraining, schedule
from ostinato.tasks.forecasting.live.schedules import Schedule, parse_schedule
from ostinato.tasks.forecasting.live.states import read_state, write_state
from ostinato.tasks.forecasting.live.trainer import parts_of
from ostinato.tasks.forecasting.reading import panel_of
from tasks.conftest import Small
from tasks.live.conftest import drive, ledger

ROWS = 1_500


@pytest.fixture(scope="module")
def run(longer, trades, tmp_path_factory):
    return open_run(Small(trades).fit(tmp_path_factory.mktemp("runs") / "run").run.folder.path)


TRIED = 1_200  # the row at which a file waits until a challenger speaks beside the champion
DECIDED = 1_300  # and until it is decided between them


class Held(FileFeed):
    """A file that waits at two rows until it is let go."""

    def __init__(self, panel):
        super().__init__("file:held", panel)
        self.gates = {TRIED: asyncio.Event(), DECIDED: asyncio.Event()}

    async def batches(self, after, since):
        async for items in super().batches(after, since):
            if items[0].key in self.gates:
                await self.gates[items[0].key].wait()
            yield items


class Hand(Feed):
    """Releases nothing by itself."""

    def __init__(self):
        super().__init__("by hand", "trades", ("price", "amount"))

    async def batches(self, after, since):
        return
        yield


async def with_a_challenger(run, panel, store, folder, better):
    """Live through a panel; the challenger is trained on the first rows and is better, or not, by decree."""
    feed = Held(panel)
    engine = engine_of(run, feed, store, Settings(health_seconds=0.05))
    plan = Retraining(("events", 1000.0), folder)

    def look(engine):
        if plan.duel is not None:
            feed.gates[TRIED].set()
            plan.duel.verdict = lambda trial: better if engine.position.key == DECIDED - 1 else None
        elif feed.gates[TRIED].is_set():
            plan.schedule.since = 1e9  # once is enough
            feed.gates[DECIDED].set()

    engine.each_second.append(look)
    plan.watch(engine)
    try:
        await asyncio.wait_for(engine.run(), 120)
    finally:
        plan.close()
    return engine


def table(engine, sql):
    return engine.store._connection.execute(sql).fetchall()


@pytest.mark.timeout(200)
@pytest.mark.usefixtures(
    "forked_processes"
)  # an interpreter of its own is that of the training that fails, below
@pytest.mark.parametrize("better", [True, False])
def test_a_challenger_is_trained_tried_and_taken_or_not(better, run, longer, tmp_path, monkeypatch):
    panel = panel_of(longer, run.recipe)
    store = tmp_path / "live.sqlite"
    engine = asyncio.run(with_a_challenger(run, panel, store, tmp_path / "models", better))
    try:
        models = {
            number: (role, since)
            for number, role, since in table(engine, "SELECT id, role, since_key FROM models")
        }
        kinds = [kind for (kind,) in table(engine, "SELECT kind FROM notes")]
        shadows = table(engine, "SELECT count(*), min(key), min(loss) FROM shadows")[0]
        spoken = dict(table(engine, "SELECT model, count(*) FROM predictions GROUP BY model"))
        assert kinds == ["training", "swap" if better else "retired"]
        assert shadows[0] == DECIDED - TRIED - 1  # the last of them is not known yet
        assert shadows[2] >= 0
        if not better:
            assert models == {1: ("champion", None), 2: ("retired", None)}
            assert spoken == {1: ROWS}
            return
        assert models[1][0] == "retired"
        role, since = models[2]
        assert role == "champion"
        assert since == DECIDED
        assert spoken == {1: since, 2: ROWS - since}
        head = engine.store.head_hash()
    finally:
        engine.close()
    check_the_new_one(run, panel, store, since, head, tmp_path)


def check_the_new_one(run, panel, store, since, head, tmp_path):
    """It speaks as if it had seen all events from the beginning, and goes on speaking after a stop."""
    engine = engine_of(run, FileFeed("file:held", panel), store, Settings())
    drive(engine)
    assert engine.store.head_hash() == head
    assert engine.state.champion == 2
    keys, numbers = ledger(engine)
    engine.close()
    alone = engine_of(
        open_run(tmp_path / "models" / "1"), FileFeed("x", panel), tmp_path / "alone.sqlite", Settings()
    )
    drive(alone)
    np.testing.assert_array_equal(ledger(alone)[1][keys >= since], numbers[keys >= since])
    alone.close()


def test_a_training_that_fails_is_a_note(run, longer, tmp_path):
    """The run that it was to be like is gone."""
    engine = engine_of(
        run, FileFeed("file:x", panel_of(longer, run.recipe)), tmp_path / "a.sqlite", Settings()
    )
    drive(engine)
    plan = Retraining(("events", 1000.0), tmp_path / "models")
    plan.watch(engine)
    engine.forecaster.run = SimpleNamespace(folder=SimpleNamespace(path=tmp_path / "gone"))
    plan.schedule.since = 0.0
    plan.poll(engine)
    assert plan.child is not None
    plan.child.process.wait(60)
    plan.poll(engine)
    notes = [text for (text,) in table(engine, "SELECT text FROM notes")]
    plan.close()
    engine.close()
    assert (tmp_path / "models" / "1.log").read_text().count("\n") == 1  # nothing else, no warning
    assert len(notes) == 2
    assert "failed: no run in" in notes[1]
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["1.log", "schedule.json"]


def test_a_training_that_cannot_be_started_is_a_note(run, longer, tmp_path):
    engine = engine_of(
        run, FileFeed("file:x", panel_of(longer, run.recipe)), tmp_path / "a.sqlite", Settings()
    )
    drive(engine)
    (tmp_path / "models").write_text("in the way")
    plan = Retraining(("events", 1000.0), tmp_path / "models")
    plan.watch(engine)
    plan.schedule.since = 0.0
    plan.poll(engine)
    notes = [text for (text,) in table(engine, "SELECT text FROM notes")]
    engine.close()
    assert len(notes) == 1
    assert notes[0].startswith("no challenger can be trained: ")


@pytest.fixture(scope="module")
def other(trades, tmp_path_factory):
    """Another run on the same rows, and its state after all of them."""
    folder = tmp_path_factory.mktemp("runs") / "other"
    Small(trades).fit(folder, seed=1)
    return folder


def caught_up(engine, plan, path):
    """Let a challenger that was trained catch up."""

    async def work():
        plan.run = path
        plan.catching = asyncio.get_running_loop().create_task(plan._catch_up(engine, path))
        await asyncio.wait([plan.catching])
        plan.poll(engine)

    asyncio.run(work())


def with_challenger(engine, other, tmp_path, until):
    """A plan whose first challenger has seen what is stored so far."""
    drive(engine, until)
    plan = Retraining(("events", 1000.0), tmp_path / "models")
    path = plan.challengers.next()
    shutil.copytree(other, path)
    write_state(engine.store.path, path)
    plan.challengers.log(path).touch()
    return plan, path


def gapped(engine, keys):
    """Tell of holes, as a feed does."""
    for first, last in keys:
        engine.take([Gap(first, last, "lost", "unfillable", "asked in vain", 0.0, 0.0)])


def test_it_catches_up_across_holes(run, other, trades, lives, tmp_path):
    """Some before its state, some behind, one at the very end."""
    rows = [Event(3 * key, float(trades.time[key]), (float(trades.price[key]), float(trades.amount[key])), 1e9)
            for key in range(300)]  # fmt: skip
    both = []
    for name in "ab":
        (tmp_path / name).mkdir()
        engine = lives.engine(run, Hand(), name, policy="reset")
        engine.resume()
        engine.take(rows[:100])
        gapped(engine, [(298, 299)])
        engine.take(rows[100:200])
        plan, path = with_challenger(engine, other, tmp_path / name, None)
        gapped(engine, [(598, 599)])
        engine.take(rows[200:])
        gapped(engine, [(898, 899)])
        if name == "a":
            caught_up(engine, plan, path)
            both.append(engine.state.shadow[1])
        else:
            whole = forecaster_of(open_run(path), engine.store.head.baselines)
            track = Track(whole, resuming.unfilled_gaps(engine.store))
            for event in engine.store.events_after():
                track.step(event)
            track.end()
            both.append(whole)
    assert both[0].state() == both[1].state()


def test_a_challenger_that_cannot_speak_retires(run, other, trades, lives, tmp_path, monkeypatch):
    """Its step fails while it catches up: its number in the store is no challenger's any more."""
    engine = lives.engine(run, panel_of(trades, run.recipe))
    plan, path = with_challenger(engine, other, tmp_path, 500)
    drive(engine)

    def fail(self, event):
        raise ValueError("no number")

    monkeypatch.setattr(Track, "step", fail)
    caught_up(engine, plan, path)
    assert table(engine, "SELECT id, role FROM models") == [(1, "champion"), (2, "retired")]
    assert table(engine, "SELECT kind, text FROM notes") == [
        ("retired", f"{path} cannot be promoted: no number")
    ]
    assert (plan.run, plan.number, plan.duel, engine.state.shadow) == (None,) * 4
    assert sorted(one.name for one in plan.challengers.folder.iterdir()) == ["1.log"]


def test_a_challenger_that_the_engine_drops_retires(run, other, trades, lives, tmp_path):
    engine = lives.engine(run, panel_of(trades, run.recipe))
    plan, path = with_challenger(engine, other, tmp_path, 500)
    caught_up(engine, plan, path)
    assert plan.duel is not None

    def fail(event):
        raise DataError("no number")

    engine.state.shadow[1].step = fail
    engine.take([Event(501, float(trades.time[501]), (float(trades.price[501]), 1.0), 1e9)])
    assert engine.state.shadow is None
    plan.poll(engine)
    assert table(engine, "SELECT id, role FROM models") == [(1, "champion"), (2, "retired")]
    assert plan.duel is None
    assert not path.exists()


def test_it_is_the_run_that_speaks(run, trades, lives, tmp_path):
    engine = lives.engine(run, panel_of(trades, run.recipe))
    plan, path = with_challenger(engine, run.folder.path, tmp_path, 500)
    caught_up(engine, plan, path)
    assert table(engine, "SELECT id, role FROM models") == [(1, "champion")]


def test_what_a_life_left_is_tidied_away(tmp_path):
    challengers = ChallengerStore(tmp_path / "models")
    for _ in range(3):
        challengers.next().mkdir()
    for name in ("1.log", "2.log", "7.log"):
        (challengers.folder / name).touch()
    for name in ("\u00b2", "training-x1", "mine"):
        (challengers.folder / name).mkdir()
    models = [
        StoredModel(1, b"", "runs/3", "retired", None, 0.0),
        StoredModel(2, b"", str(challengers.folder / "1"), "champion", 5, 0.0),
        StoredModel(3, b"", str(challengers.folder / "2"), "challenger", None, 0.0),
    ]
    challengers.tidy(models)
    assert sorted(path.name for path in challengers.folder.iterdir()) == [
        *("1", "1.log", "2.log", "7.log", "mine", "\u00b2")
    ]
    assert challengers.next().name == "8"


def test_the_folder_is_found_from_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (plan,) = schedule("daily", Path("live.sqlite"))
    assert plan.challengers.folder == tmp_path.resolve() / "live.sqlite-models"


def test_nearly_all_rows_teach():
    assert parts_of(100_000, 1) == pytest.approx((0.89899, 0.1, 0.00101))
    assert parts_of(1_000, 1) == pytest.approx((0.799, 0.1, 0.101))
    assert parts_of(100, 1) == pytest.approx((0.7, 0.1, 0.2))


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([-0.01] * 99, None),
        ([-0.01, -0.02] * 50, True),
        ([0.01, 0.02] * 50, False),
        ([0.0, 0.01, -0.03] * 34, True),
    ],
)
def test_the_lower_mean_decides_at_the_end_of_a_trial(differences, verdict):
    duel = Duel()
    for difference in differences:
        duel.compare(1.0, 1.0 + difference)
    assert duel.verdict(100) is verdict
    assert duel.mean == pytest.approx(np.mean(differences))


def test_the_interval_decides_before():
    duel = Duel()
    chance = np.random.default_rng(0)
    for difference in -0.05 + 0.01 * chance.standard_normal(2000):
        duel.compare(1.0, 1.0 + difference)
    assert duel.verdict(1_000_000) is True
    assert duel.high < 0


def test_schedules():
    assert parse_schedule("daily") == ("seconds", 86_400.0)
    assert parse_schedule("50000") == ("events", 50_000.0)
    assert schedule(None, Path("x")) == []


@pytest.mark.parametrize("text", ["now", "10", "-5", "1e5", ""])
def test_what_is_no_schedule(text):
    with pytest.raises(ConfigError, match="--retrain must be hourly, daily, weekly or a number of events"):
        parse_schedule(text)


def test_it_is_due_by_the_clock_of_the_exchange(tmp_path):
    plan = Schedule("seconds", 3600.0, tmp_path / "models" / "schedule.json")
    due = [plan.is_due(time, 5000) for time in (0.0, 3599.0, 3601.0, 3700.0, 7300.0)]
    assert due == [False, False, True, False, True]


@pytest.mark.parametrize(("unit", "amount"), [("seconds", 3600.0), ("events", 3600.0)])
def test_a_stop_does_not_begin_the_wait_anew(unit, amount, tmp_path):
    """A new plan for each moment, as if each were a life."""
    file = tmp_path / "models" / "schedule.json"
    due = [Schedule(unit, amount, file).is_due(float(now), now) for now in (1000, 4000, 4601, 8000, 8300)]
    assert due == [False, False, True, False, True]
    assert Schedule(unit, amount, file).is_due(10.0, 10) is False  # a store that was begun anew
    assert Schedule(unit, amount, file).is_due(3611.0, 3611) is True


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"seconds": "x"}', '{"seconds": NaN}', "[" * 10_000, "\udcff"]
)
def test_a_schedule_that_makes_no_sense_begins_anew(text, tmp_path):
    (tmp_path / "s.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert Schedule("seconds", 10.0, tmp_path / "s.json").since is None


def large(path):
    """A file of 2 GiB that takes no room."""
    with path.open("wb") as file:
        file.truncate(1 << 31)
    return path


def test_files_that_are_too_large_are_not_read(tmp_path):
    with pytest.raises(StateError, match="is 2,147,483,648 bytes, more than the 1,073,741,824 allowed here"):
        read_state(large(tmp_path / "live.state"))
    assert Schedule("seconds", 10.0, large(tmp_path / "s.json")).since is None


def test_too_few_events_are_waited_for(tmp_path):
    plan = Schedule("seconds", 10.0, tmp_path / "s.json")
    assert [plan.is_due(time, events) for time, events in ((0.0, 1), (20.0, 999), (21.0, 1000))] == [
        False,
        False,
        True,
    ]
