"""Inspect the write-ahead log after a crash, before SQLite opens it and silently skips a torn end.

Source: https://www.sqlite.org/fileformat2.html section 4 (the WAL file format).
"""

import struct
from pathlib import Path
from typing import NamedTuple

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGICS = (0x377F0682, 0x377F0683)


class WalFile(NamedTuple):
    """bytes: size of the file; frames: those of the latest round, intact or torn; frame_bytes: size of one."""

    bytes: int
    frames: int
    frame_bytes: int


def inspect_log(path: Path) -> WalFile | None:
    """Inspect the log at ``path``; None if it is absent or empty."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER.size)
            size = path.stat().st_size
            if not start:
                return None
            if len(start) < _HEADER.size:
                return WalFile(size, 0, 0)
            magic, _, page, _, *salts = _HEADER.unpack(start)[:6]
            if magic not in _MAGICS or not 512 <= page <= 65536:
                return WalFile(size, 0, 0)
            frame_bytes = _FRAME.size + page
            frames = 0
            while True:
                file.seek(_HEADER.size + frames * frame_bytes)
                head = file.read(_FRAME.size)
                # a frame of an earlier round, not yet written over, has another salt
                if len(head) < _FRAME.size or list(_FRAME.unpack(head)[2:4]) != salts:
                    return WalFile(size, frames, frame_bytes)
                frames += 1
    except OSError:
        return None


def committed_frames(path: Path) -> int:
    """Number of frames that SQLite replays: up to the last commit frame before the first torn one."""
    try:
        data = path.read_bytes()
    except OSError:
        return 0
    seen = inspect_log(path)
    if seen is None or not seen.frame_bytes:
        return 0
    order = ">" if struct.unpack_from(">I", data)[0] & 1 else "<"
    check, committed = _sum(data[:24], order, (0, 0)), 0
    if check != struct.unpack_from(">2I", data, 24):
        return 0
    for number in range(seen.frames):
        start = _HEADER.size + number * seen.frame_bytes
        frame = data[start : start + seen.frame_bytes]
        if len(frame) < seen.frame_bytes:
            break
        check = _sum(frame[:8] + frame[_FRAME.size :], order, check)
        if check != struct.unpack_from(">2I", frame, 16):
            break
        if struct.unpack_from(">I", frame, 4)[0]:  # pages of the file after the commit that it ends
            committed = number + 1
    return committed


def _sum(data: bytes, order: str, check: tuple[int, int]) -> tuple[int, int]:
    """Continue the checksum of the log."""
    first, second = check
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
