"""The one verdict: which baseline is the best, whether a model is better than it, and the sentence that says so.

Terminal, report, compare, tune and evaluate judge here, by ``judge``; a live store by ``online/verdict.py``, which
returns the same ``ModelVerdict``. Nothing else may decide who is better.

The p-values of several models are corrected for their number, because the best of many looks good by chance; and each
for the number of configurations that were tried before one was chosen.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..errors import ConfigError
from ..runs.comparison import Comparison
from ..runs.metric_table import SINGLE_CLASS, loss_name
from ..runs.results import Metrics, Results, SkillTest

ALPHA = 0.01  # the level, of the corrected test where there are several

BASELINE_NAMES = {
    "naive": "naive",
    "seasonal_naive": "seasonal naive",
    "drift": "the drift",
    "exponential_smoothing": "exponential smoothing",
    "linear": "linear regression",
    "logistic": "logistic regression",
    "ewma_quantiles": "the EWMA quantiles",
}


class Outcome(StrEnum):
    """What a comparison with a baseline came to."""

    BETTER = "better"
    WORSE = "worse"
    NO_BETTER = "no better"  # tested, and the difference could be chance
    UNTESTED = "not tested"  # there is no p-value, or too few rows for an interval
    UNJUDGED = "cannot be judged"  # a loss is missing, there is no baseline, or all rows are of one class


@dataclass(frozen=True)
class ModelScores:
    """What a model and the baselines reached on the rows of one test part.

    Attributes:
        measure: key of the tested loss.
        test: metrics of the model, by key; None for one that does not exist.
        baselines: those of each baseline, on the same rows.
        skill: the test of equal losses against each baseline.
        trials: configurations of the model that were tried, of which this one was chosen.
    """

    measure: str
    test: Metrics
    baselines: Mapping[str, Metrics]
    skill: Mapping[str, SkillTest]
    trials: int = 1


@dataclass(frozen=True)
class ModelVerdict:
    """Whether a model is better than its best baseline.

    Attributes:
        sentence: the whole of it, for people.
        best_baseline: the tested one with the lowest loss; None if there is none.
        p_value, corrected_p: against the best baseline, two-sided; None without a test.
    """

    outcome: Outcome
    sentence: str
    best_baseline: str | None = None
    p_value: float | None = None
    corrected_p: float | None = None

    @property
    def better(self) -> bool:
        """Whether the model is better than every baseline, at the level."""
        return self.outcome is Outcome.BETTER

    @property
    def tone(self) -> str:
        """How a page colours it: "better", "worse" or "neither"."""
        return tone_of(self.outcome)


def scores_of(results: Results) -> ModelScores:
    """Scores as metrics.json holds them."""
    tests = results.tests.diebold_mariano
    return ModelScores(results.measure, results.test, results.baselines, tests, results.trials)


def best_baseline(measure: str, baselines: Mapping[str, Metrics], tested: Collection[str]) -> str | None:
    """The tested baseline with the lowest loss, the first of equals; None if none has a loss and a test."""
    losses = {
        name: loss
        for name, metrics in baselines.items()
        if name in tested and (loss := metrics.get(measure)) is not None
    }
    return min(losses, key=losses.__getitem__, default=None)


def outcome_of(loss: float | None, baseline_loss: float | None, p_value: float | None) -> Outcome:
    """What two losses and the p-value of their test, corrected where there are several, come to."""
    if loss is None or baseline_loss is None:
        return Outcome.UNJUDGED
    if p_value is None:
        return Outcome.UNTESTED
    # equal losses are neither, however the test came out: it may weigh rows otherwise than the means do
    if p_value >= ALPHA or loss == baseline_loss:
        return Outcome.NO_BETTER
    return Outcome.BETTER if loss < baseline_loss else Outcome.WORSE


def tone_of(outcome: Outcome) -> str:
    """How a page colours an outcome: "better", "worse" or "neither"."""
    return outcome.value if outcome in (Outcome.BETTER, Outcome.WORSE) else "neither"


def judge(models: Mapping[str, ModelScores]) -> dict[str, ModelVerdict]:
    """For each model, whether it is better than its best baseline: p corrected for models and trials (``holm``)."""
    best = {
        name: best_baseline(scores.measure, scores.baselines, scores.skill) for name, scores in models.items()
    }
    p_values = {
        name: p
        for name, scores in models.items()
        if (rival := best[name]) is not None and (p := scores.skill[rival].p_value) is not None
    }
    corrected = holm(p_values, {name: models[name].trials for name in p_values})
    several = len(models) > 1
    return {
        name: _judged(name, scores, best[name], corrected.get(name), several)
        for name, scores in models.items()
    }


def recorded(comparison: Comparison) -> dict[str, ModelVerdict]:
    """The verdicts that compare.json records: by the p that were corrected then, in the sentences of then."""
    best = comparison.best_baseline
    theirs = comparison.baselines[best].test if best in comparison.baselines else {}
    found = {}
    for name, model in comparison.models.items():
        skill = model.skill.get(best)
        tested = (best or None, skill.p_value if skill else None, model.corrected_p)
        if model.failed is not None:
            found[name] = ModelVerdict(Outcome.UNJUDGED, f"{name} failed: {model.failed}")
            continue
        losses = model.test.get(comparison.measure), theirs.get(comparison.measure)
        outcome = Outcome.UNJUDGED if is_single_class(model.test) else outcome_of(*losses, model.corrected_p)
        found[name] = ModelVerdict(outcome, model.verdict or f"{name} has no verdict.", *tested)
    return found


def holm(p_values: Mapping[str, float], trials: Mapping[str, int] | None = None) -> dict[str, float]:
    """Corrected p-values: the k-th smallest of n times n - k + 1, never below one that is smaller, at most 1.

    A model chosen out of T configurations stands for T tests of which one is shown, so its p is first multiplied by
    T (Bonferroni): if none of the T has skill, the least of their p is below a / T with a chance of at most a. This
    holds however the choice was made; where it was made on other rows, as `tune` does, it is strict.

    Args:
        trials: how many configurations each was chosen from; those not named, one.

    Raises:
        ConfigError: trials are below 1.

    Source:
        Holm 1979, Scandinavian Journal of Statistics 6, 65-70. Dunn 1961, Journal of the American Statistical
        Association 56, 52-64, for the first step.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    >>> holm({"a": 0.001, "b": 0.04}, trials={"a": 30})
    {'a': 0.06, 'b': 0.06}
    """
    tried = dict.fromkeys(p_values, 1) | dict(trials or {})
    for name, count in tried.items():
        if count < 1:
            raise ConfigError(f"trials of {name} must be at least 1, got {count}.")
    first = {name: min(1.0, p * tried[name]) for name, p in p_values.items()}
    corrected: dict[str, float] = {}
    floor = 0.0
    for place, name in enumerate(sorted(first, key=first.__getitem__)):
        floor = max(floor, min(1.0, first[name] * (len(first) - place)))
        corrected[name] = floor
    return corrected


def baseline_phrase(baseline: str) -> str:
    """A baseline as a sentence names it.

    >>> baseline_phrase("naive"), baseline_phrase("sign_table")
    ('naive', 'the sign table')
    """
    return BASELINE_NAMES.get(baseline) or f"the {baseline.replace('_', ' ')}"


def baseline_label(baseline: str) -> str:
    """A baseline as a heading or a cell names it.

    >>> baseline_label("ewma_quantiles"), baseline_label("sign_table")
    ('EWMA quantiles', 'sign table')
    """
    return baseline_phrase(baseline).removeprefix("the ")


def loss_digits(loss: float) -> str:
    """Four decimals, or four digits where these would say nothing: returns are small."""
    return f"{loss:.4f}" if 0.1 <= abs(loss) < 1e5 or loss == 0 else f"{loss:.4g}"


def unjudged(model: str, reason: str, best: str | None = None) -> ModelVerdict:
    """The verdict on a model that has no losses to compare, or none that mean anything."""
    return ModelVerdict(Outcome.UNJUDGED, f"{model} cannot be judged: {reason}.", best)


def _judged(
    name: str, scores: ModelScores, best: str | None, corrected_p: float | None, several: bool
) -> ModelVerdict:
    loss = scores.test.get(scores.measure)
    if loss is None:
        return unjudged(name, f"it has no {loss_name(scores.measure)}", best)
    if is_single_class(scores.test):
        return unjudged(name, SINGLE_CLASS_REASON, best)
    if best is None:
        return unjudged(name, NO_BASELINE_REASON)
    baseline_loss = scores.baselines[best][scores.measure]
    assert baseline_loss is not None  # or it would not be the best
    outcome = outcome_of(loss, baseline_loss, corrected_p)
    sentence = _sentence(name, scores, best, outcome, (loss, baseline_loss), corrected_p, several)
    return ModelVerdict(outcome, sentence, best, scores.skill[best].p_value, corrected_p)


SINGLE_CLASS_REASON = "all rows that were scored are of one class"
NO_BASELINE_REASON = "there is no baseline to compare with"


def is_single_class(metrics: Metrics) -> bool:
    """Whether all scored rows are of one class: of probabilities there is then no AUC, and any constant is perfect."""
    return SINGLE_CLASS in metrics and metrics[SINGLE_CLASS] is None


def _sentence(
    name: str,
    scores: ModelScores,
    best: str,
    outcome: Outcome,
    losses: tuple[float, float],
    p: float | None,
    several: bool,
) -> str:
    numbers = f"{loss_name(scores.measure)} {loss_digits(losses[0])} against {loss_digits(losses[1])}"
    baseline, level = baseline_phrase(best), f"at the {ALPHA:.0%} level".replace("%", " %")
    if p is None:
        return f"{name} cannot be told from {baseline}: the test gives no p ({numbers})."
    tried = f" for {scores.trials:,} trials" if scores.trials > 1 else ""
    numbers += f", {'corrected p' if several or tried else 'p'}{tried} = {p:.2g}"
    if outcome is Outcome.BETTER:
        return f"{name} beats {baseline}, the best baseline, {level} ({numbers})."
    if outcome is Outcome.WORSE:
        return f"{name} is worse than {baseline} {level} ({numbers})."
    return f"{name} is no better than {baseline} {level}: the difference could be chance ({numbers})."
