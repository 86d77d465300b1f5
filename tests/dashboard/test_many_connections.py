"""Peers that send half a request, or do not read: the page is served beside them, and each of them has its time."""

import socket
import time
from contextlib import ExitStack, contextmanager

import pytest

from dashboard.conftest import serving, until
from ostinato.dashboard.assets import plotly
from ostinato.servers import ConnectionLimits

HOST = b"Host: 127.0.0.1\r\n"
HALVES = {
    "nothing": b"",
    "half a line": b"GET /heal",
    "half the headers": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n",
    "half a body": b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nabc",
    "half a chunk": b"GET /healthz HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nabc",
    "half a websocket": b"GET /live HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
}
SCRIPT = f"/plotly.{plotly().tag}.js"  # 5 MB
SOON = ConnectionLimits(request=0.4, stalled=0.6, answer=3.0)


@contextmanager
def holding(client, count, data):
    """Connections that sent so much and no more."""
    with ExitStack() as stack:
        held = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", client.base_url.port)))
            one.sendall(data)
            held.append(one)
        yield held


def ended(one):
    """Whether the server has cut it; what it sent before is read."""
    one.settimeout(0.0)
    try:
        while one.recv(1 << 16):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


@pytest.mark.parametrize("half", ["nothing", "half the headers", "half a body"])
def test_the_page_is_served_beside_500_half_sent_requests(writer, half):
    with serving(writer.path) as client:
        port = client.base_url.port
        with holding(client, 500, HALVES[half]) as held:
            for path in ("/", "/healthz", "/api/state", "/metrics"):
                assert fetched(port, path).startswith(b"HTTP/1.1 200")
            assert until(lambda: sum(map(ended, held)) >= 500 - 256)
            assert fetched(port, "/healthz").startswith(b"HTTP/1.1 200")


def test_a_peer_that_holds_few_loses_none_to_one_that_holds_many(writer):
    with serving(writer.path, bounds=ConnectionLimits(request=300.0)) as client:
        port = client.base_url.port
        with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)) as few:
            few.sendall(HALVES["half the headers"])
            with holding(client, 300, HALVES["half the headers"]) as held:
                assert until(lambda: sum(map(ended, held)) >= 300 - 256)
                few.sendall(b"\r\n")
                few.settimeout(10)
                assert few.recv(100).startswith(b"HTTP/1.1 200")


def fetched(port, path):
    """An answer, on a connection of its own as a browser would open one."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        one.sendall(b"GET %s HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (path.encode(), HOST))
        answer = b""
        while piece := one.recv(1 << 16):
            answer += piece
        return answer


@pytest.mark.parametrize("data", HALVES.values(), ids=HALVES)
def test_a_request_has_its_time_and_no_more(writer, data):
    with serving(writer.path, bounds=SOON) as client, holding(client, 1, data) as (one,):
        until(lambda: ended(one), 10)


def test_a_request_that_drips_has_no_more(writer):
    with serving(writer.path, bounds=SOON) as client, holding(client, 1, b"GET / HTTP/1.1\r\n") as (one,):
        assert dripped_until_cut(one, b"X-A: b\r\n") < 5


def test_a_second_request_has_no_more(writer):
    whole = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    with serving(writer.path, bounds=SOON) as client, holding(client, 1, whole) as (one,):
        one.settimeout(10)
        assert one.recv(1 << 16).startswith(b"HTTP/1.1 200")
        one.sendall(b"GET / HTTP/1.1\r\n")
        assert dripped_until_cut(one, b"X-A: b\r\n") < 5


def dripped_until_cut(one, drop):
    began = time.monotonic()
    while time.monotonic() - began < 10:
        try:
            one.sendall(drop)
        except ConnectionError:
            break
        time.sleep(0.05)
    return time.monotonic() - began


def reader(client, path, times=1):
    """A connection that asks for much and reads nothing."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    one.connect(("127.0.0.1", client.base_url.port))
    one.sendall(b"GET %s HTTP/1.1\r\n%s\r\n" % (path.encode(), HOST) * times)
    return one


def test_who_does_not_read_is_cut(writer):
    with serving(writer.path, bounds=SOON) as client, reader(client, SCRIPT, 2) as one:
        time.sleep(2.0)  # far more than it has
        assert 0 < received(one) < 2 * len(plotly().body)


def received(one):
    """How many bytes come until the end."""
    one.settimeout(10)
    count = 0
    try:
        while piece := one.recv(1 << 20):
            count += len(piece)
    except ConnectionError:
        pass
    return count


def test_who_reads_slowly_and_steadily_gets_all(writer):
    """For longer than a request may take, and than nothing may be taken."""
    bounds = ConnectionLimits(request=0.3, stalled=20.0, answer=60.0)
    with serving(writer.path, bounds=bounds) as client, reader(client, SCRIPT) as one:
        one.settimeout(10)
        got, began = 0, time.monotonic()
        while got < len(plotly().body):
            piece = one.recv(1 << 16)
            assert piece, f"cut after {got} bytes"
            got += len(piece)
            time.sleep(0.02)
        assert time.monotonic() - began > 0.6


def test_the_page_is_served_beside_many_that_do_not_read(writer):
    with serving(writer.path) as client, ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(reader(client, SCRIPT, 3))
        assert fetched(client.base_url.port, "/healthz").startswith(b"HTTP/1.1 200")
