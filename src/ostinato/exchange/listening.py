"""Addresses on which the exchange may listen: those of this machine alone."""

import errno

from ..errors import ListenError, shortened
from ..servers import is_loopback


def check_loopback(host: str) -> None:
    """Refuse an address that other machines can reach: the exchange is not meant to be public.

    Raises:
        ListenError: it is not one of this machine alone.
    """
    if not is_loopback(host):
        raise ListenError(
            f"the exchange listens on this machine alone, not on {shortened(host)}: use 127.0.0.1, ::1 or localhost."
        )


def refused(host: str, port: int, error: Exception) -> ListenError:
    """What to say where a port cannot be listened on."""
    where = f"port {port} of {host}"
    if isinstance(error, OverflowError):
        return ListenError(f"{port} is no port: use 1 to 65535, or 0 for one that is free.")
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return ListenError(
            f"{where} is taken by another program: choose another --port, or 0 for one that is free."
        )
    if number == errno.EACCES:
        return ListenError(
            f"{where} is reserved for the system: choose one from 1024 on, or 0 for one that is free."
        )
    return ListenError(f"{where} cannot be listened on: {error}.")
