"""The one table of a comparison."""

from collections.abc import Mapping
from urllib.parse import quote

from ..evaluation.verdict import ALPHA, ModelVerdict, baseline_label, recorded
from ..runs.comparison import ComparedBaseline, ComparedModel, Comparison
from ..runs.metric_table import metric_of, ordered
from .html import Content, Markup, element, joined
from .numbers import NONE, count, duration, number, p_value, percent
from .scores import settings_note
from .tables import table
from .wording import CELLS, format_metric


def comparison_table(found: Comparison, pages: Mapping[str, list[str]]) -> Markup:
    """Models and baselines, the lowest loss first.

    Args:
        pages: paths of the pages of runs, by model.
    """
    entries: list[tuple[str, ComparedBaseline]] = [*found.models.items(), *found.baselines.items()]
    metrics = ordered(
        found.measure,
        (
            name
            for _, entry in entries
            for name, value in entry.test.items()
            if value is not None and "." not in name
        ),
    )
    others = [name for name in metrics if name != found.measure]
    verdicts, rows = recorded(found), []
    for name, entry in sorted(entries, key=lambda pair: _rank(pair[1].test.get(found.measure))):
        cells = [
            *(
                _model(name, entry, found, verdicts[name], pages.get(name, []))
                if isinstance(entry, ComparedModel)
                else _baseline(name, entry, found)
            ),
            *_cost(entry),
            *(_metric(other, entry) for other in others),
        ]
        rows.append((cells, isinstance(entry, ComparedModel)))
    headings: list[Content] = ["forecast", joined(metric_of(found.measure).label, element("small", "tested"))]
    headings += ["DM", "corrected p", "against the best baseline"]
    headings += ["parameters", "training", "µs a step", *(metric_of(other).label for other in others)]
    best = f"against {baseline_label(found.best_baseline)}, the best baseline" if found.best_baseline else ""
    note = (
        f"Models are highlighted. In small print: 95\N{NO-BREAK SPACE}% intervals of a block "
        "bootstrap. DM: Diebold and Mariano's "
        f"test of equal {found.loss_name} {best}, two-sided; below 0 the model loses less. p is corrected for "
        f"{count(found.compared)} compared; words are at the {percent(ALPHA, 0)} level."
    )
    settings = settings_note({name: entry.settings for name, entry in found.baselines.items()})
    return joined(table(headings, rows, words=[4]), element("p", note, class_="note"), settings)


def _baseline(name: str, entry: ComparedBaseline, found: Comparison) -> list[Content]:
    """Name and tested metric."""
    note = "best baseline" if name == found.best_baseline else "baseline"
    heading = joined(baseline_label(name), element("small", note))
    return [heading, _metric(found.measure, entry), "", "", ""]


def _model(
    name: str, entry: ComparedModel, found: Comparison, verdict: ModelVerdict, paths: list[str]
) -> list[Content]:
    """Name, tested metric, and the test against the best baseline."""
    heading = joined(name, _links(paths))
    if entry.failed is not None:
        return [heading, NONE, NONE, NONE, "failed"]
    skill = entry.skill.get(found.best_baseline)
    statistic = number(skill.statistic, 3) if skill else NONE
    p = p_value(verdict.corrected_p)
    return [heading, _metric(found.measure, entry), statistic, p, CELLS[verdict.outcome]]


def _links(paths: list[str]) -> Markup | None:
    """To the pages of a model's runs."""
    names = ["its report"] if len(paths) == 1 else [f"fold {place}" for place in range(1, len(paths) + 1)]
    links = [element("a", text, href=quote(path)) for text, path in zip(names, paths, strict=True)]
    spaced = [part for link in links for part in (link, " ")]
    return element("small", *spaced) if links else None


def _metric(name: str, entry: ComparedBaseline) -> Content:
    low, high = entry.intervals.get(name, [None, None])
    between = (
        None if low is None or high is None else f"{format_metric(name, low)} – {format_metric(name, high)}"
    )
    return joined(format_metric(name, entry.test.get(name)), element("small", between) if between else None)


def _cost(entry: ComparedBaseline) -> list[Content]:
    if not isinstance(entry, ComparedModel):
        return ["", "", ""]
    return [count(entry.parameters), duration(entry.seconds), count(entry.step_us)]


def _rank(loss: float | None) -> float:
    return float("inf") if loss is None else loss
