"""The live store: one SQLite file that one process writes and any number read.

writer.py    Store: groups of rows, each one transaction
reader.py    Reader: rows behind a key, for pages and meters
head.py      what a store is about
schema.py    the tables, and what their numbers mean
ledger.py    the chain over all predictions
"""

from .head import Head, made_head
from .health import Health
from .reader import Reader
from .rows import (
    Counts,
    Position,
    StoredEvent,
    StoredGap,
    StoredModel,
    StoredNote,
    StoredPrediction,
    StoredScore,
    StoredShadow,
)
from .schema import Flag, Origin
from .writer import Store

__all__ = [
    "Counts",
    "Flag",
    "Head",
    "Health",
    "Origin",
    "Position",
    "Reader",
    "Store",
    "StoredEvent",
    "StoredGap",
    "StoredModel",
    "StoredNote",
    "StoredPrediction",
    "StoredScore",
    "StoredShadow",
    "made_head",
]
