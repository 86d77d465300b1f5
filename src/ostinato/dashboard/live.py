"""The page's websocket: the full view at first, then changes.

A client is not sent a queue of messages but the difference between what it has and what there is: one that reads
slowly misses steps between, never the newest, and costs no memory. What it says is not listened to.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from .watching import Watch

APART = 0.25  # seconds between two messages to a page at least
QUIET = 1.0  # a page hears this often at least, so that it knows that we live
SLOW = 10.0  # seconds that a client may take for a message, before it is let go
MOST_CLIENTS = 64
TRY_AGAIN, POLICY = 1012, 1008  # codes of RFC 6455 and its registry


class Clients:
    """Counts connected clients and limits their number."""

    def __init__(self, most: int = MOST_CLIENTS) -> None:
        self.most, self.now = most, 0

    @contextlib.asynccontextmanager
    async def accepted(self, socket: WebSocket) -> AsyncIterator[bool]:
        """True within, once the client is counted and accepted; False where there are too many."""
        if self.now >= self.most:  # before it is accepted, so that nothing of it stays
            words = f"{self.most} clients are connected already.\n"
            await socket.send_denial_response(PlainTextResponse(words, 503))
            yield False
            return
        self.now += 1
        try:
            await socket.accept()
            yield True
        finally:
            self.now -= 1


async def send_text(socket: WebSocket, text: str) -> None:
    """Send, or give a client up that does not read.

    Raises:
        WebSocketDisconnect: it is gone, or too slow.
    """
    try:
        await asyncio.wait_for(socket.send_text(text), SLOW)
    except TimeoutError:
        raise WebSocketDisconnect(TRY_AGAIN, "too slow") from None


async def run_while_connected(socket: WebSocket, work: Coroutine[Any, Any, None]) -> None:
    """Run until the client disconnects; its messages are ignored.

    Raises:
        StoreError: as the work does.
    """
    listening, working = asyncio.create_task(_until_gone(socket)), asyncio.create_task(work)
    try:
        await asyncio.wait((listening, working), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (listening, working):
            task.cancel()
        found = await asyncio.gather(listening, working, return_exceptions=True)
    error = found[1]
    if isinstance(error, Exception) and not isinstance(error, (WebSocketDisconnect, RuntimeError)):
        raise error
    await close(socket, TRY_AGAIN, "")


async def close(socket: WebSocket, code: int, reason: str) -> None:
    """Close a websocket that may be closed already. A frame has room for 123 bytes of reason."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
        words = reason.encode("ascii", "replace").decode()
        await asyncio.wait_for(socket.close(code, words[:120]), SLOW)


async def follow(socket: WebSocket, watch: "Watch", clients: Clients) -> None:
    """Keep one page up to date until it leaves. ``?range=`` is one of the view's, or auto."""
    async with clients.accepted(socket) as accepted:
        if accepted:
            await run_while_connected(socket, _tell(socket, watch, socket.query_params.get("range", "auto")))


async def _tell(socket: WebSocket, watch: "Watch", asked: str) -> None:
    version, shown = 0, ""
    while True:
        if asked == "auto" and version and watch.view.best_range() != shown:
            version = 0  # the data have outgrown the range
        text, version, shown = watch.message(version, shown if version else asked)
        await send_text(socket, text)
        await asyncio.sleep(APART)
        await watch.changed(version, QUIET - APART)


async def _until_gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
