"""HTTP of the dashboard: uvicorn's protocol with limits on time and number of connections."""

import asyncio
import contextlib
import socket
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..servers import Connections, TrackedConnection

LONGEST_HEAD = 16_384  # bytes of a request's first line and headers
SEND_BUFFER = 1 << 17  # bytes


class BoundedHttp(H11Protocol):
    """One connection, counted among all of its server.

    Args:
        connections: of the server.
        more: as uvicorn makes it.
    """

    def __init__(self, connections: Connections, **more: Any) -> None:
        super().__init__(**more)
        self.all = connections
        self.held: TrackedConnection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it; where there are too many, it or another is cut."""
        with contextlib.suppress(OSError, AttributeError):
            # the system's own buffer may hold megabytes, and hide for a minute whether a slow peer reads at all
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.held = self.all.opened(transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of the peer; once a request is whole, the time for it is no longer counted."""
        if self.transport.is_closing():
            return  # it was refused: what else it sends is not looked at
        super().data_received(data)
        whole = self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)
        if whole and self.held.state == "request":
            self.held.enter("answer", self.loop.time())

    def on_response_complete(self) -> None:
        """The answer was written: the next request is waited for."""
        self.held.enter("request", self.loop.time())
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand over to a websocket what may be one."""
        if event.method != b"GET" or event.http_version != b"1.1":
            self.send_400_response("Invalid HTTP request received.")
            return
        self.held.enter("stream", self.loop.time())
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, where an answer has not begun already."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()
