"""Scores in words and in tables."""

from typing import TYPE_CHECKING, Any

from ..evaluation.online import DirectionSummary, QuantileScores, ValuesSummary, judge_live, wilson
from ..evaluation.verdict import baseline_label, loss_digits
from ..runs.metric_table import LIVE_COLUMNS, metric_of
from .store_info import finite

if TYPE_CHECKING:
    from ..evaluation.online import ForecastScores, SkillSummary

NONE = "–"


def verdict(found: DirectionSummary | ValuesSummary, measure: str) -> dict[str, str]:
    """How it fares beside all baselines, in a sentence, and a tone: "better", "worse" or "neither"."""
    single_class = isinstance(found, DirectionSummary) and found.model.auc is None
    judged = judge_live(found.skill, found.count, measure, single_class=single_class)
    return {"words": judged.sentence, "tone": judged.tone}


def score_table(found: DirectionSummary | ValuesSummary, measure: str) -> dict[str, Any]:
    """A row for ours and for each baseline; baselines of values have their loss alone, which they are compared by."""
    metrics = _metrics(found.model, measure)
    labels = [metric_of(key).label for key in metrics]
    columns = ["", metric_of(measure).label, *labels, "we gain", "at all times at once"]
    if not found.count:
        return {"columns": columns, "rows": []}
    loss = found.model.log_loss if isinstance(found, DirectionSummary) else found.loss
    cells = ["this run", digits(loss), *(format_metric(key, value) for key, value in metrics.items()), "", ""]
    rows = [{"ours": True, "cells": cells}]
    for one in found.skill:
        theirs = found.baselines[one.baseline] if isinstance(found, DirectionSummary) else None
        values = _metrics(theirs, measure) if theirs else dict.fromkeys(metrics)
        further = [format_metric(key, value) if theirs else "" for key, value in values.items()]
        rows.append(
            {
                "ours": False,
                "cells": [baseline_label(one.baseline), digits(one.baseline_loss), *further, *_gain(one)],
            }
        )
    return {"columns": columns, "rows": rows}


def _metrics(scores: "ForecastScores | QuantileScores", measure: str) -> dict[str, float | None]:
    """Further metrics of one forecaster, by key, in the order of columns."""
    keys = LIVE_COLUMNS.get(measure, ())
    if isinstance(scores, QuantileScores):
        bands = [key for key in scores.metrics if key.startswith("coverage_")]
        return {key: scores.metrics.get(key) for key in (*keys, *bands)}
    return {key: getattr(scores, key) for key in keys}


def calibration(found: DirectionSummary | ValuesSummary) -> dict[str, Any]:
    """What was said beside what was: shares of rises in bins of p, or of labels at or below each quantile."""
    if isinstance(found, DirectionSummary):
        p, seen, rows, low, high = (
            getattr(found.model.reliability, name) for name in ("p", "up", "rows", "low", "high")
        )
        note = "Forecasts in ten bins of about equally many: on the dashed line they mean what they say."
    else:
        seen = found.model.coverage or []
        p, rows = found.levels[: len(seen)], [found.count] * len(seen)
        low, high = wilson([share * found.count for share in seen], found.count or 1)
        note = (
            "How often the outcome was at or below each quantile: on the dashed line they mean what they say."
        )
    exact = {"p": finite(p), "seen": finite(seen), "low": finite(low), "high": finite(high)}
    return {**exact, "rows": rows, "words": f"{note} Bars are 95 % intervals of independent rows."}


def digits(value: float | None) -> str:
    """Four decimals, or four digits where these would say nothing.

    >>> digits(0.69312), digits(0.000123456), digits(None)
    ('0.6931', '0.0001235', '–')
    """
    return NONE if value is None else loss_digits(value)


def format_metric(key: str, value: float | None) -> str:
    """A metric's value: a share in percent, or a number.

    >>> format_metric("accuracy", 0.68123), format_metric("mae", 0.000123456)
    ('68.1 %', '0.0001235')
    """
    if value is not None and metric_of(key).unit == "share":
        return f"{100 * value:.1f} %"
    return digits(value)


def _gain(one: "SkillSummary") -> list[str]:
    """By how much ours lost less, and where that lies."""
    gain = NONE if one.difference is None else _signed(-one.difference)
    bounds = NONE if one.low is None or one.high is None else f"{_signed(-one.high)} to {_signed(-one.low)}"
    return [gain, bounds]


def _signed(value: float) -> str:
    text = f"{value:+.4f}" if 1e-2 <= abs(value) < 1e4 else f"{value:+.3g}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text
