"""Reading a whole store, sealed days included, and holding it against itself."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import StoreError
from .ledger import START, next_hash
from .reader import Reader

BLOCK = 5_000
MAX_TOLD = 20


class Verdict(NamedTuple):
    """What was found.

    ok: nothing is wrong.
    problems: in words, the first of each kind, 20 at most.
    events, predictions, scores: how many were read; unpredicted: events without a prediction.
    holes: keys that are missing and were declared.
    head_hash: of the last prediction, computed anew.
    """

    ok: bool
    problems: tuple[str, ...]
    events: int
    predictions: int
    scores: int
    unpredicted: int
    holes: int
    head_hash: bytes


def verify(path: Path | str) -> Verdict:
    """Compute the chain of the ledger anew, and see that keys ascend with declared holes only.

    Raises:
        StoreError: the store cannot be opened at all.
    """
    with Reader.open(path) as reader:
        problems = list[str]()
        events, holes, keys = _events(reader, problems)
        predictions, chain = _chain(reader, keys, problems)
        scores = 0
        try:
            scores = sum(1 for _ in _paged(reader.scores_after, lambda score: score.key))
            if scores != reader.counts().scores:
                problems.append(f"{reader.counts().scores - scores} scores are of no prediction.")
        except StoreError as error:
            problems.append(str(error))
    told = tuple(problems[:MAX_TOLD])
    return Verdict(not problems, told, events, predictions, scores, events - predictions, holes, chain)


def _paged(read: Callable[..., list[Any]], key_of: Callable[[Any], int]) -> Iterator[Any]:
    key: int | None = None
    while block := read(key, BLOCK):
        yield from block
        key = key_of(block[-1])


def _events(reader: Reader, problems: list[str]) -> tuple[int, int, "array[int]"]:
    """How many events, how many missing keys that are declared, and the keys."""
    keys, holes, last = array("q"), 0, None
    missing = [(gap.first, gap.last) for gap in reader.gaps() if gap.outcome == "unfillable"]
    try:
        for event in reader.replay():
            if last is not None and event.key <= last:
                problems.append(f"event {event.key} comes after event {last}.")
            elif last is not None and event.key > last + 1:
                undeclared = _undeclared(last + 1, event.key - 1, missing)
                if undeclared is not None:
                    problems.append(
                        f"events {undeclared} to {event.key - 1} are missing, and no gap declares them."
                    )
                holes += event.key - last - 1
            keys.append(event.key)
            last = event.key
    except StoreError as error:
        problems.append(str(error))
    return len(keys), holes, keys


def _undeclared(first: int, last: int, gaps: list[tuple[int, int]]) -> int | None:
    """The first key from ``first`` to ``last`` that no gap covers; gaps come by their first key."""
    for begin, end in gaps:
        if begin <= first <= end:
            first = end + 1
    return first if first <= last else None


def _chain(reader: Reader, keys: "array[int]", problems: list[str]) -> tuple[int, bytes]:
    """How many predictions, and the hash of the last, computed anew; the first row that breaks is told."""
    chain, count, broken = START, 0, False
    try:
        for key, digest, numbers, stored in _paged(reader.ledger_after, lambda row: int(row[0])):
            count += 1
            place = bisect_left(keys, key)
            if place == len(keys) or keys[place] != key:
                problems.append(f"the prediction after event {key} is of no event.")
            sound = isinstance(digest, bytes) and isinstance(numbers, bytes)
            chain = next_hash(chain, key, digest, numbers) if sound else chain
            if (not sound or chain != stored) and not broken:
                broken = True
                problems.append(f"the chain of the ledger breaks at event {key}.")
        if not broken and chain != reader.head_hash():
            problems.append("the chain of the ledger does not end in its last hash.")
    except StoreError as error:
        problems.append(str(error))
    return count, chain
