"""The publisher: sends trades, bars and faults when they are due by the clock.

Everything happens in callbacks of the event loop, none of which waits; so a request of REST can bring the streams up to
the same instant before it is answered, and a trade is never on one and not on the other.
"""

import asyncio

import numpy as np

from .acts import perform
from .bars import KlineFeed
from .venue import Bars, Venue

BATCH = 256  # trades at once, at speed "max"
SPAN = 4096  # trades at once otherwise; a span that is longer is cut
SHORTEST = 0.001  # real seconds between two looks at the clock
IDLE = 0.02  # real seconds between two looks where trades do not set the pace
RESTLESS = 0.25  # at least so often, for what has no time of its own


class Publisher:
    """Sends what is due. ``upto`` does the work; the rest decides when."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.plan, self.clock = venue.plan, venue.clock
        self.bars = KlineFeed(self.plan)
        self.position = 0  # of the next entry of the schedule
        self.last = self.clock.start
        self.act = 0  # the next of the plan's acts
        self._timer: asyncio.Handle | None = None
        self._busy = False
        self._stopped = False

    @property
    def finished(self) -> bool:
        """Whether every trade went out."""
        return self.position >= len(self.plan.when)

    def start(self) -> None:
        """Start publishing."""
        self.wake()

    def stop(self) -> None:
        """Stop publishing."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def wake(self) -> None:
        """Check the clock at once, because something has changed."""
        if not self._stopped:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_soon(self._tick)

    def _tick(self) -> None:
        try:
            delay = self._paced() if self.clock.paced else self._timed()
        except Exception as error:  # a publisher that died must not look like a quiet market
            self.venue.fail(error)
            return
        if not self._stopped:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay, self._tick) if delay else loop.call_soon(self._tick)

    def _timed(self) -> float:
        """Send what is due; returns the real seconds until more is due."""
        if not self.clock.running:
            return RESTLESS
        self.upto(self.clock.now())
        due = self._break(float("inf"))
        if not self.finished:
            due = min(due, float(self.plan.when[self.position]))
        if any(stream.bars for session in self.venue.sessions for stream in session.streams):
            due = min(due, self.last // 1 + 1)
        return min(max(self.clock.real(due - self.clock.now()), SHORTEST), RESTLESS)

    def _paced(self) -> float:
        """Send a batch to clients that have read the one before; returns the real seconds until the next."""
        if not self.clock.running:
            return RESTLESS
        listening = [session for session in self.venue.sessions if session.receives(self.last)]
        if not listening or self.finished or any(session.paused for session in listening):
            self.clock.creep()
            self._withhold(bool(listening))
            return IDLE
        end = min(self.position + BATCH, len(self.plan.when)) - 1
        self.clock.advance(self._break(float(self.plan.when[end])))
        self.upto(self.clock.now())
        return 0.0

    def _withhold(self, listening: bool) -> None:
        """While a client does not read, time passes for REST and for acts, and its stream waits."""
        if not listening or self.finished:
            self.upto(self.clock.now())

    def upto(self, moment: float) -> None:
        """Send everything that is due by ``moment``, in order; nothing where that is past."""
        if self._busy:
            return
        self._busy = True
        try:
            while self.last < moment:
                stop = self._break(moment)
                self._deliver(stop)
                self._act(stop)
        finally:
            self._busy = False

    def _break(self, moment: float) -> float:
        """The first moment up to this one at which something other than data happens."""
        times = [moment]
        if self.act < len(self.plan.acts):
            times.append(self.plan.acts[self.act].start)
        for session in self.venue.sessions:
            times += [session.deadline, session.muted_until]
        return min((time for time in times if time > self.last), default=moment)

    def _deliver(self, moment: float) -> None:
        stop = int(np.searchsorted(self.plan.when, moment, "right"))
        listening = [session for session in self.venue.sessions if session.receives(self.last)]
        bars: Bars = {}
        for session in listening:
            for stream in session.streams:
                key = (stream, session.micro)
                if stream.bars and key not in bars:
                    bars[key] = self.bars.between(stream, key[1], self.last, moment)
        while True:
            end = min(self.position + SPAN, stop)
            last = end == stop
            for session in listening:
                session.deliver(self.position, end, bars if last else {})
            self.position = end
            if last:
                break
        self.last = moment

    def _act(self, moment: float) -> None:
        acts = self.plan.acts
        while self.act < len(acts) and acts[self.act].start <= moment:
            fault = acts[self.act].fault
            self.act += 1
            for session in list(self.venue.sessions):
                perform(session, fault, moment)
            self.venue.served.faults.append((moment, fault.name))
        for session in list(self.venue.sessions):
            if session.deadline <= moment:
                session.close(session.deadline_code, "")
