"""The model and its baselines: key figures and the table."""

from collections.abc import Iterable, Iterator, Mapping

from ..evaluation.verdict import ALPHA, ModelVerdict, Outcome, baseline_label, is_single_class, outcome_of
from ..runs.metric_table import loss_name, metric_of, ordered
from ..runs.results import Metrics, Results, SkillTest
from .facts import Facts
from .html import Content, Markup, element, joined
from .numbers import count, duration, number, p_value, percent
from .tables import key_figures, table
from .wording import CELLS, format_metric, gain


def figures_of(results: Results, verdict: ModelVerdict) -> Markup:
    """Key figures."""
    measure, name = results.measure, loss_name(results.measure)
    ours = results.test.get(measure)
    rows = [(name, format_metric(measure, ours), "lower is better")]
    if verdict.best_baseline is not None:
        best = results.baselines[verdict.best_baseline].get(measure)
        saved = gain(ours, best)
        rows.append(
            (f"best baseline: {baseline_label(verdict.best_baseline)}", format_metric(measure, best), name)
        )
        rows.append(("loss saved against it", percent(saved, 2), _chance(results, verdict.best_baseline)))
    for other in ("auc", *sorted(key for key in results.test if key.startswith("coverage_"))):
        if results.test.get(other) is not None:
            metric = metric_of(other)
            rows.append((metric.label, format_metric(other, results.test[other]), metric.better))
            break
    step = results.model.step_us
    rows.append(
        ("parameters", count(results.model.parameters), f"{count(step)} µs a live step" if step else "")
    )
    seconds, epochs = results.training.seconds, results.training.epochs
    rows.append(("training", duration(seconds), f"{count(epochs)} epoch{'s' if epochs != 1 else ''}"))
    return key_figures(rows)


def score_table(results: Results, facts: Facts) -> Markup:
    """Every baseline and the model on the same rows, the best first."""
    measure, tests = results.measure, results.tests.diebold_mariano
    names = _columns([results.test, *results.baselines.values()])
    others = [name for name in ordered(measure, names) if name != measure]
    entries: list[tuple[str | None, Metrics]] = [(None, results.test), *results.baselines.items()]
    rows = []
    for baseline, metrics in sorted(entries, key=lambda entry: _rank(entry[1].get(measure))):
        cells: list[Content] = [
            baseline_label(baseline) if baseline else joined(facts.model, element("small", "this run"))
        ]
        cells.append(format_metric(measure, metrics.get(measure)))
        cells += _tested(tests.get(baseline), _outcome(results, baseline)) if baseline else ["", "", ""]
        rows.append(([*cells, *(format_metric(name, metrics.get(name)) for name in others)], not baseline))
    headings: list[Content] = [
        "forecast",
        joined(metric_of(measure).label, element("small", "tested")),
        "DM",
        "p",
    ]
    headings += ["the model against it", *(metric_of(name).label for name in others)]
    note = (
        f"All on the same rows, the lowest {loss_name(measure)} first. DM, p: Diebold and Mariano's test of equal "
        f"{loss_name(measure)}, two-sided; a negative DM means that the model loses less. Words are at the "
        f"{percent(ALPHA, 0)} level."
    )
    return joined(
        table(headings, rows, words=[4]),
        element("p", note, class_="note"),
        settings_note(results.baseline_settings),
        *_by_column(results),
    )


def settings_note(settings: Mapping[str, str]) -> Markup | None:
    """Chosen settings of the baselines; nothing if unknown."""
    told = "; ".join(f"{baseline_label(name)} ({text})" for name, text in settings.items() if text)
    return element("p", f"Baselines: {told}.", class_="note") if told else None


def _outcome(results: Results, baseline: str) -> Outcome:
    """Against one baseline, by its own p, which is not corrected."""
    if is_single_class(results.test):
        return Outcome.UNJUDGED
    losses = results.test.get(results.measure), results.baselines[baseline].get(results.measure)
    skill = results.tests.diebold_mariano.get(baseline)
    return outcome_of(*losses, skill.p_value if skill else None)


def _tested(skill: SkillTest | None, outcome: Outcome) -> list[Content]:
    statistic, p = (skill.statistic, skill.p_value) if skill else (None, None)
    return [number(statistic, 3), p_value(p), CELLS[outcome]]


def _by_column(results: Results) -> Iterator[Markup]:
    """Metrics of each column, where there are several: "OT.mae"."""
    parts = [name.rpartition(".") for name in results.test if _prefixed(name)]
    if not parts:
        return
    columns = list(dict.fromkeys(prefix for prefix, _, _ in parts))
    metrics = ordered(results.measure, (metric for _, _, metric in parts))
    rows = [
        (
            [column, *(format_metric(metric, results.test.get(f"{column}.{metric}")) for metric in metrics)],
            False,
        )
        for column in columns
    ]
    yield element("h3", "This model by column")
    yield table(["column", *(metric_of(name).label for name in metrics)], rows)


def _columns(entries: Iterable[Metrics]) -> list[str]:
    """Metrics that some entry has."""
    return [
        name
        for metrics in entries
        for name, value in metrics.items()
        if value is not None and not _prefixed(name)
    ]


def _prefixed(name: str) -> bool:
    prefix, dot, metric = name.rpartition(".")
    return bool(prefix and dot and metric_of(metric).definition)


def _rank(loss: float | None) -> float:
    return float("inf") if loss is None else loss


def _chance(results: Results, best: str) -> str:
    p = results.tests.diebold_mariano[best].p_value
    return f"p = {p_value(p)}".replace("= <", "<") if p is not None else "no p"
