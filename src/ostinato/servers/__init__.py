"""Shared by our servers: checks of Host and Origin, and limits on connections."""

from .connections import ConnectionLimits, Connections, TrackedConnection
from .hosts import host_name, is_loopback, same_origin

__all__ = ["ConnectionLimits", "Connections", "TrackedConnection", "host_name", "is_loopback", "same_origin"]
