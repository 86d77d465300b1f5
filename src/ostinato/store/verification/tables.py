"""Verify the small tables: models, sealed days, snapshots, and the end of the store in its header."""

import hashlib
import sqlite3
from itertools import groupby

from ..sealed import PARTS
from .blocks import Row
from .findings import Findings, cell

ROLES = ("champion", "challenger", "retired")
CHECK_BYTES = 32  # SHA-256 in front of a snapshot


def check_models(connection: sqlite3.Connection, findings: Findings) -> dict[int, object]:
    """Return the digests of the models by number; exactly one of them is the champion."""
    rows = connection.execute(
        "SELECT id, digest, path, role, since_key, added FROM models ORDER BY id"
    ).fetchall()
    for number, digest, path, role, since, added in rows:
        right = isinstance(digest, bytes) and len(digest) == 32 and isinstance(path, str) and role in ROLES
        if not right or not (since is None or type(since) is int) or type(added) is not float:
            findings.add(
                "row", f"model {number} is damaged: {cell(digest)}, {cell(role)}, {cell(since)}.", stored=role
            )
    champions = [row[0] for row in rows if row[3] == "champion"]
    if len(champions) != 1:
        findings.add("row", f"{len(champions)} models are champions, where one speaks: {cell(champions)}.")
    return {row[0]: row[1] for row in rows}


def check_sealed(connection: sqlite3.Connection, findings: Findings) -> None:
    """Check that each sealed day has its parts, of the same keys, after the day before."""
    sql = "SELECT day, first_key, last_key, part FROM sealed ORDER BY first_key, day, part"
    before: int | None = None
    for day, rows in groupby(connection.execute(sql), lambda row: row[0]):
        parts, spans = set[object](), set[tuple[int, int]]()
        for _, first, last, part in rows:
            parts.add(part)
            spans.add((first, last))
        first, last = min(spans)
        if (
            not parts >= set(PARTS)
            or len(spans) > 1
            or first > last
            or (before is not None and first <= before)
        ):
            findings.add(
                "sealed",
                f"the store contradicts itself about the sealed day {cell(day)}: {cell(sorted(spans))}.",
            )
        before = last


def check_snapshots(connection: sqlite3.Connection, last: int | None, findings: Findings) -> None:
    """Check that snapshots are intact and belong to stored events."""
    for key, model, state, _ in connection.execute(
        "SELECT key, model, CAST(state AS BLOB), taken FROM snapshots"
    ):
        sound = (
            isinstance(state, bytes) and hashlib.sha256(state[CHECK_BYTES:]).digest() == state[:CHECK_BYTES]
        )
        if not sound:
            findings.add("row", f"the snapshot of model {model} after event {key} is damaged.", key=key)
        if last is None or key > last:
            text = f"a snapshot of model {model} was taken after event {key}, the last is {last}: the end was cut."
            findings.add("log", text, key=key, stored=key, recomputed=last)


def check_end(
    connection: sqlite3.Connection, until: int | None, sealed_hash: bytes | None, findings: Findings
) -> None:
    """Check the header's hash of the last sealed prediction; ``sealed_hash``: the hash in its file."""
    rows: list[Row] = connection.execute("SELECT name, value FROM head WHERE name <> 'head'").fetchall()
    said: dict[object, object] = dict(rows)
    chain = said.pop("chain", None)
    if until is not None and sealed_hash is not None and chain != sealed_hash.hex():
        found = cell(sealed_hash.hex())
        text = f"the header gives the hash of the last sealed prediction as {cell(chain)}, it is {found}."
        findings.add("chain", text, key=until, stored=chain, recomputed=sealed_hash.hex())
    if said or (until is None and chain is not None):
        findings.add("row", f"the header has unknown rows: {cell(sorted(said) or chain)}.")
