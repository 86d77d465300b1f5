"""Limits on the connections of one server, so that no client can block the others.

A request must be complete within seconds, however slowly it arrives, and the client must read the response. Where too
many connections wait, one is cut to make room: the oldest of the peer that has most of them. So a client that holds
hundreds of half-sent requests loses those, and a browser, which sends at once, is served.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Literal

CHECK_EVERY = 0.5  # seconds between two checks of all connections
State = Literal["request", "answer", "stream"]


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of one server; times in seconds.

    request: for a whole request, from the connection's beginning or from the end of the answer before.
    stalled: in which a peer takes no byte of what is sent to it.
    answer: for all of an answer.
    waiting: connections that wait for a request; beyond, those older than ``young`` are cut.
    most: connections in all; beyond, any that waits is cut.
    """

    request: float = 10.0
    stalled: float = 20.0
    answer: float = 120.0
    waiting: int = 128
    most: int = 256
    young: float = 1.0


class TrackedConnection:
    """One connection and its state: it reads a request, writes a response, or is a stream (a websocket)."""

    def __init__(self, transport: asyncio.Transport, now: float) -> None:
        peer = transport.get_extra_info("peername")
        self.transport, self.peer = transport, str(peer[0]) if isinstance(peer, tuple) else ""
        self.state: State = "request"
        self.since = self.moved = now
        self._unread = 0
        self._draining = False

    def enter(self, state: State, now: float) -> None:
        """Change the state."""
        self.state, self.since, self._draining = state, now, False

    @property
    def ended(self) -> bool:
        """Whether it is closed and the client has read everything."""
        return self.transport.is_closing() and not self.transport.get_write_buffer_size()

    @property
    def waits(self) -> bool:
        """Whether it keeps the server waiting: its request is incomplete, or the client does not read."""
        return self.state == "request" or (self.state == "answer" and self._unread > 0)

    def check(self, now: float) -> None:
        """Record what the peer has read since the last check."""
        unread = self.transport.get_write_buffer_size()
        if unread != self._unread or not unread:
            self._unread, self.moved = unread, now
        if unread:
            self._draining = True
        elif self._draining:  # the time for the next request begins when the response was read
            self._draining = False
            if self.state == "request":
                self.since = now

    def overdue(self, now: float, bounds: ConnectionLimits) -> bool:
        """Whether its time is up."""
        if self._unread and now - self.moved > bounds.stalled:
            return True
        if self.state == "stream":
            return False
        return now - self.since > (
            bounds.request if self.state == "request" and not self._unread else bounds.answer
        )


class Connections:
    """All connections of one server in one event loop; closed ones are forgotten."""

    def __init__(self, bounds: ConnectionLimits | None = None) -> None:
        self.bounds = bounds or ConnectionLimits()
        self.cut = 0  # connections that were cut
        self._all: list[TrackedConnection] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._all)

    def opened(self, transport: asyncio.Transport) -> TrackedConnection:
        """Add a new connection and make room for it; where there is none, the new one is cut."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._all = [one for one in self._all if not one.ended]
        held = TrackedConnection(transport, now)
        self._make_room(now)
        if len(self._all) >= self.bounds.most:
            self._cut(held)
        else:
            self._all.append(held)
        if self._timer is None:
            self._timer = loop.call_later(CHECK_EVERY, self._check)
        return held

    def close(self) -> None:
        """Stop checking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _make_room(self, now: float) -> None:
        bounds = self.bounds
        waiting = [one for one in self._all if one.waits]
        if len(self._all) < bounds.most:
            if len(waiting) < bounds.waiting:
                return
            waiting = [one for one in waiting if now - one.since > bounds.young]
        if waiting:
            peers = Counter(one.peer for one in waiting)
            most = max(peers.values())
            self._cut(min((one for one in waiting if peers[one.peer] == most), key=lambda one: one.since))

    def _cut(self, one: TrackedConnection) -> None:
        self.cut += 1
        one.transport.abort()
        self._all = [other for other in self._all if other is not one]

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._all = [one for one in self._all if not one.ended]
        for one in list(self._all):
            one.check(now)
            if one.overdue(now, self.bounds):
                self._cut(one)
        self._timer = loop.call_later(CHECK_EVERY, self._check) if self._all else None
