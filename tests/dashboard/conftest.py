"""Small stores, and a server on a free port."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dashboard.stores import Writer, direction_head, values_head
from ostinato.dashboard.server import DashboardOptions, serve


@contextmanager
def serving(store: Path, **options):
    """A server in a thread of its own; gives a client of it."""
    told, stop, failed = [], threading.Event(), []
    ready = threading.Event()

    def work() -> None:
        try:
            serve(DashboardOptions(store, port=options.pop("port", 0), **options), tell=tell, until=stop.wait)
        except BaseException as error:
            failed.append(error)
            ready.set()

    def tell(address: str) -> None:
        told.append(address)
        ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(30)
        if failed:
            raise failed[0]
        with httpx.Client(base_url=told[0].partition("?")[0], trust_env=False, timeout=20) as client:
            yield client
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def until(true, seconds: float = 20.0):
    """The first value of ``true()`` that is one; asked again and again."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
    return found


@pytest.fixture
def writer(tmp_path):
    """A store of directions with 400 events."""
    one = Writer(tmp_path / "live.sqlite", direction_head())
    one.run(400)
    one.health()
    yield one
    one.close()


@pytest.fixture
def values_writer(tmp_path):
    """A store of returns of bars with 300 events."""
    one = Writer(tmp_path / "values.sqlite", values_head(), apart=60.0, start=time.time() - 300 * 60)
    one.run(300)
    one.health()
    yield one
    one.close()
