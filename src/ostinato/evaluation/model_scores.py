"""What is judged: losses of a model and of baselines on the same rows, and the tests of their differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..runs.results import DifferenceTest, Metrics

ALPHA = 0.01  # the level of the two-sided tests, after corrections
LEVEL = f"two-sided {100 * ALPHA:g} % level"


class Outcome(StrEnum):
    """Result of a comparison with one baseline or with all of them."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not shown to differ"  # tested, and the difference could be chance
    UNTESTED = "not tested"  # there is no p-value, or too few rows for an interval
    UNJUDGED = "cannot be judged"  # a loss is missing, there is no baseline, or all rows are of one class


@dataclass(frozen=True)
class ModelScores:
    """What a model and the baselines reached on the rows of one test part.

    Attributes:
        measure: key of the tested loss.
        test: metrics of the model, by key; None for one that does not exist.
        baselines: those of each baseline, on the same rows.
        tests: of equal losses, against each baseline.
        test_scored: how often these rows were scored; None if nobody knows.
    """

    measure: str
    test: Metrics
    baselines: Mapping[str, Metrics]
    tests: Mapping[str, DifferenceTest]
    test_scored: int | None = 1

    @property
    def rivals(self) -> dict[str, DifferenceTest]:
        """The tests against those baselines that have a loss."""
        return {name: test for name, test in self.tests.items() if self.loss_of(name) is not None}

    def loss_of(self, baseline: str) -> float | None:
        """The tested loss of a baseline."""
        return self.baselines.get(baseline, {}).get(self.measure)
