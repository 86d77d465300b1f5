"""The live store: one SQLite file that one process writes and any number read."""

from .health import Health
from .schema import Flag, Origin

__all__ = ["Flag", "Health", "Origin"]
