"""Feeds: sources of events."""

from .feed import Feed, FeedHealth, Timeouts

__all__ = ["Feed", "FeedHealth", "Timeouts"]
