"""Metrics, tests and verdicts in words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..evaluation.verdict import ALPHA, Comparison, in_words, verdicts
from ..runs.results import Results, Skill, loss_name
from .numbers import number, percent

LOWER, HIGHER, NEITHER = "lower is better", "higher is better", ""


@dataclass(frozen=True)
class Metric:
    """What a column of the table means."""

    label: str
    definition: str
    better: str = LOWER


METRICS = {
    "log_loss": Metric(
        "log-loss", "the mean of −ln of the probability that was given to what happened, in nats."
    ),
    "pinball": Metric(
        "pinball",
        "the mean over the quantile levels a of a·e where the error e = value − quantile is "
        "positive, and (a − 1)·e where "
        "it is not.",
    ),
    "crps": Metric(
        "CRPS",
        "the continuous ranked probability score: twice the pinball loss integrated over all levels, here by the "
        "trapezoidal rule between the levels forecast.",
    ),
    "auc": Metric(
        "AUC",
        "the chance that a row that went up was given a higher probability than one that did not; 0.5 is a coin.",
        HIGHER,
    ),
    "brier": Metric("Brier", "the mean squared distance of the probability from 1 (up) or 0 (not up)."),
    "accuracy": Metric(
        "accuracy",
        "the share of rows where “the probability is above one half” agreed with what happened. "
        "Worth little beside the "
        "base rate: where few rows go up, saying “never” is nearly always right.",
        HIGHER,
    ),
    "mae": Metric("MAE", "the mean absolute error of the median."),
    "mse": Metric("MSE", "the mean squared error of the point forecast, the median where quantiles are forecast."),
    "rmse": Metric("RMSE", "the square root of the MSE."),
    "mase": Metric(
        "MASE",
        "the MAE over that of the naive forecast on the training rows: of a level the (seasonal) one, where for many "
        "steps ahead it may be above 1 although the forecast is good; of a return that of no change, as far ahead.",
    ),
    "scaled_mse": Metric(
        "scaled MSE", "the MSE over the variance of the values in the whole training part, as the literature scales it."
    ),
}  # fmt: skip
SHARES = ("coverage", "accuracy")
PROFIT = (
    "A forecast that beats a baseline on its loss need not earn anything: fees, the spread between bid and ask, the "
    "delay of an order and its own effect on the price are not in these numbers, and these costs are "
    "larger than most edges."
)


def metric_of(name: str) -> Metric:
    """What is known of a metric; an unknown one has its name only."""
    band = re.fullmatch(r"(coverage|width)_(\d{1,2})", name)
    if band is None:
        return METRICS.get(name) or Metric(name.replace("_", " "), "", NEITHER)
    share = f"{band[2]} %"
    if band[1] == "coverage":
        return Metric(
            f"coverage {share}",
            f"the share of values within the {share} interval; the nearer to {share} the better.",
            f"should be {share}",
        )
    return Metric(
        f"width {share}",
        f"the mean width of the {share} interval; narrow is good only with coverage.",
        NEITHER,
    )


def shown(name: str, value: float | None) -> str:
    """A metric's value."""
    return percent(value, 2) if name.startswith(SHARES) else number(value)


def in_order(measure: str, names: Iterable[str]) -> list[str]:
    """Metrics as columns: the one that was tested, then the well-known ones, then the others."""
    found = list(dict.fromkeys(names))
    known = [*METRICS, "coverage", "width"]

    def place(name: str) -> tuple[int, int]:
        family = re.sub(r"_\d{1,2}$", "", name)
        return (0 if name == measure else 1, known.index(family) if family in known else len(known))

    return sorted(found, key=place)


@dataclass(frozen=True)
class Verdict:
    """Whether a model is better than its best baseline."""

    sentence: str
    tone: str  # "better", "worse" or "neither"
    best: str | None = None  # baseline, the one with the lowest loss


def verdict_of(model: str, results: Results | None) -> Verdict:
    """In plain words, of metrics.json."""
    if results is None:
        return Verdict(f"{model} is not judged yet: this run is not finished.", "neither")
    ours = results.test.get(results.measure)
    tests = results.tests.diebold_mariano
    losses = {
        name: loss
        for name, metrics in results.baselines.items()
        if (loss := metrics.get(results.measure)) is not None and name in tests
    }
    if ours is None:
        return Verdict(f"{model} cannot be judged: it has no {loss_name(results.measure)}.", "neither")
    if not losses:
        return Verdict(f"{model} cannot be judged: there is no baseline to hold it against.", "neither")
    best = min(losses, key=losses.__getitem__)
    found = Comparison(
        ours, best, losses[best], tests[best].p_value, loss_name(results.measure), results.trials
    )
    sentence = verdicts({model: found})[model]
    return Verdict(
        sentence[0].upper() + sentence[1:] if model == "the model" else sentence, _tone(found), best
    )


def against(skill: Skill | None) -> str:
    """How the model did against a baseline, in two or three words."""
    if skill is None or skill.p_value is None or skill.statistic is None:
        return "not tested"
    if skill.p_value >= ALPHA:
        return "cannot be told apart"
    return "model is better" if skill.statistic < 0 else "model is worse"


def gain(ours: float | None, theirs: float | None) -> float | None:
    """The share of a baseline's loss that the model saves; None where there is no such share."""
    return None if ours is None or theirs is None or theirs <= 0 else 1 - ours / theirs


def definitions(names: Iterable[str]) -> Mapping[str, str]:
    """By label, for the metrics that have one."""
    found = {}
    for name in names:
        metric = metric_of(name)
        if metric.definition:
            better = (
                f" {metric.better[0].upper()}{metric.better[1:]}." if metric.better in (LOWER, HIGHER) else ""
            )
            found[metric.label] = metric.definition[0].upper() + metric.definition[1:] + better
    return found


def rival(baseline: str) -> str:
    """A baseline as a heading names it."""
    return in_words(baseline).removeprefix("the ")


def _tone(found: Comparison) -> str:
    if found.p_value is None or found.p_value >= ALPHA:
        return "neither"
    return "better" if found.loss < found.baseline_loss else "worse"
