"""The log: JSON lines, one object per line with ``time`` (ISO, UTC), ``event`` and its fields."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from ..errors import ConfigError, cut
from ..files.links import open_no_link


class Journal:
    """Writes to a file, or discards.

    Args:
        path: appended to; None writes nothing.

    Raises:
        ConfigError: the file cannot be written, or structlog is not installed.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file: TextIO | None = None
        self._log = None
        if path is None:
            return
        try:
            import structlog
        except ImportError:
            raise ConfigError("--log needs the package structlog: pip install 'ostinato[live]'.") from None
        try:
            self._file = _appending(path)
        except OSError as error:
            raise ConfigError(f"cannot write the log {path}: {error.strerror or error}.") from None
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(self._file),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.BoundLogger,
        )

    def write(self, event: str, **facts: Any) -> None:
        """Write a line. A full disk does not stop the engine: what matters is in the store."""
        if self._log is None:
            return
        try:
            self._log.info(
                event, **{name: cut(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
            )
        except OSError:
            self._log = None

    def close(self) -> None:
        """Close; safe to call twice. Lines that a full disk did not accept are lost."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = self._log = None


def _appending(path: Path) -> TextIO:
    """Open a log for appending. A link in its place is not followed; those of /dev are the system's."""
    if path.parent == Path("/dev"):
        return path.open("a", encoding="utf-8", buffering=1)
    number = open_no_link(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return os.fdopen(number, "a", encoding="utf-8", buffering=1)
