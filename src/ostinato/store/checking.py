"""Events held against the digests of their groups."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from ..errors import BrokenStoreError
from .connection import told
from .ledger import EventDigest
from .queries import Decoder, events
from .rows import StoredEvent

BLOCK = 2_000


def checked_events(
    connection: sqlite3.Connection,
    decoder: Decoder,
    digest: EventDigest,
    key: int | None = None,
    limit: int | None = None,
) -> Iterator[StoredEvent]:
    """Events behind ``key``, or all, by key; a group that is there from its first event to its last is checked.

    Raises:
        BrokenStoreError: a group does not have its digest, or an event makes no sense.
    """
    last, left, open_group = key, limit, list[StoredEvent]()
    while left is None or left > 0:
        size = BLOCK if left is None else min(BLOCK, left)
        where, parameters = ("1", ()) if last is None else ("e.key > ?", (last,))
        with told(decoder.path):
            block = events(connection, decoder, where, parameters, size)
        if block:
            last, left = block[-1].key, None if left is None else left - len(block)
        ended = len(block) < size or left == 0
        runs = [list(run) for _, run in groupby([*open_group, *block], lambda event: event.group)]
        open_group = [] if ended or not runs else runs.pop()
        for run in runs:
            check_group(connection, decoder, digest, run)
            yield from run
        if ended:
            return


def check_group(
    connection: sqlite3.Connection, decoder: Decoder, digest: EventDigest, run: list[StoredEvent]
) -> None:
    """Raises BrokenStoreError where these are all events of a group, and not those that were written."""
    with told(decoder.path):
        row = connection.execute("SELECT events, digest FROM groups WHERE id = ?", (run[0].group,)).fetchone()
    if row is None:
        raise BrokenStoreError(
            f"{decoder.path} is damaged: group {run[0].group} of event {run[0].key} is missing."
        )
    if row[1] is not None and row[0] == len(run) and digest.of([_plain(event) for event in run]) != row[1]:
        raise BrokenStoreError(
            f"{decoder.path} is damaged: the events {run[0].key} to {run[-1].key} are not those that were written."
        )


class _Plain(NamedTuple):
    key: int
    time: float
    received: float
    happened: float | None
    origin: int
    values: tuple[float, ...]


def _plain(event: StoredEvent) -> _Plain:
    return _Plain(event.key, event.time, event.received, event.happened, int(event.origin), event.values)
