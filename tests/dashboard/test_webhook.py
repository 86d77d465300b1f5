"""Predictions by POST: in order, at least once, whatever the receiver does, across restarts."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dashboard.conftest import serving, until
from ostinato.dashboard.webhook import Webhook, read_cursor, write_cursor
from ostinato.errors import ConfigError


class Receiver(ThreadingHTTPServer):
    """A server on loopback that answers as it is told: statuses, or "cut" for a connection closed without a word."""

    daemon_threads = True

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.bodies, self.headers, self.accepted = list(answers), [], [], []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/in"

    def keys(self):
        return [one["key"] for body in self.accepted for one in json.loads(body)["predictions"]]

    def handle_error(self, request, client_address):
        pass

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        self.server.headers.append(self.headers)
        answer = self.server.answers.pop(0) if self.server.answers else 200
        if answer == "cut":
            self.close_connection = True
            return
        if answer == 200:
            self.server.accepted.append(body)
        self.send_response(answer)
        if answer == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):  # who followed a redirect would take this for an answer
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def sending(hook, path):
    """The webhook alone, in an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    task = asyncio.run_coroutine_threadsafe(hook.run(path), loop)
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        asyncio.run_coroutine_threadsafe(_rest(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


async def _rest():
    others = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def test_all_come_in_order_and_new_ones_follow(writer):
    with Receiver() as receiver, sending(Webhook(receiver.url), writer.path):
        until(lambda: len(receiver.keys()) == 400)
        writer.run(70, group=7)
        until(lambda: len(receiver.keys()) == 470)
        assert receiver.keys() == list(range(1001, 1471))
        first = json.loads(receiver.bodies[0])
        assert first["feed"] == "binance:BTCUSDT"
        assert set(first["predictions"][0]) >= {
            "key",
            "time",
            "numbers",
            "baselines",
            "model",
            "hash",
            "flags",
        }


def test_what_is_not_taken_is_sent_again_until_it_is(writer):
    hook = None
    with Receiver(500, "cut", 429, 404, 302, 503) as receiver:
        hook = Webhook(receiver.url, patience=0.01)
        with sending(hook, writer.path):
            until(lambda: read_cursor(hook.cursor(writer.path)) == 1400)
        assert receiver.keys() == list(range(1001, 1401))
        assert len({receiver.bodies[place] for place in range(7)}) == 1  # the same batch until it was taken
        assert (hook.failures, hook.problem) == (0, "")


def test_a_receiver_that_is_away_is_waited_for(writer):
    with Receiver() as receiver:
        url = receiver.url
    hook = Webhook(url, patience=0.01)
    with sending(hook, writer.path):
        until(lambda: hook.failures >= 3)
        assert "Connect" in hook.problem
        assert read_cursor(hook.cursor(writer.path)) is None


def test_a_restart_goes_on_where_it_was(writer):
    with Receiver() as receiver:
        hook = Webhook(receiver.url)
        with sending(hook, writer.path):
            until(lambda: read_cursor(hook.cursor(writer.path)) == 1400)
        writer.run(30)
        with sending(Webhook(receiver.url), writer.path):
            until(lambda: read_cursor(hook.cursor(writer.path)) == 1430)
        assert receiver.keys() == list(range(1001, 1431))
        write_cursor(hook.cursor(writer.path), 1425)  # as if the last batches had not been noted
        with sending(Webhook(receiver.url), writer.path):
            until(lambda: len(receiver.keys()) >= 435)
        assert receiver.keys()[-5:] == [1426, 1427, 1428, 1429, 1430]


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"after": "x"}', '{"after": 1e3}', "[" * 9000, '{"after": true}x']
)
def test_a_damaged_cursor_sends_everything_again(writer, damage):
    with Receiver() as receiver:
        hook = Webhook(receiver.url)
        hook.cursor(writer.path).write_text(damage)
        with sending(hook, writer.path):
            until(lambda: len(receiver.keys()) == 400)
        assert receiver.keys()[0] == 1001


def test_a_cursor_that_is_a_link_is_told_and_nothing_is_sent(writer, tmp_path):
    victim = tmp_path / "precious"
    victim.write_text('{"after": 1200}')
    with Receiver() as receiver:
        hook = Webhook(receiver.url, patience=0.01)
        hook.cursor(writer.path).symlink_to(victim)
        with sending(hook, writer.path):
            until(lambda: "it is a link, which is not followed" in hook.problem)
            assert receiver.keys() == []
            hook.cursor(writer.path).unlink()
            until(lambda: read_cursor(hook.cursor(writer.path)) == 1400)
    assert victim.read_text() == '{"after": 1200}'


def test_bodies_are_signed(writer):
    with Receiver() as receiver, sending(Webhook(receiver.url, "a secret"), writer.path):
        until(lambda: receiver.accepted)
        wanted = hmac.new(b"a secret", receiver.bodies[0], hashlib.sha256).hexdigest()
        assert receiver.headers[0]["X-Ostinato-Signature"] == f"sha256={wanted}"
        assert "a secret" not in repr(Webhook(receiver.url, "a secret"))


def test_the_server_sends_too(writer):
    with Receiver() as receiver, serving(writer.path, webhooks=(Webhook(receiver.url, "hush"),)) as client:
        assert until(lambda: len(receiver.keys()) == 400)
        told = until(lambda: (w := client.get("/api/state").json()["webhooks"][0])["sent"] == 400 and w)
        assert told == {"to": receiver.url.removesuffix("/in"), "sent": 400, "failures": 0, "problem": ""}


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "ftp://127.0.0.1/", "127.0.0.1:80", "", "http://", "https:///x", "http://127.0.0.1:99999/",
     "http://127.0.0.1.example.org/", "http://0.0.0.0/", "http://[::1", "https://a\nb/"],
)  # fmt: skip
def test_addresses_that_are_refused(url):
    with pytest.raises(ConfigError, match="webhook"):
        Webhook(url)


@pytest.mark.parametrize(
    "url", ["https://example.org/x?y=1", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]:80/"]
)
def test_addresses_that_are_taken(url):
    assert Webhook(url).url == url
