"""The scores of a store, added up as they come: how it fares beside the baselines."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..evaluation.online import OnlineDirection, OnlineValues
from .store_info import finite
from .tables import calibration, score_table, verdict

if TYPE_CHECKING:
    from ..evaluation.online import SkillSummary
    from ..store import StoredScore
    from .store_info import StoreInfo

MOST = 300  # points of the track
FEWEST = 20  # forecasts between two, or a hundredth of all


@dataclass
class SkillPoint:
    """Skill after so many forecasts: for each baseline its difference and the bounds of it."""

    version: int
    count: int
    skill: list[list[float | None] | None]


class Scoring:
    """Running scores of one store; memory is constant.

    Attributes:
        left_out: forecasts that do not count.
        measure: key of the loss.
        summary: of those that count, at the last ``add``.
    """

    def __init__(self, question: "StoreInfo") -> None:
        self.question = question
        self.measure = question.head.measure
        self.left_out = 0
        head, horizon = question.head, question.furthest
        self._online: OnlineDirection | OnlineValues = (
            OnlineDirection(head.baselines, horizon=horizon)
            if question.kind == "direction"
            else OnlineValues(head.levels or (0.5,), head.baselines, question.shape()[0], horizon=horizon)
        )
        self.summary = self._online.summary()
        self._points: dict[int, SkillPoint] = {}
        self._place, self._next, self._anew = 0, 0, 0

    @property
    def counted(self) -> int:
        """Forecasts that count."""
        return self._online.count

    def add(self, rows: "list[StoredScore]", version: int) -> None:
        """Take up scores in the order of their keys."""
        if isinstance(self._online, OnlineDirection) and self._add_directions(self._online, rows, version):
            return
        for row in rows:
            if row.flags or row.prediction_flags or not self._took(row):
                self.left_out += 1
            elif self.counted >= self._next:
                self._pass(version)
        if self.counted:
            self._mark(version)

    def _add_directions(self, online: OnlineDirection, rows: "list[StoredScore]", version: int) -> bool:
        """As `add`, many at once; False, and nothing is taken, where rows are not alike."""
        names = len(self.question.head.baselines)
        kept = [row for row in rows if not row.flags and not row.prediction_flags]
        if not kept:
            return False
        try:
            losses = np.stack([row.losses for row in kept])[:, : 1 + names]
            beside = np.stack([row.baselines for row in kept])[:, :names]
            p, up = (np.array([one[0] for one in column])
                     for column in ([row.numbers for row in kept], [row.actual for row in kept]))  # fmt: skip
        except (ValueError, IndexError):
            return False
        every = np.column_stack([p, beside])
        good = ((every >= 0) & (every <= 1)).all(1) & ((up == 0) | (up == 1)) & np.isfinite(losses).all(1)
        if losses.shape[1] != 1 + names or beside.shape[1] != names:
            return False
        p, up, losses, beside = p[good], up[good], losses[good], beside[good]
        self.left_out += len(rows) - len(p)
        while len(p):
            size = max(1, self._next - self.counted)  # to the next point of the track
            online.add_many(p[:size], up[:size], losses[:size], beside[:size])
            p, up, losses, beside = p[size:], up[size:], losses[size:], beside[size:]
            if self.counted >= self._next:
                self._pass(version)
        if self.counted:
            self._mark(version)
        return True

    def _pass(self, version: int) -> None:
        """A point of the track is reached."""
        self._mark(version)
        self._place += 1
        self._next = self.counted + max(FEWEST, self.counted // 100)

    def skill(self) -> "list[SkillSummary]":
        """Beside each baseline."""
        return self.summary.skill

    def track(self, since: int) -> dict[str, Any]:
        """Points that changed after a version: place, forecasts, skill with its bounds; above 0 is better."""
        anew = since < self._anew
        shown = [
            [place, point.count, point.skill]
            for place, point in self._points.items()
            if anew or point.version > since
        ]
        return {"anew": anew, "points": shown}

    def sections(self) -> dict[str, Any]:
        """What the page shows of it."""
        return {
            "verdict": verdict(self.summary, self.measure),
            "scores": {
                **score_table(self.summary, self.measure),
                "note": f"{self.counted:,} forecasts count, {self.left_out:,} do not: made on back-filled data or "
                "on what the run was fitted on, too early, committed too late, or across a hole.",
            },
            "calibration": calibration(self.summary),
        }

    def _took(self, row: "StoredScore") -> bool:
        """Whether it counts; one whose outcome or loss is not known does not."""
        names = len(self.question.head.baselines)
        losses = row.losses[: 1 + names].tolist()
        try:
            if isinstance(self._online, OnlineDirection):
                self._online.add(row.numbers[0], row.actual[0], losses, row.baselines[:names].tolist())
            else:
                self._online.add(losses, row.numbers.reshape(self.question.shape()), row.actual)
        except (DataError, ValueError, IndexError, ArithmeticError):
            return False
        return True

    def _mark(self, version: int) -> None:
        """The newest point of the track; it stays when the next one begins, until every second is dropped."""
        self.summary = self._online.summary()
        skill = [
            None if one.difference is None else finite([-one.difference, _less(one.high), _less(one.low)])
            for one in self.skill()
        ]
        self._points[self._place] = SkillPoint(version, self.counted, skill)
        if len(self._points) > MOST:
            self._points = dict(list(self._points.items())[::2])
            self._anew = version


def _less(value: float | None) -> float:
    return float("nan") if value is None else -value
