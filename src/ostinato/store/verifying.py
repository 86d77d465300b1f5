"""Verify a whole store, sealed days included, by recomputing everything that is derived.

What can be computed is computed anew from the events and the predictions: digests of commits, the chain of hashes,
outcomes, losses. It reads in one transaction, in constant memory, and changes nothing.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import StoreError, shortened
from .connection import check_file, real_path, sibling_path
from .group import Tail
from .header import StoreHeader
from .ledger import START
from .locking import LastCommit, last_commit
from .opening import lost_groups, read_tail, torn_end
from .queries import Decoder
from .schema import OLDEST_VERSION
from .sealed import SealedDay, days
from .verification.blocks import Block, Blocks, Row
from .verification.entries import EntryCheck
from .verification.events import EventCheck, declared_gaps
from .verification.findings import Finding, Findings
from .verification.groups import Assembly, GroupCheck
from .verification.ledger import LedgerCheck
from .verification.opening import ChangedError, opened
from .verification.outcomes import prediction_layout
from .verification.records import RecordCheck
from .verification.scores import ScoreCheck
from .verification.tables import check_end, check_models, check_sealed, check_snapshots

MAX_TOLD = 20
NO_RECORDS = (
    "there is no second chain, since an earlier version wrote this store: flags, times and the numbers of baselines "
    "are not covered by a hash."
)
BEFORE_RECORDS = (
    "groups up to {} were written by an earlier version, before the second chain: their flags, times and the numbers "
    "of baselines are not covered by a hash."
)

Progress = Callable[[int, int], None]  # called with the events read and their total


class Verdict(NamedTuple):
    """Result of a verification.

    ok: no errors were found.
    problems: as text, the first of each kind, 20 at most.
    events, predictions, scores: how many were read; unpredicted: events without a prediction.
    holes: missing keys that were declared.
    head_hash: of the last prediction, computed anew.
    findings: the first 20 of each kind; counts: of all of them, by kind.
    records_hash: of the last record of the second chain, computed anew; zeros where there is none.
    losses: how many were computed anew, those of the baselines included.
    remarks: what could not be looked at, and why.
    """

    ok: bool
    problems: tuple[str, ...]
    events: int
    predictions: int
    scores: int
    unpredicted: int
    holes: int
    head_hash: bytes
    findings: tuple[Finding, ...] = ()
    counts: dict[str, int] = {}  # noqa: RUF012 - never changed
    losses: int = 0
    records_hash: bytes = START
    remarks: tuple[str, ...] = ()


def verify(path: Path | str, *, expect: Iterable[str] = (), progress: Progress | None = None) -> Verdict:
    """Verify a store; a process may write it meanwhile, and no file is left next to it.

    What that proves: no row was changed, removed or added by somebody who did not compute all hashes after it anew.
    Somebody who did is found out by ``expect`` alone.

    Args:
        expect: hashes in hex that this store, or one that it has grown from, was seen with.
        progress: called with the number of events read and their total.

    Raises:
        StoreError: the store cannot be opened at all, or a hash in ``expect`` is none.
    """
    path = real_path(path)
    check_file(path)
    wanted = [_hash(text) for text in expect]
    noted = last_commit(path)  # before the store is read: the note lags behind, never ahead
    for shared in (False, True):
        try:
            with opened(path, shared) as (connection, head):
                return _Verification(path, connection, head, wanted, noted).read(progress)
        except ChangedError:
            continue
    raise StoreError(f"{path} was replaced while it was read: verify it again.")


def _hash(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != len(START):
        raise StoreError(f"a hash to expect has 64 hexadecimal digits, got {text!r:.80}.")
    return found


class _Verification:
    """One pass over a store."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        head: StoreHeader,
        wanted: list[bytes],
        noted: LastCommit | None,
    ) -> None:
        self.path, self.connection, self.head, self.noted = path, connection, head, noted
        self.findings, self.remarks = Findings(), list[str]()
        self.wanted = set(wanted)
        self.known = days(connection, path)
        self.sealed_hash: bytes | None = None
        self.unsound, self.scores = set[int](), 0
        self.anchored = set[
            bytes
        ]()  # the hash with which the second chain begins, once the ledger has had it
        self.digests = check_models(connection, self.findings)
        self.events = EventCheck(head, declared_gaps(connection), self.findings)
        self.ledger = LedgerCheck(head, self.digests, self.findings)
        question = prediction_layout(head)
        self.outcomes: ScoreCheck | None = None
        if isinstance(question, str):
            self.remarks.append(f"outcomes and losses are not computed anew: {question}.")
        else:
            self.outcomes = ScoreCheck(
                question, head.step, declared_gaps(connection), len(head.baselines), self.findings
            )
        self.assembly = Assembly()
        ends = [day.last for day in self.known]
        self.blocks = Blocks(connection, Decoder(head, path), head.columns, self.findings)
        self.entries = EntryCheck(connection, ends[-1] if ends else None, self.findings)
        self.records = self._records()
        self.groups = GroupCheck(connection, len(head.columns), ends, self.unsound, self.findings)

    def read(self, progress: Progress | None) -> Verdict:
        """Read everything."""
        self._file()
        check_sealed(self.connection, self.findings)
        tail = read_tail(self.connection)
        for block in self.blocks.all(self.known):
            self._take(block)
            if progress is not None:
                progress(self.events.count, tail.events)
        self._end()
        self._log(tail)
        check_snapshots(self.connection, self.events.last, self.findings)
        until = self.known[-1].last if self.known else None
        check_end(self.connection, until, self.sealed_hash, self.findings)
        self._expected()
        return self._verdict()

    def _take(self, block: Block) -> None:
        if block.lost is not None:
            self._skip(block.lost)
            return
        self.scores += len(block.scores)
        if self.outcomes is not None:
            self.outcomes.add_scores(block.scores)
        self.assembly.add(block)
        predictions = deque(block.predictions)
        for event in block.events:
            while predictions and predictions[0][0] < event[0]:
                self._predicted(predictions.popleft(), None)
            sound = self.events.take(event)
            if not sound:
                self.unsound.add(event[0])
            own = predictions.popleft() if predictions and predictions[0][0] == event[0] else None
            judged = own is not None and self._predicted(own, event if sound else None)
            if self.outcomes is not None and sound:
                self.outcomes.take(event, own if judged else None)
        for prediction in predictions:
            self._predicted(prediction, None)
        self._commits()

    def _records(self) -> RecordCheck:
        exist = self.connection.execute("PRAGMA user_version").fetchone()[0] > OLDEST_VERSION
        groups = self.connection.execute("SELECT id, prepared, durable FROM groups ORDER BY id")
        records = self.blocks.records(self.known) if exist else iter(())
        if exist and self.connection.execute("SELECT count(*) FROM records").fetchone()[0] == 0:
            self.findings.add("record", "the records of the second chain are gone.")
        width = len(self.head.columns)
        return RecordCheck(records, groups, width, self.entries, self.wanted, self.findings)

    def _commits(self, *, whole: bool = False) -> None:
        for commit in self.assembly.ready(whole):
            self.groups.take(commit)
            self.records.take(commit)

    def _predicted(self, row: Row, event: Row | None) -> bool:
        judged = self.ledger.take(row, event)
        self.wanted.discard(self.ledger.hash)
        if self.ledger.hash == self.entries.chain:
            self.anchored.add(self.ledger.hash)
        if self.known and row[0] <= self.known[-1].last:
            self.sealed_hash = row[7]
        return judged

    def _skip(self, day: SealedDay) -> None:
        """Skip a sealed day that cannot be read; what follows on it is accepted as it stands."""
        self._commits()
        self.assembly.clear()
        self.groups.skip()
        self.records.skip()
        self.events.skip(day.last)
        self.ledger.skip()
        self.sealed_hash = None
        if self.outcomes is not None:
            self.outcomes.skip(day.last)
        self.remarks.append(
            f"the sealed day {day.name} was skipped, and the chain after it accepted as it stands."
        )

    def _end(self) -> None:
        self._commits(whole=True)
        self.groups.end()
        self.records.end()
        self.entries.end()
        if not self.records.exists:
            self.remarks.append(NO_RECORDS)
        elif self.entries.begun:
            self.remarks.append(BEFORE_RECORDS.format(self.entries.begun))
        if self.entries.chain not in (START, *self.anchored):
            text = "the second chain begins after a hash that the ledger never had: "
            self.findings.add("record", f"{text}{self.entries.chain.hex()}.", recomputed=self.entries.chain)
        if self.outcomes is not None:
            self.outcomes.end()

    def _file(self) -> None:
        """Check the pages of the file with SQLite."""
        for (said,) in self.connection.execute("PRAGMA integrity_check(20)"):
            if said != "ok":
                self.findings.add("file", f"the file is damaged: {shortened(str(said))}.")

    def _log(self, tail: Tail) -> None:
        """Report commits that the last writer recorded as durable and that are missing."""
        lost = None if self.noted is None else lost_groups(self.noted, tail)
        if lost is not None and self.noted is not None:
            self.findings.add(
                "log", f"{lost}.", group=self.noted.group, stored=self.noted.events, recomputed=tail.events
            )
        elif self.noted is None and (torn := torn_end(sibling_path(self.path, "-wal"))) is not None:
            self.findings.add("log", f"{torn}.")

    def _expected(self) -> None:
        for hashed in self.wanted - {START}:
            text = f"the hash {hashed.hex()} is expected, and the store never had it."
            self.findings.add("expected", text, stored=self.ledger.hash, recomputed=hashed)

    def _verdict(self) -> Verdict:
        findings, events, predictions = self.findings, self.events.count, self.ledger.count
        problems = tuple(finding.text for finding in findings.first)[:MAX_TOLD]
        return Verdict(
            not problems,
            problems,
            events,
            predictions,
            self.scores,
            events - predictions,
            self.events.holes,
            self.ledger.hash,
            tuple(findings.first),
            dict(findings.counts),
            0 if self.outcomes is None else self.outcomes.judged,
            self.records.link,
            tuple(self.remarks),
        )
