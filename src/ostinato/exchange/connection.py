"""One TCP connection: HTTP requests one after the other, or a websocket from the first upgrade on.

HTTP is parsed and written by ``h11``, which does no input or output; the transport is ours, as in session.py.
"""

import asyncio
import contextlib
from email.utils import formatdate

import h11

from ..servers import TrackedConnection, host_name, is_loopback, same_origin
from .messages import HttpRequest, Reply
from .session import WebSocketSession
from .venue import Venue

MOST_HEADER_BYTES = 32_768
MOST_BODY_BYTES = 65_536
HIGH_WATER = 1 << 18  # bytes that are written before the writer waits


class HttpConnection(asyncio.Protocol):
    """The server's end of a connection. A client's fault ends its connection and nothing else."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEADER_BYTES)
        self.session: WebSocketSession | None = None
        self.request: h11.Request | None = None
        self.body_bytes = 0
        self.transport: asyncio.Transport
        self._task: asyncio.Task | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._held: TrackedConnection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection and wait for a request, or cut it where a fault says so."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self.venue.connections.add(self)
        self.venue.served.connections += 1
        self._held = self.venue.held.opened(transport)
        if self.venue.refuses_connection():
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything that belongs to the connection."""
        self._room.set()
        if self._task is not None:
            self._task.cancel()
        if self.session is not None:
            self.session.lost()
        self.venue.left(self)

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._room.clear()
        if self.session is not None:
            self.session.pause(True)

    def resume_writing(self) -> None:
        """The write buffer has room again."""
        self._room.set()
        if self.session is not None:
            self.session.pause(False)

    def data_received(self, data: bytes) -> None:
        """Process bytes from the client."""
        if self.session is not None:
            self.session.receive(data)
            return
        try:
            self.http.receive_data(data)
            self._events()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint)

    def eof_received(self) -> bool:
        """The client sends nothing more; what it asked for before is still answered."""
        return self._task is not None and not self._task.done()

    def _events(self) -> None:
        while not self.transport.is_closing() and self.session is None:
            event = self.http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Request):
                self.request, self.body_bytes = event, 0
                if refusal := self._foreign_page(event):
                    self._refuse(*refusal)
                elif any(name == b"upgrade" for name, _ in event.headers):
                    self._upgrade(event)
            elif isinstance(event, h11.Data):
                self.body_bytes += len(event.data)
                if self.body_bytes > MOST_BODY_BYTES:
                    self._refuse(413)
            elif isinstance(event, h11.EndOfMessage):
                self._answer()
            elif isinstance(event, h11.ConnectionClosed):
                self.transport.close()

    def _foreign_page(self, event: h11.Request) -> tuple[int, str] | None:
        """Status and words where a page of another site may have sent a request. HTTP/1.0 alone knows no Host."""
        hosts, origins = (
            [value.decode("latin-1") for name, value in event.headers if name == wanted]
            for wanted in (b"host", b"origin")
        )
        if hosts and not is_loopback(host_name(hosts) or ""):
            return 421, "This host name is not served here.\n"
        if not same_origin(origins, "".join(hosts)):
            return 403, "This origin is not ours.\n"
        return None

    def _upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to a websocket session, which parses the request itself."""
        self._held.enter("stream", asyncio.get_running_loop().time())
        target = event.target.decode("ascii")
        self.session = WebSocketSession(self.venue, self.transport, target)
        request_line = b"%s %s HTTP/%s\r\n" % (event.method, event.target, event.http_version)
        lines = b"".join(b"%s: %s\r\n" % pair for pair in event.headers.raw_items())
        self.session.receive(request_line + lines + b"\r\n" + self.http.trailing_data[0])

    def _answer(self) -> None:
        assert self.request is not None
        self._held.enter("answer", asyncio.get_running_loop().time())
        path, _, query = self.request.target.decode("ascii").partition("?")
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self.request.headers}
        peer = self.transport.get_extra_info("peername")
        request = HttpRequest(
            self.request.method.decode("ascii"), path, query, headers, str(peer[0] if peer else "")
        )
        reply = self.venue.answer(request)
        if reply.slow:
            self.transport.pause_reading()
            self._task = asyncio.get_running_loop().create_task(self._answer_slowly(reply))
        else:
            self._send(reply)
            self._next()

    def _send(self, reply: Reply) -> None:
        """Send a complete response at once."""
        if reply.raw is not None:
            self.transport.write(reply.raw)
            self.transport.close()
            return
        self._send_header(reply, len(reply.body))
        if self.request is not None and self.request.method != b"HEAD":
            self._write(self.http.send(h11.Data(data=reply.body[: reply.cut])))
        if reply.cut is not None:
            self.transport.close()
            return
        self._write(self.http.send(h11.EndOfMessage()))

    async def _answer_slowly(self, reply: Reply) -> None:
        """Send a response that is delayed, or that comes in chunks."""
        clock = self.venue.clock
        if reply.delay:
            await clock.sleep(reply.delay)
        if reply.chunks is None:
            self._send(reply)
        else:
            self._send_header(reply, reply.size)
            for chunk in reply.chunks():
                self._write(self.http.send(h11.Data(data=chunk)))
                await self._room.wait()
                await (clock.sleep(reply.pause) if reply.pause else asyncio.sleep(0))
                if self.transport.is_closing():
                    return
            self._write(self.http.send(h11.EndOfMessage()))
        self._task = None
        if not self.transport.is_closing():
            self.transport.resume_reading()
            with contextlib.suppress(h11.RemoteProtocolError):
                self._next()

    def _send_header(self, reply: Reply, size: int | None) -> None:
        now = self.venue.clock.now()
        headers = [
            ("Content-Type", reply.kind),
            ("Date", formatdate(max(now, 0.0), usegmt=True)),
            ("Server", "ostinato-exchange"),
            *reply.headers.items(),
        ]
        if size is not None:
            headers.append(("Content-Length", str(size)))
        self._write(self.http.send(h11.Response(status_code=reply.status, headers=headers)))

    def _write(self, data: bytes | None) -> None:
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def _next(self) -> None:
        """Wait for the next request on the same connection, where both sides want that."""
        if self.transport.is_closing():
            return
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
            self._held.enter("request", asyncio.get_running_loop().time())
            self._events()
        else:
            self.transport.close()

    def _refuse(self, status: int, words: str = "") -> None:
        with contextlib.suppress(h11.LocalProtocolError):
            self._send_header(Reply(status, kind="text/plain"), len(words))
            self._write(self.http.send(h11.Data(data=words.encode())))
            self._write(self.http.send(h11.EndOfMessage()))
        self.transport.close()
