"""A server that says exactly what a test tells it, byte by byte; written from RFC 9112 and RFC 6455 alone.

It shares nothing with the exchange that the package serves, nor with the libraries the feed reads with, so none of them
can agree with the feed on a mistake.
"""

import asyncio
import base64
import contextlib
import hashlib
import struct
from urllib.parse import parse_qs, urlsplit

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
REASONS = {200: "OK", 302: "Found", 403: "Forbidden", 418: "I'm a teapot", 429: "Too Many Requests"}


def answer(body="", status=200, headers=()):
    """An HTTP answer, whole."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'X')}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


class Peer:
    """The server's side of one websocket."""

    def __init__(self, reader, writer, path):
        self.reader, self.writer, self.path = reader, writer, path
        self.heard = asyncio.Queue()  # (opcode, payload)
        self.closing = self.deaf = False

    def frame(self, payload, opcode=1, fin=True, length=None):
        payload = payload.encode() if isinstance(payload, str) else payload
        size = len(payload) if length is None else length
        head = bytes([(0x80 if fin else 0) | opcode])
        if size < 126:
            head += bytes([size])
        elif size < 65536:
            head += b"\x7e" + struct.pack("!H", size)
        else:
            head += b"\x7f" + struct.pack("!Q", size)
        return head + payload

    async def send(self, *payloads, opcode=1):
        for payload in payloads:
            self.writer.write(self.frame(payload, opcode))
        await self.writer.drain()

    async def close(self, code=1000):
        self.closing = True
        await self.send(struct.pack("!H", code), opcode=8)

    def abort(self):
        self.writer.transport.abort()

    async def listen(self):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    (size,) = struct.unpack("!H", await self.reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
                assert second & 0x80, "a client masks"
                mask = await self.reader.readexactly(4)
                data = await self.reader.readexactly(size)
                payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
                await self.heard.put((first & 0x0F, payload))
                if first & 0x0F == 8 and not self.deaf:
                    if not self.closing:
                        await self.close()
                    self.writer.close()
                    return


class RawServer:
    """Answers REST by ``rest(path, query)`` (bytes, or a coroutine function that writes), websockets by ``scripts``.

    scripts: coroutine functions, one for each connection in turn, the last for all further ones; a connection stays
        open when its script returns.
    """

    def __init__(self, rest, scripts=()):
        self.rest, self.scripts = rest, list(scripts)
        self.asked = []  # (path, query, loop time)
        self.peers = []
        self.refuse = []  # answers to the next handshakes
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._one(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the last of them when the server is closed
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _one(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        url = urlsplit(first.split()[1])
        if headers.get("upgrade", "").lower() == "websocket":
            if self.refuse:
                writer.write(self.refuse.pop(0))
                return await writer.drain()
            return await self._websocket(reader, writer, url.path, headers)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        path = url.path.removeprefix("/api/v3/")
        self.asked.append((path, query, asyncio.get_running_loop().time()))
        told = self.rest(path, query)
        if isinstance(told, bytes):
            writer.write(told)
            return await writer.drain()
        return await told(writer)

    async def _websocket(self, reader, writer, path, headers):
        key = hashlib.sha1(headers["sec-websocket-key"].encode() + MAGIC).digest()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n"
        )
        peer = Peer(reader, writer, path)
        self.peers.append(peer)
        script = self.scripts[min(len(self.peers), len(self.scripts)) - 1] if self.scripts else None
        listening = asyncio.create_task(peer.listen())
        try:
            if script is not None:
                await script(peer)
            await listening
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
