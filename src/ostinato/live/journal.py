"""What happens, as JSON lines: one object a line with ``time`` (ISO, UTC), ``event`` and the facts."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from ..errors import ConfigError, cut
from ..files.links import open_no_link


class Journal:
    """Writes to a file, or nowhere.

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

    def tell(self, event: str, **facts: Any) -> None:
        """Write a line. A disk that is full for the log does not stop the engine: the store says what matters."""
        if self._log is None:
            return
        try:
            self._log.info(
                event, **{name: cut(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
            )
        except OSError:
            self._log = None

    def close(self) -> None:
        """Safe to call twice; what a full disk did not take is lost."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = self._log = None


def _appending(path: Path) -> TextIO:
    """The end of a log. A link in its place is not followed; those of /dev are the system's."""
    if path.parent == Path("/dev"):
        return path.open("a", encoding="utf-8", buffering=1)
    number = open_no_link(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return os.fdopen(number, "a", encoding="utf-8", buffering=1)
