"""The live store: one SQLite file that one process writes and any number read.

writer.py      Store: groups of rows, each one transaction
reader.py      Reader: rows after a key, for pages and monitors
resuming.py    what an engine reads when it resumes
sealing.py     past days, moved to parquet
verifying.py   verification of the whole store, by the parts in verification/
exporting.py   export of the events as a data file
ledger.py      the hash chain over all predictions
recording.py   the second hash chain, over every commit
schema.py      the tables and the meaning of their numbers
"""

from .exporting import export
from .header import StoreHeader, make_header
from .health import Health
from .reader import Reader
from .rows import (
    Counts,
    StoredEvent,
    StoredGap,
    StoredModel,
    StoredNote,
    StoredPrediction,
    StoredScore,
    StoredShadow,
    StorePosition,
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
    "Health",
    "Origin",
    "Reader",
    "Store",
    "StoreHeader",
    "StorePosition",
    "StoredEvent",
    "StoredGap",
    "StoredModel",
    "StoredNote",
    "StoredPrediction",
    "StoredScore",
    "StoredShadow",
    "Verdict",
    "export",
    "make_header",
    "seal",
    "verify",
]
