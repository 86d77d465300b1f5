"""The verdict on a live model: as ``evaluation.verdict``, by intervals that hold at all times at once."""

from collections.abc import Sequence

from ...runs.metric_table import loss_name
from ..verdict import (
    NO_BASELINE_REASON,
    SINGLE_CLASS_REASON,
    ModelVerdict,
    Outcome,
    baseline_phrase,
    unjudged,
)
from .skill import WORDS, SkillSummary

ORDER = (Outcome.WORSE, Outcome.UNTESTED, Outcome.NO_BETTER, Outcome.BETTER)  # in a sentence


def judge_live(
    skills: Sequence[SkillSummary], counted: int, measure: str, *, single_class: bool = False
) -> ModelVerdict:
    """Whether the model is better than every baseline by all forecasts so far.

    It is better if it is better than each, worse if it is worse than any. Every interval has its own chance to be
    wrong; they are not corrected for their number, as those of ``verdict.judge`` are.

    Args:
        skills: against each baseline.
        counted: forecasts that count.
        measure: key of the loss.
        single_class: whether all outcomes so far are of one class.
    """
    if not counted:
        return ModelVerdict(Outcome.UNJUDGED, "No forecast has been scored yet.")
    rows = f"{counted:,} scored forecast{'s' if counted != 1 else ''}"
    losses = {one.baseline: one.baseline_loss for one in skills if one.baseline_loss is not None}
    best = min(losses, key=losses.__getitem__, default=None)
    if best is None:
        return unjudged(f"{rows}: the model", NO_BASELINE_REASON)
    if single_class:
        return unjudged(f"{rows}: the model", SINGLE_CLASS_REASON, best)
    named = {
        outcome: [baseline_phrase(one.baseline) for one in skills if one.outcome is outcome]
        for outcome in ORDER
    }
    parts = [WORDS[outcome].format(listed(names)) for outcome, names in named.items() if names]
    verbs = [part if part.startswith("cannot") else f"is {part}" for part in parts]
    sentence = (
        f"By {loss_name(measure)} over {rows} the model {' and '.join(verbs)}. Each is told with "
        f"{100 * skills[0].level:g} % confidence, however often one looks."
    )
    return ModelVerdict(_joint([one.outcome for one in skills]), sentence, best)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _joint(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome against several baselines: the first that is there of those that speak against the model."""
    against = (Outcome.WORSE, Outcome.NO_BETTER, Outcome.UNTESTED, Outcome.BETTER)
    return next(outcome for outcome in against if outcome in outcomes)
