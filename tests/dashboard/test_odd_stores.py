"""Stores whose numbers are valid and absurd, and stores that are moved, replaced or cannot be read: all is said."""

import asyncio
import io
import json

import pytest
from rich.console import Console
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dashboard.conftest import serving, until
from dashboard.stores import Event, Writer, direction_head
from dashboard.test_view import shown, viewed
from ostinato.dashboard import server, tui, watching
from ostinato.dashboard.status import status
from ostinato.dashboard.view import View
from ostinato.errors import ConfigError
from ostinato.store import Health, Origin, Reader


def at_prices(path, *prices, start=1000):
    """A store whose trades have these prices."""
    writer = Writer(path, direction_head())
    writer.store.begin()
    for key, price in enumerate(prices, start):
        writer.store.add_event(
            Event(key, writer.start + key, (price, 1.0), writer.start, None, Origin.STREAM)
        )
        writer.store.add_prediction(key, 1, [0.5], [0.5, 0.5, 0.5], 0, 1.0)
        if key > start:
            writer.store.add_score(key - 1, key, [1.0], [0.7, 0.7, 0.7, 0.7])
    writer.store.commit()
    writer.health()
    writer.close()
    return path


ABSURD = (1e-300, 1e15, 1e-290, 1e17, 1e-280, 100.0, 101.0)


def test_moves_that_are_no_numbers_are_passed_over(tmp_path):
    found = shown(viewed(at_prices(tmp_path / "absurd.sqlite", *ABSURD)))
    assert found["health"]["state"] == "live"
    assert found["costs"]["mean_move"] is None or found["costs"]["mean_move"] > 0
    view = viewed(at_prices(tmp_path / "one.sqlite", 1e-300, 1e15, 2e15))
    assert shown(view)["costs"]["mean_move"] == pytest.approx(1.0)  # of the one move that is a number


def test_a_mean_that_is_no_number_is_left_out(tmp_path):
    path = at_prices(tmp_path / "large.sqlite", *[1e-290, 1e18] * 30)  # each a number, their sum none
    assert shown(viewed(path))["costs"]["mean_move"] is None


def test_absurd_prices_are_served(tmp_path):
    with serving(at_prices(tmp_path / "absurd.sqlite", *ABSURD)) as client:
        state = until(lambda: (s := client.get("/api/state").json()).get("verdict") and s)
        assert state["status"]["kind"] == "live"
        assert client.get("/healthz").status_code == 200
        with connect(f"ws://127.0.0.1:{client.base_url.port}/live") as page:
            assert json.loads(page.recv(timeout=20))["headline"]["price"] == 101.0


@pytest.mark.parametrize("time", [1e300, float("inf"), float("-inf")])
def test_a_time_that_is_none(time):
    row = Health(time=0.0, state="ended", feed="f", started=0.0, stale_after=30.0)
    assert "unknown time" in status(row.model_copy(update={"time": time, "last_received": time}), 1e9).words


def test_a_reading_that_fails_is_said_until_it_does_not(writer, monkeypatch):
    """Never "Nothing yet"."""
    monkeypatch.setattr(watching, "RETRY", 0.02)

    def broken(*_):
        raise ConfigError("it broke.")

    with monkeypatch.context() as broken_for_now:
        broken_for_now.setattr(View, "read", broken)
        with serving(writer.path) as client:
            until(lambda: client.get("/healthz").status_code == 503)
            for _ in range(20):  # nor between two attempts
                state = client.get("/api/state").json()
                assert state["status"]["kind"] == "lost"
                assert "it broke." in state["status"]["words"]
            broken_for_now.undo()
            assert until(lambda: client.get("/healthz").status_code == 200)
            assert client.get("/api/state").json()["status"]["kind"] == "live"


def test_a_watch_that_has_ended_is_said(writer, monkeypatch):
    async def end(self):
        raise ZeroDivisionError("no more")

    monkeypatch.setattr(server.Watch, "run", end)
    with serving(writer.path) as client:
        health = until(lambda: (h := client.get("/healthz")).status_code == 503 and h)
        assert "reading has ended (ZeroDivisionError: no more)" in health.text
        assert client.get("/api/state").json()["status"]["kind"] == "lost"


