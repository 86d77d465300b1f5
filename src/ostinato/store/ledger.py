"""The hash chain of the ledger: each prediction's hash covers all predictions before it.

    hash_0 = 32 zero bytes
    hash_n = SHA-256(hash_(n-1) | key | model | numbers)

key: int64; model: SHA-256 of the weights, 32 bytes; numbers: float64; all little-endian. Times and flags stand next to
the chain, so that a run that was killed and resumed has the hash of one that was not.
"""

import hashlib
import struct
from collections.abc import Sequence

from ..errors import StoreError, shortened

START = bytes(32)


def next_hash(before: bytes, key: int, digest: bytes, numbers: bytes) -> bytes:
    """Hash of the prediction that follows ``before``."""
    return hashlib.sha256(before + key.to_bytes(8, "little", signed=True) + digest + numbers).digest()


class EventDigest:
    """SHA-256 over the events of one group; detects a flipped bit in them.

    Args:
        columns: how many values an event has.
    """

    def __init__(self, columns: int) -> None:
        self._layout = struct.Struct(f"<qdddB{columns}d")

    def of(
        self, events: Sequence[tuple[int, float, float, float | None, int, Sequence[float | None]]]
    ) -> bytes:
        """Digest of (key, time, received, happened, origin, values) each; None is hashed as NaN, all NaN alike.

        Raises:
            StoreError: an event has something else than numbers.
        """
        nan = float("nan")
        parts = []
        for key, time, received, happened, origin, values in events:
            # SQLite gives 0.0 for -0.0
            plain = [nan if value is None or value != value else value + 0.0 for value in values]
            when = nan if happened is None else happened
            try:
                parts.append(self._layout.pack(key, time, received, when, origin, *plain))
            except struct.error:
                raise StoreError(
                    f"event {shortened(key)} cannot be kept: its numbers are no numbers."
                ) from None
        return hashlib.sha256(b"".join(parts)).digest()
