"""Recompute the second hash chain and verify rows against the record of each commit."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ..ledger import START, EventDigest
from ..recording import EMPTY, MARK, next_link, predictions_digest, scores_digest
from .blocks import Row
from .entries import EntryCheck
from .findings import Findings, cell
from .groups import Commit

PARTS = ("events", "predictions", "scores")
NONE = Commit(-1, [], [], [])


class Record(NamedTuple):
    """A row of the records table."""

    id: int
    group: int | None
    at: float
    durable: float | None
    marks: bytes
    entries: str
    link: bytes


class RecordCheck:
    """Takes commits in order; each has a record, except those before the second chain began.

    link: of the last record, computed from the first on. count: of the records.
    begun: the last group that the chain does not cover; 0 of a store that has it from its beginning.

    Args:
        records: all of them, in order.
        groups: prepared and durable of the groups that are still there, by id, in order.
        wanted: hashes that are looked for; those that are found are dropped.
    """

    def __init__(
        self,
        records: Iterator[Row],
        groups: Iterator[Row],
        columns: int,
        entries: EntryCheck,
        wanted: set[bytes],
        findings: Findings,
    ) -> None:
        self.link, self.count = START, 0
        self._records, self._groups = records, groups
        self._group: Row | None = next(groups, None)
        self._of, self._entries, self._wanted, self._findings = (
            EventDigest(columns),
            entries,
            wanted,
            findings,
        )
        self._before, self._lost = START, False
        self._times: tuple[int, set[object]] | None = (
            None  # of the last group: when it was known to be on the disk
        )
        self._record = self._next()
        self.exists = self._record is not None
        if self._record is not None:
            entries.peek(self._record.entries)

    @property
    def begun(self) -> int:
        """The last group without a record."""
        return self._entries.begun

    def take(self, commit: Commit) -> None:
        """Verify one commit."""
        while self._record is not None and (self._record.group is None or self._record.group < commit.id):
            if self._record.group is not None and not self._lost:
                text = f"group {self._record.group} was recorded, and has no rows."
                self._findings.add("record", text, group=self._record.group)
                self._follow(self._record)
            else:
                self._verify(self._record, None if self._lost else NONE)
        record = self._record
        if record is not None and record.group == commit.id:
            self._verify(record, None if self._lost else commit)
        elif self.exists and commit.id > self.begun and not self._lost:
            key = next((row[0] for part in commit[1:] for row in part), None)
            self._findings.add(
                "record", f"group {commit.id} of event {key} was never recorded.", group=commit.id, key=key
            )
        self._lost = False

    def skip(self) -> None:
        """Skip rows that cannot be read: the records up to the next commit, and its own, are not verifiable."""
        self._lost, self._times = True, None

    def end(self) -> None:
        """Finish after the last commit."""
        while self._record is not None:
            if self._record.group is not None and not self._lost:
                text = f"group {self._record.group} was recorded, and has no rows."
                self._findings.add("record", text, group=self._record.group)
            self._verify(self._record, None if self._lost or self._record.group is not None else NONE)

    def _next(self) -> Record | None:
        row = next(self._records, None)
        if row is None:
            return None
        return Record(*row)

    def _follow(self, record: Record) -> None:
        """Accept a link without verifying it."""
        self._entries.take(record.id, record.entries)
        self.count += 1
        if record.id != self.count:
            self._findings.add("record", f"record {record.id} is the {self.count}th.", group=record.group)
            self.count = record.id
        self._before = record.link if isinstance(record.link, bytes) else START
        self.link = self._before
        self._wanted.discard(self.link)
        self._record = self._next()

    def _verify(self, record: Record, commit: Commit | None) -> None:
        """Recompute the link of a record; ``commit`` is None if its rows cannot be read."""
        if commit is None:
            self._follow(record)
            return
        digests = self._digests(commit)
        try:
            found = next_link(self._before, *record[:4], digests, record.entries)
        except (struct.error, TypeError, AttributeError):
            found = None
        if found != record.link or record.marks != b"".join(digest[:MARK] for digest in digests):
            self._compare_digests(record, commit, digests, found)
        self._check_times(record, commit)
        cumulative = self.link
        self._follow(record)
        try:
            self.link = next_link(cumulative, *record[:4], digests, record.entries)
        except (struct.error, TypeError, AttributeError):
            self.link = START
        self._wanted.discard(self.link)

    def _digests(self, commit: Commit) -> tuple[bytes, bytes, bytes]:
        found = []
        makers = (
            lambda rows: self._of.of([(*row[:5], row[6:]) for row in rows]),
            predictions_digest,
            scores_digest,
        )
        for rows, made in zip(commit[1:], makers, strict=True):
            try:
                found.append(made(rows) if rows else EMPTY)
            except Exception:  # a cell of any other kind than its column's
                found.append(START)
        return found[0], found[1], found[2]

    def _compare_digests(
        self, record: Record, commit: Commit, digests: tuple[bytes, ...], found: bytes | None
    ) -> None:
        marks = record.marks if isinstance(record.marks, bytes) else b""
        changed = [
            name
            for place, (name, digest) in enumerate(zip(PARTS, digests, strict=True))
            if marks[place * MARK : (place + 1) * MARK] != digest[:MARK]
        ]
        keys = [row[0] for part in commit[1:] for row in part]
        where = f"group {record.group} (events {min(keys)} to {max(keys)})" if keys else f"record {record.id}"
        what = (
            f"{' and '.join(changed)} of {where} are" if changed else f"times, entries or hash of {where} are"
        )
        text = f"{what} not those that were recorded: the hash is {cell(record.link)}, computed anew {cell(found)}."
        key = min(keys) if keys else None
        self._findings.add("record", text, group=record.group, key=key, stored=record.link, recomputed=found)

    def _check_times(self, record: Record, commit: Commit) -> None:
        """Check the prepared time against this record and the durable time against the next one."""
        if record.group is None:
            return
        times = [(row[8], row[9]) for row in commit.predictions]
        while self._group is not None and self._group[0] < record.group:
            self._group = next(self._groups, None)
        if self._group is not None and self._group[0] == record.group:
            times.append(self._group[1:])
        if self._times is not None and self._times[0] == record.group - 1:
            for durable in self._times[1] - {record.durable}:
                self._differ(self._times[0], "known to be on the disk", durable, record.durable)
        for prepared in {time[0] for time in times} - {record.at}:
            self._differ(record.group, "prepared", prepared, record.at)
        self._times = (record.group, {time[1] for time in times})

    def _differ(self, group: int, what: str, stored: object, recorded: object) -> None:
        text = f"group {group} says that it was {what} at {cell(stored)}, recorded is {cell(recorded)}."
        self._findings.add("record", text, group=group, stored=stored, recomputed=recorded)
