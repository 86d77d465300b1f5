"""The tables of a live store and the meaning of their numbers.

    events       the truth: what the feed released, once each, in the order of their keys
    predictions  the ledger: append-only, chained by hash
    scores       the outcome of a prediction, and the losses of model and baselines
    shadows      predictions and losses of a challenger, outside the ledger
    gaps         keys that were missing: filled or unfillable, with the reason
    groups       commits: when each was prepared, when it was known to be on the disk, and SHA-256 of its events
    models       which weights spoke, and since which event
    snapshots    states of the models after an event; a cache, for the events are the truth
    health       the state of feed and engine, about once a second; only the latest are kept
    notes        incidents: reconnects, bans, swaps
    sealed       days that were moved to parquet
    records      the second chain: what each commit wrote, by digest

Arrays are little-endian float64 in BLOBs. Times are seconds since the Unix epoch. NULL in a column of the feed is NaN.
"""

from collections.abc import Sequence
from enum import IntEnum, IntFlag

FORMAT_VERSION = 2
OLDEST_VERSION = 1  # without records; a writer adds them when it opens such a store
APPLICATION_ID = 0x6F737469  # "osti", in the header of the file

TABLES = """
CREATE TABLE head (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE groups (
    id INTEGER PRIMARY KEY, prepared REAL NOT NULL, durable REAL, events INTEGER NOT NULL, digest BLOB
);
CREATE TABLE models (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, path TEXT NOT NULL, role TEXT NOT NULL,
    since_key INTEGER, added REAL NOT NULL
);
CREATE TABLE predictions (
    key INTEGER PRIMARY KEY, model INTEGER NOT NULL, numbers BLOB NOT NULL, baselines BLOB NOT NULL,
    flags INTEGER NOT NULL, step_us REAL NOT NULL, group_id INTEGER NOT NULL, hash BLOB NOT NULL
);
CREATE TABLE scores (
    key INTEGER PRIMARY KEY, resolved_by INTEGER NOT NULL, actual BLOB NOT NULL, losses BLOB NOT NULL,
    flags INTEGER NOT NULL, group_id INTEGER NOT NULL
);
CREATE TABLE shadows (
    key INTEGER NOT NULL, model INTEGER NOT NULL, numbers BLOB NOT NULL, loss REAL, PRIMARY KEY (key, model)
) WITHOUT ROWID;
CREATE TABLE gaps (
    first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL, outcome TEXT NOT NULL, why TEXT NOT NULL,
    policy TEXT NOT NULL, opened REAL NOT NULL, closed REAL NOT NULL, PRIMARY KEY (first, last)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    key INTEGER NOT NULL, model INTEGER NOT NULL, state BLOB NOT NULL, taken REAL NOT NULL, PRIMARY KEY (key, model)
) WITHOUT ROWID;
CREATE TABLE health (id INTEGER PRIMARY KEY, time REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE notes (id INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE sealed (
    day TEXT NOT NULL, part TEXT NOT NULL, file TEXT NOT NULL, first_key INTEGER NOT NULL, last_key INTEGER NOT NULL,
    rows INTEGER NOT NULL, sha256 TEXT NOT NULL, sealed REAL NOT NULL, PRIMARY KEY (day, part)
) WITHOUT ROWID;
CREATE INDEX sealed_until ON sealed (last_key);
"""

# of a format 2
RECORDS = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY, group_id INTEGER, at REAL NOT NULL, durable REAL, marks BLOB NOT NULL,
    entries TEXT NOT NULL, link BLOB NOT NULL
)
"""

# the columns of the feed are added after these, quoted, in its order: "price" REAL, ...
EVENTS = """
CREATE TABLE events (
    key INTEGER PRIMARY KEY, time REAL NOT NULL, received REAL NOT NULL, happened REAL, origin INTEGER NOT NULL,
    group_id INTEGER NOT NULL, {columns}
)
"""
# INSERT OR REPLACE deletes without asking a trigger, so inserted keys must lie after existing ones
TRIGGERS = """
CREATE TRIGGER predictions_no_update BEFORE UPDATE ON predictions
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER predictions_no_delete BEFORE DELETE ON predictions
WHEN NOT coalesce(OLD.key <= (SELECT max(last_key) FROM sealed), 0)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER predictions_no_insert BEFORE INSERT ON predictions
WHEN NEW.key <= (SELECT max(key) FROM predictions)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""
RESERVED = (
    "key",
    "time",
    "received",
    "happened",
    "origin",
    "group_id",
)  # no column of a feed may be called so


def statements(columns: Sequence[str], version: int = FORMAT_VERSION) -> list[str]:
    """All statements that create an empty store of a format, in order, each as SQLite stores it."""
    quoted = ", ".join('"' + name.replace('"', '""') + '" REAL' for name in columns)
    tables = [one.strip() for one in TABLES.split(";") if one.strip()]
    tables.append(EVENTS.format(columns=quoted).strip())
    if version > OLDEST_VERSION:
        tables.append(RECORDS.strip())
    triggers = [one.strip() + " END" for one in TRIGGERS.split("END;")[:-1]]
    return tables + triggers


class Origin(IntEnum):
    """How an event arrived."""

    STREAM = 0  # as it happened
    FILL = 1  # later, to fill a gap
    HISTORY = 2  # before the stream began


class Flag(IntFlag):
    """Why a prediction or its score is excluded. Without a flag it counts."""

    BACKFILLED = 1  # made on an event that did not come by the stream
    COLD = 2  # made before the model had seen enough
    LATE = 4  # committed after the event that resolves it
    ACROSS_HOLE = 8  # what would resolve it was never seen
    FITTED = 16  # made on an event of the time that the model was fitted on
