"""Verify stored scores against events and predictions.

Axes: R rows that wait, N that are resolved, C columns, H horizons, J = C H quantities, K baselines.
"""

import math
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..rows import Numbers
from ..schema import Flag
from .blocks import BLOCK, Row
from .events import DeclaredGap
from .findings import Findings, cell
from .outcomes import PredictionLayout, losses, outcomes

MOST_FILLED = 10_000  # missing rows that a model was stepped on, of a longer silence the last ones
SAME_OUTCOME = {
    "rtol": 1e-12,
    "atol": 1e-12,
    "equal_nan": True,
}  # logarithms of arrays may differ in the last bit
SAME_LOSS = {"rtol": 1e-9, "atol": 1e-12, "equal_nan": True}


class PendingRow(NamedTuple):
    """A row. key: None if there was no prediction. by: the event that brought it; known: when that was known."""

    key: int | None
    by: int
    level: tuple[float, ...]
    known: float
    prediction: Row | None


class ScoreCheck:
    """Takes events with their predictions and the stored scores, in order; reports differences.

    judged: how many losses were computed anew, those of the baselines included.

    Args:
        step: seconds between regular rows, whose missing ones count as rows; None where events are the rows.
        holes: unfilled gaps, by first key.
        baselines: K.
    """

    def __init__(
        self,
        question: PredictionLayout,
        step: float | None,
        holes: Iterator[DeclaredGap],
        baselines: int,
        findings: Findings,
    ) -> None:
        self.judged = 0
        self._question, self._regular, self._findings = question, step is not None, findings
        self._nearest, self._longest = question.horizons[0], question.horizons[-1]
        self._holes, self._hole = holes, next(holes, None)
        self._baselines, self._nothing = baselines, (math.nan,) * len(question.places)
        self._rows: list[PendingRow] = []
        self._scores: deque[Row] = deque()
        self._last: int | None = None  # key of the last row, where rows are regular
        self._unknown_until: int | None = None  # scores up to this key are of predictions that cannot be read

    def add_scores(self, rows: list[Row]) -> None:
        """Add stored scores, by key, before the events after theirs."""
        self._scores.extend(rows)

    def take(self, event: Row, prediction: Row | None) -> None:
        """Take one event and the prediction on it."""
        self._cross(event[0])
        key, received, happened, values = event[0], event[2], event[3], event[6:]
        known = received if happened is None else min(received, happened)
        if self._regular:
            if self._last is not None:
                missing = min(key - self._last - 1, MOST_FILLED)
                self._rows += [PendingRow(None, key, self._nothing, known, None)] * missing
            self._last = key
        elif prediction is None:  # a trade within a bar
            return
        level = [values[place] for place in self._question.places]
        self._rows.append(
            PendingRow(
                None if prediction is None else key,
                key,
                tuple(math.nan if value is None else value for value in level),
                known,
                prediction,
            )
        )
        if len(self._rows) >= BLOCK + self._longest:
            self._resolve()

    def skip(self, last: int) -> None:
        """Skip events up to a key that cannot be read: the outcome of pending rows is unknown."""
        self._resolve()
        self._rows.clear()
        self._unknown_until, self._last = last, None
        while self._hole is not None and self._hole.first <= last:
            self._hole = next(self._holes, None)

    def end(self) -> None:
        """Finish after the last event: any remaining score belongs to no resolved prediction."""
        self._cross(None)
        self._resolve()
        while self._scores:
            self._extra(self._scores.popleft())

    def _cross(self, key: int | None) -> None:
        """Cross the gaps that begin before an event, or all remaining ones."""
        while self._hole is not None and (key is None or self._hole.first <= key):
            hole, self._hole = self._hole, next(self._holes, None)
            if not self._regular or hole.policy == "reset":
                self._give_up(hole.last)
            if hole.policy == "reset":
                self._last = None

    def _give_up(self, by: int) -> None:
        """Settle all pending rows as unknown."""
        self._resolve()
        due = [row for row in self._rows if row.prediction is not None]
        self._rows.clear()
        if due:
            actual = np.full((len(due), self._question.quantities), np.nan)
            self._compare(due, [by] * len(due), [math.inf] * len(due), actual)

    def _resolve(self) -> None:
        """Verify the scores of all rows whose farthest horizon has arrived."""
        count = len(self._rows) - self._longest
        if count <= 0:
            return
        rows, self._rows = self._rows, self._rows[count:]
        places = [place for place in range(count) if rows[place].prediction is not None]
        if not places:
            return
        levels = np.array([row.level for row in rows], dtype=float)
        at = np.array(places)
        ahead = levels[at[:, None] + np.array(self._question.horizons)]
        actual = outcomes(self._question, levels[at], ahead)
        by = [rows[place + self._longest].by for place in places]
        known = [rows[place + self._nearest].known for place in places]
        self._compare([rows[place] for place in places], by, known, actual)

    def _compare(self, due: list[PendingRow], by: list[int], known: list[float], actual: Numbers) -> None:
        """Predictions that are resolved, by which events, when that was known first, and their outcomes (N, J)."""
        kept, stored = list[int](), list[Row]()
        for place, row in enumerate(due):
            assert row.key is not None
            score = self._score_of(row.key)
            if score is None:
                self._missing(row.key, by[place])
            elif self._sound(score):
                kept.append(place)
                stored.append(score)
        if not kept:
            return
        predictions = [due[place].prediction for place in kept]
        numbers = _stack([prediction[2] for prediction in predictions if prediction])
        theirs = _stack([prediction[3] for prediction in predictions if prediction])
        each = np.concatenate(
            [numbers[:, None], theirs.reshape(len(kept), self._baselines, numbers.shape[1])], axis=1
        )
        costs = losses(self._question, each, actual[kept])
        self.judged += costs.size
        self._verify("outcome", stored, 2, _stack([score[2] for score in stored]), actual[kept], SAME_OUTCOME)
        self._verify("loss", stored, 3, _stack([score[3] for score in stored]), costs, SAME_LOSS)
        for place, score, cost in zip(kept, stored, costs[:, 0], strict=True):
            self._check_facts(
                score, by[place], _late(due[place].prediction, known[place]), not math.isfinite(cost)
            )

    def _score_of(self, key: int) -> Row | None:
        while self._scores and self._scores[0][0] < key:
            self._extra(self._scores.popleft())
        if self._scores and self._scores[0][0] == key:
            return self._scores.popleft()
        return None

    def _missing(self, key: int, by: int) -> None:
        text = f"the score of event {key} is missing: event {by} has resolved it."
        self._findings.add("score", text, key=key, recomputed=by)

    def _extra(self, score: Row) -> None:
        key = score[0]
        if self._unknown_until is not None and key <= self._unknown_until:
            return
        text = f"the score of event {key} is of no prediction that was resolved."
        self._findings.add("score", text, key=key, group=_id(score[5]), stored=score[1])

    def _sound(self, score: Row) -> bool:
        """Return whether a score has numbers of the right lengths; report if not."""
        key, _, actual, costs, _, group = score
        wanted = {
            "actual values": (actual, self._question.quantities),
            "losses": (costs, 1 + self._baselines),
        }
        for name, (blob, count) in wanted.items():
            if not isinstance(blob, bytes):
                text = f"the {name} of event {key} are no numbers: {cell(blob)}."
            elif len(blob) != 8 * count:
                text = f"event {key} has {len(blob) / 8:g} {name}, not {count}."
            else:
                continue
            self._findings.add("score", text, key=key, group=_id(group), stored=blob)
            return False
        return True

    def _verify(
        self, kind: str, scores: list[Row], place: int, stored: Numbers, found: Numbers, same: dict[str, Any]
    ) -> None:
        """Report the rows in which stored numbers (N, M) differ from recomputed ones (N, M)."""
        unlike = ~np.isclose(stored, found, **same)
        for row in np.flatnonzero(unlike.any(axis=1)).tolist():
            column, (key, group) = int(unlike[row].argmax()), (scores[row][0], scores[row][5])
            ours, theirs = float(found[row, column]), float(stored[row, column])
            whose = "" if kind == "outcome" or column == 0 else f" of baseline {column}"
            text = f"the {kind}{whose} of event {key} is {theirs:.9g}, computed anew {ours:.9g}."
            self._findings.add(
                "score" if kind == "outcome" else "loss",
                text,
                key=key,
                group=_id(group),
                stored=theirs,
                recomputed=ours,
            )

    def _check_facts(self, score: Row, by: int, late: bool, unseen: bool) -> None:
        key, resolved_by, _, _, flags, group = score
        if resolved_by != by:
            text = f"event {key} was resolved by event {by}, its score says {cell(resolved_by)}."
            self._findings.add("score", text, key=key, group=_id(group), stored=resolved_by, recomputed=by)
        if type(flags) is not int or flags & ~(Flag.LATE | Flag.ACROSS_HOLE) or flags < 0:
            self._findings.add(
                "flag", f"the flags of the score of event {key} are {cell(flags)}.", key=key, stored=flags
            )
            return
        right = (flags & ~Flag.ACROSS_HOLE) | (Flag.ACROSS_HOLE if unseen else 0) | (Flag.LATE if late else 0)
        if flags != right:
            text = f"the flags of the score of event {key} are {flags}, times and outcome make them {int(right)}."
            self._findings.add("flag", text, key=key, group=_id(group), stored=flags, recomputed=int(right))


def _late(prediction: Row | None, known: float) -> bool:
    """Return whether a prediction was not known to be durable before its outcome was known.

    The reverse is not reported: a clock that was set back makes predictions late, too.
    """
    if prediction is None or known == math.inf:
        return False
    durable = prediction[9]
    return type(durable) is not float or durable >= known


def _stack(blobs: list[Any]) -> Numbers:
    """BLOBs of one length as (N, numbers of each)."""
    return np.frombuffer(b"".join(blobs), dtype="<f8").reshape(len(blobs), -1)


def _id(group: object) -> int | None:
    return group if isinstance(group, int) else None
