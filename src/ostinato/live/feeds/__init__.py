"""Feeds: where events come from."""

from .feed import Feed, FeedHealth, Patience

__all__ = ["Feed", "FeedHealth", "Patience"]
