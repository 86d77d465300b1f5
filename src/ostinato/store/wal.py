"""What a crash left of a write-ahead log, looked at before SQLite opens it and passes over a torn end in silence.

Source: https://www.sqlite.org/fileformat2.html section 4 (the WAL file format).
"""

import struct
from pathlib import Path
from typing import NamedTuple

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGICS = (0x377F0682, 0x377F0683)


class Log(NamedTuple):
    """bytes: size of the file; frames: those of the latest round, whole or torn; frame_bytes: size of one."""

    bytes: int
    frames: int
    frame_bytes: int


def look(path: Path) -> Log | None:
    """The log at ``path``; None where there is none, or it is empty."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER.size)
            size = path.stat().st_size
            if not start:
                return None
            if len(start) < _HEADER.size:
                return Log(size, 0, 0)
            magic, _, page, _, *salts = _HEADER.unpack(start)[:6]
            if magic not in _MAGICS or not 512 <= page <= 65536:
                return Log(size, 0, 0)
            frame_bytes = _FRAME.size + page
            frames = 0
            while True:
                file.seek(_HEADER.size + frames * frame_bytes)
                head = file.read(_FRAME.size)
                # a frame of an earlier round, not yet written over, has another salt
                if len(head) < _FRAME.size or list(_FRAME.unpack(head)[2:4]) != salts:
                    return Log(size, frames, frame_bytes)
                frames += 1
    except OSError:
        return None
