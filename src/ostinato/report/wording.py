"""Formats of values, tests and verdicts. Names of metrics are in `runs/metric_table.py`."""

from dataclasses import replace

from ..evaluation.verdict import ModelVerdict, Outcome, judge, scores_of
from ..runs.metric_table import metric_of
from ..runs.results import Results
from .facts import NO_NAME
from .numbers import number, percent

PROFIT = (
    "A forecast that beats a baseline on its loss need not earn anything: fees, the spread between bid and ask, the "
    "delay of an order and its own effect on the price are not in these numbers, and these costs are "
    "larger than most edges."
)
CELLS = {
    Outcome.BETTER: "model is better",
    Outcome.WORSE: "model is worse",
    Outcome.NO_BETTER: "cannot be told apart",
    Outcome.UNTESTED: "not tested",
    Outcome.UNJUDGED: "cannot be judged",
}


def format_metric(key: str, value: float | None) -> str:
    """Format a metric's value."""
    return percent(value, 2) if metric_of(key).unit == "share" else number(value)


def verdict_of(model: str, results: Results | None) -> ModelVerdict:
    """The verdict on a run, from its metrics.json; None for an unfinished one."""
    if results is None:
        return ModelVerdict(Outcome.UNJUDGED, f"{model} is not judged yet: this run is not finished.")
    found = judge({model: scores_of(results)})[model]
    # a config of old names no model, and a sentence begins with a capital letter
    return replace(found, sentence=_capital(found.sentence)) if model == NO_NAME else found


def gain(ours: float | None, theirs: float | None) -> float | None:
    """Fraction of a baseline's loss that the model saves; None if undefined."""
    return None if ours is None or theirs is None or theirs <= 0 else 1 - ours / theirs


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
