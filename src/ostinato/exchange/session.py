"""One websocket session: its subscriptions, its pings, and the faults done to it.

The frames are those of the sans-I/O protocol of ``websockets``; the transport is ours, because faults need it: to cut a
frame, to stop sending without closing, or to send what no library would send.
"""

import asyncio
import json
import logging
from collections.abc import Iterator

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from . import wire
from .control import Stream, Subscriptions, stream_of, subscriptions_of
from .limits import Rate
from .tape import StreamFormat
from .venue import Bars, Venue

SILENT = logging.getLogger("ostinato.exchange.websocket")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False
CLOSING = 5.0  # real seconds for the other side to close
# virtual seconds, and real ones at least, until a dead connection is forgotten: far longer than a client should wait
DEAD, REAL_DEAD = 3600.0, 120.0


class WebSocketSession:
    """A websocket from its handshake to its end. Raises nothing: a client's fault ends the client's connection."""

    def __init__(self, venue: Venue, transport: asyncio.Transport, path: str) -> None:
        self.venue, self.transport = venue, transport
        self.protocol = ServerProtocol(max_size=venue.limits.message_bytes, logger=SILENT)
        self.subscriptions: Subscriptions | None = subscriptions_of(path, venue.limits.streams)
        self.streams: list[Stream] = []
        self.opened = venue.clock.now()
        self.deadline = self.opened + venue.limits.lifetime
        self.deadline_code = 1001
        self.muted_until = 0.0  # virtual; silence
        self.frozen = False  # half-open: nothing in, nothing out
        self.pouring = False  # something is being sent that no other frame may come into
        self.deaf = False  # pongs do not count
        self.paused = False  # the client does not read fast enough
        self.drained = asyncio.Event()
        self.drained.set()
        self._rate = Rate(venue.limits.messages, 1.0)
        self._parts: list[bytes] = []
        self._pending: set[bytes] = set()  # payloads of pings without a pong
        self._timers: list[asyncio.TimerHandle] = []
        self._task: asyncio.Task | None = None

    # input

    def receive(self, data: bytes) -> None:
        """Bytes of the client, the handshake first."""
        if self.frozen:
            return
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Handshake):
                self._handshake(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self.flush()

    def _handshake(self, request: Handshake) -> None:
        refused = self.venue.refuses_websocket()
        if self.subscriptions is None:
            response = self.protocol.reject(404, "Not found\n")
        elif refused:
            response = self.protocol.reject(429, "Too many connections\n")
        else:
            response = self.protocol.accept(request)
        self.protocol.send_response(response)
        if response.status_code == 101:
            self.venue.sessions.add(self)
            self.venue.served.websockets += 1
            self._update_streams()
            self._later(self.venue.ping_delay(), self._ping)

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            return
        self.venue.served.received += 1
        clock = self.venue.clock
        fault = self.venue.plan.active("message_limit", clock.now())
        if self._rate.exceeded(clock.counted(), int(fault["limit"]) if fault else None):
            self.close(1008, "Too many requests")
        elif frame.opcode is Opcode.PONG:
            if not self.deaf:
                self._pending.discard(bytes(frame.data))
        elif frame.opcode is not Opcode.PING:  # which the protocol has answered
            self._parts.append(bytes(frame.data))
            if frame.fin:
                data, self._parts = b"".join(self._parts), []
                self._message(data)

    def _message(self, data: bytes) -> None:
        if self.subscriptions is None or self.protocol.state is not State.OPEN:
            return
        try:
            reply = self.subscriptions.answer(data.decode())
        except UnicodeDecodeError:
            self.close(1007, "Invalid UTF-8")
            return
        self.venue.catch_up()  # what happened before a subscription is not sent to it
        self._update_streams()
        if not self.pouring:
            self.protocol.send_text(reply.encode())

    def _update_streams(self) -> None:
        names = self.subscriptions.names if self.subscriptions else {}
        found = [stream_of(name, self.venue.plan.market.symbol) for name in names]
        self.streams = [stream for stream in found if stream is not None]
        if self.streams:
            self.venue.subscribed()

    # output

    def receives(self, since: float) -> bool:
        """Whether data of a span of time that begins at ``since`` go to this client."""
        return bool(self.streams) and since >= self.muted_until and self.open and not self.pouring

    def deliver(self, start: int, stop: int, bars: Bars) -> None:
        """Entries of the schedule, and the messages of kline streams, in the order of time."""
        subscriptions = self.subscriptions
        assert subscriptions is not None
        tape = self.venue.tape
        forms = [
            StreamFormat(s.kind, subscriptions.combined, subscriptions.micro)
            for s in self.streams
            if not s.bars
        ]
        if len(forms) == len(self.streams) == 1:
            frames = tape.frames(forms[0], start, stop)
        else:
            times = tape.plan.when[start:stop].tolist()
            parts = [
                part for form in forms for part in zip(times, tape.frames(form, start, stop), strict=True)
            ]
            for stream in self.streams:
                for moment, text in bars.get((stream, subscriptions.micro), ()):
                    message = wire.wrapped(stream.name, text) if subscriptions.combined else text
                    parts.append((moment, wire.frame(message)))
            parts.sort(key=lambda part: part[0])
            frames = [frame for _, frame in parts]
        if frames:
            self.venue.served.messages += len(frames)
            self.transport.write(b"".join(frames))
            if self.transport.get_write_buffer_size() > self.venue.limits.backlog:
                self.drop()

    @property
    def micro(self) -> bool:
        """Whether times are microseconds."""
        return self.subscriptions is not None and self.subscriptions.micro

    @property
    def open(self) -> bool:
        """Whether it is neither closing nor dead."""
        return self.protocol.state is State.OPEN and not (self.frozen or self.transport.is_closing())

    def write(self, data: bytes) -> None:
        """Send raw bytes, if the session is open."""
        if self.open and not self.pouring:
            self.transport.write(data)

    def send(self, text: str) -> None:
        """Send a message of the exchange itself."""
        self.write(wire.frame(text))

    def announce_shutdown(self, now: float) -> None:
        """Send the event that announces the end of the server."""
        subscriptions = self.subscriptions
        assert subscriptions is not None
        event = json.dumps(
            {"e": "serverShutdown", "E": wire.wire_time(now, subscriptions.micro)}, separators=(",", ":")
        )
        self.send(wire.wrapped("!serverShutdown", event) if subscriptions.combined else event)

    def flush(self) -> None:
        """Send what the protocol has queued."""
        if self.frozen or self.transport.is_closing():
            return
        for data in self.protocol.data_to_send():
            if data:
                self.transport.write(data)
            elif self.transport.can_write_eof():
                self.transport.write_eof()
        if self.protocol.close_expected():
            self._later(CLOSING, self.transport.abort)

    def pour(self, chunks: Iterator[bytes], seconds: float | None = None) -> None:
        """Send bytes that are not of the protocol, as fast as they are read; after virtual ``seconds``, cut."""
        if self.open and not self.pouring:
            self.pouring = True
            self._task = asyncio.get_running_loop().create_task(self._pour_chunks(chunks))
            if seconds is not None:
                self._later(self.venue.clock.real(seconds), self.transport.abort)

    async def _pour_chunks(self, chunks: Iterator[bytes]) -> None:
        for chunk in chunks:
            if not self.open:
                if not self.frozen:
                    self.transport.abort()
                return
            self.transport.write(chunk)
            await self.drained.wait()
            await asyncio.sleep(0)
        self.pouring = False

    def pause(self, paused: bool) -> None:
        """Called by the transport when its buffer is full, and when it has room again."""
        self.paused = paused
        if paused:
            self.drained.clear()
        else:
            self.drained.set()

    # pings and closing

    def _ping(self) -> None:
        if self.protocol.state is not State.OPEN:
            return
        now = self.venue.clock.now()
        if not self.frozen and not self.pouring:
            payload = str(round(now * 1e6)).encode()
            self._pending.add(payload)
            self.protocol.send_ping(payload)
            self.flush()
            self._later(self.venue.pong_delay(), lambda: self._check_pong(payload))
        self._timers = [timer for timer in self._timers if timer.when() > asyncio.get_running_loop().time()]
        self._later(self.venue.ping_delay(), self._ping)

    def _check_pong(self, payload: bytes) -> None:
        if payload in self._pending and not self.frozen and self.protocol.state is State.OPEN:
            self.venue.served.dropped += 1
            self.close(1008, "Pong timeout")

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake."""
        if self.protocol.state is State.OPEN and not self.frozen:
            if self.pouring:
                self.transport.abort()
                return
            self.protocol.send_close(code, reason)
            self.flush()
            self._later(CLOSING, self.transport.abort)

    def drop(self) -> None:
        """Cut the connection of a client that does not read."""
        self.venue.served.dropped += 1
        self.transport.abort()

    def freeze(self) -> None:
        """Stop reading and writing without closing: a half-open connection."""
        self.frozen = True
        if not self.transport.is_closing():
            self.transport.pause_reading()
            self._later(max(self.venue.clock.real(DEAD), REAL_DEAD), self.transport.abort)

    def lost(self) -> None:
        """The connection has ended."""
        self.venue.sessions.discard(self)
        for timer in self._timers:
            timer.cancel()
        self.pause(False)
        if self._task is not None:
            self._task.cancel()

    def _later(self, seconds: float, do: object) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, do))  # type: ignore[arg-type]
