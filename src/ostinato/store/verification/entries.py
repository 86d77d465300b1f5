"""Verify the rows of the small tables against the entries of the records."""

import json
import sqlite3
from contextlib import suppress
from typing import Any

from ...errors import shortened
from ..group import KEEP_NOTES
from ..ledger import START
from ..recording import GAPS, HEAD, MODELS, ROW, SEALED, rows_digest
from .findings import Findings

NAMES = {
    "gaps": "gap {0} to {1}",
    "notes": "note {0}",
    "shadows": "what model {1} said after event {0}",
    "snapshots": "the snapshot of model {1} after event {0}",
    "sealed": "the {1} of the sealed day {0}",
}
_KEYS = {
    "gaps": "SELECT first, last FROM gaps ORDER BY first, last",
    "notes": "SELECT id FROM notes",
    "shadows": "SELECT key, model FROM shadows",
    "snapshots": "SELECT key, model FROM snapshots",
    "sealed": "SELECT day, part FROM sealed ORDER BY day, part",
}
Key = tuple[Any, ...]


class EntryCheck:
    """Takes the entries of records in order; ``end`` reports mismatches.

    begun: the last group before the second chain; chain: the hash of the ledger then, of a store that was older.

    Args:
        until: the last sealed key, whose shadows are gone.
    """

    def __init__(self, connection: sqlite3.Connection, until: int | None, findings: Findings) -> None:
        self.begun, self.chain = 0, START
        self._connection, self._until, self._findings = connection, until, findings
        self._seen: dict[str, set[Key]] = {name: set() for name in ROW}
        self._unlike: dict[
            tuple[str, Key], str
        ] = {}  # rows that are not as recorded, until a later record has them
        self._last: dict[str, str] = {}  # digests of models and head
        self._begin: list[Any] | None = None
        last = connection.execute("SELECT max(id) FROM notes").fetchone()[0]
        self._kept_from = (last or 0) - KEEP_NOTES

    def peek(self, text: str) -> None:
        """Where the chain begins, by the entries of its first record, before that is taken."""
        with suppress(ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            self.begun, self.chain = int(json.loads(text)[0][1]), bytes.fromhex(json.loads(text)[0][3])

    def take(self, record: int, text: str) -> None:
        """The entries of a record."""
        try:
            for name, *rest in json.loads(text) if text else ():
                if name == "begin":
                    self._begin, self.begun, self.chain = rest, int(rest[0]), bytes.fromhex(rest[2])
                elif name in ("head", "models"):
                    self._last[name] = rest[0]
                else:
                    self._row(name, tuple(rest[:-1]), rest[-1])
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, sqlite3.Error, RecursionError):
            self._findings.add("record", f"the entries of record {record} make no sense: {shortened(text)}.")

    def end(self) -> None:
        """Report rows that differ from their record or were never recorded."""
        if self._begin is None:
            return
        for (table, key), text in self._unlike.items():
            self._report(table, key, text)
        for table in ROW:
            self._unrecorded(table)
        for name, sql in (("head", HEAD), ("models", MODELS)):
            found = rows_digest(self._connection.execute(sql).fetchall())
            if found != self._last.get(name):
                text = f"the {name} of the store is not as it was recorded."
                self._findings.add("record", text, stored=found, recomputed=self._last.get(name))

    def _row(self, table: str, key: Key, digest: str) -> None:
        found = self._connection.execute(ROW[table], key).fetchall()
        self._seen[table].add(key)
        if not found:
            if not self._may_be_gone(table, key):
                self._unlike[table, key] = "is missing"
        elif rows_digest(found) == digest:
            self._unlike.pop((table, key), None)
        else:
            self._unlike[table, key] = "is not as it was recorded"

    def _may_be_gone(self, table: str, key: Key) -> bool:
        if table == "notes":
            return bool(key[0] <= self._kept_from)
        sealed = self._until is not None and key[0] <= self._until if table == "shadows" else False
        return table == "snapshots" or sealed

    def _unrecorded(self, table: str) -> None:
        """Rows without a record, except those that existed before the first one."""
        assert self._begin is not None
        _, last, _, notes, gaps, gaps_digest, sealed, sealed_digest = self._begin
        keys = [tuple(key) for key in self._connection.execute(_KEYS[table])]
        unknown = [key for key in keys if key not in self._seen[table]]
        if table in ("gaps", "sealed"):
            count, digest = (gaps, gaps_digest) if table == "gaps" else (sealed, sealed_digest)
            whole = sorted(self._connection.execute(GAPS if table == "gaps" else SEALED).fetchall())
            before = [row for row in whole if tuple(row[:2]) in set(unknown)]
            if len(before) != count or rows_digest(before) != digest:
                text = f"{len(before)} rows of {table} were never recorded; {count} others were there before."
                self._findings.add("record", text, stored=len(before), recomputed=count)
            return
        limit = notes if table == "notes" else last
        for key in unknown:
            if limit is None or key[0] > limit:
                self._report(table, key, "was never recorded")

    def _report(self, table: str, key: Key, text: str) -> None:
        self._findings.add(
            "record", f"{NAMES[table].format(*key)} {text}.", key=key[0] if type(key[0]) is int else None
        )
