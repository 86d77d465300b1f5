"""The real server on loopback: the page's websocket, the files, a process of its own."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

import forkserver
from dashboard.conftest import serving, until
from dashboard.stores import Writer, direction_head
from ostinato.dashboard import live


@pytest.fixture
def client(writer):
    with serving(writer.path) as one:
        yield one


def page_of(client, name="auto"):
    return connect(f"ws://127.0.0.1:{client.base_url.port}/live?range={name}", max_size=1 << 24)


def next_with(page, part, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = json.loads(page.recv(timeout=seconds))
        if part in message:
            return message
    raise AssertionError(f"no message with {part}")


def test_everything_at_first_and_then_what_is_new(client, writer):
    with page_of(client) as page:
        whole = json.loads(page.recv(timeout=20))
        assert whole["full"]
        if "headline" not in whole:
            next_with(page, "headline")
        writer.run(5)
        news = next_with(page, "headline")
        assert not news["full"]
        assert news["headline"]["key"] == writer.key
        assert "run" not in news
        assert len(json.dumps(news)) < 8_000
        writer.note("it blinked")
        assert next_with(page, "notes")["notes"][0]["text"] == "it blinked"
        quiet = json.loads(page.recv(timeout=5))  # once a second at least, with the age of the data
        assert quiet["status"]["kind"] == "live"


def test_another_range_is_another_connection(client, writer):
    until(lambda: client.get("/api/state").json().get("headline"))
    with page_of(client, "1h") as page:
        whole = json.loads(page.recv(timeout=20))
        assert (whole["range"], whole["length"]) == ("1h", 3600.0)
    with page_of(client, "nonsense") as page:
        assert json.loads(page.recv(timeout=20))["range"] == "10m"


def test_at_most_four_messages_a_second(client, writer):
    with page_of(client) as page:
        began, messages = time.monotonic(), 0
        while time.monotonic() - began < 2:
            writer.run(20)
            try:
                page.recv(timeout=0.05)
                messages += 1
            except TimeoutError:
                continue
        assert 2 <= messages <= 10


def test_no_more_clients_than_can_be_served(client):
    with ExitStack() as stack:
        pages = [stack.enter_context(page_of(client)) for _ in range(live.MOST_CLIENTS)]
        with pytest.raises(Exception, match="HTTP 503"), page_of(client):
            pass
        pages.pop().close()
        assert until(lambda: _welcome(client))


def _welcome(client) -> bool:
    try:
        with page_of(client) as page:
            return '"full":true' in page.recv(timeout=20)
    except Exception:
        return False


def test_files_are_kept_by_the_browser(client):
    page = client.get("/")
    script = page.text.partition('src="plotly.')[2].partition('"')[0]
    plotly = client.get(f"/plotly.{script}")
    assert "immutable" in plotly.headers["cache-control"]
    assert len(plotly.content) > 1_000_000
    assert plotly.headers["content-encoding"] == "gzip"
    again = client.get(f"/plotly.{script}", headers={"If-None-Match": plotly.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/plotly.0123456789abcdef.js").status_code == 404
    for name in ("/page.js", "/page.css", "/"):
        first = client.get(name)
        assert first.headers["cache-control"] == "no-cache"
        assert client.get(name, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_the_page_has_no_script_of_its_own(client):
    page = client.get("/").text
    assert "onclick" not in page
    assert page.count("<script") == page.count("<script defer src=") == 2
    assert "style=" not in page
    assert "//" not in page.replace("<!doctype", "")  # nothing from elsewhere


def test_state_is_the_page_as_json(client, writer):
    state = until(lambda: (s := client.get("/api/state").json()).get("verdict") and s)
    assert state["status"]["kind"] == "live"
    assert state["headline"]["key"] == writer.key
    assert client.head("/api/state").content == b""


def test_as_a_child_it_ends_with_its_parent_and_loads_no_torch(writer):
    code = (
        "import sys, runpy, threading, atexit\n"
        "atexit.register(lambda: print('torch' in sys.modules, flush=True))\n"
        "sys.argv = ['dashboard', *sys.argv[1:]]\n"
        "runpy.run_module('ostinato.dashboard', run_name='__main__')\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(writer.path), "--port", "0", "--until-eof"]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    address = child.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")
    import httpx

    with httpx.Client(base_url=address, trust_env=False, timeout=20) as client:
        for path in ("/", "/api/state", "/metrics", "/healthz"):
            assert client.get(path).status_code == 200
        until(lambda: client.get("/api/state").json().get("verdict"))
        with connect(address.replace("http", "ws") + "predictions?after=0", max_size=1 << 24) as stream:
            assert json.loads(stream.recv(timeout=20))["key"] == 1001
    out, errors = child.communicate(timeout=30)  # closes its standard input
    assert (child.returncode, errors) == (0, "")
    assert out.strip() == "False"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("none.sqlite",), "there is no store"), (("live.sqlite", "--host", "0.0.0.0"), "needs a token"),
     (("live.sqlite", "--webhook", "http://example.org/"), "https")],
)  # fmt: skip
def test_as_a_child_a_mistake_is_a_sentence(writer, arguments, words):
    command = [sys.executable, "-m", "ostinato.dashboard", *arguments, "--port", "0"]
    done = forkserver.run(command, timeout=60, cwd=writer.path.parent)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_server_only_reads(tmp_path):
    """The same file after serving, byte for byte, and not even a log beside it."""
    path = tmp_path / "ended.sqlite"
    writer = Writer(path, direction_head())
    writer.run(100)
    writer.health(state="ended")
    writer.close()
    before = path.read_bytes()
    with serving(path) as client:
        state = until(lambda: (s := client.get("/api/state").json()).get("verdict") and s)
        assert state["status"]["kind"] == "ended"
    assert path.read_bytes() == before


def test_a_store_that_breaks_while_it_is_shown_is_said(tmp_path):
    path = tmp_path / "broken.sqlite"
    writer = Writer(path, direction_head())
    writer.run(50)
    writer.health()
    with serving(path) as client:
        until(lambda: client.get("/api/state").json().get("verdict"))
        writer.run(1)
        with sqlite3.connect(path) as other:  # as a stranger would
            for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                other.execute(f"DROP TRIGGER {name}")
            other.execute(
                "UPDATE predictions SET numbers = x'00' WHERE key = (SELECT max(key) FROM predictions)"
            )
            other.execute("UPDATE events SET time = 'x' WHERE key = (SELECT max(key) FROM events)")
        other.close()
        writer.run(1)
        state = until(lambda: (s := client.get("/api/state").json())["status"]["kind"] == "lost" and s)
        assert "damaged" in state["status"]["words"]
        health = client.get("/healthz")
        assert health.status_code == 503
        assert "damaged" in health.text
    writer.close()
