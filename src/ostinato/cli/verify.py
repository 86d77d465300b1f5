"""ostinato verify: check the integrity of a live store."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..store import Verdict


def verify(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="The SQLite file of a live run.", show_default=False)
    ],
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect",
            metavar="HASH",
            help="A head hash noted earlier: the store must have it now, or have had it before.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Verify a live store: recompute digests, hashes, outcomes and losses. It only reads.

    Can run while an engine writes to the store. The exit code is 1 if a check fails.
    """
    from ..store import verify as verified

    progress = None if as_json or not sys.stderr.isatty() else _progress
    verdict = verified(store, expect=expect or (), progress=progress)
    typer.echo(json.dumps(_fields(verdict)) if as_json else "\n".join(_lines(store, verdict)))
    if not verdict.ok:
        raise typer.Exit(1)


def _progress(read: int, events: int) -> None:
    share = f"{min(read / events, 1):4.0%}" if events else ""
    sys.stderr.write(f"\r{share} {read:,} events" + ("\r\x1b[K" if read >= events else ""))
    sys.stderr.flush()


def _fields(verdict: "Verdict") -> dict[str, object]:
    fields = verdict._asdict()
    fields["head_hash"] = verdict.head_hash.hex()
    fields["records_hash"] = verdict.records_hash.hex()
    fields["findings"] = [finding._asdict() for finding in verdict.findings]
    return fields


def _lines(store: Path, verdict: "Verdict") -> list[str]:
    lines = [
        f"{store}: {verdict.events:,} events, {verdict.predictions:,} predictions, {verdict.scores:,} scores, "
        f"{verdict.holes:,} keys missing and declared",
        f"computed anew: {verdict.predictions:,} hashes, {verdict.losses:,} losses",
        f"head of the ledger: {verdict.head_hash.hex()}",
        f"head of the records: {verdict.records_hash.hex()}",
    ]
    lines += [f"note: {remark}" for remark in verdict.remarks]
    lines += [f"wrong: {finding.text}" for finding in verdict.findings]
    untold = sum(verdict.counts.values()) - len(verdict.findings)
    if untold:
        lines.append(f"wrong: {untold:,} more of the same kinds")
    each = ", ".join(f"{count:,} {kind}" for kind, count in verdict.counts.items())
    return [*lines, "no errors found" if verdict.ok else f"{sum(verdict.counts.values()):,} wrong: {each}"]
