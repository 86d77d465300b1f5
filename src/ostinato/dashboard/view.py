"""The view of a store, kept up to date by reading only new rows.

Every piece has the version it last changed in, so that a page that is at version v is sent what is newer than v. Memory
does not grow with the store.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from .buckets import BucketRanges
from .costs import FEE, Costs
from .latency import latency
from .scoring import Scoring
from .status import LiveStatus, status
from .store_info import StoreInfo, finite

if TYPE_CHECKING:
    from ..store import Health, Reader, StoredGap, StoredNote, StoredPrediction

LATEST = 50  # gaps and notes that are shown
LABELS = {
    "10m": "10 minutes",
    "1h": "1 hour",
    "6h": "6 hours",
    "1d": "1 day",
    "1w": "1 week",
    "30d": "30 days",
    "1y": "1 year",
}


class View:
    """The view of one store. ``opened`` and then ``read`` fill it.

    Attributes:
        name: of the store, for people.
        version: of the latest change.   begun: of the first; a page that is not as far has another store.
        problem: why the store could not be read the last time, or nothing.
    """

    def __init__(self, name: str, fee: float = FEE, spread: float | None = None, *, version: int = 1) -> None:
        self.name, self.version, self.begun, self.problem = name, version, version, ""
        self._fee, self._spread = fee, spread
        self._of: tuple[object, object] | None = None  # which store
        self.question: StoreInfo | None = None
        self.scoring: Scoring | None = None
        self.costs: Costs | None = None
        self.health: Health | None = None
        self.latest: StoredPrediction | None = None
        self.predictions = self.scores = self.total = 0
        self._ranges = BucketRanges(0)
        self._sections: dict[str, tuple[int, Any]] = {}
        self._gaps: deque[StoredGap] = deque(maxlen=LATEST)
        self._notes: deque[StoredNote] = deque(maxlen=LATEST)
        self._prediction: int | None = None  # keys and ids up to which all was read
        self._score: int | None = None
        self._gap: int | None = None
        self._note = self._health = 0
        self._unshown = False  # scores that are not in the tables yet

    def of(self, reader: "Reader") -> "View":
        """This view, or an empty one if the reader has another store of the same name."""
        if self._of in (None, (reader.identity, reader.head)):
            return self
        return View(self.name, self._fee, self._spread, version=self.version + 1)

    def opened(self, reader: "Reader") -> None:
        """Attach to a store, or resume after it could not be read.

        Raises:
            StoreError: it cannot be read.
        """
        self.version += 1
        if self.question is None:
            self._of = (reader.identity, reader.head)
            self.question = StoreInfo.of(reader.head)
            self._ranges = BucketRanges(self.question.quantities, reader.head.step)
            self.scoring, self.costs = Scoring(self.question), Costs(self.question, self._fee, self._spread)
            self.total = reader.counts().predictions
            ranges = [(name, LABELS[name]) for name in self._ranges.by_name]
            self._set("run", self.question.about(ranges, self.name))
            self._set("gaps", [])
            self._set("notes", [])

    def fail(self, problem: str) -> None:
        """Set or clear the problem that prevents reading."""
        if problem or self.problem:
            self.problem = problem
            self.version += 1

    def read(self, reader: "Reader", most: int) -> bool:
        """Read new rows, at most ``most`` of a kind; return whether there may be more.

        Raises:
            StoreError: it cannot be read.
        """
        self.version += 1
        predictions = reader.predictions_after(self._prediction, most)
        scores = reader.scores_after(self._score, most)
        if predictions:
            self._add_predictions(predictions)
        if scores:
            assert self.scoring is not None
            self._score = scores[-1].key
            self.scores += len(scores)
            self.scoring.add(scores, self.version)
            self._unshown = True
        more = len(predictions) == most or len(scores) == most
        if not more:
            self._add_rest(reader)
        if self._unshown and (not more or self.version % 10 == 0):  # while much is read, now and then
            self._show_scores()
        return more

    def status(self, now: float) -> LiveStatus:
        """Whether it can be believed at a time, in seconds since the Unix epoch."""
        found = status(self.health, now, self.problem)
        if self.total and self.predictions < self.total - 1 and not self.problem:
            share = 100 * self.predictions / self.total
            return found._replace(words=f"Reading the store: {share:.0f} %. {found.words}")
        return found

    def best_range(self) -> str:
        """The range that shows enough."""
        return self._ranges.best()

    def changes(self, since: int, range_name: str) -> tuple[dict[str, Any], str]:
        """What changed after a version (0: all), ready for JSON; and the name of the range that it shows."""
        since = 0 if since < self.begun else since
        shown = range_name if range_name in self._ranges.by_name else self.best_range()
        found = {name: value for name, (version, value) in self._sections.items() if version > since}
        answer: dict[str, Any] = {"version": self.version, "full": since == 0, "range": shown, **found}
        if self.question is not None:
            one = self._ranges.by_name[shown]
            rows = one.rows(since)
            if len(rows.time) or since == 0:
                answer["length"] = one.width * one.most
                answer["series"] = {
                    "t": [round(float(t), 3) for t in rows.time],
                    "low": finite(rows.low),
                    "high": finite(rows.high),
                    "last": finite(rows.last),
                    "means": [finite(column) for column in rows.means.T],
                }
        if self.scoring is not None:
            track = self.scoring.track(since)
            if track["points"] or track["anew"]:
                answer["track"] = track
        return answer, shown

    def _set(self, name: str, value: Any) -> None:
        if name not in self._sections or self._sections[name][1] != value:
            self._sections[name] = (self.version, value)

    def _add_predictions(self, rows: "list[StoredPrediction]") -> None:
        assert self.question is not None
        question = self.question
        prices = np.array([row.values[question.price] for row in rows])
        numbers = np.stack([row.numbers for row in rows])
        baselines = np.stack([row.baselines for row in rows])
        times = np.array([row.time for row in rows])
        values = question.followed(prices, numbers, baselines)
        self._ranges.add(times, prices, values, self.version)
        self.latest, self._prediction = rows[-1], rows[-1].key
        self.predictions += len(rows)
        assert self.costs is not None
        self.costs.add(rows)
        self._set("headline", question.headline(rows[-1]))
        self._set("fan", question.fan(float(times[-1]), float(prices[-1]), numbers[-1]))

    def _add_rest(self, reader: "Reader") -> None:
        latest = reader.latest_health()
        if latest is not None and latest[0] > self._health:
            self._health, self.health = latest
            shown = self.health.model_dump(exclude={"latency_counts", "latency_sum"})
            self._set("health", {name: _plain(value) for name, value in shown.items()})
            self._set("latency", latency(self.health))
        while gaps := (reader.gaps() if self._gap is None else reader.gaps(self._gap)):
            self._gap = gaps[-1].first
            self._gaps.extend(gaps)
            self._set("gaps", [gap._asdict() for gap in reversed(self._gaps)])
        while notes := reader.notes_after(self._note):
            self._note = notes[-1].id
            self._notes.extend(notes)
            self._set("notes", [note._asdict() for note in reversed(self._notes)])

    def _show_scores(self) -> None:
        assert self.scoring is not None
        assert self.costs is not None
        self._unshown = False
        for name, value in self.scoring.sections().items():
            self._set(name, value)
        self._set("costs", self.costs.section())


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
