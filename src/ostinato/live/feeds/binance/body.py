"""Read the body of a response with limits on its packed and unpacked size."""

import zlib
from typing import TYPE_CHECKING

from .messages import RejectedError

if TYPE_CHECKING:
    import httpx

BODY_BYTES = 4 << 20


async def read_body(response: "httpx.Response", most: int = BODY_BYTES) -> bytes:
    """The body of a streamed response, unpacked.

    httpx would unpack a piece of 64 KiB to 64 MiB before anyone could look at it; here the unpacking itself stops.

    Raises:
        RejectedError: it is larger than ``most`` bytes, packed in another way than gzip, or cut off.
    """
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("identity", "gzip", ""):
        raise RejectedError(f"an answer packed as {packed[:40]!r}; only gzip was offered")
    unpack = zlib.decompressobj(wbits=31) if packed == "gzip" else None
    parts, size = [], 0
    async for piece in response.aiter_raw():
        part = unpack.decompress(piece, most + 1 - size) if unpack else piece
        size += len(part)
        if size > most:
            raise RejectedError(f"an answer of more than {most:,} bytes")
        parts.append(part)
    if unpack and not unpack.eof:
        raise RejectedError("an answer that was cut off")
    return b"".join(parts)
