"""The files of the page: page.html, page.css and page.js beside this one, and plotly.js out of plotly's wheel."""

import gzip
import hashlib
from collections.abc import AsyncIterator
from functools import cache
from importlib import resources
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
PIECE = 1 << 16  # bytes
FOR_EVER = "public, max-age=31536000, immutable"  # where the name holds the hash of what is in it


class Asset(NamedTuple):
    """A file as it is sent."""

    body: bytes
    small: bytes  # the same, compressed
    tag: str
    kind: str


@cache
def asset(name: str) -> Asset:
    """A file of the page, by its name."""
    return _packed((resources.files(__package__) / name).read_bytes(), name.rpartition(".")[2])


@cache
def plotly() -> Asset | None:
    """plotly.js, or None where plotly is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        return None
    return _packed(str(get_plotlyjs()).encode(), "js")


@cache
def page() -> Asset:
    """The page, with plotly.js by its hash, or without where there is none."""
    script = plotly()
    link = f'<script defer src="plotly.{script.tag}.js"></script>' if script else ""
    return _packed(asset("page.html").body.replace(b"<!-- plotly -->", link.encode()), "html")


def respond(request: Request, one: Asset, cache_control: str = "no-cache") -> Response:
    """An asset, or 304 if the browser has it."""
    headers = {"ETag": f'"{one.tag}"', "Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    if f'"{one.tag}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = one.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = one.small, "gzip"
    if len(body) <= PIECE:
        return Response(body, headers=headers, media_type=one.kind)
    headers["Content-Length"] = str(len(body))
    return StreamingResponse(_pieces(body), headers=headers, media_type=one.kind)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body as it is taken, so that hundreds of slow readers do not each have a copy waiting."""
    for place in range(0, len(body), PIECE):
        yield body[place : place + PIECE]


def _packed(body: bytes, ending: str) -> Asset:
    return Asset(body, gzip.compress(body, 6, mtime=0), hashlib.sha256(body).hexdigest()[:16], TYPES[ending])