def test_a_terminal_says_it_too(writer, monkeypatch):
    answers = iter([ConfigError("it broke."), ZeroDivisionError("so did that")])
    real = View.read

    def broken(self, *arguments):
        error = next(answers, None)
        if error is not None:
            raise error
        return real(self, *arguments)

    monkeypatch.setattr(View, "read", broken)
    console, looks = Console(file=io.StringIO(), width=120), []

    def wait(seconds):
        looks.append(seconds)
        return len(looks) > 3

    pages = []
    monkeypatch.setattr(tui, "screen", lambda view, now: pages.append(view.status(now).words) or "")
    tui.watch(writer.path, console, wait=wait)
    assert "it broke." in pages[0]
    assert "so did that" in pages[1]
    assert pages[-1].startswith("Live")


def replaced(path, other):
    """Another store under the same name; the first is moved away."""
    away = path.with_name("away")
    away.mkdir()
    for end in ("", "-wal", "-shm"):
        if path.with_name(path.name + end).exists():
            path.with_name(path.name + end).rename(away / f"{path.name}{end}")
    if other is not None:
        other.rename(path)


def test_a_reader_knows_whether_it_is_still_in_place(tmp_path):
    path = at_prices(tmp_path / "one.sqlite", 1.0, 2.0)
    with Reader.open(path) as reader:
        assert reader.in_place()
        replaced(path, at_prices(tmp_path / "two.sqlite", 1.0))
        assert not reader.in_place()
        path.unlink()
        with pytest.raises(Exception, match="is gone"):
            reader.in_place()


def test_another_store_of_the_same_name_is_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "PLACE", 0.02)
    monkeypatch.setattr(watching, "RETRY", 0.02)
    path = at_prices(tmp_path / "one.sqlite", *range(1, 60))
    with serving(path) as client, connect(f"ws://127.0.0.1:{client.base_url.port}/live") as page:
        until(lambda: client.get("/api/state").json().get("headline", {}).get("key") == 1058)
        while json.loads(page.recv(timeout=20)).get("headline", {}).get("key") != 1058:
            pass
        replaced(path, at_prices(tmp_path / "two.sqlite", 7.0, 8.0, start=5))
        until(lambda: client.get("/api/state").json().get("headline", {}).get("key") == 6)
        assert client.get("/api/state").json()["scores"]["note"].startswith("1 forecasts")
        while not (message := json.loads(page.recv(timeout=20))).get("headline"):
            pass
        assert message["full"]  # what the page had is of the other
        assert message["headline"]["key"] == 6
        path.unlink()
        until(lambda: client.get("/healthz").status_code == 503)
        path.with_name("away").joinpath(path.name).rename(path)
        until(lambda: client.get("/api/state").json().get("headline", {}).get("key") == 1058)


def test_who_follows_predictions_is_told(tmp_path, monkeypatch):
    from ostinato.dashboard import stream

    monkeypatch.setattr(stream, "PLACE", 0.02)
    path = at_prices(tmp_path / "one.sqlite", 1.0, 2.0)
    with serving(path) as client:
        address = f"ws://127.0.0.1:{client.base_url.port}/predictions?after=0"
        with connect(address) as one:
            assert json.loads(one.recv(timeout=20))["key"] == 1000
            assert json.loads(one.recv(timeout=20))["key"] == 1001
            replaced(path, at_prices(tmp_path / "two.sqlite", 7.0, start=5))
            with pytest.raises(ConnectionClosed, match="another store"):
                one.recv(timeout=20)
        with connect(address) as one:
            assert json.loads(one.recv(timeout=20))["key"] == 5
            path.unlink()
            with pytest.raises(ConnectionClosed, match=r"is gone|there is no store"):
                one.recv(timeout=20)


def test_a_terminal_shows_the_other_store_too(tmp_path, monkeypatch):
    path = at_prices(tmp_path / "one.sqlite", 1.0, 2.0)
    keys, looks = [], []
    monkeypatch.setattr(tui, "screen", lambda view, now: keys.append(view.latest and view.latest.key) or "")

    def wait(seconds):
        looks.append(seconds)
        if len(looks) == 1:
            replaced(path, at_prices(tmp_path / "two.sqlite", 7.0, start=5))
        return len(looks) > 2

    tui.watch(path, Console(file=io.StringIO()), wait=wait)
    assert keys[0] == 1001
    assert keys[-1] == 5


def test_a_view_goes_on_with_its_own_store(writer):
    async def go():
        watch = watching.Watch(writer.path, View("s"))
        running = asyncio.create_task(watch.run())
        await watch.changed(2, 20)
        view = watch.view
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with Reader.open(writer.path) as reader:
            assert view.of(reader) is view

    asyncio.run(go())
