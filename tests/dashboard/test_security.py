"""Who may look: loopback or a token, our own page alone, and nothing that changes anything."""

import socket

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dashboard.conftest import serving
from ostinato.dashboard.server import DashboardOptions, listening, serve
from ostinato.errors import ListenError, StoreError

TOKEN = "a-token-of-this-test-0123"
PATHS = ("/", "/page.js", "/page.css", "/api/state", "/metrics", "/healthz")


@pytest.fixture
def client(writer):
    with serving(writer.path) as one:
        yield one


@pytest.fixture
def guarded(writer):
    with serving(writer.path, host="0.0.0.0", token=TOKEN) as one:
        one.base_url = f"http://127.0.0.1:{one.base_url.port}"
        yield one


def socket_of(client, path="/live", **headers):
    address = f"ws://127.0.0.1:{client.base_url.port}{path}"
    return connect(address, additional_headers=headers, max_size=1 << 24)


def drain(live):
    for _ in range(100):
        live.recv(timeout=10)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost@evil", "[::1", "", "0.0.0.0"],
)
def test_a_name_rebound_to_us_is_refused(client, host):
    for path in PATHS:
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code in (400, 421), path
        assert "ostinato" not in answer.text


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST"])
def test_our_own_names_are_served(client, host):
    answer = client.get("/healthz", headers={"Host": host.format(port=client.base_url.port)})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/live", "/predictions"])
def test_a_page_of_another_origin_gets_no_websocket(client, path):
    port = client.base_url.port
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        f"http://127.0.0.1:{port + 1}",
        "file://",
    ):
        with pytest.raises(InvalidStatus) as refused:
            socket_of(client, path, Origin=origin)
        assert refused.value.response.status_code == 403
    for origin in (f"http://127.0.0.1:{port}", None):
        with socket_of(client, path, **({"Origin": origin} if origin else {})):
            pass


def test_a_rebound_name_gets_no_websocket(client):
    port = client.base_url.port
    with pytest.raises(InvalidStatus) as refused, socket.create_connection(("127.0.0.1", port)) as raw:
        connect(f"ws://evil.example:{port}/live", sock=raw, origin=f"http://evil.example:{port}")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(client, method):
    for path in (*PATHS, "/live", "/nothing"):
        answer = client.request(method, path)
        assert answer.status_code == 405, path
        assert answer.headers["allow"] == "GET, HEAD"


def test_headers_keep_other_pages_out(client):
    for path in (*PATHS, "/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_without_the_token_nothing_is_told(guarded):
    wrong = (
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"t={TOKEN}"},
    )
    for path in (*PATHS, "/?token=", f"/?token={TOKEN[:-1]}", "/?token=%ff"):
        for headers in wrong:
            answer = guarded.get(path, headers=headers)
            assert answer.status_code == 401, path
            assert "set-cookie" not in answer.headers
    for path in ("/live", "/predictions", f"/live?token={TOKEN}x"):
        with pytest.raises(InvalidStatus):
            socket_of(guarded, path)


def test_the_token_opens_and_becomes_a_cookie(guarded):
    assert guarded.get("/api/state", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    answer = guarded.get(f"/?token={TOKEN}")
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/api/state").status_code == 200  # by the cookie that the client keeps
    pair = cookie.partition(";")[0]
    with socket_of(guarded, "/live", Cookie=pair) as live:
        assert '"full":true' in live.recv(timeout=20)
    assert guarded.post("/").status_code == 405


def test_a_token_lets_addresses_in_and_no_strange_names(guarded):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/healthz", headers=headers | {"Host": "192.0.2.7:8765"}).status_code == 200
    assert guarded.get("/healthz", headers=headers | {"Host": socket.gethostname()}).status_code == 200
    assert guarded.get("/healthz", headers=headers | {"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": "0.0.0.0"}, "needs a token"),
        ({"host": "example.org"}, "needs a token"),
        ({"host": "0.0.0.0", "token": "short"}, "at least 16"),
        ({"host": "127.0.0.1", "token": "ünicode-ünicode-ünicode"}, "ASCII"),
        ({"host": "192.0.2.1", "token": TOKEN}, "cannot listen on port"),
        ({"host": "no such host", "token": TOKEN}, "cannot listen on port"),
        ({"port": 70000}, "0 to 65535"),
    ],
)
def test_where_one_may_not_listen(writer, options, words):
    with pytest.raises(ListenError, match=words):
        serve(DashboardOptions(writer.path, **({"port": 0} | options)))


def test_a_busy_port_is_a_sentence(writer):
    with listening("127.0.0.1", 0) as taken, pytest.raises(ListenError, match="--port"):
        serve(DashboardOptions(writer.path, port=taken.getsockname()[1]))


def test_no_store_is_a_sentence(tmp_path):
    with pytest.raises(StoreError, match="no store"):
        serve(DashboardOptions(tmp_path / "none.sqlite", port=0))


def test_a_client_that_talks_is_let_go(client):
    with socket_of(client) as live:
        live.send("x" * 100)
        live.send("x" * 100_000)
        with pytest.raises(ConnectionClosed, match="1009"):  # message too big
            drain(live)
    assert client.get("/healthz").status_code == 200
