"""Requests that nobody honest sends, byte by byte: never a 500, and without the token nothing is told."""

import contextlib
import itertools
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.conftest import serving
from dashboard.stores import Writer, direction_head

TOKEN = "a-token-of-this-test-0123"
PATHS = ("/", "/page.js", "/page.css", "/api/state", "/metrics", "/healthz", "/live", "/predictions", "/no")
FINE = {200, 304, 400, 401, 404, 405, 421}
SECRET = "SECRETFEED"  # stands in everything that is told of the store
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

QUERIES = {
    "many fields": "&".join(f"a{n}=1" for n in range(300)),
    "one field often": "&".join(["a=1"] * 30),
    "the token twice": f"token={TOKEN}&token={TOKEN}",
    "the range twice": "range=1h&range=1d",
    "a bad escape": "range=%zz",
    "half an escape": "range=%4",
    "no UTF-8": "range=%ff%fe",
    "a long one": "range=" + "x" * 8000,
    "only ampersands": "&" * 200,
}
ODD_QUERIES = {
    "semicolons": "a;b;c" * 100,
    "NUL": "range=%00",
    "a name of Python": "range=__class__&after=__init__",
    "markup": "range=<script>alert(1)</script>",
    "no value": "range",
    "no name": "=1h",
    "percent": "range=%25%32%35",
    "a number": "after=1e400",
    "huge": "after=" + "9" * 1000,
    "negative": "after=-9223372036854775809",
    "unicode digits": "after=%D9%A1%D9%A2",
}
HOSTS = (
    "localhost#a", "localhost?a", "localhost/a", "localhost:", "localhost:99999", "a@localhost", "[::1", "[::1]x",
    "[v1.a]", "local\thost", "127.0.0.1:80:80", "\xe4", "%6cocalhost", "localhost,localhost", "", " ", "." * 300,
)  # fmt: skip
ORIGINS = ("http://[", "http://[::1", "//", "null", "http://127.0.0.1:x", "\xff", "javascript:1", "a" * 3000)
COOKIES = (
    "=",
    ";;;",
    "a",
    'a="',
    "$Version=1; a=b",
    "\xff=\xfe",
    "ostinato_=1; " * 200,
    "a=b\tc; \\x=1",
    "[=]",
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Ports of one without a token, and of one with."""
    writer = Writer(
        tmp_path_factory.mktemp("odd") / "live.sqlite",
        direction_head(feed=f"binance:{SECRET}", columns=("price", "amount")),
    )
    writer.run(50)
    writer.note(SECRET)
    writer.health()
    with serving(writer.path) as free, serving(writer.path, token=TOKEN) as guarded:
        yield free.base_url.port, guarded.base_url.port
    writer.close()


def answered(port, data):
    """Status and the whole answer to these bytes; 0 where there is none."""
    answer = b""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as one,
        contextlib.suppress(ConnectionError),
    ):
        one.sendall(data)
        one.shutdown(socket.SHUT_WR)
        while piece := one.recv(1 << 16):
            answer += piece
            if len(answer) > 1 << 16:
                break
    first = answer.split(b"\r\n", 1)[0].split()
    return (int(first[1]) if len(first) > 1 else 0), answer


def request(path, more="", host="127.0.0.1", method="GET", version="1.1"):
    lines = f"{method} {path} HTTP/{version}\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n"
    return lines.encode("latin-1")


def check(servers, data):
    """Both answer without a 500; the one with a token tells nothing."""
    free, guarded = servers
    status, _ = answered(free, data)
    assert status in FINE | {0, 101, 403}, data
    status, answer = answered(guarded, data)
    assert status in {0, 400, 401, 403, 421}, (status, data)
    assert SECRET.encode() not in answer
    assert b"Set-Cookie" not in answer
    assert b"Traceback" not in answer


@pytest.mark.parametrize("path", PATHS)
def test_queries_that_are_malformed(servers, path):
    free, guarded = servers
    authorized = f"Authorization: Bearer {TOKEN}\r\n"
    for name, query in QUERIES.items():
        data = request(f"{path}?{query}")
        assert answered(free, data)[0] == 400, name
        assert answered(guarded, data)[0] == 401, name  # the token is asked for first
        assert answered(guarded, request(f"{path}?{query}", authorized))[0] == 400, name
    for query in ODD_QUERIES.values():
        check(servers, request(f"{path}?{query}"))


@pytest.mark.parametrize("path", ["/live", "/predictions"])
def test_websockets_with_odd_queries(servers, path):
    for query in (*QUERIES.values(), *ODD_QUERIES.values()):
        data = f"GET {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{UPGRADE}{KEY}\r\n".encode("latin-1")
        check(servers, data)


def test_hosts_origins_and_cookies(servers):
    for path, host in itertools.product(PATHS, HOSTS):
        status, _ = answered(servers[0], request(path, host=host))
        assert status in (400, 421), (path, host)
        check(servers, request(path, host=host))
    for path, origin in itertools.product(("/", "/live"), ORIGINS):
        check(servers, request(path, f"Origin: {origin}\r\n"))
        check(
            servers,
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {origin}\r\n{UPGRADE}{KEY}\r\n".encode(
                "latin-1"
            ),
        )
    for cookie in COOKIES:
        check(servers, request("/", f"Cookie: {cookie}\r\n"))
    check(servers, request("/", "Host: 127.0.0.1\r\n"))
    check(servers, b"GET / HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "TRACE", "CONNECT", "get", "PRI", "X" * 5000])
def test_methods(servers, method):
    for path, more in itertools.product(PATHS, ("", "Content-Length: 3\r\n", UPGRADE, UPGRADE + KEY)):
        status, _ = answered(servers[0], request(path, more, method=method))
        assert status in (0, 400, 405), (path, more)
        check(servers, request(path, more, method=method))


@pytest.mark.parametrize(
    "target",
    ["http://evil.example/", "//evil.example", "*", "/%", "/%00", "/..%2f..%2fetc/passwd", "/page.js/../page.css",
     "/plotly.%0d%0a.js", "/plotly..js", "/plotly.\\.js", "/live/", "/metrics/", "/" + "a" * 9000, "/" + "a" * 70_000,
     "/page.html", "/server.py", "/%F0%9F%98%80", "/?", "/#x", "/api//state"],
)  # fmt: skip
def test_targets(servers, target):
    check(servers, request(target))
    assert answered(servers[0], request(target))[0] != 307


def test_what_is_hardly_http(servers):
    for data in (
        b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nbroken\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 3000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + b"\xff" * 300 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: " + b'"' * 300 + b"\r\nAccept-Encoding: \xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1,2-3\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: localhost\r\n" + UPGRADE.encode() + b"Sec-WebSocket-Key: x\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ):  # fmt: skip
        check(servers, data)
    assert answered(servers[0], request("/healthz"))[0] == 200


LINE = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)
HEADERS = st.sampled_from(
    ["Host", "Origin", "Cookie", "Authorization", "Upgrade", "Connection", "Content-Length", "If-None-Match",
     "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Transfer-Encoding", "Accept-Encoding", "X-Forwarded-Host"]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(PATHS),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    st.lists(st.tuples(HEADERS, LINE), max_size=4),
    st.sampled_from(["GET", "HEAD", "POST"]),
)
def test_any_request(servers, path, query, headers, method):
    more = "".join(f"{name}: {value}\r\n" for name, value in headers)
    check(servers, request(f"{path}?{query}", more, method=method))
