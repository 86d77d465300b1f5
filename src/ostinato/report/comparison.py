"""The page of a comparison: several models and every baseline on the same rows."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..evaluation.verdict import ALPHA, Outcome, baseline_label, baseline_phrase, recorded
from ..runs.comparison import COMPARISON, Comparison, read_comparison
from ..runs.folder import RunFolder
from ..runs.metric_table import definitions
from ..runs.results import Results, read_results
from .comparison_plots import by_fold, dots_and_whiskers
from .comparison_table import comparison_table
from .facts import forecast_target
from .figures import Figure
from .html import Content, Markup, element, joined
from .numbers import count, duration
from .page import Section, page
from .tables import absent, facts_table, key_figures, listed, split
from .wording import PROFIT, format_metric


def comparison_page(folder: Path) -> bytes:
    """The whole file.

    Raises:
        BrokenRunError, RunError: the folder cannot be read.   ConfigError: plotly is not installed.
    """
    found = read_comparison(folder / COMPARISON)
    sections = [
        Section("scores", "All on the same rows", tuple(_scores(found, folder))),
        Section("verdicts", "Model by model", (listed(_sentences(found)),)),
        *([Section("folds", "Fold by fold", tuple(_folds(found, folder)))] if found.folds > 1 else []),
        Section("data", "Input data", (_what_was_read(found),)),
        Section("split", "Data split", tuple(_split(found))),
        Section("notes", "Notes", tuple(_notes(found))),
    ]
    return page(_title(found), _lead(found), sections)


def summary_of(found: Comparison) -> tuple[str, str]:
    """Which models beat the best baseline, and the tone: "better" or "neither"."""
    verdicts = recorded(found)
    trained = any(model.failed is None for model in found.models.values())
    if trained and not found.best_baseline:
        return "There is no baseline to compare the models with.", "neither"
    judged = [name for name, verdict in verdicts.items() if verdict.outcome is not Outcome.UNJUDGED]
    if not judged:
        return "No model could be judged.", "neither"
    best = baseline_phrase(found.best_baseline)
    winners = [name for name in judged if verdicts[name].better]
    after = f"after the correction for {count(found.compared)} compared" if found.compared > 1 else ""
    if not winners:
        which = f"None of the {count(len(judged))} models is" if len(judged) > 1 else f"{judged[0]} is not"
        sentence = f"{which} better than {best}, the best baseline, at the {ALPHA:.0%} level {after}"
        return _spaced(sentence), "neither"
    which = f"{count(len(winners))} of {count(len(judged))} models" if len(judged) > 1 else winners[0]
    names = f" ({', '.join(winners)})" if len(judged) > 1 else ""
    verb = "beat" if len(winners) > 1 else "beats"
    return _spaced(
        f"{which}{names} {verb} {best}, the best baseline, at the {ALPHA:.0%} level {after}"
    ), "better"


def _title(found: Comparison) -> str:
    what = {"direction": "Direction", "return": "Return"}.get(found.target, found.target)
    return f"{what}: {count(len(found.models))} models compared"


def _lead(found: Comparison) -> Markup:
    sentence, tone = summary_of(found)
    about = f"Predictions of {found.target}"
    if found.task == "forecast":
        several = found.target not in ("direction", "return")
        about = f"Forecasts of {forecast_target(found.target, found.horizon, 'row', several)}"
    made = element("span", f"{found.created[:16].replace('T', ' ')} UTC", class_="nowrap")
    return element(
        "header",
        element("h1", _title(found)),
        element(
            "p",
            f"{about}, from {found.source or 'a data file'}, made ",
            made,
            class_="kicker",
        ),
        element("p", sentence, class_=f"verdict {tone}"),
        key_figures(_figures(found)),
    )


def _figures(found: Comparison) -> Iterator[tuple[str, str, str]]:
    losses = {
        name: loss
        for name, model in found.models.items()
        if (loss := model.test.get(found.measure)) is not None
    }
    if losses:
        best = min(losses, key=losses.__getitem__)
        yield f"lowest {found.loss_name} of a model", format_metric(found.measure, losses[best]), best
    if (baseline := found.baselines.get(found.best_baseline)) is not None:
        loss = baseline.test.get(found.measure)
        yield (
            f"best baseline: {baseline_label(found.best_baseline)}",
            format_metric(found.measure, loss),
            found.loss_name,
        )
    failed = sum(model.failed is not None for model in found.models.values())
    yield "models", count(len(found.models)), f"{count(failed)} failed" if failed else ""
    if found.folds > 1:
        yield "folds", count(found.folds), found.window
    yield "rows scored", count(found.rows_scored), ""
    yield "training", duration(sum(model.seconds or 0.0 for model in found.models.values())), "all together"


def _scores(found: Comparison, folder: Path) -> Iterator[Content | Figure]:
    yield comparison_table(found, _pages(found, folder))
    yield dots_and_whiskers(found)


def _sentences(found: Comparison) -> Iterator[Content]:
    return (verdict.sentence for verdict in recorded(found).values())


def _folds(found: Comparison, folder: Path) -> Iterator[Content | Figure]:
    results = {name: [_results(folder / path) for path in model.runs] for name, model in found.models.items()}
    wider = "grows" if found.window == "expanding" else "moves along at the same length"
    yield element("p", f"{count(found.folds)} test parts, one after the other; the training part {wider}.")
    yield by_fold(found, results) or absent("There are no results by fold: the runs are not there.")


def _results(run: Path) -> Results | None:
    """metrics.json of a run, which may have been moved away."""
    path = RunFolder(run).metrics
    return read_results(path) if os.path.lexists(path) else None


def _pages(found: Comparison, folder: Path) -> Mapping[str, list[str]]:
    """The pages of runs that are there, by model, as paths from the folder."""
    return {
        name: [f"{path}/report.html" for path in model.runs if RunFolder(folder / path).report.is_file()]
        for name, model in found.models.items()
    }


def _what_was_read(found: Comparison) -> Markup:
    lines = listed(found.read) if found.read else absent("The comparison does not say what was read.")
    known: dict[str, Content] = {"source": found.source or None, "target": found.target}
    known["horizon"] = f"{count(found.horizon)} row{'s' if found.horizon > 1 else ''}"
    return joined(lines, facts_table({name: value for name, value in known.items() if value}))


def _split(found: Comparison) -> Iterator[Content]:
    if not found.parts:
        yield absent("The comparison does not say which rows were trained, validated and tested on.")
        return
    yield split({name: (part.rows, part.first, part.last) for name, part in found.parts.items()})
    last = " Of several folds this is the last." if found.folds > 1 else ""
    yield element("p", f"In the order of time.{last}", class_="note")


def _notes(found: Comparison) -> Iterator[Content]:
    entries = [*found.models.values(), *found.baselines.values()]
    terms = definitions(name for entry in entries for name in entry.test)
    if terms:
        parts = [
            part for label, text in terms.items() for part in (element("dt", label), element("dd", text))
        ]
        yield joined(element("h3", "What the metrics are"), element("dl", *parts, class_="terms"))
    if found.target in ("direction", "return"):
        yield joined(element("h3", "Skill is not profit"), element("p", PROFIT))


def _spaced(sentence: str) -> str:
    return sentence.strip().replace("%", "\N{NO-BREAK SPACE}%") + "."
