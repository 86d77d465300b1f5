"""Append rows to the open group of a store."""

import hashlib
import time

from ..errors import StoreError, cut
from .group import Group, Tail
from .header import StoreHeader
from .health import Health
from .ledger import next_hash
from .rows import EventLike, GapLike, pack_numbers
from .schema import Flag


class RowAppender:
    """The part of a ``Store`` that collects rows; ``head`` is the header of the store.

    Raises, in each of its methods:
        StoreError: no group is open, or a row does not fit the store.
    """

    head: StoreHeader
    _tail: Tail  # of the last commit
    _digests: dict[int, bytes]  # of the models, those of the open group included
    _group: Group | None

    def begin(self) -> None:
        """Open a group."""
        if self._group is not None:
            raise StoreError("a group is open already: commit it, or roll it back.")
        self._group = Group(self._tail._replace(group=self._tail.group + 1))

    def _open(self) -> Group:
        if self._group is None:
            raise StoreError("no group is open: begin one.")
        return self._group

    def add_event(self, event: EventLike) -> bool:
        """Add an event; return False and do nothing unless its key lies after the last."""
        group = self._open()
        tail = group.tail
        if tail.event is not None and event.key <= tail.event:
            return False
        if len(event.values) != len(self.head.columns):
            raise StoreError(
                f"event {event.key} has {len(event.values)} values for {len(self.head.columns)} columns."
            )
        origin = int(event.origin)
        group.events.append(
            (event.key, event.time, event.received, event.happened, origin, tail.group, *event.values)
        )
        group.tail = tail._replace(event=event.key, time=event.time, events=tail.events + 1)
        return True

    def add_prediction(
        self,
        key: int,
        model: int,
        numbers: object,
        baselines: object,
        flags: Flag | int = 0,
        step_us: float = 0.0,
    ) -> bool:
        """Add a prediction on an event to the ledger; return False and do nothing unless it is after the last.

        Args:
            key: of the event, which is stored already or in this group.
            model: its number.
            numbers: one for each of the header's outputs.
            baselines: flat, in the order of the header's; a multiple of their number.
            step_us: the model's step, in microseconds.
        """
        group = self._open()
        tail = group.tail
        if tail.prediction is not None and key <= tail.prediction:
            return False
        if tail.event is None or key > tail.event:
            raise StoreError(f"event {key} is not stored: a prediction comes after its event.")
        if model not in self._digests:
            raise StoreError(f"there is no model {model}: add it first.")
        data, others = pack_numbers(numbers), pack_numbers(baselines)
        self._fits(key, data, others)
        chained = next_hash(tail.hash, key, self._digests[model], data)
        group.predictions.append((key, model, data, others, int(flags), float(step_us), tail.group, chained))
        group.tail = tail._replace(prediction=key, hash=chained)
        return True

    def _fits(self, key: int, numbers: bytes, baselines: bytes | None = None) -> None:
        if len(numbers) != 8 * len(self.head.outputs):
            raise StoreError(f"event {key}: {len(numbers) // 8} numbers for the outputs {self.head.outputs}.")
        count = len(self.head.baselines)
        if baselines is not None and (len(baselines) // 8 % count if count else len(baselines)):
            raise StoreError(
                f"event {key}: {len(baselines) // 8} numbers for the baselines {self.head.baselines}."
            )

    def add_score(
        self, key: int, resolved_by: int, actual: object, losses: object, flags: Flag | int = 0
    ) -> bool:
        """Add the outcome of a prediction and its losses, in the order of keys.

        Return False and do nothing unless it is after the last score.
        """
        group = self._open()
        tail = group.tail
        if tail.score is not None and key <= tail.score:
            return False
        if tail.prediction is None or key > tail.prediction:
            raise StoreError(f"there is no prediction on event {key} to be scored.")
        group.scores.append(
            (key, resolved_by, pack_numbers(actual), pack_numbers(losses), int(flags), tail.group)
        )
        group.tail = tail._replace(score=key)
        return True

    def add_shadow(self, key: int, model: int, numbers: object, loss: float | None = None) -> None:
        """Add the prediction of a challenger on an event or, later, the same prediction with its loss."""
        data = pack_numbers(numbers)
        self._fits(key, data)
        self._open().shadows.append((key, model, data, None if loss is None else float(loss)))

    def add_gap(self, gap: GapLike, policy: str = "") -> None:
        """Add missing keys and the policy that was applied to the state; a gap that is known already is ignored."""
        texts = (_text(gap.reason), _text(gap.outcome), _text(gap.why), _text(policy))
        row = (gap.first, gap.last, *texts, gap.opened, gap.closed)
        self._open().gaps.append(row)

    def add_note(self, kind: str, text: str, at: float | None = None) -> None:
        """Add a note on an incident; ``at`` is now unless given."""
        self._open().notes.append((time.time() if at is None else at, _text(kind), _text(text)))

    def add_health(self, health: Health) -> None:
        """Add one health record of feed and engine."""
        self._open().health.append((health.time, health.model_dump_json()))

    def add_snapshot(self, key: int, model: int, state: bytes) -> None:
        """Add a model's state after an event; three are kept for each model, none for a retired one."""
        self._open().snapshots.append((key, model, hashlib.sha256(state).digest() + state, time.time()))

    def add_model(
        self, digest: bytes | str, path: str, role: str = "challenger", since_key: int | None = None
    ) -> int:
        """Add weights by their SHA-256; return their number, the existing one if they are known."""
        group = self._open()
        digest = bytes.fromhex(digest) if isinstance(digest, str) else digest
        for number, known in self._digests.items():
            if known == digest:
                return number
        number = group.tail.model + 1
        group.tail = group.tail._replace(model=number)
        self._digests[number] = digest
        row = (number, digest, _text(path), _text(role), since_key, time.time())
        group.others.append(("INSERT INTO models VALUES (?, ?, ?, ?, ?, ?)", row))
        return number

    def set_role(self, model: int, role: str, since_key: int | None = None) -> None:
        """Set the role of a model ("champion", "challenger", "retired") and the first event it predicts."""
        self._open().others.append(
            (
                "UPDATE models SET role = ?, since_key = coalesce(?, since_key) WHERE id = ?",
                (role, since_key, model),
            )
        )

    def swap(self, model: int, since_key: int) -> None:
        """Promote a model to champion from an event on; retire the previous champion."""
        retire = "UPDATE models SET role = 'retired' WHERE role = 'champion' AND id <> ?"
        self._open().others.append((retire, (model,)))
        self.set_role(model, "champion", since_key)

    def rollback(self) -> None:
        """Discard the open group; the store is as it was at the last commit."""
        group, self._group = self._group, None
        if group is not None:
            self._digests = {n: d for n, d in self._digests.items() if n <= self._tail.model}


def _text(text: str) -> str:
    """Text that SQLite can store: truncated where it is long, without unpaired surrogates."""
    return cut(text).encode("utf-8", "replace").decode()
