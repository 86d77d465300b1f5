"""What every server of ours needs, whoever may reach it: whom it answers, and that nobody holds it up."""

from .connections import ConnectionLimits, Connections, Held
from .hosts import host_name, is_loopback, same_origin

__all__ = ["ConnectionLimits", "Connections", "Held", "host_name", "is_loopback", "same_origin"]
