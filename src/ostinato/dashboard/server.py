"""The server: a page, a websocket with its updates, and the same view for programs. It only reads.

/              the page
/live          its websocket
/api/state     all that the page shows, as JSON
/predictions   a websocket that hands on every committed prediction
/metrics       for Prometheus
/healthz       200 while it serves, 503 with a sentence while the store cannot be read
"""

import asyncio
import contextlib
import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import uvicorn
import websockets  # noqa: F401  uvicorn's websockets are made of it
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ..errors import ListenError, shortened
from ..evaluation.online import break_even_move
from ..servers import ConnectionLimits, Connections
from ..store import Reader
from . import assets
from .costs import FEE
from .http import LONGEST_HEAD, BoundedHttp
from .live import Clients, follow
from .metrics import CONTENT_TYPE
from .metrics import text as metrics_text
from .security import Guard, check_listening
from .serialization import to_json
from .stream import PredictionStream, stream_predictions
from .view import View
from .watching import Watch
from .webhook import Webhook

BACKLOG = 128
LONGEST_MESSAGE = 4096  # bytes that a client may send at once; nobody has anything to say


@dataclass(frozen=True)
class DashboardOptions:
    """What is served, and where.

    Attributes:
        store: the SQLite file. It must exist.
        port: 0 takes a free one.
        token: needed where the host is not loopback.
        webhooks: each gets every committed prediction.
        fee, spread: for the break-even move, fractions of the price; a spread of None is estimated.
        bounds: of connections, in time and number.
    """

    store: Path
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = field(default=None, repr=False)
    webhooks: tuple[Webhook, ...] = ()
    fee: float = FEE
    spread: float | None = None
    bounds: ConnectionLimits = field(default_factory=ConnectionLimits)


def application(options: DashboardOptions) -> Guard:
    """The ASGI application behind its guard."""
    clients = Clients()
    watch = Watch(
        options.store, View(options.store.name, options.fee, options.spread), watched=lambda: clients.now
    )
    ledger = PredictionStream(options.store)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [watch.run(), ledger.run(), *(one.run(options.store) for one in options.webhooks)]
        running = [asyncio.create_task(task) for task in tasks]
        running[0].add_done_callback(watch.ended)
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def live(socket: WebSocket) -> None:
        await follow(socket, watch, clients)

    async def predictions(socket: WebSocket) -> None:
        await stream_predictions(socket, ledger, clients)

    async def state(request: Request) -> Response:
        view, _ = watch.view.changes(0, request.query_params.get("range", "auto"))
        now, hooks = watch.clock(), [one.status_json() for one in options.webhooks]
        body = to_json({"now": now, "status": watch.view.status(now)._asdict(), "webhooks": hooks, **view})
        return Response(body, media_type="application/json")

    async def metrics(_: Request) -> Response:
        return Response(metrics_text(watch.view, watch.clock()), media_type=CONTENT_TYPE)

    async def healthz(_: Request) -> Response:
        problem = watch.view.problem
        return PlainTextResponse(f"{problem or 'ok'}\n", 503 if problem else 200)

    routes = [
        *_pages(),
        Route("/healthz", healthz),
        Route("/api/state", state),
        Route("/metrics", metrics),
        WebSocketRoute("/live", live),
        WebSocketRoute("/predictions", predictions),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False  # it would redirect to whatever host a request names
    return Guard(app, options.host, options.token)


def _pages() -> list[Route]:
    async def page(request: Request) -> Response:
        return assets.respond(request, assets.page())

    async def file(request: Request) -> Response:
        return assets.respond(request, assets.asset(request.scope["path"][1:]))

    async def plotly(request: Request) -> Response:
        script = assets.plotly()
        if script is None or request.path_params["tag"] != script.tag:
            return PlainTextResponse("There is no such file.\n", 404)
        return assets.respond(request, script, assets.FOR_EVER)

    return [
        Route("/", page),
        Route("/page.css", file),
        Route("/page.js", file),
        Route("/plotly.{tag}.js", plotly),
    ]


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ListenError: the port is taken or not allowed, or the host is not an address of this machine.
    """
    if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65,536
        raise ListenError(f"a port is 0 to 65535, got {port}.")
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        one = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":  # there it would share the port
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(address)
            one.listen(BACKLOG)
        except BaseException:
            one.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        raise ListenError(
            f"cannot listen on port {port} of {shortened(host)}: {getattr(error, 'strerror', None) or error}. "
            "Choose another with --port; 0 takes a free one."
        ) from None
    return one


def address(one: socket.socket, token: str | None = None) -> str:
    """What to open in a browser. A token is left out: whoever set it knows it."""
    host, port = one.getsockname()[:2]
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    shown = f"[{name}]" if ":" in name else name
    return f"http://{shown}:{port}/" + ("?token=..." if token else "")


def serve(
    options: DashboardOptions,
    *,
    tell: Callable[[str], None] = lambda address: None,
    until: Callable[[], object] | None = None,
) -> None:
    """Serve until interrupted. Blocks.

    Args:
        tell: called with the address, once connections are accepted.
        until: waits in a thread of its own; the server ends when it returns.

    Raises:
        ListenError: one may not, or cannot, listen there.
        StoreError: there is no store, or it is another version's.
        ConfigError: fee or spread is out of range.
    """
    check_listening(options.host, options.token)
    break_even_move(options.fee, options.spread or 0.0)
    with Reader.open(options.store):  # so that a wrong path is said now
        pass
    logging.getLogger("asyncio").addHandler(logging.NullHandler())  # nor what a cut connection makes it say
    connections = Connections(options.bounds)
    with listening(options.host, options.port) as one:
        server = uvicorn.Server(
            uvicorn.Config(
                application(options),
                http=cast(Any, partial(BoundedHttp, connections)),
                h11_max_incomplete_event_size=LONGEST_HEAD,
                backlog=BACKLOG,
                log_config=None,
                log_level="critical",  # what strangers send must not fill a pipe that nobody reads
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
                ws_max_size=LONGEST_MESSAGE,
                timeout_graceful_shutdown=2,
            )
        )
        if until is not None:
            threading.Thread(target=_stop_after, args=(until, server), daemon=True).start()
        tell(address(one, options.token))
        server.run(sockets=[one])


def _stop_after(until: Callable[[], object], server: uvicorn.Server) -> None:
    until()
    server.should_exit = True
