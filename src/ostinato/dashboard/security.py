"""Access control: loopback, or the token; never a page of another site.

There is nothing here that a request could change, so what is kept from strangers is reading. A web page anywhere may
send requests to loopback, hence: the Host header must name this machine (a name rebound to 127.0.0.1 does not), a
websocket's Origin must be our own page, and answers say that no other origin may use them.
"""

import hashlib
import hmac
import re
import socket
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import ListenError, shortened
from ..servers.hosts import address_of, host_name, is_loopback, same_origin

LEAST_TOKEN = 16  # characters
LONGEST_QUERY, MOST_FIELDS = 2048, 20  # bytes; the page asks with two fields at most
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
# plotly.js writes rules into a style element of its own; scripts come from us alone
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def check_listening(host: str, token: str | None) -> None:
    """Refuse to listen on an address that requires a token without one.

    Raises:
        ListenError: the address is not loopback and there is no token, or the token is short or not plain ASCII.
    """
    if token is not None and (len(token) < LEAST_TOKEN or not (token.isascii() and token.isprintable())):
        raise ListenError(
            f"a token must have at least {LEAST_TOKEN} printable ASCII characters. One is made by: "
            'python -c "import secrets; print(secrets.token_urlsafe())".'
        )
    if token is None and not is_loopback(host):
        raise ListenError(
            f"listening on {shortened(host)} needs a token, because others can reach it: give --token, or set "
            "OSTINATO_TOKEN. Without one only 127.0.0.1 is served; ssh -L brings that to another machine."
        )


@dataclass(frozen=True)
class Guard:
    """Middleware: checks host, origin, token and method before anything else sees a request.

    Attributes:
        host: the address that is listened on; names other than this machine's are refused.
        token: what must be shown, or None on loopback.
    """

    app: ASGIApp
    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer with the refusal."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        shown = self._shown(scope, headers)
        refusal = self._refusal(scope, headers, shown)
        if refusal is None:
            cookie = self._cookie() if shown == "query" else None
            await self.app(scope, receive, _with_headers(send, cookie) if scope["type"] == "http" else send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: an answer of 403
        else:
            status, words, more = refusal
            answer = PlainTextResponse(words + "\n", status, more)
            await answer(scope, receive, _with_headers(send, None))

    def _refusal(self, scope: Scope, headers: Headers, shown: str) -> tuple[int, str, dict[str, str]] | None:
        """The first that applies; before the token is shown nothing else is looked at but the host's name."""
        if not self._host_is_ours(headers):
            return 421, "This host name is not served here.", {}
        if not shown:
            challenge = {"WWW-Authenticate": 'Bearer realm="ostinato"'}
            return 401, "A token is needed: open /?token=..., or send it as a Bearer token.", challenge
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            return 405, "Nothing can be changed here: only GET is answered.", {"Allow": "GET, HEAD"}
        if scope["type"] == "websocket" and not same_origin(
            headers.getlist("origin"), headers.get("host", "")
        ):
            return 403, "This origin is not ours.", {}
        problem = query_problem(scope.get("query_string", b""))
        return (400, problem, {}) if problem else None

    def _host_is_ours(self, headers: Headers) -> bool:
        name = host_name(headers.getlist("host"))
        if name is None:
            return False
        if address_of(name) is not None:  # rebinding needs a name
            return self.token is not None or is_loopback(name)
        own = {"localhost"}
        if self.token is not None:
            machine = socket.gethostname().lower()
            own |= {self.host.lower(), machine, f"{machine}.local"}
        return name in own

    def _shown(self, scope: Scope, headers: Headers) -> str:
        """How the token was shown: "none" where none is needed, "" where it was not."""
        if self.token is None:
            return "none"
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _equal(value.strip(), self.token):
            return "header"
        if _equal(_cookies(headers).get(_cookie_name(self.token), ""), _cookie_value(self.token)):
            return "cookie"
        query = scope.get("query_string", b"")
        if query_problem(query):
            return ""
        return "query" if _equal(dict(fields_of(query)).get("token", ""), self.token) else ""

    def _cookie(self) -> str:
        assert self.token is not None
        value = f"{_cookie_name(self.token)}={_cookie_value(self.token)}"
        return f"{value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000"


def _with_headers(send: Send, cookie: str | None) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
            if cookie is not None:
                headers["Set-Cookie"] = cookie
        await send(message)

    return sending


def query_problem(query: bytes) -> str:
    """Describe what is wrong with a query; None if it is unambiguous.

    >>> query_problem(b"range=1h"), query_problem(b"range=1h&range=1d")
    ('', 'The query names a field twice.')
    """
    if len(query) > LONGEST_QUERY or query.count(b"&") >= MOST_FIELDS:
        return f"A query has at most {MOST_FIELDS} fields and {LONGEST_QUERY} bytes."
    if _BAD_ESCAPE(query):
        return "The query has a % that two hexadecimal digits do not follow."
    try:
        names = [name for name, _ in fields_of(query)]
    except UnicodeDecodeError:
        return "The query is not UTF-8."
    return "The query names a field twice." if len(set(names)) < len(names) else ""


def fields_of(query: bytes) -> list[tuple[str, str]]:
    """Names and values of a query.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _cookie_name(token: str) -> str:
    # cookies do not know ports: two servers of one machine, with two tokens, must not overwrite each other's
    return f"ostinato_{_digest(token, b'name')[:12]}"


def _cookie_value(token: str) -> str:
    """What the browser keeps stands for the token and does not tell it."""
    return _digest(token, b"value")


def _digest(token: str, purpose: bytes) -> str:
    return hmac.new(token.encode(), b"ostinato cookie " + purpose, hashlib.sha256).hexdigest()


def _equal(given: str, wanted: str) -> bool:
    """Compared in a time that depends on neither."""
    return hmac.compare_digest(
        hashlib.sha256(given.encode("utf-8", "replace")).digest(), hashlib.sha256(wanted.encode()).digest()
    )
