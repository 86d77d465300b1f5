"""Scores in words and in tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..evaluation.online import DirectionSummary, ValuesSummary, wilson
from ..evaluation.verdict import in_words
from .question import finite, words

if TYPE_CHECKING:
    from ..evaluation.online import Skill

NONE = "–"


def verdict(skills: "Sequence[Skill]", counted: int, measure: str) -> dict[str, str]:
    """How it fares beside all baselines, in a sentence, and a tone: "better", "worse" or nothing."""
    if not counted:
        return {"words": "No forecast has been scored yet.", "tone": ""}
    rows = f"{counted:,} scored forecast{'s' if counted != 1 else ''}"
    if not skills:
        return {"words": f"{rows}; there is no baseline to compare with.", "tone": ""}
    worse = [in_words(one.baseline) for one in skills if one.verdict == "worse than"]
    better = [in_words(one.baseline) for one in skills if one.verdict == "better than"]
    open_ = [name for one in skills if (name := in_words(one.baseline)) not in (*worse, *better)]
    parts = [f"worse than {listed(worse)}"] if worse else []
    parts += [f"no better than {listed(open_)} so far"] if open_ else []
    parts += [f"better than {listed(better)}"] if better else []
    level = f"{100 * skills[0].level:g} %"
    return {
        "words": f"By {measure} over {rows} it is {' and '.join(parts)}. Each is told with {level} confidence, however "
        "often one looks.",
        "tone": "worse" if worse else "" if open_ else "better",
    }


def direction_table(found: DirectionSummary, measure: str) -> dict[str, Any]:
    """A row for ours and for each baseline."""
    columns = ["", measure, "Brier", "AUC", "hit rate", "we gain", "at all times at once"]
    if not found.count:
        return {"columns": columns, "rows": []}
    every = {"this run": found.model, **{words(name): one for name, one in found.baselines.items()}}
    gains: list[list[str]] = [["", ""], *(_gain(one) for one in found.skill)]
    rows = []
    for place, (name, one) in enumerate(every.items()):
        share = NONE if one.accuracy is None else f"{100 * one.accuracy:.1f} %"
        cells = [
            name,
            digits(one.log_loss),
            digits(one.brier),
            NONE if one.auc is None else f"{one.auc:.3f}",
            share,
            *gains[place],
        ]
        rows.append({"ours": place == 0, "cells": cells})
    return {"columns": columns, "rows": rows}


def values_table(found: ValuesSummary, measure: str) -> dict[str, Any]:
    """Metrics of ours; of the baselines the loss alone, which is what they are compared by."""
    names = ["mae", "rmse"]
    names += [name for name in found.model.metrics if name.startswith("coverage_")]
    columns = ["", measure, *(_metric(name) for name in names), "we gain", "at all times at once"]
    if not found.count:
        return {"columns": columns, "rows": []}
    values = [found.model.metrics.get(name) for name in names]
    shown = [
        (NONE if value is None else f"{100 * value:.1f} %") if name.startswith("coverage") else digits(value)
        for name, value in zip(names, values, strict=True)
    ]
    rows = [{"ours": True, "cells": ["this run", digits(found.loss), *shown, "", ""]}]
    for one in found.skill:
        cells = [words(one.baseline), digits(one.baseline_loss), *("" for _ in names), *_gain(one)]
        rows.append({"ours": False, "cells": cells})
    return {"columns": columns, "rows": rows}


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
    if value is None:
        return NONE
    return f"{value:.4f}" if 0.1 <= abs(value) < 1e5 or value == 0 else f"{value:.4g}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _gain(one: "Skill") -> list[str]:
    """By how much ours lost less, and where that lies."""
    gain = NONE if one.difference is None else _signed(-one.difference)
    bounds = NONE if one.low is None or one.high is None else f"{_signed(-one.high)} to {_signed(-one.low)}"
    return [gain, bounds]


def _signed(value: float) -> str:
    text = f"{value:+.4f}" if 1e-2 <= abs(value) < 1e4 else f"{value:+.3g}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text


def _metric(name: str) -> str:
    kind, _, share = name.partition("_")
    return f"in the {share} % band" if kind == "coverage" else name.upper()
