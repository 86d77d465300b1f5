"""Findings of a verification: text for people, fields for programs."""

from collections import Counter
from typing import Any, NamedTuple

from ...errors import shortened

MAX_TOLD = 20  # findings of one kind


class Finding(NamedTuple):
    """One mismatch.

    kind: "file", "log", "sealed", "event", "hole", "group", "chain", "prediction", "score", "loss", "flag", "row",
        "record" or "expected".
    text: a sentence.
    group, key: of the commit and the event that it is about, where there is one.
    stored, recomputed: the two values that differ; None where that says nothing.
    """

    kind: str
    text: str
    group: int | None = None
    key: int | None = None
    stored: Any = None
    recomputed: Any = None


class Findings:
    """Collects findings: counts all, keeps the first of each kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[Finding] = []

    def add(self, kind: str, text: str, **fields: Any) -> None:
        """Add one; fields are those of ``Finding``."""
        self.counts[kind] += 1
        if self.counts[kind] <= MAX_TOLD:
            fields = {name: _plain(value) for name, value in fields.items()}
            self.first.append(Finding(kind, text, **fields))

    def total(self) -> int:
        """Number of all findings, those not kept included."""
        return self.counts.total()


def cell(value: Any) -> str:
    """The value of a cell as text."""
    if isinstance(value, bytes):
        return f"{value.hex()[:16]}... ({len(value)} bytes)" if len(value) > 8 else f"bytes {value.hex()!r}"
    return shortened(value)


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, bytes):
        return value.hex() if len(value) <= 64 else f"{value[:64].hex()}..."
    return value if isinstance(value, (int, float, type(None))) else str(value)[:200]
