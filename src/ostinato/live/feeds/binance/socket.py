"""One websocket connection, read continuously so that pings are answered in time.

Where there is no room, reading stops for a while, and TCP slows the server down; not for long, since pings wait in the
same line. After that whoever takes the frames has to drop some. Whether a connection is alive is judged by its data: a
server may answer pings for days and send nothing. A redirect is not followed, not even to the same host: whoever could
send one would choose what the model sees.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ....errors import ConfigError, FeedRefusedError, shortened
from ..address import is_loopback
from ..feed import Timeouts
from ..redirects import redirect_words
from .limits import RequestLimits
from .messages import FRAME_BYTES

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
except ImportError:
    raise ConfigError("live data needs the package websockets: pip install 'ostinato[live]'.") from None

Take = Callable[[str | bytes, float], str | None]


class ConnectError(Exception):
    """A connection could not be opened; retrying may help."""


class _Connection(ClientConnection):
    """Drops a server that sends pings and does not read the pongs, which would otherwise accumulate here."""

    def pause_writing(self) -> None:
        self.transport.abort()


class _Connect(connect):
    """Connects to the given address only; follows no redirect."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Return the redirect itself as an error."""
        return exc


class StreamConnection:
    """One connection, read from the moment it is open.

    Attributes:
        last: when data came last, by the monotonic clock; at first, when it was opened.
        fresh: set with the first data.
        shutdown: set when the server says that it is about to close.
        ended: set when it is no longer open; ``why`` says the reason, ``error`` is what ``take`` raised.
    """

    def __init__(
        self, connection: ClientConnection, take: Take, room: asyncio.Event, timeouts: float
    ) -> None:
        self._connection = connection
        self._take = take
        self._room, self._timeouts = room, timeouts
        self._reading: asyncio.Task[None] | None = None
        self.opened = self.last = time.monotonic()
        self.fresh, self.shutdown, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.why = ""
        self.error: Exception | None = None

    @classmethod
    async def open(
        cls, url: str, timeouts: Timeouts, limits: RequestLimits, take: Take, room: asyncio.Event
    ) -> "StreamConnection":
        """Connect; reading begins with ``read``.

        Args:
            take: called with every frame and our time; says "data", "shutdown" or None for whatever else.
            room: set while there is room for more.

        Raises:
            Trouble: not now.
            FeedRefusedError: the exchange does not serve this place.
        """
        settings: dict[str, Any] = {"proxy": None} if is_loopback(urlsplit(url).hostname or "") else {}
        try:
            connection = await _Connect(
                url,
                open_timeout=timeouts.connect,
                close_timeout=min(1.0, timeouts.connect),
                ping_interval=None,
                max_size=FRAME_BYTES,
                max_queue=256,
                compression=None,
                create_connection=_Connection,
                user_agent_header="ostinato",
                **settings,
            )
        except InvalidStatus as error:
            raise _refusal(url, error, limits) from None
        except (OSError, WebSocketException) as error:  # a TimeoutError is an OSError
            raise ConnectError(f"{type(error).__name__}: {shortened(str(error))}") from None
        return cls(connection, take, room, timeouts.stale / 6)

    def read(self) -> None:
        """Start passing on frames."""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        connection, take, room = self._connection, self._take, self._room
        waited = False
        try:
            while True:
                if room.is_set():
                    waited = False
                elif not waited:
                    waited = True
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(room.wait(), self._timeouts)
                frame = await connection.recv()
                what = take(frame, time.time())
                if what == "data":
                    self.last = time.monotonic()
                    if not self.fresh.is_set():
                        self.fresh.set()
                elif what == "shutdown":
                    self.shutdown.set()
        except ConnectionClosed as error:
            self.why = shortened(str(error))
        except (OSError, WebSocketException, UnicodeDecodeError) as error:
            self.why = f"{type(error).__name__}: {shortened(str(error))}"
        except Exception as error:  # a fault of ours: it must not look like one of the network
            self.error = error
        finally:
            self.ended.set()

    async def close(self) -> None:
        """Close it and wait until it is closed; safe to call twice."""
        await self._connection.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


def _refusal(url: str, error: InvalidStatus, limits: RequestLimits) -> Exception:
    status, headers = error.response.status_code, error.response.headers
    host = urlsplit(url).netloc
    if status == 451:
        return FeedRefusedError(
            f"{host} does not serve this place (HTTP 451); give another address of the exchange with rest= and ws=."
        )
    if status in (403, 418, 429):
        limits.ban(status, headers.get("Retry-After"))
    if 300 <= status < 400:
        return ConnectError(redirect_words(host, status, headers.get("Location")))
    return ConnectError(f"HTTP {status}")
