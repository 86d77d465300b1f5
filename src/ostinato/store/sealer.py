"""The process that writes the files of a sealed day: python -m ostinato.store.sealer STORE BEFORE

What it has written is one line of JSON; nothing where no day can be sealed. It records nothing: the writer does.
"""

import json
import os
import signal
import sys
from pathlib import Path

from ..errors import OstinatoError, StoreError
from ..files.ending import end_with_parent
from .sealing import WrittenDay, write_day


def main(arguments: list[str]) -> int:
    """Write the files; exit code 1 with a message if that is not possible."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave no files behind
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(10)  # the engine comes first
    path, before = arguments
    try:
        written = write_day(Path(path), float(before))
    except OstinatoError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    if written is not None:
        print(to_line(written), flush=True)  # noqa: T201
    return 0


def to_line(written: WrittenDay) -> str:
    """Serialize a written day as one line."""
    return json.dumps(written._asdict() | {"hash": None if written.hash is None else written.hash.hex()})


def from_line(line: str) -> WrittenDay:
    """Parse a written day from its line.

    Raises:
        StoreError: it is none.
    """
    try:
        fields = json.loads(line)
        hashed = fields.pop("hash")
        return WrittenDay(**fields, hash=None if hashed is None else bytes.fromhex(hashed))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise StoreError("the output of the sealing process is malformed.") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
