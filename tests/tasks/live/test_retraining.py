"""Retraining: another process, a trial on the same events, a swap between two of them."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from ostinato.errors import ConfigError
from ostinato.live.engine import Settings
from ostinato.live.feeds.file import FileFeed
from ostinato.tasks.forecasting import open_run
from ostinato.tasks.forecasting.live import engine_of
from ostinato.tasks.forecasting.live.retraining import Duel, Retraining, parse_schedule, schedule
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
            plan.since = 1e9  # once is enough
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
    assert engine.champion == 2
    keys, numbers = ledger(engine)
    engine.close()
    alone = engine_of(
        open_run(tmp_path / "models" / "1"), FileFeed("x", panel), tmp_path / "alone.sqlite", Settings()
    )
    drive(alone)
    np.testing.assert_array_equal(ledger(alone)[1][keys >= since], numbers[keys >= since])
    alone.close()


def test_a_training_that_fails_is_a_note(run, longer, tmp_path, monkeypatch):
    """Too few rows to be split, by a horizon that nothing reaches."""
    panel = panel_of(longer, run.recipe)
    engine = engine_of(run, FileFeed("file:x", panel), tmp_path / "a.sqlite", Settings())
    drive(engine)
    plan = Retraining(("events", 1000.0), tmp_path / "models")
    plan.watch(engine)
    monkeypatch.setattr(engine, "model", lambda number: type("M", (), {"path": str(tmp_path / "gone")})())
    plan.since = 0.0
    plan.look(engine)
    assert plan.child is not None
    plan.child.wait(60)
    plan.look(engine)
    notes = [text for (text,) in table(engine, "SELECT text FROM notes")]
    engine.close()
    assert len(notes) == 2
    assert "failed: no run in" in notes[1]
    assert not list((tmp_path / "models").glob("tmp*"))


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
    duel = Duel(2)
    for difference in differences:
        duel.compare(1.0, 1.0 + difference)
    assert duel.verdict(100) is verdict
    assert duel.mean == pytest.approx(np.mean(differences))


def test_the_interval_decides_before():
    duel = Duel(2)
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


def test_it_is_due_by_the_clock_of_the_exchange(run):
    plan = Retraining(("seconds", 3600.0), "models")
    engine = type("E", (), {})()
    engine.meters = type("M", (), {"events": 5000})()
    due = []
    for time in (0.0, 3599.0, 3601.0, 3700.0, 7300.0):
        engine.position = type("P", (), {"time": time})()
        due.append(plan._is_due(engine))
    assert due == [False, False, True, False, True]
