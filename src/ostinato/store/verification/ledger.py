"""Recompute the hash chain over all predictions and check the fields of each."""

from collections.abc import Mapping

from ..header import StoreHeader
from ..ledger import START, next_hash
from ..schema import Flag, Origin
from .blocks import Row
from .findings import Findings, cell

MADE = Flag.BACKFILLED | Flag.COLD | Flag.FITTED  # flags of a prediction


class LedgerCheck:
    """Takes predictions by key, each with its event.

    hash: of the last one, computed from the first on. A link is held against the stored hash before it, so that each
    place where the chain was broken is reported once.

    Args:
        digests: SHA-256 of the weights of each model, by number.
    """

    def __init__(self, head: StoreHeader, digests: Mapping[int, object], findings: Findings) -> None:
        self.count, self.hash = 0, START
        self.last: int | None = None
        self._head, self._digests, self._findings = head, digests, findings
        self._before, self._skipped = START, False

    def take(self, row: Row, event: Row | None) -> bool:
        """Check one prediction; return False if its numbers cannot be scored."""
        key, model, numbers, _, _, _, _, stored = row[:8]
        self.count, self.last = self.count + 1, key
        digest = self._digests.get(model) if isinstance(model, int) else None
        whole = isinstance(digest, bytes) and isinstance(numbers, bytes)
        found = next_hash(self._before, key, digest, numbers) if whole else None  # type: ignore[arg-type]
        if not self._skipped and found != stored:
            text = f"the chain of the ledger breaks at event {key}: its hash is {cell(stored)}, "
            text += (
                "and there are no numbers of a known model."
                if found is None
                else f"computed anew {cell(found)}."
            )
            self._findings.add("chain", text, key=key, stored=stored, recomputed=found)
        self.hash = next_hash(self.hash, key, digest, numbers) if whole else self.hash  # type: ignore[arg-type]
        if self._skipped:
            self.hash = stored if isinstance(stored, bytes) else START
        self._before, self._skipped = stored if isinstance(stored, bytes) else bytes(32), False
        return self._sound(row, event) and whole

    def skip(self) -> None:
        """Skip predictions that cannot be read; the next one follows them."""
        self._skipped = True

    def _sound(self, row: Row, event: Row | None) -> bool:
        key, _, numbers, baselines, flags, step, group, _, prepared, _ = row
        tell = lambda what, value: self._findings.add(  # noqa: E731
            "prediction",
            f"{what.format(f'the prediction after event {key}')}.",
            key=key,
            group=_id(group),
            stored=value,
        )
        if event is None:
            tell("{} is of no event", None)
        outputs, count = 8 * len(self._head.outputs), len(self._head.baselines)
        if not isinstance(numbers, bytes) or len(numbers) != outputs:
            tell("the numbers of {} are " + cell(numbers), numbers)
            return False
        if not isinstance(baselines, bytes) or len(baselines) != count * outputs:
            tell("the baselines of {} are " + cell(baselines), baselines)
            return False
        if not isinstance(flags, int) or flags & ~MADE or flags < 0:
            tell("the flags of {} are " + cell(flags), flags)
        elif event is not None and bool(flags & Flag.BACKFILLED) != (event[4] != Origin.STREAM):
            right = flags ^ Flag.BACKFILLED
            text = f"the flags of the prediction after event {key} are {flags}, its event's origin makes them {right}."
            self._findings.add("flag", text, key=key, group=_id(group), stored=flags, recomputed=right)
        if type(step) is not float:
            tell("the step_us of {} is " + cell(step), step)
        if type(prepared) is not float:
            tell("the group of {} is missing", group)
        return True


def _id(group: object) -> int | None:
    return group if isinstance(group, int) else None
