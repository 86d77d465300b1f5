"""The live store: one SQLite file that one process writes and any number read.

writer.py      Store: groups of rows, each one transaction
reader.py      Reader: rows behind a key, for pages and meters
resuming.py    what an engine asks for when it goes on
sealing.py     days that are over, moved to parquet
verifying.py   the whole store held against itself, by the parts in verification/
exporting.py   its events as a data file
ledger.py      the chain over all predictions
recording.py   the second chain, over all that was written
schema.py      the tables, and what their numbers mean
"""

from .exporting import export
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
from .sealing import seal
from .verification.findings import Finding
from .verifying import Verdict, verify
from .writer import Store

__all__ = [
    "Counts",
    "Finding",
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
    "Verdict",
    "export",
    "made_head",
    "seal",
    "verify",
]
