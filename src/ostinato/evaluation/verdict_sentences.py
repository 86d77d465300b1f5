"""Sentences of a verdict, for terminals and pages."""

from collections.abc import Mapping

from ..runs.metric_table import loss_name
from ..runs.results import DifferenceTest
from .baseline_names import baseline_phrase, loss_digits
from .group_test import FEWEST_GROUPS
from .mean_test import FEWEST_DEGREES
from .model_scores import LEVEL, ModelScores, Outcome


def verdict_sentence(
    name: str,
    scores: ModelScores,
    decided: tuple[Outcome, str, str],
    against: Mapping[str, Outcome],
    corrected_p: float | None,
    *,
    several: bool,
) -> str:
    """The verdict on a model: the rival, its loss, the horizon, the rows and how many of them count.

    Args:
        decided: the outcome, the baseline that decided, and the one with the lowest loss.
        against: the outcome against each baseline alone.
        several: whether p is corrected for other models.
    """
    outcome, rival, best = decided
    test = scores.rivals[rival]
    phrase = baseline_phrase(rival)
    if outcome is Outcome.UNTESTED:
        return f"{name} has no verdict against {phrase}: {_why_untested(test)} ({_losses(scores, rival)})."
    numbers = f"{_losses(scores, rival)}; {_extent(test)}; {_p_phrase(scores, rival, corrected_p, several)}"
    if outcome is Outcome.BETTER:
        count = len(scores.rivals)
        whom = phrase if count == 1 else f"all {count} baselines"
        numbers = numbers if count == 1 else f"the hardest is {phrase}, {numbers}"
        return f"{name} beats {whom} at the {LEVEL} ({numbers})."
    if outcome is Outcome.WORSE:
        also = [
            baseline_phrase(baseline)
            for baseline, each in against.items()
            if each is Outcome.WORSE and baseline != rival
        ]
        more = f", and than {len(also)} other{'s' if len(also) > 1 else ''}" if also else ""
        return f"{name} is worse than {phrase}{more} at the {LEVEL} ({numbers})."
    beaten = sum(each is Outcome.BETTER for each in against.values())
    rest = f"; it beats {beaten} other baseline{'s' if beaten > 1 else ''}" if beaten else ""
    best_word = ", the best baseline," if rival == best and len(scores.rivals) > 1 else ""
    return f"{name} is not shown to differ from {phrase}{best_word} at the {LEVEL} ({numbers}){rest}."


def _losses(scores: ModelScores, rival: str) -> str:
    ours, theirs = scores.test[scores.measure], scores.loss_of(rival)
    assert ours is not None  # or there would be no test
    assert theirs is not None
    return f"{loss_name(scores.measure)} {loss_digits(ours)} against {loss_digits(theirs)}"


def _extent(test: DifferenceTest) -> str:
    """Horizon, rows and degrees.

    >>> _extent(DifferenceTest(mean=0.0, rows=1440, degrees=50))
    '1,440 rows, 50 effective'
    """
    if test.method == "permutation":
        return f"{test.rows:,} groups"
    ahead = f"{test.horizon:,} rows ahead, " if test.horizon > 1 else ""
    return f"{ahead}{test.rows:,} rows, {test.degrees:,} effective"


def _p_phrase(scores: ModelScores, rival: str, corrected_p: float | None, several: bool) -> str:
    p = scores.rivals[rival].p_value
    if p is None:
        return "no p: the difference does not vary"
    text = f"p = {p:.2g}"
    if corrected_p is not None and corrected_p != p and (several or (scores.test_scored or 1) > 1):
        text += f", corrected {corrected_p:.2g}"
    if scores.test_scored is None:
        return f"{text}, how often these rows were scored is unknown"
    if scores.test_scored > 1:
        text += f", for {scores.test_scored:,} times that these rows were scored"
    return text


def _why_untested(test: DifferenceTest) -> str:
    """Why a test has no p."""
    if test.reason == "season":
        return f"its {test.rows:,} rows are less than two seasons of {test.season:,} rows"
    if test.reason == "constant":
        return "the difference is the same in every row"
    if test.reason == "signs":
        return "the mean over rows and the mean over moments differ in sign"
    if test.method == "permutation":
        return f"there are {test.rows:,} groups, at least {FEWEST_GROUPS} are needed"
    return too_few_rows(test.rows, test.degrees, test.horizon)


def too_few_rows(rows: int, degrees: int, horizon: int) -> str:
    """Why a cosine test has no p, as a clause.

    >>> too_few_rows(2160, 3, 336)
    '2,160 rows at 336 rows ahead leave 3 effective ones, at least 6 are needed'
    """
    ahead = f" at {horizon:,} rows ahead" if horizon > 1 else ""
    return f"{rows:,} rows{ahead} leave {degrees:,} effective ones, at least {FEWEST_DEGREES} are needed"
