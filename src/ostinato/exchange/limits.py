"""Limits on requests and connections, and counts of what was served."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field

from ..servers import ConnectionLimits
from .messages import Reply, error

SLOW_DOWN = "Please use WebSocket Streams for live updates to avoid polling the API."
STREAM_INSTEAD = "Please use WebSocket Streams for live updates to avoid bans."


@dataclass(frozen=True)
class ExchangeLimits:
    """The exchange's limits. Times are virtual seconds; those named ``real`` are ours, for the server's own sake.

    weight: of requests a minute and address; ``stubborn`` requests beyond it are answered by a ban.
    connections: websockets opened in 5 minutes by one address; ``streams``: of one websocket.
    messages: from a client in a second; ``message_bytes``: of one.
    ping_every, pong_within, lifetime: of a websocket. However fast the clock runs, a ping comes no sooner than
        ``real_ping`` and a pong has at least ``real_pong``.
    backlog: bytes that a client has not read yet before it is cut off.
    sockets: open at once; of those that wait for a request, the one that has waited longest is cut to make room.
    real_idle: for a request to come, and to be whole; ``real_stalled``: in which a client takes nothing.
    """

    weight: int = 6000
    stubborn: int = 20
    ban: float = 120.0
    connections: int = 300
    streams: int = 1024
    messages: int = 5
    message_bytes: int = 65_536
    ping_every: float = 20.0
    pong_within: float = 60.0
    lifetime: float = 86_400.0
    real_ping: float = 0.25
    real_pong: float = 5.0
    backlog: int = 16 << 20
    sockets: int = 512
    real_idle: float = 60.0
    real_stalled: float = 60.0


def bounds_of(limits: ExchangeLimits) -> ConnectionLimits:
    """The limits for connections; a slow answer may be a fault, so its time is not bounded."""
    return ConnectionLimits(
        limits.real_idle, limits.real_stalled, math.inf, max(1, limits.sockets // 2), limits.sockets
    )


@dataclass
class ServedCounts:
    """Counts of what the exchange served, for tests."""

    connections: int = 0
    websockets: int = 0
    requests: Counter[str] = field(default_factory=Counter)  # by path
    statuses: Counter[int] = field(default_factory=Counter)
    weight: int = 0
    messages: int = 0  # of streams
    received: int = 0  # from clients of websockets
    dropped: int = 0  # websockets cut off because their client did not read or did not answer pings
    faults: list[tuple[float, str]] = field(
        default_factory=list
    )  # those done to websockets, virtual time and name


class RequestWeights:
    """Counts the weight of requests by address and virtual minute."""

    def __init__(self, limits: ExchangeLimits) -> None:
        self.limits = limits
        self.minute = -1
        self.used: Counter[str] = Counter()
        self.beyond: Counter[str] = Counter()
        self.banned: dict[str, float] = {}

    def charge(self, address: str, weight: int, now: float) -> tuple[int, Reply | None]:
        """Add to the weight used this minute; returns it, and a refusal where that is too much."""
        self._turn(now)
        until = self.banned.get(address, 0.0)
        if now < until:
            return self.used[address], banned(until, now)
        self.used[address] += weight
        if self.used[address] <= self.limits.weight:
            return self.used[address], None
        self.beyond[address] += 1
        if self.beyond[address] > self.limits.stubborn:
            self.banned[address] = now + self.limits.ban
            return self.used[address], banned(now + self.limits.ban, now)
        return self.used[address], too_much(self.limits.weight, 60.0 - now % 60.0)

    def _turn(self, now: float) -> None:
        minute = int(now // 60)
        if minute != self.minute:
            self.minute = minute
            self.used.clear()
            self.beyond.clear()
            self.banned = {address: until for address, until in self.banned.items() if until > now}


def too_much(weight: int, seconds: float) -> Reply:
    """Reply 429: too many requests, for so many seconds."""
    reply = error(
        -1003,
        f"Too much request weight used; current limit is {weight} request weight per 1 MINUTE. {SLOW_DOWN}",
        429,
    )
    reply.headers["Retry-After"] = str(max(1, round(seconds)))
    return reply


def banned(until: float, now: float) -> Reply:
    """Reply 418: banned until a moment."""
    reply = error(
        -1003,
        f"Way too much request weight used; IP banned until {round(until * 1000)}. {STREAM_INSTEAD}",
        418,
    )
    reply.headers["Retry-After"] = str(max(1, round(until - now)))
    return reply


class Rate:
    """A sliding limit: at most ``most`` events in so many seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._times: deque[float] = deque(maxlen=max(most, 1) + 1)

    def exceeded(self, now: float, most: int | None = None) -> bool:
        """Count one event; returns whether that is too many."""
        self._times.append(now)
        allowed = self.most if most is None else most
        return sum(now - moment < self.seconds for moment in self._times) > allowed
